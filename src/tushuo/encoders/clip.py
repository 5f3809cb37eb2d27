"""A CLIP or SigLIP model of transformers, which embeds pictures and texts in one space.

- CLIP: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
  2021.
- SigLIP: Zhai et al., "Sigmoid Loss for Language Image Pre-Training", 2023. SigLIP 2: Tschannen et
  al., "SigLIP 2: Multilingual Vision-Language Encoders", 2025.

Only safetensors are opened, and no code of a repository is run. A picture's embedding is returned
as a single region, so that `Regions` can read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any, Literal, final

import msgspec
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from tushuo.device import device_of, full_float32, require_device
from tushuo.encoders.hub import model_folder
from tushuo.encoders.huggingface import Preprocessing
from tushuo.errors import MissingPartError, WeightsError
from tushuo.runtime import Progress

BATCH_CAPTIONS = 64
# What transformers raises for files that are damaged or of another model.
UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError
)  # fmt: skip
Family = Literal["clip", "siglip"]
FAMILIES: dict[str, Family] = {"clip": "clip", "siglip": "siglip", "siglip2": "siglip"}


@dataclass(frozen=True, kw_only=True)
class ClipParts:
    """What a folder holds: the network, its tokenizer, and how pictures are prepared."""

    model: Any
    tokenizer: Any
    preprocessing: Preprocessing
    patch: int | None  # side of the patches that the network expects pictures cut into; None: whole


@final
class ClipEncoder:
    """A frozen CLIP or SigLIP model; embeddings have length 1.

    Attributes:
        family: ``clip``, trained by a softmax over the texts of a batch, or ``siglip``, trained by
            a sigmoid of each pair.
        scale: factor of a cosine similarity in the model's logits.
        bias: what SigLIP adds to it; of CLIP 0.
    """

    def __init__(self, name: str, parts: ClipParts, device: str | torch.device = "cpu"):
        self._model = parts.model.float().eval().requires_grad_(False)
        self._tokenizer, self._preprocessing = parts.tokenizer, parts.preprocessing
        self._patch = parts.patch
        config = self._model.config
        self._max_tokens = config.text_config.max_position_embeddings
        self.family = FAMILIES[config.model_type]
        self.scale = float(self._model.logit_scale.exp())
        self.bias = float(self._model.logit_bias) if self.family == "siglip" else 0.0
        width = self.captions(["a"]).shape[1]
        self.spec = self._preprocessing.spec(name, self._model, rows=1, columns=1, width=width)
        self._model.to(device)

    @torch.inference_mode()
    @full_float32()
    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Embed square RGB pictures, 0 to 255."""
        pixels = self._preprocessing.pixels(pictures.to(device_of(self._model)))
        inputs = {"pixel_values": pixels} if self._patch is None else _cut(pixels, self._patch)
        pooled = self._model.get_image_features(**inputs).pooler_output
        return nn.functional.normalize(pooled, dim=1)[:, None]

    @torch.inference_mode()
    @full_float32()
    def captions(
        self, captions: Sequence[str], *, progress: Progress | None = None
    ) -> Float[Tensor, "C D"]:
        """Embed captions, truncated to the model's maximal length."""
        embeddings = []
        for start in range(0, len(captions), BATCH_CAPTIONS):
            embeddings.append(self._embed(captions[start : start + BATCH_CAPTIONS]))
            if progress is not None:
                progress(min(start + BATCH_CAPTIONS, len(captions)), len(captions))
        return torch.cat(embeddings)

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return device_of(self._model)

    def token_ids(self, text: str) -> list[int]:
        """Return the ids of a text's tokens, without special tokens at its ends."""
        ids: list[int] = self._tokenizer(self._prepare(text), add_special_tokens=False)["input_ids"]
        return ids

    @property
    def unknown_token(self) -> int | None:
        """Id of the token for what the tokenizer does not know; None where it knows all."""
        special = {self._tokenizer.eos_token_id, self._tokenizer.bos_token_id}
        unknown: int | None = self._tokenizer.unk_token_id
        return None if unknown in special else unknown

    def _embed(self, captions: Sequence[str]) -> Float[Tensor, "C D"]:
        # SigLIP has learned with texts of full length, whose padding is attended to.
        full = self.family == "siglip"
        tokens = self._tokenizer(
            [self._prepare(caption) for caption in captions],
            padding="max_length" if full else True,
            truncation=True, max_length=self._max_tokens, return_tensors="pt",
        ).to(device_of(self._model))  # fmt: skip
        inputs = {"input_ids": tokens["input_ids"]}
        if not full:
            inputs["attention_mask"] = tokens["attention_mask"]
        pooled = self._model.get_text_features(**inputs).pooler_output
        return nn.functional.normalize(pooled, dim=1)

    def _prepare(self, text: str) -> str:
        """Return a text as the model has learned them: SigLIP's are in lower case."""
        return text.lower() if self.family == "siglip" else text


def _cut(pixels: Float[Tensor, "P 3 side side"], patch: int) -> dict[str, Tensor]:
    """Cut pictures into patches, each with its rows, columns and colours in this order."""
    pictures, rows = len(pixels), pixels.shape[-1] // patch
    cut = pixels.reshape(pictures, 3, rows, patch, rows, patch).permute(0, 2, 4, 3, 5, 1)
    whole = torch.ones(pictures, rows * rows, dtype=torch.int32, device=pixels.device)
    shapes = torch.full((pictures, 2), rows, device=pixels.device)
    return {
        "pixel_values": cut.reshape(pictures, rows * rows, -1),
        "pixel_attention_mask": whole,
        "spatial_shapes": shapes,
    }


def load(source: Path | str, *, device: str | torch.device = "cpu") -> ClipEncoder:
    """Load a CLIP or SigLIP model.

    Args:
        source: its folder, or ``hf:`` followed by a folder or by a repository of the Hugging Face
            hub, which is downloaded if the hub's cache on this machine lacks it.
        device: where it runs, such as ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        MissingPartError: transformers, or what the model's tokenizer requires, is not installed.
        WeightsError: there is no such model, it has no text tower, or no safetensors.
        SettingError: the device is not available.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingPartError(
            "CLIP and SigLIP models require transformers; install it with: "
            "pip install 'tushuo[huggingface]'"
        ) from error
    checked_device = require_device(device)
    folder = model_folder(source)
    try:
        name = f"clip:{folder.name}"
        return ClipEncoder(name, _read(folder, transformers), checked_device)
    except ImportError as error:  # of SigLIP's first tokenizer
        raise MissingPartError(
            f"{source} requires a library that is not installed: {_first_sentence(error)}; "
            "SigLIP's tokenizer requires: pip install sentencepiece protobuf"
        ) from error
    except UNREADABLE as error:
        raise WeightsError(
            f"{source} cannot be opened as a CLIP or SigLIP model: {_first_sentence(error)}; "
            "expected a folder or repository with config.json, model.safetensors, "
            "preprocessor_config.json and tokenizer.json, such as openai/clip-vit-base-patch32 or "
            "google/siglip2-base-patch16-224"
        ) from error


def _first_sentence(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].partition(". ")[0]


def _read(folder: Path, transformers: Any) -> ClipParts:
    """Read a model's parts; errors are those of transformers, or a ValueError."""
    from transformers.image_processing_base import ImageProcessingMixin

    place, local = str(folder), {"local_files_only": True}
    config = transformers.AutoConfig.from_pretrained(place, trust_remote_code=False, **local)
    if config.model_type not in FAMILIES:
        both = hasattr(config, "text_config") and hasattr(config, "vision_config")
        lack = "is neither of them" if both else "does not have both a picture and a text tower"
        raise ValueError(f"its model type {config.model_type} {lack}")
    if not any(folder.glob("*.safetensors")):
        raise ValueError(
            "it has no safetensors, and other weights, which can run code, are refused"
        )
    settings, _ = ImageProcessingMixin.get_image_processor_dict(place, **local)
    patch = None
    if config.model_type == "siglip2":  # any proportions, of which we take the square
        patch = settings.get("patch_size", config.vision_config.patch_size)
        settings["size"] = patch * isqrt(settings.get("max_num_patches", 256))
    model, report = transformers.AutoModel.from_pretrained(
        place, use_safetensors=True, trust_remote_code=False, output_loading_info=True, **local
    )
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"its weights lack {len(missing)} tensors, such as {missing[0]}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(place, trust_remote_code=False, **local)
    preprocessing = msgspec.convert(settings, Preprocessing)
    return ClipParts(model=model, tokenizer=tokenizer, preprocessing=preprocessing, patch=patch)
