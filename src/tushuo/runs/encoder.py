"""The encoder that a run was trained with."""

from pathlib import Path

import torch

from tushuo import encoders
from tushuo.concepts.encoder import ConceptEncoder, is_concepts
from tushuo.concepts.model import ConceptModel
from tushuo.encoders.spec import Encoder
from tushuo.encoders.split_encoder import fine_tuned_encoder
from tushuo.runs.run import Run


def encoder_of(
    run: Run, *, weights: Path | str | None = None, device: str | torch.device = "cpu"
) -> Encoder:
    """Load the encoder of a run, with the fine-tuned head if the run has one.

    Args:
        run: the run.
        weights: weights file of the pretrained encoder, instead of its default.
        device: device to run the encoder on, such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        SettingError: the device is not available.
        WeightsError: the encoder's weights are not on this machine, or do not fit.
    """
    spec = run.config.encoder
    if is_concepts(spec):
        model = ConceptModel.load(run.folder)
        name = model.settings.encoder.name
        return ConceptEncoder(model, encoders.load(name, weights=weights, device=device))
    encoder = encoders.load(spec.name, weights=weights, device=device)
    return fine_tuned_encoder(encoder, spec.frozen_blocks, run.head) if run.head else encoder
