"""Tiny models of pictures and texts with random weights, as transformers saves them."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

transformers: Any = pytest.importorskip(
    "transformers", reason="requires pip install 'tushuo[huggingface]'"
)
tokenizers: Any = pytest.importorskip("tokenizers", reason="comes with transformers")

Kind = Literal["clip", "siglip", "siglip2"]
KINDS: tuple[Kind, ...] = ("clip", "siglip", "siglip2")
MAX_TOKENS = 40
TOWER = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
}  # fmt: skip
TEXTS = [
    "a photo of a red dog", "two boats on the sea", "a picture of a cat", "people in a park",
    "a photo depicts something large", "the quick brown fox jumps over lazy hounds",
]  # fmt: skip
PICTURES: dict[str, dict[str, object]] = {
    "clip": {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32}, "resample": 3,
        "do_center_crop": True, "crop_size": {"height": 32, "width": 32},
        "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28],
    },
    "siglip": {
        "image_processor_type": "SiglipImageProcessor", "size": {"height": 32, "width": 32},
        "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    },
    "siglip2": {
        "image_processor_type": "Siglip2ImageProcessor", "patch_size": 8, "max_num_patches": 16,
        "resample": 2, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    },
}  # fmt: skip


def save_model(folder: Path, kind: Kind) -> Path:
    """Save a model, its tokenizer and its settings of pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _save_clip_tokenizer(folder) if kind == "clip" else _save_tokenizer(folder)
    torch.manual_seed(0)
    text = {**TOWER, "vocab_size": vocabulary, "max_position_embeddings": MAX_TOKENS}
    if kind == "clip":
        text |= {"bos_token_id": vocabulary - 2, "eos_token_id": vocabulary - 1}
        vision = {**TOWER, "image_size": 32, "patch_size": 8}
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
        model = transformers.CLIPModel(config)
    elif kind == "siglip":
        vision = {**TOWER, "image_size": 32, "patch_size": 8}
        config = transformers.SiglipConfig(text_config=text, vision_config=vision)
        model = transformers.SiglipModel(config)
    else:
        vision = {**TOWER, "num_patches": 9, "patch_size": 8}
        config = transformers.Siglip2Config(text_config=text, vision_config=vision)
        model = transformers.Siglip2Model(config)
    if kind != "clip":
        model.logit_scale.data.fill_(1.5)
        model.logit_bias.data.fill_(-2.0)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PICTURES[kind]))
    return folder


def _save_clip_tokenizer(folder: Path) -> int:
    """Save a tokenizer that knows the letters, and return the number of its tokens."""
    letters = [chr(n) for n in range(97, 123)]
    words = [*letters, *(f"{one}</w>" for one in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: n for n, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    transformers.CLIPTokenizerFast(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt")
    ).save_pretrained(folder)
    return len(words)


def _save_tokenizer(folder: Path) -> int:
    """Train a small unigram tokenizer that knows no capitals, and return its size."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    trainer = tokenizers.trainers.UnigramTrainer(
        vocab_size=80, special_tokens=["</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 0)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</s>", pad_token="</s>", unk_token="<unk>",
        model_input_names=["input_ids"], model_max_length=MAX_TOKENS,
    ).save_pretrained(folder)  # fmt: skip
    return int(tokenizer.get_vocab_size())
