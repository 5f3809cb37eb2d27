"""``tushuo deletion-test``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Data, DataLanguage, Images, Unseen, Weights
from tushuo.cli.runs import Runs, named_or_shipped
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from tushuo.metrics.deletion import DeletionTest


def deletion_test(
    data: Data,
    *,
    run: Runs = None,
    store: Annotated[Path, Parameter(help="regions of the pictures")],
    split: Unseen = "val",
    pictures: Annotated[int, Parameter(help="how many of them, the first ones")] = 300,
    images: Images = None,
    data_language: DataLanguage = "en",
    share: Annotated[
        list[float] | None,
        Parameter(help="of the regions, to be hidden; several; default 0.05 0.1 0.2 0.4"),
    ] = None,
    fill: Annotated[
        Literal["mean", "zero"],
        Parameter(help="what stands in their place: the mean region, zeros"),
    ] = "mean",
    weights: Weights = None,
    figure: Annotated[
        Path | None, Parameter(help="default: deletion_test.png in the run, or here")
    ] = None,
    output: Annotated[
        Path | None, Parameter(help="a results folder, for report; that of evaluate, or its own")
    ] = None,
    json: Annotated[bool, Parameter(help="all numbers as JSON", negative="")] = False,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Test a run's attention: hide what each word looked at, and see its probability fall.

    Beside it masks of the same size that do not know where it looked.

    Example: tushuo deletion-test flickr8k --run run --store store
    """
    import msgspec

    import tushuo.data
    from tushuo.captioning.native import load
    from tushuo.cli.progress import Bar
    from tushuo.cli.regions import seen_by
    from tushuo.errors import SettingError
    from tushuo.evaluation.deletion_test import SHARES
    from tushuo.evaluation.deletion_test import deletion_test as run_test
    from tushuo.evaluation.evaluate import split_of
    from tushuo.evaluation.results import save_deletion_test
    from tushuo.report.deletion_test import draw_deletion_test

    if pictures < 1:
        raise SettingError(f"pictures was {pictures}, it must be at least 1")
    records = tushuo.data.read(data, images=images, language=data_language)
    runs = named_or_shipped(run, data_language)
    captioner = load(runs, weights=weights)
    config = with_given(captioner.run.config.search, search)
    if output:
        _require_fit(output, captioner.signature(config))
    chosen = split_of(records, runs, split)[0][:pictures]
    regions = seen_by(captioner.encoder, chosen, store)
    with Bar("deletion test") as bar:
        found = run_test(
            captioner,
            chosen,
            regions,
            config=config,
            shares=share or SHARES,
            fill=fill,
            progress=bar,
        )
    draw_deletion_test(found.hidden, figure or (run[0] if run else Path()) / "deletion_test.png")
    if output:
        save_deletion_test(output, found)
    if json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found)
    return 0


def _require_fit(output: Path, signature: str) -> None:
    """Say before the test, and not after it, that a folder holds scores of other captions."""
    from tushuo.errors import SettingError
    from tushuo.evaluation.results import read_results, require_same_captions

    if output.is_file():
        raise SettingError(f"output was {output}, a file; name a folder, that of evaluate --output")
    if (output / "scores.json").is_file():
        scores = read_results(output).signature
        cure = "give the same --run and --search, or another folder"
        what = f"this test and the scores in {output}"
        require_same_captions(scores, signature, what=what, cure=cure)


def _show(found: "DeletionTest") -> None:
    """Print a row for each mask."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(
        f"{found.pictures} pictures. How far the words' log-probabilities fall, in nats, where a "
        f"share of the regions is hidden ({found.fill}); in brackets 95 % intervals.\n"
    )
    for part in found.hidden:
        kind = "words" if part.words == "all" else "words that are no function words"
        console.print(
            f"{part.share:.0%} of the regions, which held {part.attention:.0%} of the attention of "
            f"{part.count} {kind}:",
            soft_wrap=True,
        )
        table = Table("mask", "fall", "less than own by", "own wins", box=None)
        for place, one in enumerate(part.drops):
            less = (_told(one.margin, one.margin_interval), f"{one.won:.0%}") if place else ("", "")
            table.add_row(one.mask, _told(one.drop, one.interval), *less)
        console.print(table)
    console.print(found.signature, soft_wrap=True)


def _told(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
