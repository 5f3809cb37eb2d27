"""``tushuo report``."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from tushuo.report.thumbnails import Find


def report(
    *results: Path,
    output: Annotated[Path, Parameter(help="the page, NAME.html")],
    data: Annotated[
        Path | None, Parameter(help="caption data that says where each picture lies")
    ] = None,
    images: Annotated[
        Path | None, Parameter(help="folder of the pictures, where they have moved or have no path")
    ] = None,
    side: Annotated[
        int | None, Parameter(help="longer side of a picture on the page; default: by their number")
    ] = None,
    force: Annotated[
        bool, Parameter(help="show scores that cannot be compared, with a warning", negative="")
    ] = False,
) -> int:
    """Make one HTML page of results, to be opened offline: scores, curves, pictures, attention.

    RESULTS: folders of evaluate --output and deletion-test --output, files of score --json, or run
    folders (their curves).

    Example: tushuo report results --output report.html
    """
    from tushuo.cli.progress import Bar
    from tushuo.errors import SettingError
    from tushuo.evaluation.results import read_deletion_test, read_results
    from tushuo.report.content import require_comparable
    from tushuo.report.write import write_report

    if not results:
        raise SettingError("no results were given; make some with: tushuo evaluate --output FOLDER")
    if side is not None and side < 16:
        raise SettingError(f"side was {side}, it must be at least 16 pixels")
    named = dict(zip(_names(results), results, strict=True))
    found = {name: read_results(path) for name, path in named.items()}
    tested = {name: read_deletion_test(path, found[name].signature) for name, path in named.items()}
    if not force:
        require_comparable(found)
    with Bar("report") as bar:
        missing = write_report(
            output, found, tested=tested, find=_find(data, images), side=side, progress=bar
        )
        for name in missing[:5]:
            bar.say(f"no picture of {name}; say where they lie by --images or --data")
        if len(missing) > 5:
            bar.say(f"and of {len(missing) - 5} others")
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
    return 1 if missing else 0


def _find(data: Path | None, images: Path | None) -> "Find":
    """Find pictures by the data, in the folder, or where they lay."""
    from tushuo.report.thumbnails import in_folder, where_it_lay

    if data:
        import tushuo.data

        lie = {
            str(record.image_id): record.path for record in tushuo.data.read(data, images=images)
        }
        return lambda image_id, path: lie.get(image_id)
    return in_folder(images) if images else where_it_lay


def _names(paths: Sequence[Path]) -> list[str]:
    """Name each by its folder or file, and by the folder around it too where two are alike."""
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
