"""Words and their ids, kept by Hugging Face ``tokenizers`` and saved as that library's JSON.

That format has no room for extra fields, so word counts are kept in a separate file.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, final

import msgspec
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from tushuo.errors import DataError, RunError, SettingError
from tushuo.runtime import sha256, write_bytes

PAD, START, END, UNK = range(4)
SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")
FILE, COUNTS_FILE = "vocabulary.json", "frequencies.json"


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """Which words of the training captions are kept."""

    size: Annotated[int, "number of most frequent words to keep"] = 5000
    min_count: Annotated[int, "drop words that occur less often in the training captions"] = 1

    def __post_init__(self) -> None:
        """Reject invalid values."""
        for name, value in (("vocabulary", self.size), ("min-count", self.min_count)):
            if value < 1:
                raise SettingError(f"{name} was {value}, but must be at least 1")


@final
@dataclass(frozen=True, kw_only=True)
class CorpusCounts:
    """How often words and whole captions occur in the captions of the training pictures.

    Attributes:
        pictures: number of pictures.
        words: number of pictures whose captions contain a word; ``<unk>`` counts unknown words.
        captions: number of identical captions (words joined by spaces), where at least two are and
            every word is known; None where captions were never counted.
    """

    pictures: int
    words: Mapping[str, int]
    captions: Mapping[str, int] | None = None

    @classmethod
    def load(cls, path: Path) -> "CorpusCounts | None":
        """Read counts; None where the file does not exist.

        Raises:
            RunError: the file cannot be read.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise RunError(
                f"{path} cannot be read: {error}; repeat the tushuo train command to rewrite it"
            ) from error


@final
class Vocabulary:
    """Words and their ids; ids 0 to 3 are ``<pad> <start> <end> <unk>``.

    Args:
        tokenizer: maps words to ids.
        counts: how often words occur, where that is known; not part of the hash.
    """

    def __init__(self, tokenizer: Tokenizer, counts: CorpusCounts | None = None):
        self._tokenizer, self.counts = tokenizer, counts
        ids = tokenizer.get_vocab()
        self.words: tuple[str, ...] = tuple(sorted(ids, key=ids.__getitem__))

    @classmethod
    def fit(cls, captions: Iterable[Sequence[str]], config: VocabularyConfig) -> "Vocabulary":
        """Keep the most frequent words of the training captions; ties are broken alphabetically.

        Raises:
            DataError: no word is frequent enough.
        """
        counts = Counter(word for caption in captions for word in caption)
        for special in SPECIAL:
            counts.pop(special, None)
        frequent = [word for word, count in counts.items() if count >= config.min_count]
        kept = sorted(frequent, key=lambda word: (-counts[word], word))[: config.size]
        if not kept:
            raise DataError(
                f"no word occurs {config.min_count} times in the training captions, which have "
                f"{len(counts)} different words; lower --min-count, or add more captions"
            )
        ids = {word: index for index, word in enumerate([*SPECIAL, *kept])}
        return cls(Tokenizer(WordLevel(ids, unk_token=SPECIAL[UNK])))

    def with_counts(self, pictures: Sequence[Iterable[Sequence[str]]]) -> "Vocabulary":
        """Return the same words with their counts in the captions of pictures."""
        known, words, repeats = set(self.words), Counter[str](), Counter[str]()
        for captions in map(list, pictures):
            occurring = {word for caption in captions for word in caption}
            words.update({word if word in known else SPECIAL[UNK] for word in occurring})
            repeats.update(" ".join(c) for c in captions if known.issuperset(c))
        counts = CorpusCounts(
            pictures=len(pictures),
            words={word: words[word] for word in self.words if words[word]},
            captions={caption: n for caption, n in sorted(repeats.items()) if n > 1},
        )
        return Vocabulary(self._tokenizer, counts)

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Read the vocabulary of a run folder.

        Raises:
            RunError: the file is missing or not a vocabulary of ours.
        """
        path, counts = folder / FILE, CorpusCounts.load(folder / COUNTS_FILE)
        if not path.is_file():
            raise RunError(f"{folder} has no {FILE}; restore that of the same run, or train again")
        try:
            vocabulary = cls(Tokenizer.from_file(str(path)), counts)
        except Exception as error:  # tokenizers raises bare Exception, nothing more specific
            raise RunError(f"{path} is not a vocabulary: {error}; train the run again") from error
        if vocabulary.words[: len(SPECIAL)] != SPECIAL:
            raise RunError(f"{path} does not start with {' '.join(SPECIAL)}; train the run again")
        return vocabulary

    def save(self, folder: Path) -> None:
        """Write the vocabulary and its counts, each file atomically."""
        write_bytes(folder / FILE, self._tokenizer.to_str(pretty=True).encode())
        if self.counts:
            write_bytes(folder / COUNTS_FILE, msgspec.json.encode(self.counts))

    def __len__(self) -> int:
        return len(self.words)

    @property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the words in order."""
        return sha256("\n".join(self.words).encode())[:16]

    def knows(self, phrase: str) -> bool:
        """Whether it has all words of a phrase, which are separated by spaces."""
        return self._known.issuperset(phrase.split())

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.words[len(SPECIAL) :])

    def encode(self, words: Sequence[str]) -> list[int]:
        """Return ``<start>``, the words' ids (``<unk>`` for unknown words), ``<end>``."""
        ids = self._tokenizer.encode(list(words), is_pretokenized=True).ids if words else []
        return [START, *ids, END]

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Return the words of ids."""
        return [self.words[index] for index in ids]
