"""Words and their ids, on Hugging Face ``tokenizers``; saved as that library's JSON.

That JSON takes nothing else in, so how common the words are stands in a file beside it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, final

import msgspec
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from tushuo.errors import DataError, RunError, SettingError
from tushuo.runtime import sha256, write_bytes

PAD, START, END, UNK = range(4)
SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")
FILE, COMMON = "vocabulary.json", "frequencies.json"


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig:
    """Which words a captioner may know."""

    size: Annotated[int, "how many of the most frequent words to keep"] = 5000
    min_count: Annotated[int, "drop words that the training captions use less often"] = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name, value in (("vocabulary", self.size), ("min-count", self.min_count)):
            if value < 1:
                raise SettingError(f"{name} was {value}, it must be at least 1")


@final
@dataclass(frozen=True, kw_only=True)
class CorpusCounts:
    """How common words, and whole captions, are among the captions of the training pictures.

    Attributes:
        pictures: how many pictures there are.
        words: in how many pictures' captions a word stands; ``<unk>``: one that is not known.
        captions: how many captions say just so (words with spaces between), where at least two
            do and every word is known; None where that was never counted.
    """

    pictures: int
    words: Mapping[str, int]
    captions: Mapping[str, int] | None = None

    @classmethod
    def load(cls, path: Path) -> "CorpusCounts | None":
        """Read them; None where they were never written.

        Raises:
            RunError: the file cannot be read.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise RunError(
                f"{path} cannot be read: {error}; the same tushuo train command writes it anew"
            ) from error


@final
class Vocabulary:
    """Words and their ids; ids 0 to 3 are ``<pad> <start> <end> <unk>``.

    Args:
        tokenizer: knows the words.
        counts: how common they are, where that is known; no part of the hash.
    """

    def __init__(self, tokenizer: Tokenizer, counts: CorpusCounts | None = None):
        self._tokenizer, self.counts = tokenizer, counts
        ids = tokenizer.get_vocab()
        self.words: tuple[str, ...] = tuple(sorted(ids, key=ids.__getitem__))

    @classmethod
    def fit(cls, captions: Iterable[Sequence[str]], config: VocabularyConfig) -> "Vocabulary":
        """Keep the most frequent words of the training captions; ties go by the alphabet.

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
                f"no word occurs {config.min_count} times in the training captions, which hold "
                f"{len(counts)} different words; give train a lower --min-count, or bring more "
                "captions"
            )
        ids = {word: index for index, word in enumerate([*SPECIAL, *kept])}
        return cls(Tokenizer(WordLevel(ids, unk_token=SPECIAL[UNK])))

    def with_counts(self, pictures: Sequence[Iterable[Sequence[str]]]) -> "Vocabulary":
        """Return the same words, and how common they are among the captions of pictures."""
        known, words, whole = set(self.words), Counter[str](), Counter[str]()
        for captions in pictures:
            words.update({w if w in known else SPECIAL[UNK] for said in captions for w in said})
            whole.update(" ".join(said) for said in captions if known.issuperset(said))
        ordered = {word: words[word] for word in self.words if words[word]}
        stock = {said: count for said, count in sorted(whole.items()) if count > 1}
        common = CorpusCounts(pictures=len(pictures), words=ordered, captions=stock)
        return Vocabulary(self._tokenizer, common)

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Read the vocabulary of a run's folder.

        Raises:
            RunError: it is missing or not a vocabulary of ours.
        """
        path, common = folder / FILE, CorpusCounts.load(folder / COMMON)
        try:
            vocabulary = cls(Tokenizer.from_file(str(path)), common)
        except Exception as error:  # tokenizers raises bare Exception, nothing finer
            raise RunError(f"{path} is not a vocabulary: {error}; train the run again") from error
        if vocabulary.words[: len(SPECIAL)] != SPECIAL:
            raise RunError(f"{path} does not begin with {' '.join(SPECIAL)}; train the run again")
        return vocabulary

    def save(self, folder: Path) -> None:
        """Write the vocabulary as tokenizers' JSON, and how common its words are, atomically."""
        write_bytes(folder / FILE, self._tokenizer.to_str(pretty=True).encode())
        if self.counts:
            write_bytes(folder / COMMON, msgspec.json.encode(self.counts))

    def __len__(self) -> int:
        return len(self.words)

    @property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 over the words in order."""
        return sha256("\n".join(self.words).encode())[:16]

    def encode(self, words: Sequence[str]) -> list[int]:
        """Return ``<start>``, the words' ids (``<unk>`` for strangers), ``<end>``."""
        ids = self._tokenizer.encode(list(words), is_pretokenized=True).ids if words else []
        return [START, *ids, END]

    def decode(self, ids: Sequence[int]) -> list[str]:
        """Return the words of ids."""
        return [self.words[index] for index in ids]
