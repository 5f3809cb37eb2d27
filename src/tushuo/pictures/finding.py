"""Find picture files: files, folders and globs to paths."""

import glob
from collections.abc import Iterable
from pathlib import Path

# HEIC is not decoded, because its decoder for Pillow crashes the process on some damaged files; it
# is listed so that such files are reported instead of skipped.
EXTENSIONS = {".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".avif", ".heic", ".heif",
              ".bmp", ".tif", ".tiff"}  # fmt: skip


def find_pictures(arguments: Iterable[str]) -> list[Path]:
    """Expand files, folders and globs into picture paths, in order.

    Folders are searched recursively for files with a picture's extension. A path that does not
    exist and a folder without pictures are kept, so that opening them reports the error.
    """
    paths: list[Path] = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS)
            paths += inside or [path]
        elif not path.exists() and glob.has_magic(argument):
            paths += sorted(map(Path, glob.glob(argument, recursive=True))) or [path]
        else:
            paths.append(path)
    return paths


def describe_folder(folder: Path) -> str:
    """Return the end of an error message about a folder in place of a picture."""
    own = min((p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS), default=None)
    if own is None:
        extensions = ", ".join(sorted(EXTENSIONS))
        return f" without pictures; expected files with an extension of {extensions}"
    return f"; expected a single picture, such as {own}"
