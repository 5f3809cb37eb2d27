"""Where a command's regions come from: a store, or pictures on the fly."""

from pathlib import Path

from tushuo.cli.progress import Bar
from tushuo.data.record import Record
from tushuo.encoders.spec import Encoder
from tushuo.features.regions import Regions
from tushuo.training.region_source import require_on_the_fly

__all__ = ["require_on_the_fly", "seen_by"]


def seen_by(encoder: Encoder, records: list[Record], store: Path | None) -> Regions:
    """Return the regions of the store, or compute them on the fly, with a run's encoder."""
    if store:
        return Regions.from_store(store, records).seen_by(encoder)
    with Bar("open") as bar:
        return Regions.on_the_fly(encoder, records, progress=bar)
