"""Caption the pictures of a split, from their files or from a feature store."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tushuo.captioning.batching import caption_all
from tushuo.captioning.caption import Caption
from tushuo.captioning.captioner import Captioner
from tushuo.captioning.native import NativeCaptioner
from tushuo.captioning.picture_regions import PictureRegions
from tushuo.data.record import Record, Split
from tushuo.errors import DataError, PictureError, SettingError
from tushuo.evaluation.results import PictureResult, attention_to_bytes
from tushuo.features.regions import Regions
from tushuo.pictures.pixels import Picture
from tushuo.runs.run import read_split
from tushuo.runtime import Progress, processes, readable
from tushuo.search.config import SearchConfig
from tushuo.signatures import signature


def split_of(
    records: Sequence[Record], folders: Sequence[Path], split: Split
) -> tuple[list[Record], list[Record]]:
    """Return the records of a split, and those that the first run was trained on.

    Where the data does not define this split, the first run's own is used, so that the limits and
    the seed of its training need not be repeated.

    Args:
        records: the data.
        folders: run folders; none of them may be trained on the split. None for a captioner that
            was trained elsewhere: data without splits is then used as a whole.
        split: name of the split.

    Raises:
        RunError: a run does not record what it was trained on.
        DataError: the split has no pictures, or a run was trained on some of them.
    """
    run_splits = [{name: set(ids) for name, ids in read_split(one).items()} for one in folders]
    chosen = [record for record in records if record.split == split]
    if not folders:
        return _split_of_others(records, split)
    if not chosen:
        chosen = [record for record in records if record.image_id in run_splits[0].get(split, ())]
    if not chosen:
        raise DataError(f"the data has no pictures of the {split} split; choose another --split")
    for folder, ids in zip(folders, run_splits, strict=True):
        trained = [record for record in chosen if record.image_id in ids["train"]]
        if trained and split != "train":
            raise DataError(
                f"{folder} was trained on {len(trained)} of the {len(chosen)} pictures of the "
                f"{split} split, so scores on them would be too high; train on data that is split "
                "by picture"
            )
    return chosen, [record for record in records if record.image_id in run_splits[0]["train"]]


@dataclass(frozen=True)
class Part:
    """The part of a split that a feature store has.

    Attributes:
        count: pictures that the store has.
        total: pictures of the split.
        split: name of the split.
    """

    count: int
    total: int
    split: Split

    @property
    def note(self) -> str:
        """One sentence for people."""
        return (
            f"the store has {self.count} of the {self.total} pictures of the {self.split} split, "
            "and only these are used; for all of them, extract without --max-images, or leave "
            "--store out"
        )

    @property
    def signature(self) -> str:
        """The last field of the signature of its scores."""
        return signature(part=f"{self.count}of{self.total}")


def _split_of_others(records: Sequence[Record], split: Split) -> tuple[list[Record], list[Record]]:
    """Return the records of a split and of the training split; without splits, all and none."""
    if not any(record.split for record in records):
        return list(records), []
    chosen = [record for record in records if record.split == split]
    if not chosen:
        raise DataError(f"the data has no pictures of the {split} split; choose another --split")
    return chosen, [record for record in records if record.split == "train"]


def in_store(
    records: Sequence[Record], regions: Regions, split: Split
) -> tuple[list[Record], Part | None]:
    """Return the records whose pictures were extracted; and which part of the split, if not all.

    Pictures that the extraction could not open are among them, so that they are reported as such.

    Raises:
        DataError: none of them was extracted.
    """
    kept = [record for record in records if record.image_id in regions.image_ids]
    count, total = (len({record.image_id for record in part}) for part in (kept, records))
    if not kept:
        raise DataError(
            f"the store has none of the {total} pictures of the {split} split; extract this data "
            "without --max-images, or leave --store out"
        )
    return kept, Part(count, total, split) if count < total else None


def share(records: Sequence[Record]) -> list[Record]:
    """Return this process's share of the records, as numbered by torchrun."""
    number, count = processes()
    return list(records[number::count])


def gather(
    results: dict[int | str, PictureResult], records: Sequence[Record]
) -> dict[int | str, PictureResult]:
    """Collect the results of all processes, in the order of the records."""
    if processes()[1] > 1:
        from accelerate import PartialState
        from accelerate.utils import gather_object

        state = PartialState(cpu=True)
        results = dict(gather_object(list(results.items())))
        state.destroy_process_group()
    ids = [record.image_id for record in records]
    return {image_id: results[image_id] for image_id in ids if image_id in results}


def caption_records(
    captioner: Captioner,
    records: Sequence[Record],
    regions: Regions | None = None,
    *,
    config: SearchConfig | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Record, Caption | PictureError]]:
    """Caption every picture that has references, once.

    Args:
        captioner: any captioner.
        records: the pictures.
        regions: regions computed before, for a `NativeCaptioner`; None: open the pictures.
        config: search; None: the captioner's default.
        progress: called with the pictures captioned so far and their total.

    Returns:
        Each record with its caption or its error, as they become available.

    Raises:
        SettingError: there are regions, but the captioner is not a `NativeCaptioner`.
        SignatureError: the regions come from another encoder.
    """
    if regions is not None:
        if not isinstance(captioner, NativeCaptioner):
            raise SettingError(
                f"{captioner.info.name} cannot read a feature store; leave --store out"
            )
        captioner.require_regions(regions)
    unique = [*{record.image_id: record for record in records if record.captions}.values()]
    return caption_all(
        captioner,
        unique,
        _picture_source(regions),
        config=config,
        progress=progress,
        total=len(unique),
    )


def _picture_source(regions: Regions | None) -> Callable[[Record], Picture]:
    if regions is None:
        return lambda record: record.path

    def read(record: Record) -> Picture:
        row = regions.rows.get(record.image_id)
        if row is None:
            reason = regions.failed.get(readable(str(record.path)), f"{record.path} has no regions")
            raise PictureError(reason)
        return cast(Picture, PictureRegions(regions.read([row])[0]))  # for NativeCaptioner

    return read


def caption_split(
    captioner: Captioner,
    records: Sequence[Record],
    regions: Regions | None = None,
    *,
    config: SearchConfig | None = None,
    progress: Progress | None = None,
) -> tuple[dict[int | str, PictureResult], dict[str, str]]:
    """Caption every picture that has references, and keep what a report shows.

    Returns:
        The results by image id, and the errors of the other pictures by path.
    """
    results: dict[int | str, PictureResult] = {}
    errors: dict[str, str] = {}
    captions = caption_records(captioner, records, regions, config=config, progress=progress)
    for record, caption in captions:
        if isinstance(caption, PictureError):
            errors[readable(str(record.path))] = str(caption)
        else:
            results[record.image_id] = _result(record, caption)
    return results, errors


def _result(record: Record, caption: Caption) -> PictureResult:
    maps = b"" if caption.attention is None else attention_to_bytes(caption.attention)
    return PictureResult(
        caption=caption.text,
        references=record.captions,
        path=readable(str(record.path)),
        words=caption.words,
        log_probs=tuple(round(value, 4) for value in caption.log_probs),
        attention=maps,
        alternatives=tuple(other.text for other in caption.alternatives),
        confidence=None if caption.confidence is None else round(caption.confidence, 4),
    )


def references_of(
    records: Sequence[Record], captions: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return the references of the captioned pictures, by image id.

    Raises:
        DataError: none of the captioned pictures has references.
    """
    references = {
        str(record.image_id): record.captions
        for record in records
        if str(record.image_id) in captions and record.captions
    }
    if not references:
        raise DataError(
            "none of these pictures has both a caption and references; check --split, and that the "
            "store was made of this data"
        )
    return references
