"""Our search settings as those of transformers' ``generate``, and what it returns as hypotheses.

Lengths are counted in words, as everywhere, although models write tokens. Log-probabilities are the
model's own: before temperature, filters and constraints.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.captioning.captioner import Stop
from tushuo.captioning.huggingface.loading import Loaded, quiet
from tushuo.captioning.huggingface.prompts import clean
from tushuo.captioning.huggingface.words import split_words
from tushuo.errors import SettingError, StoppedError
from tushuo.search.config import SearchConfig
from tushuo.text.tokenization import Language

TOKENS_PER_WORD = 4  # most tokens that a word is given; longer captions are cut
SCORE_BYTES = 4
MAX_SCORE_BYTES = 1 << 30  # of the scores that are kept until a batch is done
UNSUPPORTED = ("required_words", "no_immediate_repeat", "evidence_weight", "genericness_penalty")


@dataclass(frozen=True, slots=True)
class Generated:
    """One hypothesis.

    Attributes:
        tokens: its tokens, without prompt and end token.
        log_probs: natural logarithm of the probability of each token, and of the end token if it
            ended.
        logits: the model's scores of all tokens at each step, if they were asked for.
    """

    tokens: list[int]
    log_probs: list[float]
    logits: Float[Tensor, "steps V"] | None


def require_supported(config: SearchConfig, name: str) -> None:
    """Refuse settings that ``generate`` has no counterpart of.

    Raises:
        SettingError: the search cannot be done with this model.
    """
    if config.search in ("diverse", "consensus"):
        raise SettingError(
            f"--search {config.search} is not available for {name}; use greedy, beam or sample"
        )
    if config.search == "beam" and config.length_norm == "gnmt":
        raise SettingError(f"--length-norm gnmt is not available for {name}; use sum or mean")
    for setting in UNSUPPORTED:
        if getattr(config, setting):
            option = setting.replace("_", "-")
            raise SettingError(f"--{option} is not available for {name}; leave it out")


def generate(
    loaded: Loaded,
    inputs: dict[str, Tensor],
    config: SearchConfig,
    language: Language,
    *,
    stop: Stop | None = None,
    report: Callable[[list[int]], None] | None = None,
    with_logits: bool = False,
) -> list[list[Generated]]:
    """Generate the hypotheses of each picture of a batch, best first.

    Args:
        loaded: the model.
        inputs: what its processor made of pictures and prompt.
        config: the search.
        language: language in which words are counted.
        stop: called after each step; True cancels.
        report: receives the tokens of a single greedy or sampled hypothesis as they grow.
        with_logits: keep the scores of all tokens.

    Raises:
        StoppedError: ``stop`` returned True.
    """
    import transformers

    stopping = _Stop(stop, report)
    filters = transformers.LogitsProcessorList([WordFilter(loaded, config, language)])
    devices = [loaded.device] if loaded.device.type == "cuda" else []
    with quiet(transformers), torch.random.fork_rng(devices), torch.inference_mode():
        torch.manual_seed(config.seed)
        output = loaded.model.generate(
            **inputs,
            **_arguments(loaded, config),
            logits_processor=filters,
            stopping_criteria=transformers.StoppingCriteriaList([stopping]),
            return_dict_in_generate=True,
            output_logits=True,
        )
    if stopping.stopped:
        raise StoppedError("captioning was cancelled by its caller between two decoding steps")
    ends = end_tokens(loaded)
    special = sorted(set(loaded.tokenizer.all_special_ids) - ends)
    found = _hypotheses(output, ends, special, with_logits)
    pictures = len(found) // config.n_best
    return [found[n * config.n_best : (n + 1) * config.n_best] for n in range(pictures)]


def most_pictures(loaded: Loaded, config: SearchConfig) -> int:
    """Return how many pictures fit in a batch: the scores of all tokens are kept at each step."""
    words = loaded.model.config.get_text_config(decoder=True).vocab_size
    rows = config.beam_size if config.search == "beam" else config.n_best
    picture = rows * TOKENS_PER_WORD * config.max_words * words * SCORE_BYTES
    return max(1, MAX_SCORE_BYTES // picture)


def end_tokens(loaded: Loaded) -> set[int]:
    """Return the tokens that end a caption."""
    found: set[int] = set()
    text_config = loaded.model.config.get_text_config(decoder=True)
    for source in (loaded.model.generation_config, text_config):
        value = getattr(source, "eos_token_id", None)
        found |= set(value if isinstance(value, list) else [] if value is None else [value])
    if loaded.model_type == "blip":  # which ends at the separator
        found = {text_config.sep_token_id}
    return found


class WordFilter:
    """Lengths and banned endings, in words; a logits processor of transformers.

    No caption is empty.
    """

    def __init__(self, loaded: Loaded, config: SearchConfig, language: Language):
        self._loaded, self._config, self._language = loaded, config, language
        self._ends = sorted(end_tokens(loaded))
        self._prompt: int | None = None
        self._endings = [tuple(one.casefold().split()) for one in config.banned_endings]

    def __call__(
        self, input_ids: Int[Tensor, "K T"], scores: Float[Tensor, "K V"]
    ) -> Float[Tensor, "K V"]:
        """Exclude tokens, in place of the scores."""
        if self._prompt is None:
            self._prompt = input_ids.shape[1]
        config = self._config
        scores = scores.clone()
        for row, tokens in enumerate(input_ids[:, self._prompt :].tolist()):
            text = clean(self._loaded.tokenizer.decode(tokens, skip_special_tokens=True))
            words = [word.casefold() for word in split_words(text, self._language)]
            if len(words) > config.max_words:
                ends = scores[row, self._ends].clone()
                scores[row] = -torch.inf
                scores[row, self._ends] = ends.clamp_min(torch.finfo(ends.dtype).min)
            elif len(words) < max(1, config.min_words) or self._ends_badly(words):
                scores[row, self._ends] = -torch.inf
        return scores

    def _ends_badly(self, words: list[str]) -> bool:
        plain = [word.strip(".,;:!?") for word in words if word.strip(".,;:!?")]
        return any(tuple(plain[-len(ending) :]) == ending for ending in self._endings)


class _Stop:
    """Asks the caller after each step whether to go on; a stopping criterion of transformers."""

    def __init__(self, stop: Stop | None, report: Callable[[list[int]], None] | None):
        self._stop, self._report = stop, report
        self._prompt: int | None = None
        self.stopped = False

    def __call__(self, input_ids: Int[Tensor, "K T"], scores: Any, **_: Any) -> Tensor:
        """Return for each hypothesis whether it ends here."""
        if self._prompt is None:
            self._prompt = input_ids.shape[1] - 1
        if self._report is not None:
            self._report(input_ids[0, self._prompt :].tolist())
        self.stopped = self.stopped or (self._stop is not None and self._stop())
        return torch.full((len(input_ids),), self.stopped, device=input_ids.device)


def _arguments(loaded: Loaded, config: SearchConfig) -> dict[str, Any]:
    """Return the arguments of ``generate``; all that the model's own settings could change."""
    beams = config.beam_size if config.search == "beam" else 1
    sample = config.search == "sample"
    arguments: dict[str, Any] = {
        "num_beams": beams,
        "do_sample": sample,
        "num_return_sequences": config.n_best,
        "max_new_tokens": TOKENS_PER_WORD * config.max_words,
        "max_length": None,
        "min_length": 0,
        "repetition_penalty": 1.0,
        "no_repeat_ngram_size": config.no_repeat_ngram or 0,
    }
    if beams > 1:
        arguments |= {
            "length_penalty": 1.0 if config.length_norm == "mean" else 0.0,
            "early_stopping": False,
        }
    if sample:
        arguments |= {
            "temperature": config.temperature,
            "top_k": config.top_k or 0,
            "top_p": 1.0 if config.top_p is None else config.top_p,
        }
    if config.banned_words:
        arguments["bad_words_ids"] = _banned(loaded.tokenizer, config.banned_words)
    return arguments


def _banned(tokenizer: Any, phrases: tuple[str, ...]) -> list[list[int]]:
    """Return the token sequences of phrases: at the start and inside, in any usual case."""
    found: dict[tuple[int, ...], None] = {}
    for phrase in phrases:
        for cased in (phrase, phrase.lower(), phrase.capitalize(), phrase.upper()):
            for text in (cased, f" {cased}"):
                found[tuple(tokenizer(text, add_special_tokens=False).input_ids)] = None
    return [list(tokens) for tokens in found if tokens]


def _hypotheses(
    output: Any, ends: set[int], special_ids: list[int], with_logits: bool
) -> list[Generated]:
    """Cut prompts and ends off, and follow each hypothesis through the beams."""
    sequences: Tensor = output.sequences
    special = torch.tensor(special_ids, device=sequences.device)
    steps = len(output.logits)
    beams: Tensor | None = getattr(output, "beam_indices", None)
    if beams is None:
        rows = torch.arange(len(sequences), device=sequences.device)[:, None].expand(-1, steps)
        longest = steps
    else:
        rows = beams.clamp_min(0)
        longest = int((beams >= 0).sum(dim=1).max())
    generated = sequences[:, sequences.shape[1] - longest :]
    found = []
    for number, tokens in enumerate(generated.tolist()):
        length = next((n + 1 for n, token in enumerate(tokens) if token in ends), len(tokens))
        chosen = torch.stack([output.logits[t][rows[number, t]] for t in range(length)]).float()
        picked = torch.tensor(tokens[:length], device=chosen.device)
        log_probs = chosen.log_softmax(dim=-1).gather(1, picked[:, None])[:, 0]
        log_probs[torch.isin(picked, special)] = 0  # tokens that were forced and are no text
        ended = tokens[length - 1] in ends
        found.append(
            Generated(
                tokens=tokens[: length - ended],
                log_probs=log_probs.tolist(),
                logits=chosen if with_logits else None,
            )
        )
    return found
