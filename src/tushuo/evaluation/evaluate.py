"""A split through the captioner and the metrics, beside captions that want no captioner."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.captioning.caption import Caption
from tushuo.captioning.native import NativeCaptioner
from tushuo.data.record import Record, Split
from tushuo.errors import DataError
from tushuo.evaluation.clip import Clip
from tushuo.evaluation.results import (
    PictureResult,
    Results,
    attention_to_bytes,
    read_curve,
    read_settings,
)
from tushuo.features.regions import Regions
from tushuo.metrics.caption_diagnostics import CaptionDiagnostics, caption_diagnostics
from tushuo.metrics.score import QUICK, TOKENIZERS, Scores, corpus_of, score
from tushuo.runs.run import read_split
from tushuo.runtime import Progress, processes, sha256
from tushuo.search.config import SearchConfig
from tushuo.signatures import require_same, signature

BATCH_PICTURES = 32


def split_of(
    records: Sequence[Record], folders: Sequence[Path], part: Split
) -> tuple[list[Record], list[Record]]:
    """Return the records to evaluate on, and those that the first run was trained on.

    Where the data brings no split, the first run's own is taken, so that limits and seeds of its
    training need not be told again.

    Args:
        records: the data.
        folders: of the runs; each must be fit to be judged on the records.
        part: the split.

    Raises:
        RunError: a run does not say what it was trained on.
        DataError: there are no such pictures, or a run was trained on some of them.
    """
    known = [{name: set(ids) for name, ids in read_split(folder).items()} for folder in folders]
    if all(record.split for record in records):
        chosen = [record for record in records if record.split == part]
    else:
        chosen = [record for record in records if record.image_id in known[0].get(part, ())]
    if not chosen:
        raise DataError(f"there are no pictures of the {part} split here; choose another --split")
    for folder, ids in zip(folders, known, strict=True):
        learned = [record for record in chosen if record.image_id in ids["train"]]
        if learned and part != "train":
            raise DataError(
                f"{folder} was trained on {len(learned)} of the {len(chosen)} pictures of the "
                f"{part} split, and a score on them would flatter; train on data that is split by "
                "picture"
            )
    return chosen, [record for record in records if record.image_id in known[0]["train"]]


def share(records: Sequence[Record]) -> list[Record]:
    """Return the part of the records that is this process's, as torchrun numbers them."""
    number, count = processes()
    return list(records[number::count])


def gather(
    told: dict[int | str, PictureResult], records: Sequence[Record]
) -> dict[int | str, PictureResult]:
    """Put together what all processes have said, in the order of the records."""
    if processes()[1] > 1:
        from accelerate import PartialState
        from accelerate.utils import gather_object

        state = PartialState(cpu=True)
        told = dict(gather_object(list(told.items())))
        state.destroy_process_group()
    return {one.image_id: told[one.image_id] for one in records if one.image_id in told}


def caption_each(
    captioner: NativeCaptioner,
    records: Sequence[Record],
    regions: Regions,
    *,
    config: SearchConfig | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Record, Caption]]:
    """Caption every picture that has regions and references, once.

    Raises:
        SignatureError: the regions are of another encoder than the run's.
    """
    require_same(
        captioner.encoder.spec.signature,
        regions.spec.signature,
        what="the run's encoder and the store's",
        cure="make a store of the run's encoder with: tushuo extract DATA --run RUN, "
        "or evaluate without --store",
    )
    spoken = {record.image_id: record for record in records if record.captions}
    names = [name for name in spoken if name in regions.rows]
    for start in range(0, len(names), BATCH_PICTURES):
        batch = names[start : start + BATCH_PICTURES]
        looked = regions.read([regions.rows[name] for name in batch])
        found = captioner.caption_regions(looked, config=config)
        yield from zip([spoken[name] for name in batch], found, strict=True)
        if progress is not None:
            progress(start + len(batch), len(names))


def caption_split(
    captioner: NativeCaptioner,
    records: Sequence[Record],
    regions: Regions,
    *,
    config: SearchConfig | None = None,
    progress: Progress | None = None,
) -> dict[int | str, PictureResult]:
    """Caption every picture that has regions and references, and keep what a report shows.

    Raises:
        SignatureError: the regions are of another encoder than the run's.
    """
    found = caption_each(captioner, records, regions, config=config, progress=progress)
    return {record.image_id: _said(record, caption) for record, caption in found}


def _said(record: Record, caption: Caption) -> PictureResult:
    """Keep of a caption what a report shows."""
    return PictureResult(
        caption=caption.text,
        references=record.captions,
        path=str(record.path),
        words=caption.words,
        log_probs=tuple(round(value, 4) for value in caption.log_probs),
        attention=attention_to_bytes(caption.attention),
        alternatives=tuple(other.text for other in caption.alternatives),
        confidence=None if caption.confidence is None else round(caption.confidence, 4),
    )


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What captions are scored by.

    Attributes:
        tokenizer: what makes words of them.
        metrics: some of ``METRICS``.
        clip: has looked at the pictures, for CLIPScore and RefCLIPScore; None without.
    """

    tokenizer: str = "ptb"
    metrics: Sequence[str] = QUICK
    clip: Clip | None = None


PLAIN = Scoring()


def assess(
    told: Mapping[int | str, PictureResult],
    records: Sequence[Record],
    training: Sequence[Record],
    regions: Regions | None,
    captioner: NativeCaptioner,
    config: SearchConfig,
    scoring: Scoring = PLAIN,
) -> Results:
    """Say all there is to say of what a captioner told: scores, baselines, habits.

    Args:
        told: what was said of each picture.
        records: the pictures, and what people said.
        training: what the captioner learned from.
        regions: of all these pictures, for the nearest neighbours; None to do without.
        captioner: who said it.
        config: how it searched.
        scoring: what it is scored by.
    """
    hypotheses = {str(name): said.caption for name, said in told.items()}
    found = evaluate(hypotheses, records, scoring)
    beside = baselines(training, records, regions, scoring)
    diagnostics = asdict(diagnose(told, records, training, tokenizer=scoring.tokenizer))
    run = captioner.run.config
    who = signature(run=sha256(run.signature.encode())[:16], search=config.signature)
    return Results.of(
        replace(found, signature=f"{found.signature}|{who}"),
        pictures={str(name): said for name, said in told.items()},
        baselines={name: of.scores for name, of in beside.items()},
        diagnostics={name: value for name, value in diagnostics.items() if value is not None},
        run=read_settings(captioner.run.folder),
        curve=read_curve(captioner.run.folder),
    )


def evaluate(
    hypotheses: dict[str, str], records: Sequence[Record], scoring: Scoring = PLAIN
) -> Scores:
    """Score captions of some records against all captions that people gave to them."""
    references = _references(records, hypotheses)
    clip = scoring.clip
    found = score(
        hypotheses,
        references,
        tokenizer=scoring.tokenizer,
        metrics=scoring.metrics,
        also=[clip(hypotheses, references)] if clip else [],
    )
    run_signature = f"{found.signature}|{signature(clip=clip.weights)}" if clip else found.signature
    return replace(found, signature=run_signature)


def diagnose(
    told: Mapping[int | str, PictureResult],
    records: Sequence[Record],
    training: Sequence[Record],
    *,
    tokenizer: str = "ptb",
) -> CaptionDiagnostics:
    """Say what the scores hide: how varied, how finished and how new the captions are."""
    split = TOKENIZERS[tokenizer]
    hypotheses = {str(name): said.caption for name, said in told.items()}
    references = _references(records, hypotheses)
    learned = [split(caption) for record in training for caption in record.captions]
    several = [[split(text) for text in (one.caption, *one.alternatives)] for one in told.values()]
    return caption_diagnostics(corpus_of(hypotheses, references, tokenizer), learned, several)


def baselines(
    training: Sequence[Record],
    records: Sequence[Record],
    regions: Regions | None,
    scoring: Scoring = PLAIN,
) -> dict[str, Scores]:
    """Score what a captioner must be better than, and what it may hope for.

    ``frequent``: the commonest training caption, for every picture. ``neighbour``: the first
    caption of the training picture whose mean region is the most alike (cosine); only with a store.
    ``person``: each picture's first caption against its others, so with one reference less.
    """
    found: dict[str, Scores] = {}
    captions = Counter(caption for record in training for caption in record.captions)
    if captions:
        commonest = captions.most_common(1)[0][0]
        hypotheses = {str(record.image_id): commonest for record in records if record.captions}
        found["frequent"] = evaluate(hypotheses, records, scoring)
    if regions and captions:
        nearest = _neighbours(training, records, regions)
        found["neighbour"] = evaluate(nearest, records, scoring)
    people = [record for record in records if len(record.captions) > 1]
    if people:
        first = {str(record.image_id): record.captions[0] for record in people}
        others = [replace(record, captions=record.captions[1:]) for record in people]
        found["person"] = evaluate(first, others, scoring)
    return found


def _neighbours(
    training: Sequence[Record], records: Sequence[Record], regions: Regions
) -> dict[str, str]:
    """Give every picture a caption of the training picture that looks the most like it."""
    theirs = [r for r in training if r.image_id in regions.rows and r.captions]
    ours = [r for r in records if r.image_id in regions.rows and r.captions]
    alike = _means(ours, regions) @ _means(theirs, regions).T
    nearest = alike.argmax(dim=1).tolist()
    return {
        str(r.image_id): theirs[near].captions[0] for r, near in zip(ours, nearest, strict=True)
    }


def _means(records: Sequence[Record], regions: Regions) -> Float[Tensor, "P D"]:
    """Return each picture's mean region, of length 1."""
    rows = [regions.rows[record.image_id] for record in records]
    parts = [
        regions.read(rows[start : start + BATCH_PICTURES]).mean(dim=1)
        for start in range(0, len(rows), BATCH_PICTURES)
    ]
    return torch.nn.functional.normalize(torch.cat(parts), dim=1)


def _references(
    records: Sequence[Record], hypotheses: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    found = {
        str(record.image_id): record.captions
        for record in records
        if str(record.image_id) in hypotheses and record.captions
    }
    if not found:
        raise DataError("none of these pictures has regions and captions; is it the right split?")
    return found
