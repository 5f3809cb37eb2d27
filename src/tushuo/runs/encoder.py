"""The encoder that a run was trained with."""

from pathlib import Path

import torch

from tushuo import encoders
from tushuo.encoders.spec import Encoder
from tushuo.encoders.split_encoder import fine_tuned_encoder
from tushuo.runs.run import Run


def encoder_of(
    run: Run, *, weights: Path | str | None = None, device: str | torch.device = "cpu"
) -> Encoder:
    """Load the encoder that a run was trained with, with its fine-tuned head if it has one.

    Args:
        run: the run.
        weights: the encoder's weights file, where it cannot be found automatically.
        device: where the encoder runs.

    Raises:
        WeightsError: its weights are missing, or do not fit.
        SettingError: there is no such device.
    """
    spec = run.config.encoder
    encoder = encoders.load(spec.name, weights=weights, device=device)
    return fine_tuned_encoder(encoder, spec.frozen_blocks, run.head) if run.head else encoder
