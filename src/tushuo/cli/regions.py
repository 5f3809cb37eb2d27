"""Where a command's regions come from: a store, or pictures on the fly."""

from pathlib import Path
from typing import TYPE_CHECKING

from tushuo.cli.progress import Bar

if TYPE_CHECKING:
    from tushuo.data.record import Record
    from tushuo.encoders.spec import Encoder
    from tushuo.features.regions import Regions
    from tushuo.runs.run import Run
    from tushuo.training.distillation import Teachers


def require_on_the_fly(store: Path | None, **given: object) -> None:
    """Refuse choices beside a store that has made them already.

    Raises:
        SettingError: there are some.
    """
    from tushuo.errors import SettingError

    names = ", ".join(name for name, value in given.items() if value is not None)
    if store and names:
        raise SettingError(
            f"{names} cannot be chosen beside --store, whose regions are made; leave one out"
        )


def seen_by(encoder: "Encoder", records: "list[Record]", store: Path | None) -> "Regions":
    """Take the regions of the store, or make them on the fly, as a run's encoder sees."""
    from tushuo.features.regions import Regions
    from tushuo.features.views import PLAIN

    if store:
        return Regions.from_store(store, records).with_encoder(encoder)
    return _on_the_fly(encoder, records, (PLAIN,))


def opened(store: Path | None, records: "list[Record]") -> "Regions | None":
    """Open the store that a training reads, if it is to, and name the pictures it has left out."""
    from tushuo.features.regions import Regions

    return _told(Regions.from_store(store, records)) if store else None


def frozen(
    records: "list[Record]",
    kept: "Regions | None",
    encoder: str,
    weights: Path | None,
    views: tuple[str, ...],
    before: "Run | None",
) -> "Regions":
    """Take the regions of a store, or make them on the fly with the run before's encoder."""
    from tushuo.encoders.split_encoder import fine_tuned_encoder

    if kept:
        return kept
    looker = _load(encoder, weights)
    if before and before.head:
        looker = fine_tuned_encoder(looker, before.config.encoder.frozen_blocks, before.head)
    return _told(_on_the_fly(looker, records, views))


def tuning(
    records: "list[Record]",
    kept: "Regions | None",
    encoder: str,
    weights: Path | None,
    views: tuple[str, ...],
    before: "Run | None",
    frozen_blocks: int | None,
) -> "Regions":
    """Return regions that come through an upper part of the encoder that learns."""
    from tushuo.training.fine_tuning import learning, parted

    if kept:
        return learning(
            kept, parted(_load(kept.spec.name, weights), kept.spec.frozen_blocks, before)
        )
    halves = parted(_load(encoder, weights), frozen_blocks, before)
    return learning(_told(_on_the_fly(halves.trunk, records, views)), halves)


def taught(
    runs: list[Path] | None, weight: float | None, kept: "Regions | None", weights: Path | None
) -> "Teachers | None":
    """Let runs teach, who look at the student's store; their weight is a half unless given.

    Raises:
        SettingError: there is a weight without teachers, or are teachers without a store.
    """
    from tushuo.errors import SettingError
    from tushuo.runs.encoder import encoder_of
    from tushuo.runs.ensemble import ensemble
    from tushuo.runs.run import Run
    from tushuo.training.distillation import Teachers

    if not runs:
        if weight is not None:
            raise SettingError(f"teacher_weight was {weight}, but no run teaches; name --teacher")
        return None
    if not kept:
        raise SettingError("--teacher came without --store, where teachers look; name one")
    loaded = [Run.load(run) for run in runs]
    if kept.spec.is_trunk:
        kept = kept.with_encoder(encoder_of(ensemble(loaded), weights=weights))
    return Teachers(loaded, kept, 0.5 if weight is None else weight)


def _load(encoder: str, weights: Path | None) -> "Encoder":
    """Load an encoder as it came; its weights may be fetched."""
    from tushuo import encoders

    with Bar("weights") as bar:
        return encoders.load(encoder, weights=weights, progress=bar.bytes("weights"))


def _on_the_fly(encoder: "Encoder", records: "list[Record]", views: tuple[str, ...]) -> "Regions":
    """Open every picture once; each is looked at when its regions are asked for."""
    from tushuo.features.regions import Regions

    with Bar("open") as bar:
        return Regions.on_the_fly(encoder, records, views=views, progress=bar)


def _told(regions: "Regions") -> "Regions":
    """Name the pictures left out."""
    with Bar("train") as bar:
        for path, error in regions.failed.items():
            bar.say(f"left out: {path}: {error}")
    return regions
