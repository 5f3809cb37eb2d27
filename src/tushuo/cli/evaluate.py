"""``tushuo evaluate``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.score import NO_MORE, MoreMetrics
from tushuo.cli.search import AS_THE_RUN, SearchOptions

if TYPE_CHECKING:
    from tushuo.metrics.habits import Habits
    from tushuo.metrics.score import Scores


def evaluate(
    data: Path,
    *,
    run: Annotated[list[Path], Parameter(help="the run folder; several: an ensemble", negative="")],
    store: Annotated[Path | None, Parameter(help="regions; without it, made on the fly")] = None,
    split: Annotated[Literal["train", "val", "test"], Parameter(help="which pictures")] = "val",
    images: Annotated[Path | None, Parameter(help="folder of the pictures")] = None,
    language: Annotated[Literal["en", "zh"], Parameter(help="which captions DATA means")] = "en",
    tokenizer: Annotated[
        Literal["ptb", "jieba", "characters"] | None,
        Parameter(help="default: ptb for English, jieba for Chinese"),
    ] = None,
    more: MoreMetrics = NO_MORE,
    clip: Annotated[
        Path | None, Parameter(help="CLIPScore and RefCLIPScore too, by the CLIP model there")
    ] = None,
    weights: Annotated[Path | None, Parameter(help="the encoder's weights file")] = None,
    output: Annotated[
        Path | None,
        Parameter(
            help="NAME.json: captions in the form of COCO results; a folder: all, for report"
        ),
    ] = None,
    json: Annotated[bool, Parameter(help="all, with a score a picture", negative="")] = False,
    search: SearchOptions = AS_THE_RUN,
) -> int:
    """Caption a split of DATA, or of the run where DATA brings none, and score it.

    Under torchrun the processes share the pictures.

    Example: tushuo evaluate flickr8k --run run --store store
    """
    from dataclasses import asdict

    import msgspec

    import tushuo.data
    from tushuo.captioner import load
    from tushuo.cli.progress import Bar
    from tushuo.clip import look
    from tushuo.evaluate import baselines, caption_split, gather, said_habits, share, split_of
    from tushuo.evaluate import evaluate as score_split
    from tushuo.features.regions import Regions
    from tushuo.results import Results, keep, read_curve, read_settings, write_captions
    from tushuo.runtime import processes

    records = tushuo.data.read(data, images=images, language=language)
    captioner = load(run, weights=weights)
    config = with_given(captioner.run.config.search, search)
    splits = [split_of(records, folder, split) for folder in run]  # each must be fit to score
    chosen, training = splits[0]
    mine = share(chosen)
    with Bar("open") as bar:
        regions = (
            Regions.from_store(store)
            if store
            else Regions.on_the_fly(captioner.encoder, mine, progress=bar)
        )
    with Bar("caption") as bar:
        told = gather(caption_split(captioner, mine, regions, config=config, progress=bar), chosen)
        missing = [r for r in chosen if r.captions and r.image_id not in told]
        for record in missing:
            bar.say(f"left out, no regions: {record.path}")
    if processes()[0] > 0:
        return 1 if missing else 0  # the first process scores
    hypotheses = {str(name): said.caption for name, said in told.items()}
    how = tokenizer or ("jieba" if language == "zh" else "ptb")
    chosen = [record for record in chosen if record.image_id in told]
    with Bar("look") as bar:
        seen = look(clip, chosen, progress=bar) if clip else None
    asked: Any = {"tokenizer": how, "metrics": more.names(), "clip": seen}
    found = score_split(hypotheses, chosen, captioner=captioner, config=config, **asked)
    beside = baselines(training, chosen, regions if store else None, **asked)
    habits = said_habits(told, chosen, training, tokenizer=how)
    whole = Results.of(
        found,
        pictures={str(name): said for name, said in told.items()},
        baselines={name: of.scores for name, of in beside.items()},
        habits={name: value for name, value in asdict(habits).items() if value is not None},
        split=split,
        run=read_settings(run[0]),
        curve=read_curve(run[0]),
    )
    if output and output.suffix == ".json":
        write_captions(output, told)
    elif output:
        keep(output, whole, told)
    if json:
        print(msgspec.json.encode(whole).decode())
    else:
        _show(found, beside, habits)
    return 1 if missing else 0


def _show(found: "Scores", beside: "dict[str, Scores]", habits: "Habits") -> None:
    """Print the run's scores with their intervals, the baselines' beside them, then the habits."""
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    def number(value: Any) -> str:
        return "-" if value is None else f"{value:.4f}"

    table = Table("metric", "this run", "95 % interval", *beside, box=None)
    for name, value in found.scores.items():
        low, high = found.intervals[name] or (None, None)
        others = [number(of.scores[name]) for of in beside.values()]
        table.add_row(name, number(value), f"{number(low)} to {number(high)}", *others)
    Console().print(table)
    habit_table = Table("habit", "this run", box=None)
    for name, value in asdict(habits).items():
        if value is None:
            continue
        habit_table.add_row(name, str(value) if isinstance(value, int) else number(value))
    Console().print(habit_table)
    print(found.signature)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
