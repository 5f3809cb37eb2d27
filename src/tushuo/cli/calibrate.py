"""``tushuo calibrate``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Data, DataLanguage, Images, Store, Unseen, Weights
from tushuo.cli.runs import Runs, named_or_shipped
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
    weights: Weights = None,
    figure: Annotated[
        Path | None, Parameter(help="default: calibration.png in the run, or here")
    ] = None,
    json: Annotated[bool, Parameter(help="all numbers as JSON", negative="")] = False,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Teach a run how sure it may be of captions found by this search; kept in the run.

    Fitted on half of the split, measured on the other half.

    Example: tushuo calibrate flickr8k --run run --store store
    """
    import msgspec

    import tushuo.data
    from tushuo.captioning.native import load
    from tushuo.cli.progress import Bar
    from tushuo.cli.regions import seen_by
    from tushuo.evaluation.calibrate import calibrate as fit
    from tushuo.evaluation.evaluate import split_of
    from tushuo.metrics.score import TOKENIZER_OF
    from tushuo.report.reliability import draw_reliability
    from tushuo.trust import confidence
    from tushuo.trust import familiarity as familiar

    records = tushuo.data.read(data, images=images, language=data_language)
    runs = named_or_shipped(run, data_language)
    _require_room(runs[0])
    captioner = load(runs, weights=weights)
    captioner.require_language(data_language)
    chosen, _ = split_of(records, runs, split)
    regions = seen_by(captioner.encoder, chosen, store)
    with Bar("caption") as bar:
        found, known = fit(
            captioner,
            chosen,
            regions,
            config=with_given(captioner.run.config.search, search),
            tokenizer=TOKENIZER_OF[data_language],
            progress=bar,
        )
    confidence.keep(runs[0], found)
    familiar.keep(runs[0], known)
    draw_reliability(found.held_out, figure or (run[0] if run else Path()) / "calibration.png")
    if json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(found, known)
    return 0


def _require_room(folder: Path) -> None:
    """Say before all captions are found, and not after, that nothing can be kept."""
    from tushuo.errors import RunError

    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise RunError(
            f"{folder} cannot be written to, and a calibration is kept in the run; copy the folder "
            "and name the copy with --run"
        )


def _show(found: "Calibration", known: "Familiarity") -> None:
    """Print what was found on the half that nothing was fitted on."""
    from rich.console import Console
    from rich.table import Table

    from tushuo.captioning.caption import OUT_OF_DISTRIBUTION
    from tushuo.evaluation.calibrate import PEOPLE_ABOVE

    held, console = found.held_out, Console(highlight=False)
    low, high = held.auroc_interval
    first, last = held.error_interval
    console.print(
        f"A caption fits from CIDEr {found.level:.3f} on, which {PEOPLE_ABOVE:.0%} of people's own "
        f"captions reach. Fitted on {found.pictures} pictures; all that follows is of the "
        f"{held.pictures} others, of whose captions {held.fitting:.1%} fit.\n"
    )
    table = Table("measure", "value", "95 % interval", box=None)
    table.add_row("AUROC", f"{held.auroc:.3f}", f"{low:.3f} to {high:.3f}")
    for name, alone in found.alone.items():
        table.add_row(f"  of {name} alone", f"{alone:.3f}")
    table.add_row("calibration error", f"{held.error:.3f}", f"{first:.3f} to {last:.3f}")
    table.add_row("  without fault, by chance", f"{held.error_by_chance:.3f}")
    table.add_row("Brier score", f"{held.brier:.3f}")
    console.print(table)
    answers = Table("--min-confidence", "answered", "of them fit", box=None)
    for one in held.answered:
        share = "-" if one.fitting is None else f"{one.fitting:.1%}"
        answers.add_row(f"{one.at_least}", f"{one.pictures / held.pictures:.1%}", share)
    console.print(answers)
    console.print(
        f"\nA picture is called strange where less than {OUT_OF_DISTRIBUTION:.0%} of these {len(known.known)} "
        "look as strange.\n"
    )
    console.print(found.signature, soft_wrap=True)
