"""In how many pictures' references each n-gram stands: what CIDEr weighs words by.

Saved, so that a small corpus can be scored with the frequencies of a large one. An n-gram of one
picture weighs as much as one of none (equation 1 of the paper), so only those of more are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import msgspec

from tushuo.errors import DataError
from tushuo.runtime import sha256, write_bytes

FORMAT = 1


@final
@dataclass(frozen=True, kw_only=True)
class DocumentFrequencies:
    """Document frequencies of some references.

    Attributes:
        documents: how many pictures the references are of.
        tokenizer: what split the references into words.
        counts: pictures whose references hold an n-gram (its words with spaces between), where
            there are at least two.
    """

    format: int = FORMAT
    documents: int
    tokenizer: str
    counts: Mapping[str, int]

    @property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 of all of it."""
        content = msgspec.json.encode([self.documents, self.tokenizer, sorted(self.counts.items())])
        return sha256(content)[:16]

    def save(self, path: Path) -> None:
        """Write them as JSON, atomically."""
        write_bytes(path, msgspec.json.encode(self))

    @classmethod
    def load(cls, path: Path) -> "DocumentFrequencies":
        """Read them.

        Raises:
            DataError: the file is not there, or of another form.
        """
        try:
            found = msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError) as error:
            raise DataError(
                f"{path} has no document frequencies: {error}; make it with: tushuo score "
                f"--references REFERENCES --hypotheses HYPOTHESES --save-df {path}"
            ) from error
        if found.format != FORMAT:
            raise DataError(f"{path} is of format {found.format}, this tushuo reads {FORMAT}")
        return found
