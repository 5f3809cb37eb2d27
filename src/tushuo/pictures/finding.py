"""Find picture files: files, folders and globs to paths."""

import glob
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tushuo.pictures.formats import HEAD_BYTES, recognise

# HEIC is not decoded, because its decoder for Pillow crashes the process on some damaged files; it
# is listed so that such files are reported instead of skipped.
EXTENSIONS = {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp", ".avif",
              ".heic", ".heif", ".bmp", ".tif", ".tiff"}  # fmt: skip
# What usually lies beside pictures, and is passed over without a word.
COMPANIONS = {".txt", ".caption", ".json", ".jsonl", ".csv", ".tsv", ".md", ".html", ".xml",
              ".yaml", ".yml", ".log", ".db", ".ini"}  # fmt: skip
SHOWN_KINDS = 4  # of files passed over


def find_pictures(arguments: Iterable[str]) -> list[Path]:
    """Expand files, folders and globs into picture paths, in order.

    Folders are searched recursively for files that have a picture's extension, and for files of
    other names that begin as pictures do. Hidden files and folders are passed over, the
    AppleDouble files of macOS (``._photo.jpg``) among them. A warning counts hidden pictures and
    files of other kinds than those that usually lie beside pictures.
    A path that does not exist and a folder without pictures are kept, so that opening them reports
    the error.
    """
    paths: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            paths += _search(path) or [path]
        elif not path.exists() and glob.has_magic(argument):
            paths += sorted(map(Path, glob.glob(argument, recursive=True))) or [path]
        else:
            paths.append(path)
    return paths


def describe_folder(folder: Path) -> str:
    """Return the end of an error message about a folder in place of a picture."""
    own = min((p for p in folder.iterdir() if not _hidden(p) and _is_picture(p)), default=None)
    if own is None:
        extensions = ", ".join(sorted(EXTENSIONS))
        return f" without pictures; expected files with an extension of {extensions}"
    return f"; expected a single picture, such as {own}"


def _search(folder: Path) -> list[Path]:
    pictures, passed_over = [], Counter[str]()
    for path in _walk(folder, passed_over):
        if _is_picture(path):
            pictures.append(path)
        elif path.suffix.lower() not in COMPANIONS:
            passed_over[path.suffix.lower() or "without extension"] += 1
    if passed_over:
        ordered = sorted(passed_over.items(), key=lambda item: (-item[1], item[0]))
        kinds = [f"{count} {kind}" for kind, count in ordered[:SHOWN_KINDS]]
        more = len(passed_over) - len(kinds)
        warnings.warn(
            f"{folder}: {passed_over.total()} passed over as hidden or no pictures: "
            f"{', '.join(kinds)}{f', {more} other kinds' if more > 0 else ''}",
            stacklevel=3,
        )
    return sorted(pictures)


def _walk(folder: Path, passed_over: Counter[str]) -> Iterator[Path]:
    """Yield the files below a folder, and count what is not entered or hidden."""

    def count_unreadable(_: OSError) -> None:
        passed_over["unreadable folder"] += 1

    for parent, folders, files in os.walk(folder, onerror=count_unreadable):
        hidden = [name for name in (*folders, *files) if _hidden(Path(name))]
        linked = [name for name in folders if Path(parent, name).is_symlink()]  # may be cycles
        folders[:] = [name for name in folders if name not in hidden]
        yield from (Path(parent, name) for name in files if name not in hidden)
        unseen = sum(_is_hidden_picture(name) for name in hidden)
        passed_over += Counter({"hidden": unseen, "linked folder": len(linked)})


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == "__MACOSX"


def _is_hidden_picture(name: str) -> bool:
    return not name.startswith("._") and Path(name).suffix.lower() in EXTENSIONS


def _is_picture(path: Path) -> bool:
    """Tell by a file's extension, or by its first bytes where it is another one."""
    if path.suffix.lower() in EXTENSIONS:
        return not path.is_dir()
    if not path.is_file():  # opening a pipe would wait for its writer
        return False
    try:
        with path.open("rb") as file:
            return recognise(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False
