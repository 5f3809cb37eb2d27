"""``tushuo deletion-test``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import WHOLE_NUMBER, Data, DataLanguage, Images, Unseen, Weights
from tushuo.cli.runs import Device, Runs, named_or_shipped
from tushuo.cli.score import print_notes
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from tushuo.metrics.deletion import DeletionTest


def deletion_test(
    data: Data,
    *,
    run: Runs = None,
    store: Annotated[Path, Parameter(help="feature store of the pictures")],
    split: Unseen = "val",
    pictures: Annotated[
        int,
        WHOLE_NUMBER,
        Parameter(help="number of pictures to test: the first ones of the split"),
    ] = 300,
    images: Images = None,
    data_language: DataLanguage = "en",
    share: Annotated[
        list[float] | None,
        Parameter(
            help="share of the regions to hide; may be repeated; default: 0.05 0.1 0.2 0.4",
            negative="",
        ),
    ] = None,
    fill: Annotated[
        Literal["mean", "zero"],
        Parameter(help="what replaces hidden regions: the mean region, or zeros"),
    ] = "mean",
    weights: Weights = None,
    device: Device = "cpu",
    figure: Annotated[
        Path | None, Parameter(help="default: deletion_test.png in the run, or here")
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(help="results folder for the report: that of evaluate, or one of its own"),
    ] = None,
    json: Annotated[bool, Parameter(help="print all numbers as JSON", negative="")] = False,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Test attention: hide the regions each word attended to, and measure the word's probability.

    Masks of the same size that ignore the attention are compared with it.

    Example: tushuo deletion-test flickr8k --run run --store store
    """
    from tushuo.captioning.load import load_native
    from tushuo.cli.caption_data import read_records
    from tushuo.cli.progress import Bar
    from tushuo.errors import SettingError
    from tushuo.evaluation.captioning import in_store, split_of
    from tushuo.evaluation.deletion_test import SHARES
    from tushuo.evaluation.deletion_test import deletion_test as run_test

    if pictures < 1:
        raise SettingError(f"pictures was {pictures}, but must be at least 1")
    records = read_records(data, images, data_language)
    runs = named_or_shipped(run, data_language)
    captioner = load_native(runs, weights=weights, device=device)
    config = with_given(captioner.info.search, search)
    if output:
        _require_same_captions(output, captioner.signature(config))
    chosen, _ = split_of(records, runs, split)
    regions = captioner.regions_of(chosen, store)
    chosen, part = in_store(chosen, regions, split)
    chosen = chosen[:pictures]
    with Bar("deletion test") as bar:
        test = run_test(
            captioner,
            chosen,
            regions,
            config=config,
            shares=share or SHARES,
            fill=fill,
            progress=bar,
        )
    _write(test, figure or (run[0] if run else Path()) / "deletion_test.png", output, json)
    if part and len(chosen) < pictures:
        print_notes([part.note])
    return 0


def _require_same_captions(output: Path, signature: str) -> None:
    """Refuse a folder with scores of other captions before the test, not after it."""
    from tushuo.errors import SettingError
    from tushuo.evaluation.results import read_results, require_same_captions

    if output.is_file():
        raise SettingError(f"output was {output}, a file; name a folder, that of evaluate --output")
    if (output / "scores.json").is_file():
        scores = read_results(output).signature
        cure = "give the same --run and --search, or another folder"
        what = f"this test and the scores in {output}"
        require_same_captions(scores, signature, what=what, cure=cure)


def _write(test: "DeletionTest", figure: Path, output: Path | None, json: bool) -> None:
    """Save and print the result."""
    import msgspec

    from tushuo.evaluation.results import save_deletion_test
    from tushuo.report.deletion_test import draw_deletion_test

    draw_deletion_test(test.hidden, figure)
    if output:
        save_deletion_test(output, test)
    if json:
        print(msgspec.json.encode(test).decode())
    else:
        _show(test)


def _show(test: "DeletionTest") -> None:
    """Print one row for each mask."""
    from rich.console import Console

    from tushuo.cli.tables import print_table

    console = Console(highlight=False)
    console.print(
        f"{test.pictures} pictures. Drop of the words' log-probabilities, in nats, where a share "
        f"of the regions is replaced (fill: {test.fill}); 95 % intervals in brackets.\n"
    )
    for part in test.hidden:
        kind = "words" if part.words == "all" else "content words"
        console.print(
            f"{part.share:.0%} of the regions, with {part.attention:.0%} of the attention of "
            f"{part.count} {kind}:",
            soft_wrap=True,
        )
        rows = []
        for place, row in enumerate(part.drops):
            margin = _with_interval(row.margin, row.margin_interval)
            compared = (margin, f"{row.won:.0%}") if place else ("", "")
            rows.append([row.mask, _with_interval(row.drop, row.interval), *compared])
        print_table(["mask", "drop", "own drop exceeds it by", "own drops more"], rows)
        console.print()
    console.print(test.signature, soft_wrap=True)


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
