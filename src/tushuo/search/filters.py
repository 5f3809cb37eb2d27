"""Constraints on the next word: filters on log-probabilities, composed from the settings.

A filter excludes words (minus infinity) in place and changes no other value. All hypotheses of a
step have the same length, so the words so far are a matrix.
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
    """The constraints of a search, as token ids.

    Attributes:
        filters: constraints on the next word.
        required_words: words that must occur.
    """

    filters: list[LogitFilter]
    required_words: list[int]

    def __call__(
        self, log_probs: Float[Tensor, "B V"], words: Int[Tensor, "B _T"]
    ) -> Float[Tensor, "B V"]:
        """Apply all filters, and return the same tensor."""
        for logit_filter in self.filters:
            logit_filter(log_probs, words)
        return log_probs


def rules_of(
    config: SearchConfig, vocabulary: Vocabulary | None, *, may_be_empty: bool = False
) -> Rules:
    """Convert the words and limits of a search's settings into rules.

    Args:
        config: the settings.
        vocabulary: the run's words.
        may_be_empty: allow captions without a word.

    Raises:
        SettingError: a word is not in the vocabulary; the message names it.
    """
    required: list[int] = []
    for word in dict.fromkeys(config.required_words):
        ids = ids_of(word, vocabulary)
        if len(ids) > 1:
            raise SettingError(
                f"required-words was {word!r}, which is {len(ids)} words; repeat the option for "
                "each word: --required-words A --required-words B"
            )
        required += ids
    shortest = max(config.min_words, 0 if may_be_empty else 1)
    return Rules(_filters(config, vocabulary, shortest), required)


def _filters(
    config: SearchConfig, vocabulary: Vocabulary | None, shortest: int
) -> list[LogitFilter]:
    banned = [ids_of(phrase, vocabulary) for phrase in config.banned_words]
    banned_endings = [ids_of(phrase, vocabulary) for phrase in config.banned_endings]
    always_banned = [PAD, START, *([] if config.allow_unk else [UNK])]
    filters = [forbid([*always_banned, *(ids[0] for ids in banned if len(ids) == 1)])]
    # a caption has a word, however probable the end is: groups of a diverse search that must avoid
    # each other's first words would otherwise end there
    if shortest:
        filters.append(before(shortest, forbid([END])))
    filters += [forbid_after(ids[:-1], ids[-1]) for ids in banned if len(ids) > 1]
    for ids in banned_endings:
        filters.append(forbid_after(ids, END))
        # at the last position the phrase itself is excluded, or the caption could not end
        filters.append(at(config.max_words - 1, forbid_after(ids[:-1], ids[-1])))
    if config.no_repeat_ngram is not None:
        filters.append(forbid_repeats(config.no_repeat_ngram))
    if config.no_immediate_repeat:
        filters.append(forbid_immediate_repeat)
    return [*filters, at(config.max_words, only(END))]


def ids_of(phrase: str, vocabulary: Vocabulary | None) -> list[int]:
    """Return the ids of a word, or of several words separated by spaces.

    Raises:
        SettingError: there is no vocabulary or no word, or a word is special or unknown.
    """
    words = phrase.split()
    if not words:
        raise SettingError("a constraint was an empty word; name a word, or leave the option out")
    if vocabulary is None:
        raise SettingError(
            f"the constraint {phrase!r} requires a vocabulary, but none was passed; pass the run's"
        )
    known = set(vocabulary.words)
    for word in words:
        if word in SPECIAL and word != SPECIAL[UNK]:
            raise SettingError(
                f"{word} is a special token, not a word; name a word that occurs in captions"
            )
        if word not in known:
            closest = ", ".join(get_close_matches(word.lower(), vocabulary.words)) or "none"
            raise SettingError(
                f"{word!r} is not in the run's vocabulary (closest: {closest}); see its "
                "vocabulary.json"
            )
    return vocabulary.encode(words)[1:-1]


def forbid(ids: Sequence[int]) -> LogitFilter:
    """Exclude these words."""
    excluded = torch.tensor(ids)
    return lambda log_probs, words: log_probs.index_fill_(1, excluded.to(log_probs.device), NEVER)


def only(word: int) -> LogitFilter:
    """Exclude all words but one."""

    def apply(log_probs: Tensor, words: Tensor) -> None:
        allowed = log_probs[:, word].clone()
        log_probs.fill_(NEVER)[:, word] = allowed

    return apply


def forbid_after(prefix: Sequence[int], word: int) -> LogitFilter:
    """Exclude a word directly after others."""
    prefix_ids = torch.tensor(prefix, dtype=torch.long)

    def apply(log_probs: Tensor, words: Tensor) -> None:
        n = len(prefix_ids)
        if words.shape[1] >= n:
            tail = words[:, words.shape[1] - n :]
            matches = (tail == prefix_ids.to(words.device)).all(dim=1)
            log_probs[:, word].masked_fill_(matches, NEVER)

    return apply


def forbid_repeats(n: int) -> LogitFilter:
    """Exclude n-grams that occurred before (Paulus, Xiong, Socher, ICLR 2018, section 2.5)."""

    def apply(log_probs: Tensor, words: Tensor) -> None:
        """Find earlier occurrences of the last n - 1 words, and exclude the words after them."""
        T = words.shape[1]
        if n > T:
            return
        ngrams = words.unfold(1, n, 1)  # (B, T - n + 1, n)
        repeated = (ngrams[..., :-1] == words[:, None, T - n + 1 :]).all(dim=-1)
        penalty = torch.zeros(repeated.shape).to(log_probs).masked_fill(~repeated, torch.inf)
        penalty = penalty.masked_fill(repeated, NEVER)
        log_probs.scatter_reduce_(1, ngrams[..., -1], penalty, reduce="amin")

    return apply


def forbid_immediate_repeat(log_probs: Float[Tensor, "B V"], words: Int[Tensor, "B _T"]) -> None:
    """Exclude the last word."""
    log_probs.scatter_(1, words[:, -1:], NEVER)


def at(length: int, rule: LogitFilter) -> LogitFilter:
    """Apply a filter to captions of one length."""
    return lambda log_probs, words: words.shape[1] == length and rule(log_probs, words)


def before(length: int, rule: LogitFilter) -> LogitFilter:
    """Apply a filter to captions that are shorter."""
    return lambda log_probs, words: words.shape[1] < length and rule(log_probs, words)
