"""A CLIP model of transformers: pictures and captions in one space.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021. Only
a local folder with safetensors is opened. A picture is one region here, so that all that reads
regions reads it too.
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

BATCH = 64  # captions at a time


@final
class ClipEncoder:
    """A frozen CLIP model; vectors have length 1."""

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
        """Encode square RGB pictures, 0 to 255."""
        pixels = self._preprocessing.pixels(pictures.to(device_of(self._model)))
        seen = self._model.vision_model(pixel_values=pixels).pooler_output
        return nn.functional.normalize(self._model.visual_projection(seen), dim=1)[:, None]

    @torch.inference_mode()
    def captions(self, captions: Sequence[str]) -> Float[Tensor, "C D"]:
        """Encode captions; what is longer than the model reads is cut off."""
        parts = [self._read(captions[n : n + BATCH]) for n in range(0, len(captions), BATCH)]
        return torch.cat(parts)

    def _read(self, captions: Sequence[str]) -> Float[Tensor, "C D"]:
        words = self._tokenizer(
            list(captions), padding=True, truncation=True, return_tensors="pt",
            max_length=self._model.config.text_config.max_position_embeddings,
        ).to(device_of(self._model))  # fmt: skip
        mask = words["attention_mask"]
        read = self._model.text_model(input_ids=words["input_ids"], attention_mask=mask)
        return nn.functional.normalize(self._model.text_projection(read.pooler_output), dim=1)


def load(folder: Path, *, device: str | torch.device = "cpu") -> ClipEncoder:
    """Load a CLIP model from a folder.

    Raises:
        MissingPartError: transformers is not installed.
        WeightsError: there is no such model there, or it has no safetensors.
        SettingError: the device is not available.
    """
    try:
        from transformers import CLIPModel, CLIPTokenizerFast
        from transformers.image_processing_base import ImageProcessingMixin
    except ImportError as error:
        raise MissingPartError(
            "CLIPScore wants transformers; install it with: pip install 'tushuo[huggingface]'"
        ) from error
    chosen = require_device(device)
    place = str(folder)
    try:
        if not folder.is_dir():
            raise OSError("it is not a folder")
        settings, _ = ImageProcessingMixin.get_image_processor_dict(place, local_files_only=True)
        preprocessing = msgspec.convert(settings, Preprocessing)
        tokenizer = CLIPTokenizerFast.from_pretrained(place, local_files_only=True)
        model = CLIPModel.from_pretrained(place, use_safetensors=True, local_files_only=True)
        width = model.config.projection_dim
        return ClipEncoder(f"clip:{folder.name}", model, tokenizer, preprocessing, width, chosen)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{folder} cannot be opened as a CLIP model: {told}; expected a folder with "
            "config.json, model.safetensors, preprocessor_config.json and tokenizer.json, such as "
            "a copy of openai/clip-vit-base-patch32"
        ) from error
