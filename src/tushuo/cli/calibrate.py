"""``tushuo calibrate``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Data, DataLanguage, Images, Store, Unseen, Weights
from tushuo.cli.runs import NO_MODEL, Device, Model, Runs, named_or_shipped, open_captioner
from tushuo.cli.score import print_notes
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from tushuo.trust.confidence import Calibration
    from tushuo.trust.familiarity import Familiarity


def calibrate(
    data: Data,
    *,
    run: Runs = None,
    store: Store = None,
    split: Unseen = "val",
    images: Images = None,
    data_language: DataLanguage = "en",
    pictures: Annotated[
        list[str] | None,
        Parameter(
            help="further pictures of the same kind, without captions: they show which pictures "
            "are familiar",
            negative="",
        ),
    ] = None,
    weights: Weights = None,
    device: Device = "cpu",
    figure: Annotated[
        Path | None,
        Parameter(help="reliability diagram; default: calibration.png in the run, or here"),
    ] = None,
    json: Annotated[bool, Parameter(help="print all numbers as JSON", negative="")] = False,
    model: Model = NO_MODEL,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Calibrate the run's confidence for captions of this search; the result is saved in the run.

    It is fitted on one half of the split and measured on the other.

    Example: tushuo calibrate flickr8k --run run --store store
    """
    from tushuo.captioning.captioner import require_language
    from tushuo.captioning.load import load_native
    from tushuo.captioning.native import NativeCaptioner
    from tushuo.cli.caption_data import read_records
    from tushuo.cli.progress import Bar
    from tushuo.evaluation.calibrate import calibrate as fit
    from tushuo.evaluation.captioning import in_store, split_of
    from tushuo.metrics.score import TOKENIZER_OF
    from tushuo.pictures.finding import find_pictures
    from tushuo.report.reliability import draw_reliability
    from tushuo.trust.confidence import save_calibration
    from tushuo.trust.familiarity import save_familiarity

    records = read_records(data, images, data_language)
    runs = [] if model.model else named_or_shipped(run, data_language)
    native: NativeCaptioner | None = None
    if runs:
        _require_writable(runs[0])
        native = load_native(runs, weights=weights, device=device)
    captioner = native or open_captioner(
        run, model, language=data_language, weights=weights, device=device, store=store
    )
    require_language(captioner, data_language)
    chosen, _ = split_of(records, runs, split)
    regions = native.regions_of(chosen, store) if native and store else None
    chosen, part = in_store(chosen, regions, split) if regions else (chosen, None)
    with Bar("caption") as bar:
        calibration, familiarity = fit(
            captioner,
            chosen,
            regions,
            config=with_given(captioner.info.search, search),
            tokenizer=TOKENIZER_OF[data_language],
            pictures=find_pictures(pictures or []),
            progress=bar,
        )
    folder = runs[0] if runs else captioner.info.calibrations
    assert folder is not None
    save_calibration(folder, calibration)
    if familiarity:
        save_familiarity(folder, familiarity)
    path = figure or (run[0] if run else Path()) / "calibration.png"
    draw_reliability(calibration.held_out, path)
    _print(calibration, familiarity, json)
    if part:
        print_notes([part.note])
    return 0


def _require_writable(folder: Path) -> None:
    """Refuse a read-only run before all pictures are captioned, not after."""
    from tushuo.errors import RunError

    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise RunError(
            f"{folder} is read-only, but a calibration is saved in the run; copy the folder and "
            "name the copy with --run"
        )


def _print(calibration: "Calibration", familiarity: "Familiarity | None", json: bool) -> None:
    import msgspec

    if json:
        print(msgspec.json.encode(calibration).decode())
    else:
        _show(calibration, familiarity)


def _show(calibration: "Calibration", familiarity: "Familiarity | None") -> None:
    """Print what was measured on the held-out half."""
    from rich.console import Console

    from tushuo.captioning.caption import OUT_OF_DISTRIBUTION
    from tushuo.cli.tables import print_table
    from tushuo.evaluation.calibrate import HUMAN_SHARE

    held_out, console = calibration.held_out, Console(highlight=False)
    console.print(
        f"A caption fits if its CIDEr is at least {calibration.level:.3f}, which {HUMAN_SHARE:.0%} "
        f"of the references reach. Fitted on {calibration.pictures} pictures; the numbers below "
        f"are measured on the {held_out.pictures} others, {held_out.fitting:.1%} of whose captions "
        "fit.\n"
    )
    error, error_interval = f"{held_out.error:.3f}", _interval(held_out.error_interval)
    rows = [
        ["AUROC", f"{held_out.auroc:.3f}", _interval(held_out.auroc_interval)],
        *([f"  {name} alone", f"{auroc:.3f}", ""] for name, auroc in calibration.alone.items()),
        ["calibration error", error, error_interval],
        ["  expected if perfectly calibrated", f"{held_out.error_by_chance:.3f}", ""],
        ["Brier score", f"{held_out.brier:.3f}", ""],
    ]
    print_table(["measure", "value", "95 % interval"], rows)
    console.print()
    thresholds = [
        [
            f"{row.at_least}",
            f"{row.pictures / held_out.pictures:.1%}",
            "-" if row.fitting is None else f"{row.fitting:.1%}",
        ]
        for row in held_out.answered
    ]
    print_table(["--min-confidence", "captions kept", "of which fit"], thresholds)
    if familiarity:
        console.print(
            f"\nA picture counts as out-of-distribution if less than {OUT_OF_DISTRIBUTION:.0%} of "
            f"{len(familiarity.known)} pictures of this split are at least as unusual.\n"
        )
    console.print(calibration.signature, soft_wrap=True)


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}"
