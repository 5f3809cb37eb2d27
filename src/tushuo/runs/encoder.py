"""The encoder that a run was trained with."""

from pathlib import Path

import torch

from tushuo import encoders
from tushuo.concepts.encoder import PREFIX, ConceptEncoder, is_concepts
from tushuo.concepts.model import ConceptModel
from tushuo.encoders.spec import Encoder
from tushuo.encoders.split_encoder import fine_tuned_encoder
from tushuo.errors import SettingError
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


def region_encoder_of(
    run: Run, *, weights: Path | str | None = None, device: str | torch.device = "cpu"
) -> Encoder:
    """Load the encoder of a run whose decoder reads regions, which a feature store can hold.

    Raises:
        SettingError: the decoder reads concepts, or the device is not available.
        WeightsError: as `encoder_of` does.
    """
    if is_concepts(run.config.encoder):
        raise SettingError(
            f"the decoder of {run.folder} reads concepts, which are not stored; name the encoder "
            f"{run.config.encoder.name.removeprefix(PREFIX)} with --encoder instead of the run"
        )
    return encoder_of(run, weights=weights, device=device)
