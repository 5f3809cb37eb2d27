"""The files of the extra ``official``: pycocoevalcap's Java programs and their data."""

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tushuo.errors import MissingPartError

INSTALL = "pip install 'tushuo[official]'"


def program_folder(metric: str, files: Sequence[str], *, fetch: str = INSTALL) -> Path:
    """Return the folder of a metric's program.

    Args:
        metric: name of the metric; its folder has the same name in lower case.
        files: paths in the folder that must exist.
        fetch: the command that brings them.

    Raises:
        MissingPartError: the extra is not installed, or a file is missing.
    """
    spec = find_spec("pycocoevalcap")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPartError(
            f"{metric} requires pycocoevalcap, which is not installed; install it with: {INSTALL}"
        )
    folder = Path(spec.submodule_search_locations[0], metric.lower())
    for file in files:
        if not (folder / file).is_file():
            raise MissingPartError(
                f"{metric} requires {folder / file}, which is missing; get it with: {fetch}"
            )
    return folder


def require_java(metric: str, *, alternative: str = "") -> None:
    """Refuse a metric whose program needs Java where there is none.

    Raises:
        MissingPartError: no Java runtime is installed.
    """
    if shutil.which("java") is None:
        raise MissingPartError(
            f"{metric} requires Java, which is not installed; install a Java runtime{alternative}"
        )
