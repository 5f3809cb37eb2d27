"""Fine-tune the last blocks of the encoder, its head, with a learning rate of their own.

The first blocks, the trunk, stay frozen, so their output can be stored (``extract
--frozen-blocks``): an epoch then only costs the forward and backward pass of the head.
"""

from dataclasses import replace

from tushuo.encoders.spec import OWN, Encoder
from tushuo.encoders.split_encoder import SplitEncoder, load_head, split_encoder
from tushuo.errors import SettingError
from tushuo.features.regions import Regions
from tushuo.runs.run import Run
from tushuo.signatures import require_same


def split_for_training(
    encoder: Encoder, frozen_blocks: int | None, initial_run: Run | None
) -> SplitEncoder:
    """Split an encoder into frozen trunk and trainable head.

    Args:
        encoder: the encoder with its pretrained weights.
        frozen_blocks: number of blocks of the trunk; None: as in the initial run, or the encoder's
            default.
        initial_run: run that the training starts from; if it has a fine-tuned head, its weights
            are loaded.

    Raises:
        SettingError: the encoder cannot be split there, or the initial run was split elsewhere.
    """
    inherited = initial_run.config.encoder.frozen_blocks if initial_run else None
    if initial_run and initial_run.head and frozen_blocks not in (None, inherited):
        raise SettingError(
            f"--frozen-blocks {frozen_blocks} differs from {initial_run.folder}, which has "
            f"fine-tuned all blocks after the first {inherited}; pass --frozen-blocks {inherited}"
        )
    split = split_encoder(encoder, inherited if frozen_blocks is None else frozen_blocks)
    if initial_run and initial_run.head:
        load_head(split.head, initial_run.head)
    return split


def with_trainable_head(trunk_regions: Regions, split: SplitEncoder) -> Regions:
    """Return regions that pass through a trainable head when they are read.

    Args:
        trunk_regions: output of the trunk, from a store or on the fly.
        split: the trunk and the head.

    Raises:
        SettingError: the store holds regions of a whole encoder.
        SignatureError: the store holds features of another trunk.
    """
    frozen_blocks = split.trunk.spec.frozen_blocks
    if not trunk_regions.spec.is_trunk:
        raise SettingError(
            "the store holds regions of the whole encoder, which cannot be fine-tuned; extract "
            f"with --frozen-blocks {frozen_blocks}, or leave --encoder-rate out"
        )
    require_same(
        trunk_regions.spec.signature,
        split.trunk.spec.signature,
        what="the encoder of the store and the installed one",
        cure="run tushuo extract again",
    )
    spec = replace(split.spec, frozen_blocks=frozen_blocks, head=OWN)
    return replace(trunk_regions.through_head(split.head, spec), trainable_head=split.head)
