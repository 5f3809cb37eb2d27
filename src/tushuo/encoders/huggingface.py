"""Any vision model of Hugging Face: ``hf:`` followed by a folder or a repository of the hub.

The regions of a vision transformer (ViT, DINOv2, the vision towers of CLIP and SigLIP) are its
patches, without class and register tokens; those of a convolutional network (ConvNeXt, ResNet) are
its last feature map. Resizing and normalisation follow the model's ``preprocessor_config.json``,
which is read here because transformers' own image processors require torchvision. Only safetensors
are loaded, and no code of a repository is ever run.
"""

import hashlib
from math import isqrt
from pathlib import Path
from typing import Any, Literal, final

import msgspec
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from tushuo.device import device_of, full_float32
from tushuo.encoders.spec import EncoderSpec
from tushuo.errors import MissingPartError, SettingError, WeightsError
from tushuo.runtime import Progress

MAX_EXTRA_TOKENS = 16  # class and register tokens before the patches
FILTERS: dict[int, Literal["antialias", "bicubic"]] = {2: "antialias", 3: "bicubic"}  # as in Pillow


class Preprocessing(msgspec.Struct):
    """The fields of ``preprocessor_config.json`` that determine the regions."""

    size: int | dict[str, int] = 224
    crop_size: int | dict[str, int] | None = None
    do_center_crop: bool = False
    crop_pct: float | None = None
    resample: int = 2
    rescale_factor: float = 1 / 255
    do_normalize: bool = True
    image_mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    image_std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def sides(self) -> tuple[int, int | None]:
        """Return the side of the square, and of the short side before a crop; None: no crop."""
        size = _side(self.size)
        if self.crop_pct is not None and size < 384:  # ConvNeXt: 384 and more are squashed
            return size, round(size / self.crop_pct)
        if self.do_center_crop and self.crop_size is not None:
            return _side(self.crop_size), size
        return size, None

    def pixels(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P 3 side side"]:
        """Rescale and normalise pixels, 0 to 255, as the model expects."""
        x = pictures * self.rescale_factor
        if not self.do_normalize:
            return x
        mean = x.new_tensor(self.image_mean)[:, None, None]
        std = x.new_tensor(self.image_std)[:, None, None]
        return (x - mean) / std

    def spec(
        self, name: str, model: nn.Module, *, rows: int, columns: int, width: int
    ) -> EncoderSpec:
        """Return the spec of an encoder with this preprocessing."""
        side, short_side = self.sides()
        return EncoderSpec(
            name=name,
            side=side,
            resize="squash" if short_side is None else "crop",
            resize_side=short_side,
            filter=FILTERS.get(self.resample, "antialias"),
            rows=rows,
            columns=columns,
            width=width,
            weights=_hash(model, self),
        )


def _side(size: int | dict[str, int]) -> int:
    if isinstance(size, int):
        return size
    return size.get("shortest_edge") or size["height"]


@final
class HuggingFaceEncoder:
    """A frozen vision model of transformers."""

    def __init__(
        self,
        name: str,
        model: nn.Module,
        config: Any,
        preprocessing: Preprocessing,
        device: str | torch.device = "cpu",
    ):
        self._model = model.float().eval().requires_grad_(False)
        self._preprocessing = preprocessing
        side, _ = preprocessing.sides()
        self._patch_rows = side // getattr(config, "patch_size", side)
        shape = self._grid(torch.zeros(1, 3, side, side)).shape
        self.spec = preprocessing.spec(name, model, rows=shape[1], columns=shape[2], width=shape[3])
        model.to(device)

    @torch.inference_mode()
    @full_float32()
    def __call__(self, pictures: UInt8[Tensor, "P 3 side side"]) -> Float[Tensor, "P R D"]:
        """Encode square RGB pictures, 0 to 255."""
        pixels = self._preprocessing.pixels(pictures.to(device_of(self._model)))
        return self._grid(pixels).flatten(1, 2)

    @torch.inference_mode()
    def _grid(self, x: Float[Tensor, "P 3 side side"]) -> Float[Tensor, "P rows columns D"]:
        hidden: Tensor = self._model(pixel_values=x).last_hidden_state
        if hidden.ndim == 4:  # a convolutional network: (P, D, rows, columns)
            return hidden.permute(0, 2, 3, 1)
        tokens = hidden.shape[1]
        rows = self._patch_rows
        if not 0 <= tokens - rows * rows <= MAX_EXTRA_TOKENS:
            rows = isqrt(tokens)  # the layers merge patches (Swin)
        return hidden[:, tokens - rows * rows :].reshape(len(hidden), rows, rows, -1)


def load(
    name: str,
    weights: Path | None = None,
    progress: Progress | None = None,
    device: str | torch.device = "cpu",
) -> HuggingFaceEncoder:
    """Load ``hf:FOLDER`` or ``hf:OWNER/MODEL``; downloads from the hub only with ``progress``.

    Raises:
        MissingPartError: transformers is not installed.
        WeightsError: there is no such model, it is not a vision model, or has no safetensors.
        SettingError: ``weights`` was given; the folder determines the weights.
    """
    if weights:
        raise SettingError(
            f"--weights cannot be combined with {name}; name the model's folder after hf:"
        )
    try:
        from transformers import AutoModel
        from transformers.image_processing_base import ImageProcessingMixin
    except ImportError as error:
        raise MissingPartError(
            f"encoder {name} requires transformers; "
            "install it with: pip install 'tushuo[huggingface]'"
        ) from error
    source = name.removeprefix("hf:")
    local = progress is None
    try:
        settings, _ = ImageProcessingMixin.get_image_processor_dict(source, local_files_only=local)
        preprocessing = msgspec.convert(settings, Preprocessing)
        model = AutoModel.from_pretrained(source, use_safetensors=True, local_files_only=local)
        model = getattr(model, "vision_model", model)  # of CLIP and SigLIP
        return HuggingFaceEncoder(name, model, model.config, preprocessing, device)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0]
        raise WeightsError(
            f"{name} cannot be opened as a vision model: {reason}; expected a folder, or a "
            "repository that can be reached, with config.json, preprocessor_config.json and "
            "model.safetensors; offline, use --encoder efficientnet_lite2"
        ) from error


def _hash(model: nn.Module, preprocessing: Preprocessing) -> str:
    """Hash all weights and the preprocessing to 16 hex digits."""
    digest = hashlib.sha256(msgspec.json.encode(preprocessing))
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()[:16]
