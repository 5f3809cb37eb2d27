"""The report: one page of scores, curves and pictures."""

from collections.abc import Mapping
from pathlib import Path

from tushuo.evaluation.results import Results
from tushuo.metrics.deletion import DeletionTest
from tushuo.report import content
from tushuo.report.content import NO_TESTS
from tushuo.report.single_file import data, fill
from tushuo.report.thumbnails import MANY, SIDE, SMALL_SIDE, Find, thumbnails, where_it_lay
from tushuo.runtime import Progress, atomic_write

SCRIPTS = (
    "element", "scores", "curves", "settings", "deletion_test", "attention", "cards", "open", "list",
    "theme", "start",
)  # fmt: skip


def write_report(
    path: Path,
    results: Mapping[str, Results],
    *,
    tested: Mapping[str, DeletionTest | None] = NO_TESTS,
    find: Find = where_it_lay,
    side: int | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Write the page.

    Args:
        path: where to.
        results: by the name that the page gives to each; of the same pictures and references.
        tested: the deletion test of each, where there was one.
        find: says where a picture lies, by its id and by where it lay.
        side: longer side of a picture on the page, in pixels; None chooses by their number.
        progress: told how many pictures are in.

    Returns:
        Ids of the pictures that could not be opened, and are not on the page.
    """
    shown = content.pictures(results)
    paths = [find(one["id"], one["path"]) for one in shown]
    pixels = thumbnails(paths, side=side or (SIDE if len(shown) < MANY else SMALL_SIDE))
    page = fill(
        "page.html",
        title=" · ".join(results),
        scripts=SCRIPTS,
        styles=("page",),
        summary=content.summary(results, tested),
        list=[{k: v for k, v in one.items() if k != "path"} for one in shown],
    )
    before, after = page.split("<!--PICTURES-->")
    missing, told = [], find is not where_it_lay
    with atomic_write(path) as file:
        file.write(before.encode())
        for place, (one, picture) in enumerate(zip(shown, pixels, strict=True)):
            missing += [one["id"]] if not picture and (told or one["path"]) else []
            row = data({"picture": picture, "attention": _maps(results, one["id"])})
            file.write(f'<script type="application/json" id="p{place}">{row}</script>\n'.encode())
            if progress is not None:
                progress(place + 1, len(shown))
        file.write(after.encode())
    return missing


def _maps(results: Mapping[str, Results], name: str) -> list[bytes]:
    """Return what the words of each run looked at; nothing where it said nothing."""
    said = [of.pictures.get(name) for of in results.values() if of.scores]
    return [one.attention if one else b"" for one in said]
