"""What the tiny captioning models share: sizes, and the files of a repository."""

from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

SIDE, PATCH, WIDTH = 32, 8, 32
LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 2}
SIZES = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, **LAYERS}
VISION = {**SIZES, "num_hidden_layers": 1, "image_size": SIDE, "patch_size": PATCH}
HALF = [0.5, 0.5, 0.5]


@dataclass
class Parts:
    """What a repository holds.

    Attributes:
        model: the model, whose weights are drawn anew.
        tokenizer: the tokenizer; all its files go into the folder.
        end: id of the token that ends a caption.
        files: further JSON or text files by name.
        tokenizers: further tokenizers by subfolder.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    end: int
    files: dict[str, Any]
    tokenizers: dict[str, PreTrainedTokenizerBase] = field(default_factory=dict)


def image_processor(kind: str, processor: str | None = None, **settings: Any) -> dict[str, Any]:
    """Content of preprocessor_config.json, with the class names that repositories have."""
    content: dict[str, Any] = {"image_processor_type": kind}
    if processor is not None:
        content["processor_class"] = processor
    content |= {"do_resize": True, "do_normalize": True, "do_rescale": True, "resample": 3}
    content |= {"size": {"height": SIDE, "width": SIDE}, "image_mean": HALF, "image_std": HALF}
    return content | settings


def clip_images(processor: str, **settings: Any) -> dict[str, Any]:
    square = {"height": SIDE, "width": SIDE}
    crop = {"do_center_crop": True, "crop_size": square, "size": {"shortest_edge": SIDE}}
    return image_processor("CLIPImageProcessor", processor, **(crop | settings))


def llama(tokenizer: PreTrainedTokenizerBase, kind: str = "llama") -> dict[str, Any]:
    """Settings of a language model with the special tokens of its tokenizer."""
    return {
        **SIZES, "model_type": kind, "vocab_size": len(tokenizer), "num_key_value_heads": 1,
        "max_position_embeddings": 512, "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
