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
    """Load the encoder that a run looks through, with the upper part that was trained for it.

    Args:
        run: the run.
        weights: the encoder's weights file, where the encoder does not find it by itself.
        device: device to run the encoder on.

    Raises:
        SettingError: the device is not available.
        WeightsError: its weights are not here, or do not fit.
    """
    spec = run.config.encoder
    encoder = encoders.load(spec.name, weights=weights, device=device)
    return fine_tuned_encoder(encoder, spec.frozen_blocks, run.head) if run.head else encoder
