"""``tushuo report``."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tushuo.cli.options import WHOLE_NUMBER

if TYPE_CHECKING:
    from tushuo.report.thumbnails import Find


def report(
    *results: Path,
    output: Annotated[Path, Parameter(help="path of the page, NAME.html")],
    data: Annotated[
        Path | None, Parameter(help="caption data with the paths of the pictures")
    ] = None,
    images: Annotated[
        Path | None, Parameter(help="folder of the pictures, if they have moved")
    ] = None,
    side: Annotated[
        int | None,
        WHOLE_NUMBER,
        Parameter(help="longer side of thumbnails in pixels; default: by the number of pictures"),
    ] = None,
    force: Annotated[
        bool, Parameter(help="show scores that cannot be compared, with a warning", negative="")
    ] = False,
) -> int:
    """Write an HTML page of results that opens offline: scores, curves, pictures, attention maps.

    RESULTS: folders of evaluate --output and deletion-test --output, files of score --json, or run
    folders (for their loss curves).

    Example: tushuo report results --output report.html
    """
    from tushuo.cli.progress import Bar
    from tushuo.errors import SettingError
    from tushuo.evaluation.results import read_deletion_test, read_results
    from tushuo.report.content import require_comparable
    from tushuo.report.write import write_report
    from tushuo.runtime import format_bytes

    if not results:
        raise SettingError("no results were given; make them with: tushuo evaluate --output FOLDER")
    if side is not None and side < 16:
        raise SettingError(f"side was {side}, but must be at least 16 pixels")
    paths = dict(zip(_names(results), results, strict=True))
    loaded = {name: read_results(path) for name, path in paths.items()}
    tested = {n: read_deletion_test(path, loaded[n].signature) for n, path in paths.items()}
    if not force:
        require_comparable(loaded)
    with Bar("report") as bar:
        missing = write_report(
            output, loaded, tested=tested, find=_find(data, images), side=side, progress=bar
        )
        for name in missing[:5]:
            bar.write(f"picture {name} was not found; name its folder with --images, or --data")
        if len(missing) > 5:
            bar.write(f"nor were {len(missing) - 5} others")
    print(f"{output}: {format_bytes(output.stat().st_size)}")
    return 1 if missing else 0


def _find(data: Path | None, images: Path | None) -> "Find":
    """Find pictures by the data, in the folder, or at their former paths."""
    from tushuo.report.thumbnails import at_former_path, in_folder

    if data:
        import tushuo.data

        paths = {str(r.image_id): r.path for r in tushuo.data.read(data, images=images)}
        return lambda image_id, path: paths.get(image_id)
    return in_folder(images) if images else at_former_path


def _names(paths: Sequence[Path]) -> list[str]:
    """Name each by its folder or file, with the parent folder where two names are equal."""
    whole = [path.resolve() for path in paths]
    named = [_place(path) for path in whole]
    alike = Counter(path.name for path in named)
    longer = [p.name if alike[p.name] == 1 else f"{p.parent.name}/{p.name}" for p in named]
    return [
        name if longer.count(name) == 1 else f"{name} ({longer[: n + 1].count(name)})"
        for n, name in enumerate(longer)
    ]


def _place(path: Path) -> Path:
    if path.name == "scores.json":
        return path.parent
    return path.with_suffix("") if path.is_file() else path
