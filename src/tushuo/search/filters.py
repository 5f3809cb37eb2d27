"""What may be said next: filters on log-probabilities, composed from the configuration.

A filter forbids words (minus infinity), in place, and changes no other number. All hypotheses of a
step are equally long, so the words so far are a rectangle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.errors import SettingError
from tushuo.search.config import SearchConfig
from tushuo.text.vocabulary import END, PAD, SPECIAL, START, UNK, Vocabulary

LogitFilter = Callable[[Float[Tensor, "B V"], Int[Tensor, "B _T"]], object]
NEVER = -torch.inf


@dataclass(frozen=True)
class Rules:
    """What a configuration asks of captions, in ids.

    Attributes:
        filters: what may be said next.
        must: words that must appear, each once.
    """

    filters: list[LogitFilter]
    required_words: list[int]

    def __call__(
        self, log_probs: Float[Tensor, "B V"], words: Int[Tensor, "B _T"]
    ) -> Float[Tensor, "B V"]:
        """Run the filters one after the other, and return what was given."""
        for one in self.filters:
            one(log_probs, words)
        return log_probs


def rules_of(config: SearchConfig, vocabulary: Vocabulary | None) -> Rules:
    """Turn a configuration's words and limits into rules.

    Raises:
        SettingError: a word is not in the vocabulary; the message names it.
    """
    required_words = [ids_of(word, vocabulary) for word in dict.fromkeys(config.required_words)]
    for word, ids in zip(dict.fromkeys(config.required_words), required_words, strict=True):
        if len(ids) > 1:
            raise SettingError(f"must was {word!r}; name one word each time: --must A --must B")
    return Rules(_filters(config, vocabulary), [ids[0] for ids in required_words])


def _filters(config: SearchConfig, vocabulary: Vocabulary | None) -> list[LogitFilter]:
    never = [ids_of(phrase, vocabulary) for phrase in config.banned_words]
    last = [ids_of(phrase, vocabulary) for phrase in config.banned_endings]
    banned = [PAD, START, *([] if config.allow_unk else [UNK])]
    filters = [forbid([*banned, *(ids[0] for ids in never if len(ids) == 1)])]
    if config.min_words:
        filters.append(before(config.min_words, forbid([END])))
    filters += [forbid_after(ids[:-1], ids[-1]) for ids in never if len(ids) > 1]
    for ids in last:
        filters.append(forbid_after(ids, END))
        # the last place is closed to what may not stand there, or the caption could not end
        filters.append(at(config.max_words - 1, forbid_after(ids[:-1], ids[-1])))
    if config.no_repeat_ngram is not None:
        filters.append(forbid_repeats(config.no_repeat_ngram))
    if config.no_immediate_repeat:
        filters.append(forbid_echo)
    return [*filters, at(config.max_words, only(END))]


def ids_of(phrase: str, vocabulary: Vocabulary | None) -> list[int]:
    """Return the ids of a word, or of words with spaces between them.

    Raises:
        SettingError: there is no vocabulary, no word, a mark, or a word that it does not have.
    """
    words = phrase.split()
    if vocabulary is None or not words:
        raise SettingError(
            f"the word {phrase!r} was given to a search that has no vocabulary; pass the run's"
            if words
            else "an empty word was given to the search; name one, or leave the option out"
        )
    known = set(vocabulary.words)
    for word in words:
        if word in SPECIAL and word != SPECIAL[UNK]:
            raise SettingError(f"{word} is a mark and no word; name words that captions have")
        if word not in known:
            near = ", ".join(get_close_matches(word.lower(), vocabulary.words)) or "none"
            raise SettingError(
                f"the run does not know the word {word!r}, near it: {near}; its words stand in "
                "its vocabulary.json"
            )
    return vocabulary.encode(words)[1:-1]


def forbid(ids: Sequence[int]) -> LogitFilter:
    """Never say these words."""
    listed = torch.tensor(ids)
    return lambda log_probs, words: log_probs.index_fill_(1, listed.to(log_probs.device), NEVER)


def only(word: int) -> LogitFilter:
    """Say this word and no other."""

    def keep(log_probs: Tensor, words: Tensor) -> None:
        kept = log_probs[:, word].clone()
        log_probs.fill_(NEVER)[:, word] = kept

    return keep


def forbid_after(before: Sequence[int], word: int) -> LogitFilter:
    """Never say a word right after these."""
    tail = torch.tensor(before, dtype=torch.long)

    def close(log_probs: Tensor, words: Tensor) -> None:
        n = len(tail)
        if words.shape[1] >= n:
            said = (words[:, words.shape[1] - n :] == tail.to(words.device)).all(dim=1)
            log_probs[:, word].masked_fill_(said, NEVER)

    return close


def forbid_repeats(n: int) -> LogitFilter:
    """Never say n words in a row that were said before (Paulus, Xiong, Socher, ICLR 2018, 2.5)."""

    def close(log_probs: Tensor, words: Tensor) -> None:
        """Find where the last n - 1 words stood before, and close the word that followed."""
        T = words.shape[1]
        if n > T:
            return
        grams = words.unfold(1, n, 1)  # (B, T - n + 1, n)
        begun = (grams[..., :-1] == words[:, None, T - n + 1 :]).all(dim=-1)
        worth = torch.zeros(begun.shape).to(log_probs).masked_fill(~begun, torch.inf)
        worth = worth.masked_fill(begun, NEVER)
        log_probs.scatter_reduce_(1, grams[..., -1], worth, reduce="amin")

    return close


def forbid_echo(log_probs: Float[Tensor, "B V"], words: Int[Tensor, "B _T"]) -> None:
    """Never say the last word again at once."""
    log_probs.scatter_(1, words[:, -1:], NEVER)


def at(length: int, rule: LogitFilter) -> LogitFilter:
    """Apply a filter to captions of one length."""
    return lambda log_probs, words: words.shape[1] == length and rule(log_probs, words)


def before(length: int, rule: LogitFilter) -> LogitFilter:
    """Apply a filter to captions that are shorter."""
    return lambda log_probs, words: words.shape[1] < length and rule(log_probs, words)
