"""Document frequencies for CIDEr: the number of pictures whose references contain each n-gram.

They can be saved, so that a small corpus is scored with the frequencies of a large one. An n-gram
of one picture weighs as much as an unknown one (equation 1 of the paper), so only higher counts
are kept.
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
    """Document frequencies of a set of references.

    Attributes:
        documents: number of pictures.
        tokenizer: name of the tokenizer that split the references.
        counts: number of pictures whose references contain an n-gram (its words separated by
            spaces), where it is at least two.
    """

    format: int = FORMAT
    documents: int
    tokenizer: str
    counts: Mapping[str, int]

    @property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the content."""
        content = msgspec.json.encode([self.documents, self.tokenizer, sorted(self.counts.items())])
        return sha256(content)[:16]

    def save(self, path: Path) -> None:
        """Write them as JSON, atomically."""
        write_bytes(path, msgspec.json.encode(self))

    @classmethod
    def load(cls, path: Path) -> "DocumentFrequencies":
        """Read document frequencies from a file.

        Raises:
            DataError: the file does not exist or has an unexpected form.
        """
        try:
            frequencies = msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError) as error:
            raise DataError(
                f"{path} has no document frequencies: {error}; make it with: tushuo score "
                f"--references REFERENCES --hypotheses HYPOTHESES --save-df {path}"
            ) from error
        if frequencies.format != FORMAT:
            raise DataError(f"{path} has format {frequencies.format}; expected {FORMAT}")
        return frequencies
