"""Tokenizers of the kinds that captioning models use, trained on the spot on a few captions.

Each function returns a tokenizer of transformers; its vocabulary holds the special tokens first,
then the pieces of ``CAPTIONS``. Every word of the captions is one token, so that even random
weights produce readable words; Chinese characters are there too.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertTokenizer,
    LlamaTokenizer,
    PreTrainedTokenizerBase,
    T5Tokenizer,
    XLMRobertaTokenizer,
)

CAPTIONS = (
    "a black dog runs over the green grass",
    "two children play with a red ball on the beach",
    "a man in a blue shirt rides a bicycle down the street",
    "a woman and a girl sit on a wooden bench near the water",
    "a brown horse jumps over a white fence",
    "three people stand in front of an old building",
    "the boy is holding a small yellow kite",
    "a picture of a cat that sleeps under the table",
    "一 只 黑 狗 在 草 地 上 奔 跑",
    "两 个 孩 子 在 玩 球",
)
WORDS = sorted({word for caption in CAPTIONS for word in caption.split()})
TEXTS = [*CAPTIONS, *(f" {word}" for word in WORDS)]  # with a space in front, as within a caption

BYTES = [f"<0x{number:02X}>" for number in range(256)]  # fallback of SentencePiece tokenizers


@cache
def byte_pairs(specials: tuple[str, ...]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a byte-level BPE, as of GPT-2."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        initial_alphabet=letters,
        special_tokens=list(specials),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return vocabulary_and_merges(tokenizer)


def vocabulary_and_merges(tokenizer: Tokenizer) -> tuple[dict[str, int], list[tuple[str, str]]]:
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def byte_level(kind: Any, specials: Sequence[str], **settings: Any) -> PreTrainedTokenizerBase:
    """Return a tokenizer of class ``kind`` on bytes: GPT-2, OPT, BART, Qwen2.

    Args:
        kind: class of transformers that takes ``vocab`` and ``merges``.
        specials: special tokens, which get the first ids.
        settings: further arguments of the class, such as which special token ends a text.
    """
    vocabulary, merges = byte_pairs(tuple(specials))
    return kind(vocab=vocabulary, merges=merges, **settings)


def sentence_piece(
    kind: Any = LlamaTokenizer,
    specials: Sequence[str] = ("<unk>", "<s>", "</s>"),
    **settings: Any,
) -> PreTrainedTokenizerBase:
    """Return a tokenizer on words with a space mark and byte fallback: Llama, Gemma."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=True)
    trainer = trainers.BpeTrainer(
        vocab_size=1000, special_tokens=[*specials, *BYTES], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    vocabulary, merges = vocabulary_and_merges(tokenizer)
    settings = {"add_bos_token": kind is LlamaTokenizer} | settings
    return kind(vocab=vocabulary, merges=merges, **settings)


def unigram(kind: Any, specials: Sequence[str], **settings: Any) -> PreTrainedTokenizerBase:
    """Return a tokenizer of scored words and letters: T5, XLM-RoBERTa."""
    letters = sorted({letter for word in WORDS for letter in word})
    pieces = [(special, 0.0) for special in specials]
    pieces += [(f"▁{word}", -3.0) for word in WORDS]
    pieces += [(letter, -8.0) for letter in ["▁", *letters]]
    return kind(vocab=pieces, **settings)


def t5() -> PreTrainedTokenizerBase:
    return unigram(T5Tokenizer, ("<pad>", "</s>", "<unk>"), extra_ids=0)


def xlm_roberta() -> PreTrainedTokenizerBase:
    return unigram(XLMRobertaTokenizer, ("<s>", "<pad>", "</s>", "<unk>"))


def bert() -> PreTrainedTokenizerBase:
    """Return a WordPiece tokenizer, which ignores case."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted({letter for word in WORDS for letter in word})
    pieces = [*specials, *WORDS, *(letter for letter in letters if letter not in WORDS)]
    pieces += [f"##{letter}" for letter in letters]
    return BertTokenizer(vocab={piece: number for number, piece in enumerate(pieces)})


def word_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids of the tokens that are whole words, within a caption."""
    special = set(tokenizer.all_special_ids)
    return [
        number
        for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        if number not in special and is_word(tokenizer.convert_tokens_to_string(["a", token])[1:])
    ]


def is_word(text: str) -> bool:
    return text.startswith(" ") and text.strip() in WORDS
