"""A training whose encoder learns too: its upper part, at a rate of its own.

The lower part stays as it came, so what it sees of a picture can be kept in a store (``extract
--upto``): an epoch then costs the upper part's way there and back, and no picture is opened.
"""

from dataclasses import replace

from tushuo.encoders.halves import Halves, divide, put_in
from tushuo.encoders.spec import OWN, Encoder
from tushuo.errors import SettingError
from tushuo.features.regions import Regions
from tushuo.run import Run
from tushuo.signatures import require_same


def parted(encoder: Encoder, upto: int | None, before: Run | None) -> Halves:
    """Part an encoder for a training.

    Args:
        encoder: as it came.
        upto: blocks of the lower part; None lets the run before or the encoder choose.
        before: a run that is gone on from; where it has an upper part of its own, that goes on.

    Raises:
        SettingError: the encoder cannot be parted there, or the run before was parted elsewhere.
    """
    theirs = before.config.encoder.upto if before else None
    if before and before.upper and upto not in (None, theirs):
        raise SettingError(
            f"upto was {upto}, but {before.folder} has trained all above {theirs} blocks; "
            f"go on with --upto {theirs}"
        )
    halves = divide(encoder, theirs if upto is None else upto)
    if before and before.upper:
        put_in(halves.upper, before.upper)
    return halves


def learning(grids: Regions, halves: Halves) -> Regions:
    """Send an encoder's lower grids through the upper part that learns.

    Raises:
        SettingError: these are regions of a whole encoder.
        SignatureError: the grids are of another encoder, or parted elsewhere.
    """
    if not grids.spec.is_lower:
        raise SettingError(
            "this store keeps regions of a whole encoder, of whose blocks none can learn "
            f"from them; extract with --upto {halves.lower.spec.upto}, or leave --encoder-rate out"
        )
    require_same(
        grids.spec.signature,
        halves.lower.spec.signature,
        what="the store's encoder and the one that is installed",
        cure="extract again",
    )
    spec = replace(halves.spec, upto=halves.lower.spec.upto, upper=OWN)
    return replace(grids.through(halves.upper, spec), learns=halves.upper)
