"""The paraphrase table: millions of pairs, converted once into a file that loads fast.

The original is sorted by phrase and has three lines per pair: an unused number, the phrase, the
paraphrase. The copy in the cache folder stores each phrase once. Its name has the checksum at the
end of the original, so that another table becomes another file.
"""

import gzip
import struct
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from tushuo.metrics.meteor.extra import PARAPHRASES, folder
from tushuo.runtime import cache_folder, write_bytes

BLOCK = 1 << 22  # bytes of the original read at once
LONGEST = 7  # words of the longest phrase
CACHED = 1 << 16  # phrases whose paraphrases stay decoded in memory


class Paraphrases:
    """Phrases of one to ``LONGEST`` words and their paraphrases."""

    def __init__(self, file: Path):
        tensors = load_file(file)
        self.phrases = tensors["phrases"].tobytes().decode().split("\n")
        self._rows = {phrase: row for row, phrase in enumerate(self.phrases)}
        self._starts = tensors["starts"]
        self._text = tensors["paraphrases"]
        self._read = lru_cache(CACHED)(self._decode)

    def __contains__(self, phrase: str) -> bool:
        return phrase in self._rows

    def __getitem__(self, phrase: str) -> list[str]:
        """Return the paraphrases of a phrase, in the order of the table."""
        return self._read(self._rows[phrase])

    def _decode(self, row: int) -> list[str]:
        start, end = self._starts[row : row + 2].tolist()
        return self._text[start:end].tobytes().decode().split("\n")


@cache
def paraphrases() -> Paraphrases:
    """Open the table; the first call on a machine converts it, which takes seconds.

    Raises:
        MissingPartError: the extra is not installed.
    """
    original = folder() / PARAPHRASES
    with original.open("rb") as file:
        file.seek(-8, 2)
        checksum, _ = struct.unpack("<II", file.read())
    copy = cache_folder() / f"meteor-paraphrases-{checksum:08x}.safetensors"
    if not copy.is_file():
        write_bytes(copy, _convert(original))
    try:
        return Paraphrases(copy)
    except SafetensorError:  # damaged since it was written
        write_bytes(copy, _convert(original))
        return Paraphrases(copy)


def _convert(original: Path) -> bytes:
    """Return the table with each phrase once; line ends separate phrases and paraphrases."""
    phrases: list[bytes] = []
    starts = [0]
    text = bytearray()
    for phrase, pairs in groupby(_read_pairs(original), key=itemgetter(0)):
        phrases.append(phrase)
        text += b"\n".join([paraphrase for _, paraphrase in pairs])
        starts.append(len(text))
    return save(
        {
            "phrases": np.frombuffer(b"\n".join(phrases), dtype=np.uint8),
            "starts": np.array(starts, dtype=np.uint32),
            "paraphrases": np.frombuffer(text, dtype=np.uint8),
        }
    )


def _read_pairs(original: Path) -> Iterator[tuple[bytes, bytes]]:
    """Read pairs of phrase and paraphrase, block by block."""
    rest: list[bytes] = [b""]
    with gzip.open(original) as file:
        while block := file.read(BLOCK):
            first, *others = block.split(b"\n")
            lines = [*rest[:-1], rest[-1] + first, *others]
            complete = (len(lines) - 1) // 3 * 3  # lines of complete pairs
            yield from zip(lines[1:complete:3], lines[2:complete:3], strict=True)
            rest = lines[complete:]
