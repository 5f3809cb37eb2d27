"""A CLIP model of transformers, which embeds pictures and captions in one space.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021. Only
a local folder with safetensors is opened. A picture's embedding is returned as a single region, so
that `Regions` can read it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import msgspec
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from tushuo.device import device_of, full_float32, require_device
from tushuo.encoders.huggingface import Preprocessing
from tushuo.errors import MissingPartError, WeightsError

BATCH_CAPTIONS = 64


@final
class ClipEncoder:
    """A frozen CLIP model; embeddings have length 1."""

    def __init__(
        self,
        name: str,
        model: nn.Module,
        tokenizer: Any,
        preprocessing: Preprocessing,
        width: int,
        device: str | torch.device = "cpu",
    ):
        self._model: Any = model.float().eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._preprocessing = preprocessing
        self.spec = preprocessing.spec(name, model, rows=1, columns=1, width=width)
        model.to(device)

    @torch.inference_mode()
    @full_float32()
    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Embed square RGB pictures, 0 to 255."""
        pixels = self._preprocessing.pixels(pictures.to(device_of(self._model)))
        pooled = self._model.vision_model(pixel_values=pixels).pooler_output
        return nn.functional.normalize(self._model.visual_projection(pooled), dim=1)[:, None]

    @torch.inference_mode()
    def captions(self, captions: Sequence[str]) -> Float[Tensor, "C D"]:
        """Embed captions, truncated to the model's maximal length."""
        starts = range(0, len(captions), BATCH_CAPTIONS)
        return torch.cat([self._embed(captions[n : n + BATCH_CAPTIONS]) for n in starts])

    def _embed(self, captions: Sequence[str]) -> Float[Tensor, "C D"]:
        tokens = self._tokenizer(
            list(captions), padding=True, truncation=True, return_tensors="pt",
            max_length=self._model.config.text_config.max_position_embeddings,
        ).to(device_of(self._model))  # fmt: skip
        mask = tokens["attention_mask"]
        output = self._model.text_model(input_ids=tokens["input_ids"], attention_mask=mask)
        return nn.functional.normalize(self._model.text_projection(output.pooler_output), dim=1)


def load(folder: Path, *, device: str | torch.device = "cpu") -> ClipEncoder:
    """Load a CLIP model from a folder.

    Raises:
        MissingPartError: transformers is not installed.
        WeightsError: the folder holds no CLIP model, or none with safetensors.
        SettingError: the device is not available.
    """
    try:
        from transformers import CLIPModel, CLIPTokenizerFast
        from transformers.image_processing_base import ImageProcessingMixin
    except ImportError as error:
        raise MissingPartError(
            "CLIPScore requires transformers; install it with: pip install 'tushuo[huggingface]'"
        ) from error
    checked_device = require_device(device)
    source = str(folder)
    try:
        if not folder.is_dir():
            raise OSError("no such folder")
        settings, _ = ImageProcessingMixin.get_image_processor_dict(source, local_files_only=True)
        preprocessing = msgspec.convert(settings, Preprocessing)
        tokenizer = CLIPTokenizerFast.from_pretrained(source, local_files_only=True)
        model = CLIPModel.from_pretrained(source, use_safetensors=True, local_files_only=True)
        width = model.config.projection_dim
        name = f"clip:{folder.name}"
        return ClipEncoder(name, model, tokenizer, preprocessing, width, checked_device)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0]
        raise WeightsError(
            f"{folder} cannot be opened as a CLIP model: {reason}; expected a folder with "
            "config.json, model.safetensors, preprocessor_config.json and tokenizer.json, such as "
            "a copy of openai/clip-vit-base-patch32"
        ) from error
