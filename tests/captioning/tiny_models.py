"""Tiny captioning models of transformers with random weights, in folders like real repositories."""

import json
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from tests.captioning.tiny_chat_models import CHAT_BUILDERS
from tests.captioning.tiny_parts import Parts
from tests.captioning.tiny_plain_models import BUILDERS as PLAIN_BUILDERS
from tests.captioning.tiny_tokenizers import word_ids

BUILDERS = PLAIN_BUILDERS | CHAT_BUILDERS
# Seeds found by trial: captions of several words that differ between pictures and end at different
# steps.
SEEDS = {
    "vision-encoder-decoder": 9, "blip": 1, "blip-2": 8, "instructblip": 10, "git": 6,
    "pix2struct": 0, "florence2": 12, "kosmos-2": 17, "paligemma": 9, "smolvlm": 7,
    "idefics3": 10, "qwen2_vl": 9, "llava_onevision": 5, "llava": 8,
}  # fmt: skip


def build(family: str, folder: Path, seed: int = 0) -> Path:
    """Write a tiny model of a family into a folder; the same seed gives the same weights.

    Args:
        family: one of ``BUILDERS``.
        folder: an empty folder.
        seed: another seed gives other weights, whose captions may be dull.
    """
    with torch.random.fork_rng():
        torch.manual_seed(SEEDS[family] + 1000 * seed)
        parts = BUILDERS[family]()
        draw_weights(parts)
    parts.model.save_pretrained(folder)
    parts.tokenizer.save_pretrained(folder)
    for name, tokenizer in parts.tokenizers.items():
        tokenizer.save_pretrained(folder / name)
    for name, content in parts.files.items():
        text = content if isinstance(content, str) else json.dumps(content, indent=2)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    return folder


@torch.no_grad()
def draw_weights(parts: Parts) -> None:
    """Draw weights large enough that captions differ between pictures and words seldom repeat."""
    model = parts.model
    output = getattr(model, "text_decoder", model).get_output_embeddings().weight
    embeddings = [part.weight for part in model.modules() if isinstance(part, nn.Embedding)]
    # Where the output layer is the embedding too, the last word is likely again: layers must change
    # it more.
    tied = any(output is weight for weight in embeddings)
    gain, spread = (3, 0.5) if tied else (2, 1)
    for path, module in model.named_modules():
        if "norm" in type(module).__name__.lower():
            continue
        for name, weight in module.named_parameters(recurse=False):
            if isinstance(module, nn.Embedding):
                weight.normal_(std=spread)
            elif name == "bias":
                weight.normal_(std=0.1)
            else:
                own = 1 if "attn" in path or "attention" in path else gain
                weight.normal_(std=own / math.sqrt(weight[0].numel()))
    scale = torch.full((len(output), 1), 0.2)  # pieces of words and special tokens are rare
    scale[word_ids(parts.tokenizer)] = 1
    scale[parts.end] = 2
    output.mul_(scale)


def picture(height: int, width: int, seed: int) -> Image.Image:
    """Draw a picture of four colours that blend, with noise."""
    random = np.random.default_rng(seed)
    colours = Image.fromarray(random.integers(0, 256, (2, 2, 3), dtype=np.uint8))
    smooth = np.asarray(colours.resize((width, height), Image.Resampling.BILINEAR), dtype=float)
    noisy = smooth + random.normal(0, 25, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
