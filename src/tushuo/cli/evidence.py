"""``tushuo evidence``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import CaptionsIn, Data, Images, Unseen, Weights
from tushuo.cli.runs import Runs, speakers
from tushuo.cli.search import AS_THE_RUN, SearchOptions

if TYPE_CHECKING:
    from tushuo.metrics.deletion import Evidence


def evidence(
    data: Data,
    *,
    run: Runs = None,
    store: Annotated[Path, Parameter(help="regions of the pictures")],
    split: Unseen = "val",
    pictures: Annotated[int, Parameter(help="how many of them, the first ones")] = 300,
    images: Images = None,
    language: CaptionsIn = "en",
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
        Path | None, Parameter(help="default: evidence.png in the run, or here")
    ] = None,
    output: Annotated[
        Path | None, Parameter(help="a results folder, for report; that of evaluate, or its own")
    ] = None,
    json: Annotated[bool, Parameter(help="all numbers as JSON", negative="")] = False,
    search: SearchOptions = AS_THE_RUN,
) -> int:
    """Test a run's attention: hide what each word looked at, and see its probability fall.

    Beside it masks of the same size that do not know where it looked.

    Example: tushuo evidence flickr8k --run run --store store
    """
    import msgspec

    import tushuo.data
    from tushuo.captioner import load
    from tushuo.cli.looked import seen_by
    from tushuo.cli.progress import Bar
    from tushuo.errors import SettingError
    from tushuo.evaluate import split_of
    from tushuo.evidence import SHARES
    from tushuo.evidence import evidence as test
    from tushuo.report.evidence import draw_evidence
    from tushuo.results import keep_evidence

    if pictures < 1:
        raise SettingError(f"pictures was {pictures}, it must be at least 1")
    records = tushuo.data.read(data, images=images, language=language)
    runs = speakers(run, language)
    captioner = load(runs, weights=weights)
    config = with_given(captioner.run.config.search, search)
    if output:
        _require_fit(output, captioner.signature(config))
    chosen = split_of(records, runs, split)[0][:pictures]
    regions = seen_by(captioner.encoder, chosen, store)
    with Bar("evidence") as bar:
        found = test(
            captioner,
            chosen,
            regions,
            config=config,
            shares=share or SHARES,
            fill=fill,
            progress=bar,
        )
    draw_evidence(found.hidden, figure or (run[0] if run else Path()) / "evidence.png")
    if output:
        keep_evidence(output, found)
    if json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found)
    return 0


def _require_fit(output: Path, signature: str) -> None:
    """Say before the test, and not after it, that a folder holds scores of other captions."""
    from tushuo.errors import SettingError
    from tushuo.results import read_results, require_same_captions

    if output.is_file():
        raise SettingError(f"output was {output}, a file; name a folder, that of evaluate --output")
    if (output / "scores.json").is_file():
        scores = read_results(output).signature
        cure = "give the same --run and --search, or another folder"
        what = f"this test and the scores in {output}"
        require_same_captions(scores, signature, what=what, cure=cure)


def _show(found: "Evidence") -> None:
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
        for place, one in enumerate(part.falls):
            less = (_told(one.less, one.less_interval), f"{one.won:.0%}") if place else ("", "")
            table.add_row(one.mask, _told(one.fall, one.interval), *less)
        console.print(table)
    console.print(found.signature, soft_wrap=True)


def _told(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
