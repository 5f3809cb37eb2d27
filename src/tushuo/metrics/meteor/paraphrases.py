"""The paraphrase table: 5 million pairs, rewritten once into a file that opens at once.

The original is sorted by phrase: three lines a pair, a number that is not used, the phrase, the
paraphrase. The copy in the cache folder holds each phrase once and is named after the checksum that
ends the original, so that another table is another file.
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

BLOCK = 1 << 22  # bytes of the original that are read at a time
LONGEST = 7  # words of the longest phrase
KEPT = 1 << 16  # phrases whose paraphrases stay in memory as words


class Paraphrases:
    """Phrases of one to ``LONGEST`` words and what says the same."""

    def __init__(self, file: Path):
        parts = load_file(file)
        self.phrases = parts["phrases"].tobytes().decode().split("\n")
        self._place = {phrase: place for place, phrase in enumerate(self.phrases)}
        self._starts = parts["starts"]
        self._text = parts["paraphrases"]
        self._read = lru_cache(KEPT)(self._read_one)

    def __contains__(self, phrase: str) -> bool:
        return phrase in self._place

    def __getitem__(self, phrase: str) -> list[str]:
        """Return the paraphrases of a phrase, in the order of the table."""
        return self._read(self._place[phrase])

    def _read_one(self, place: int) -> list[str]:
        start, end = self._starts[place : place + 2].tolist()
        return self._text[start:end].tobytes().decode().split("\n")


@cache
def paraphrases() -> Paraphrases:
    """Open the table; the first time on a machine it is rewritten, which takes seconds.

    Raises:
        MissingPartError: the extra is not installed.
    """
    original = folder() / PARAPHRASES
    with original.open("rb") as file:
        file.seek(-8, 2)
        checksum, _ = struct.unpack("<II", file.read())
    copy = cache_folder() / f"meteor-paraphrases-{checksum:08x}.safetensors"
    if not copy.is_file():
        write_bytes(copy, _rewrite(original))
    try:
        return Paraphrases(copy)
    except SafetensorError:  # broken since it was written: it can be made again
        write_bytes(copy, _rewrite(original))
        return Paraphrases(copy)


def _rewrite(original: Path) -> bytes:
    """Write the table with each phrase once; phrases and paraphrases are parted by line ends."""
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
    """Read phrases and paraphrases, some at a time."""
    left: list[bytes] = [b""]
    with gzip.open(original) as file:
        while block := file.read(BLOCK):
            first, *rest = block.split(b"\n")
            lines = [*left[:-1], left[-1] + first, *rest]
            whole = (len(lines) - 1) // 3 * 3
            yield from zip(lines[1:whole:3], lines[2:whole:3], strict=True)
            left = lines[whole:]
