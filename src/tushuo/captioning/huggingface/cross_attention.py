"""Cross-attention of encoder-decoder models over the picture, as maps of their patches."""

from math import isqrt
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tushuo.captioning.huggingface.loading import WITH_CROSS_ATTENTION, Loaded
from tushuo.encoders.spec import FieldOfView

MAX_EXTRA_TOKENS = 1  # a class token before the patches


@torch.inference_mode()
def attention_of(
    loaded: Loaded, inputs: dict[str, Tensor], row: int, tokens: list[int]
) -> Float[Tensor, "T rows columns"] | None:
    """Return the attention of each token over the picture, each map summing to 1.

    The mean over all layers and heads, in a second pass over the whole caption. None for models
    without cross-attention to a grid of patches.
    """
    if loaded.model_type not in WITH_CROSS_ATTENTION or not tokens:
        return None
    pixels = inputs["pixel_values"][row : row + 1]
    words = torch.tensor([tokens], device=loaded.device)
    maps = (
        _blip(loaded.model, pixels, words)
        if loaded.model_type == "blip"
        else _pair(loaded.model, pixels, words)
    )
    weights = torch.stack(maps).float().mean(dim=(0, 2))[0]  # layers, heads
    patches = isqrt(weights.shape[1])
    extra = weights.shape[1] - patches * patches
    if extra > MAX_EXTRA_TOKENS:
        return None
    grid = weights[:, extra:].reshape(len(weights), patches, patches)
    return grid / grid.sum(dim=(1, 2), keepdim=True)


def field_of_view(processor: Any) -> FieldOfView:
    """Return the part of a picture that the image processor keeps."""
    images = getattr(processor, "image_processor", processor)
    if not getattr(images, "do_center_crop", False):
        return FieldOfView()
    size, crop = dict(images.size), dict(images.crop_size)
    short = size.get("shortest_edge") or min(size.values())
    return FieldOfView(crop=min(1.0, min(crop.values()) / short))


def _blip(model: Any, pixels: Tensor, words: Int[Tensor, "1 T"]) -> tuple[Tensor, ...]:
    regions = model.vision_model(pixel_values=pixels).last_hidden_state
    begin = words.new_full((1, 1), model.config.text_config.bos_token_id)
    output = model.text_decoder(
        input_ids=torch.cat([begin, words[:, :-1]], dim=1),
        encoder_hidden_states=regions,
        output_attentions=True,
    )
    maps: tuple[Tensor, ...] = output.cross_attentions
    return maps


def _pair(model: Any, pixels: Tensor, words: Int[Tensor, "1 T"]) -> tuple[Tensor, ...]:
    begin = words.new_full((1, 1), model.config.decoder_start_token_id)
    output = model(
        pixel_values=pixels,
        decoder_input_ids=torch.cat([begin, words[:, :-1]], dim=1),
        output_attentions=True,
    )
    maps: tuple[Tensor, ...] = output.cross_attentions
    return maps
