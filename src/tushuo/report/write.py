"""Write the report: one page of scores, curves and pictures."""

from collections.abc import Mapping
from pathlib import Path

from tushuo.evaluation.results import Results
from tushuo.metrics.deletion import DeletionTest
from tushuo.report import content
from tushuo.report.content import NO_TESTS
from tushuo.report.single_file import data, fill
from tushuo.report.thumbnails import MANY, SIDE, SMALL_SIDE, Find, at_former_path, thumbnails
from tushuo.runtime import Progress, atomic_write

SCRIPTS = (
    "element", "scores", "curves", "settings", "deletion_test", "attention", "cards", "open",
    "list", "theme", "start",
)  # fmt: skip


def write_report(
    path: Path,
    results: Mapping[str, Results],
    *,
    tested: Mapping[str, DeletionTest | None] = NO_TESTS,
    find: Find = at_former_path,
    side: int | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Write the page.

    Args:
        path: path of the page.
        results: results by the name shown on the page, of the same pictures and references.
        tested: their deletion tests, where there are any.
        find: returns the path of a picture.
        side: longer side of thumbnails in pixels; None: chosen by the number of pictures.
        progress: called with the pictures embedded so far and their total.

    Returns:
        Ids of pictures that could not be opened and are missing from the page.
    """
    shown = content.pictures(results)
    paths = [find(row["id"], row["path"]) for row in shown]
    pixels = thumbnails(paths, side=side or (SIDE if len(shown) < MANY else SMALL_SIDE))
    page = fill(
        "page.html",
        title=content.title(results),
        scripts=SCRIPTS,
        styles=("page",),
        summary=content.summary(results, tested),
        list=[{k: v for k, v in row.items() if k != "path"} for row in shown],
    )
    before, after = page.split("<!--PICTURES-->")
    missing, searched = [], find is not at_former_path
    with atomic_write(path) as file:
        file.write(before.encode())
        for place, (one, picture) in enumerate(zip(shown, pixels, strict=True)):
            missing += [one["id"]] if not picture and (searched or one["path"]) else []
            row = data({"picture": picture, "attention": _maps(results, one["id"])})
            file.write(f'<script type="application/json" id="p{place}">{row}</script>\n'.encode())
            if progress is not None:
                progress(place + 1, len(shown))
        file.write(after.encode())
    return missing


def _maps(results: Mapping[str, Results], name: str) -> list[bytes]:
    """Return the attention maps of each scored run; empty where it has no caption."""
    captions = [one.pictures.get(name) for one in results.values() if one.scores]
    return [caption.attention if caption else b"" for caption in captions]
