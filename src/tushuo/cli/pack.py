"""``tushuo pack``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from tushuo.cli.flags import with_given
from tushuo.cli.options import Weights
from tushuo.cli.search import RUN_DEFAULTS, SearchOptions

if TYPE_CHECKING:
    from tushuo.evaluation.packing_error import PackingError

SCENES = 32  # drawn, to compare captions on where no pictures are named


def pack(
    run: Annotated[Path, Parameter(help="the run folder")],
    *,
    output: Annotated[Path, Parameter(help="folder of the model")],
    precision: Annotated[
        Literal["float16", "int8"], Parameter(help="how weights are stored")
    ] = "float16",
    general: Annotated[
        Path | None,
        Parameter(help="also pack this run on concepts, for pictures of other kinds"),
    ] = None,
    pictures: Annotated[
        list[str] | None,
        Parameter(help="pictures to compare the captions on; default: drawn scenes", negative=""),
    ] = None,
    weights: Weights = None,
    search: SearchOptions = RUN_DEFAULTS,
) -> int:
    """Export a run as a small, shareable model: a run folder of a few megabytes.

    Files that only training needs are left out, and the weights are quantised. Search options
    become the model's defaults. Prints how much the captions change. With --general, the folder is
    a model of two captioners once scripts/fit_route.py has decided which pictures go to which.

    Example: tushuo pack run --output model --search beam --beam-size 3
    """
    from tempfile import TemporaryDirectory

    from tushuo.captioning.load import load_native
    from tushuo.data.scenes import make_scenes
    from tushuo.evaluation.packing_error import packing_error
    from tushuo.pictures.finding import find_pictures
    from tushuo.runs.pack import GENERAL
    from tushuo.runs.pack import pack as write

    paths = find_pictures(pictures or [])
    captioner = load_native(run, weights=weights)
    config = with_given(captioner.info.search, search)
    write(run, output, precision=precision, search=config)
    if general:
        write(general, output / GENERAL, precision=precision)
    elif (run / GENERAL / "run.json").exists():
        print(f"{run / GENERAL} is not packed; name it with --general", file=sys.stderr)
    packed = load_native(output, weights=weights)
    with TemporaryDirectory() as scratch:
        if not paths:
            make_scenes(Path(scratch), count=SCENES)
            paths = find_pictures([scratch])
        error = packing_error(captioner, packed, paths, config)
    print(f"{output}: {_size(output)}, the run has {_size(run)}; {_describe(error)}")
    return 0


def _size(folder: Path) -> str:
    """Return the size of a folder's own files and of its general captioner's."""
    from tushuo.runs.pack import GENERAL
    from tushuo.runtime import format_bytes

    files = [*folder.iterdir(), *(folder / GENERAL).glob("*")]
    return format_bytes(sum(file.stat().st_size for file in files if file.is_file()))


def _describe(error: "PackingError") -> str:
    return (
        f"{error.same} of {error.pictures} captions are unchanged; the log-probabilities of "
        f"{error.words} words change by {error.mean:.5f} nats on average, by at most "
        f"{error.maximum:.5f}"
    )
