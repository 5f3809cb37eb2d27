"""A training whose encoder learns too: its upper part, at a rate of its own.

The lower part stays as it came, so what it sees of a picture can be kept in a store (``extract
--upto``): an epoch then costs the upper part's way there and back, and no picture is opened.
"""

from dataclasses import replace

from tushuo.encoders.spec import OWN, Encoder
from tushuo.encoders.split_encoder import SplitEncoder, load_head, split_encoder
from tushuo.errors import SettingError
from tushuo.features.regions import Regions
from tushuo.runs.run import Run
from tushuo.signatures import require_same


def parted(encoder: Encoder, frozen_blocks: int | None, before: Run | None) -> SplitEncoder:
    """Part an encoder for a training.

    Args:
        encoder: as it came.
        upto: blocks of the lower part; None lets the run before or the encoder choose.
        before: a run that is gone on from; where it has an upper part of its own, that goes on.

    Raises:
        SettingError: the encoder cannot be parted there, or the run before was parted elsewhere.
    """
    theirs = before.config.encoder.frozen_blocks if before else None
    if before and before.head and frozen_blocks not in (None, theirs):
        raise SettingError(
            f"upto was {frozen_blocks}, but {before.folder} has trained all above {theirs} blocks; "
            f"go on with --upto {theirs}"
        )
    halves = split_encoder(encoder, theirs if frozen_blocks is None else frozen_blocks)
    if before and before.head:
        load_head(halves.head, before.head)
    return halves


def learning(grids: Regions, halves: SplitEncoder) -> Regions:
    """Send an encoder's lower grids through the upper part that learns.

    Raises:
        SettingError: these are regions of a whole encoder.
        SignatureError: the grids are of another encoder, or parted elsewhere.
    """
    if not grids.spec.is_trunk:
        raise SettingError(
            "this store keeps regions of a whole encoder, of whose blocks none can learn "
            f"from them; extract with --upto {halves.trunk.spec.frozen_blocks}, or leave --encoder-rate out"
        )
    require_same(
        grids.spec.signature,
        halves.trunk.spec.signature,
        what="the store's encoder and the one that is installed",
        cure="extract again",
    )
    spec = replace(halves.spec, frozen_blocks=halves.trunk.spec.frozen_blocks, head=OWN)
    return replace(grids.through_head(halves.head, spec), trainable_head=halves.head)
