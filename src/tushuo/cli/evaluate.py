"""``tushuo evaluate``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Data, DataLanguage, Images, Store, Weights
from tushuo.cli.runs import Runs, named_or_shipped
from tushuo.cli.score import NO_MORE, MoreMetrics, interval, number, say
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from tushuo.data.record import Record
    from tushuo.evaluation.results import PictureResult, Results


def evaluate(
    data: Data,
    *,
    run: Runs = None,
    store: Store = None,
    split: Annotated[Literal["train", "val", "test"], Parameter(help="which pictures")] = "val",
    images: Images = None,
    data_language: DataLanguage = "en",
    tokenizer: Annotated[
        Literal["ptb", "jieba", "characters"] | None,
        Parameter(help="default: ptb for English, jieba for Chinese"),
    ] = None,
    more: MoreMetrics = NO_MORE,
    clip: Annotated[
        Path | None, Parameter(help="CLIPScore and RefCLIPScore too, by the CLIP model there")
    ] = None,
    weights: Weights = None,
    output: Annotated[
        Path | None,
        Parameter(
            help="NAME.json: captions in the form of COCO results; a folder: all, for report"
        ),
    ] = None,
    json: Annotated[bool, Parameter(help="all, with a score a picture", negative="")] = False,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Caption a split of DATA, or of the run where DATA brings none, and score it.

    Under torchrun the processes share the pictures.

    Example: tushuo evaluate flickr8k --run run --store store
    """
    from dataclasses import replace

    import tushuo.data
    from tushuo.captioning.native import load
    from tushuo.cli.progress import Bar
    from tushuo.cli.regions import seen_by
    from tushuo.encoders.clip import load as open_clip
    from tushuo.evaluation.clip import look
    from tushuo.evaluation.evaluate import Scoring, assess, caption_split, gather, share, split_of
    from tushuo.metrics.score import TOKENIZER_OF
    from tushuo.runtime import processes

    records = tushuo.data.read(data, images=images, language=data_language)
    how = tokenizer or TOKENIZER_OF[data_language]
    first = processes()[0] == 0  # the process that scores
    metrics = _usable(more.names(how), how, output) if first else ()
    eyes = open_clip(clip) if clip and first else None
    runs = named_or_shipped(run, data_language)
    captioner = load(runs, weights=weights)
    if tokenizer is None:
        captioner.require_language(data_language)
    config = with_given(captioner.run.config.search, search)
    chosen, training = split_of(records, runs, split)
    mine = share(chosen)
    regions = seen_by(captioner.encoder, mine, store)
    with Bar("caption") as bar:
        told = gather(caption_split(captioner, mine, regions, config=config, progress=bar), chosen)
        missing = _missing(chosen, told, bar.say)
    if not first:
        return missing
    chosen = [record for record in chosen if record.image_id in told]
    with Bar("look") as bar:
        seen = look(eyes, chosen, progress=bar) if eyes else None
    scoring = Scoring(tokenizer=how, metrics=metrics, clip=seen)
    known = regions if store else None
    found = assess(told, chosen, training, known, captioner, config, scoring)
    _give(replace(found, split=split), told, output, json)
    return missing


def _give(
    results: "Results", told: "dict[int | str, PictureResult]", output: Path | None, json: bool
) -> None:
    """Keep and print what was found."""
    import msgspec

    from tushuo.evaluation.results import save_results, write_captions

    if output and output.suffix == ".json":
        write_captions(output, told)
    elif output:
        save_results(output, results, told)
    if json:
        print(msgspec.json.encode(results).decode())
    else:
        _show(results)


def _usable(metrics: tuple[str, ...], tokenizer: str, output: Path | None) -> tuple[str, ...]:
    """Say what would stop the scoring before all pictures are captioned, and not after."""
    from tushuo.errors import SettingError
    from tushuo.metrics.score import score

    if output and output.suffix != ".json" and output.is_file():
        raise SettingError(f"output was {output}, a file; name a folder, or captions as NAME.json")
    score({"one": "a dog"}, {"one": ["a dog"]}, tokenizer=tokenizer, metrics=metrics)
    return metrics


def _missing(
    records: "list[Record]", told: "dict[int | str, PictureResult]", say: Callable[[str], None]
) -> int:
    """Name the pictures that got no caption; return the exit code."""
    missing = [record for record in records if record.captions and record.image_id not in told]
    for record in missing:
        say(f"left out, no regions: {record.path}")
    return 1 if missing else 0


def _show(results: "Results") -> None:
    """Print the run's scores with their intervals, the baselines' beside them, then the habits."""
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", "this run", "95 % interval", *results.baselines, box=None)
    for name, value in results.scores.items():
        others = [number(of[name]) for of in results.baselines.values()]
        table.add_row(name, number(value), interval(results.intervals[name]), *others)
    Console().print(table)
    diagnostics = Table("diagnostic", "this run", box=None)
    for name, value in results.diagnostics.items():
        diagnostics.add_row(name, number(value))
    Console().print(diagnostics)
    print(results.signature)
    say(results.notes)
