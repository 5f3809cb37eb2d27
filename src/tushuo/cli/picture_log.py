"""What a command over many pictures reports beside its results: errors and warnings on stderr."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tushuo.cli.options import NAME_ALL
from tushuo.cli.sources import encodable, on_one_line
from tushuo.listing import first_few

if TYPE_CHECKING:
    from tushuo.errors import PictureError

NAMED = 3  # pictures named in a warning about several


def report_failures(errors: Mapping[str, str]) -> None:
    """Print the error of each picture, by its path; of very many, the first and their number."""
    lines = [error if path in error else f"{path}: {error}" for path, error in errors.items()]
    for line in first_few(lines, f"more pictures failed; {NAME_ALL}"):
        _print(line)


class PictureLog:
    """Reports pictures that failed one by one, and unusual pictures at the end, in one line.

    Args:
        total: number of pictures.
        done: what a command does with them, such as ``captioned``.
        json: whether the results are JSON lines, which have the errors themselves.
    """

    def __init__(self, total: int, *, done: str, json: bool):
        self._total, self._done, self._json = total, done, json
        self._failed = 0
        self._unusual: list[tuple[str, str]] = []

    def failed(self, name: str, error: "PictureError") -> None:
        """Report a picture that cannot be opened."""
        self._failed += 1
        message = str(error) if name in str(error) else f"{name}: {error}"
        if not self._json:
            _print(message)

    def unusual(self, name: str, reason: str) -> None:
        """Note a picture whose result cannot be trusted."""
        self._unusual.append((name, reason))

    def close(self) -> int:
        """Report what was noted; return the exit code."""
        self._warn()
        if self._failed and self._total > 1:
            _print(f"{self._failed} of {self._total} pictures could not be {self._done}")
        if not self._failed:
            return 0
        return 2 if self._failed == self._total else 1

    def _warn(self) -> None:
        names = [name for name, _ in self._unusual]
        if len(names) == 1:
            _print(f"warning: {names[0]}: {self._unusual[0][1]}; do not trust its caption")
        elif names:
            more = f" and {len(names) - NAMED} others" if len(names) > NAMED else ""
            _print(
                f"warning: {len(names)} of {self._total} pictures are unlike those used for "
                f"calibration ({', '.join(names[:NAMED])}{more}); do not trust their captions "
                "(--json prints the familiarity of each)"
            )


def _print(message: str) -> None:
    print(f"tushuo: {on_one_line(encodable(message))}", file=sys.stderr, flush=True)
