"""``tushuo pack``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Weights
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from tushuo.evaluation.packing_error import Moved

SCENES = 32  # drawn, to compare captions on where no pictures are named


def pack(
    run: Annotated[Path, Parameter(help="the run folder")],
    *,
    output: Annotated[Path, Parameter(help="the model's folder")],
    precision: Annotated[
        Literal["float16", "int8"], Parameter(help="how its weights are rounded")
    ] = "float16",
    pictures: Annotated[
        list[str] | None,
        Parameter(help="compare captions on these; else on drawn scenes", negative=""),
    ] = None,
    weights: Weights = None,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Make a small model of a run: a run folder of a few megabytes, to give away.

    What a training wants is left out, and the weights are rounded. Options of a search become the
    model's own. Tells how far its captions are from the run's.

    Example: tushuo pack run --output model --search beam --beam-size 3
    """
    from tempfile import TemporaryDirectory

    from tushuo.captioning.native import load
    from tushuo.data.scenes import make_scenes
    from tushuo.evaluation.packing_error import moved
    from tushuo.pictures.finding import find_pictures
    from tushuo.runs.pack import pack as write

    named = find_pictures(pictures or [])
    before = load(run, weights=weights)
    config = with_given(before.run.config.search, search)
    write(run, output, precision=precision, search=config)
    after = load(output, weights=weights)
    with TemporaryDirectory() as scratch:
        if not named:
            make_scenes(Path(scratch), count=SCENES)
            named = find_pictures([scratch])
        found = moved(before, after, named, config)
    print(f"{output}: {_size(output)}, of {_size(run)}; {_told(found)}")
    return 0


def _size(folder: Path) -> str:
    """Say how large the files of a folder are, those of its folders left out."""
    return f"{sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) / 1e6:.1f} MB"


def _told(found: "Moved") -> str:
    return (
        f"{found.same} of {found.pictures} captions are the run's, whose {found.words} words' "
        f"log-probabilities move by {found.mean:.5f} nats in the mean, {found.most:.5f} at most"
    )
