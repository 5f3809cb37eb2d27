"""Prepare pictures and texts with transformers' processors, without torchvision.

Image processors then use Pillow. Processors that can also prepare videos insist on a video
processor, which needs torchvision; it is left out, since pictures alone are captioned.
"""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from torch import Tensor

if TYPE_CHECKING:
    from tushuo.captioning.huggingface.loading import Loaded

Inputs = dict[str, Tensor]
VIDEO = "video_processor"
UNUSED = {"git": ("token_type_ids",), "paligemma": ("labels",)}  # which generate refuses


def load_processor(folder: Path, model_type: str) -> tuple[Any, Any]:
    """Return what prepares pictures and prompts, and the tokenizer.

    Models without a processor of their own (ViT-GPT2) have an image processor and a tokenizer.
    """
    import transformers
    from transformers.utils import is_torchvision_available

    if model_type == "vision-encoder-decoder":
        images = transformers.AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        return images, transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    kind = _processor_class(model_type)
    if kind is not None and VIDEO in inspect.signature(kind.__init__).parameters:
        if not is_torchvision_available():
            kind = _for_pictures(kind)
        processor = kind.from_pretrained(folder, local_files_only=True)
    else:
        processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
    tokenizer = processor.tokenizer
    tokenizer.padding_side = "left"  # generation continues at the right
    return processor, tokenizer


def prepare(loaded: "Loaded", images: list[Image.Image], prompt: str) -> Inputs:
    """Prepare pictures, each with the prompt, as a model expects them.

    Args:
        loaded: the model.
        images: RGB pictures.
        prompt: the prompt; empty for models that caption without one.
    """
    options: dict[str, Any] = {"images": images, "return_tensors": "pt"}
    if loaded.family.kind == "chat":
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        text = _ask(loaded.processor, [{"role": "user", "content": content}])
        options |= {"images": [[image] for image in images], "text": [text] * len(images)}
        options["padding"] = True
    elif prompt:
        options |= {"text": [prompt] * len(images), "padding": True}
    inputs = loaded.processor(**options)
    kind = loaded.model.dtype
    return {
        name: tensor.to(loaded.device, kind if tensor.is_floating_point() else None)
        for name, tensor in inputs.items()
        if isinstance(tensor, Tensor) and name not in UNUSED.get(loaded.model_type, ())
    }


def is_padded(inputs: Inputs) -> bool:
    """Return whether prompts or pictures were padded to one size."""
    masks = [tensor for name, tensor in inputs.items() if name.endswith("attention_mask")]
    return not all(bool(mask.all()) for mask in masks)


def _ask(processor: Any, messages: list[dict[str, Any]]) -> str:
    """Return messages as the text that a chat model continues with its answer."""
    from transformers import ProcessorMixin

    # SmolVLM's own method asks its video processor for the number of frames
    own = getattr(processor, VIDEO, True) is not None
    write = type(processor).apply_chat_template if own else ProcessorMixin.apply_chat_template
    text: str = write(processor, messages, add_generation_prompt=True)
    return text


def _processor_class(model_type: str) -> Any:
    """Return the processor class of a type of model; None if transformers has none."""
    from transformers.models.auto.processing_auto import (
        PROCESSOR_MAPPING_NAMES,
        processor_class_from_name,
    )

    name = PROCESSOR_MAPPING_NAMES.get(model_type)
    return processor_class_from_name(name) if name else None


def _for_pictures(kind: Any) -> Any:
    """Return a processor class without its video processor."""
    from transformers import AutoImageProcessor, AutoTokenizer

    class PictureProcessor(kind):  # type: ignore[misc]
        @classmethod
        def _get_arguments_from_pretrained(
            cls, folder: Any, _settings: Any = None, **options: Any
        ) -> list[Any]:
            loaders = {"image_processor": AutoImageProcessor, "tokenizer": AutoTokenizer}
            return [
                None if name == VIDEO else loaders[name].from_pretrained(folder, **options)
                for name in cls.get_attributes()
            ]

        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument_name == VIDEO:
                return type(None)
            return super().check_argument_for_proper_class(argument_name, argument)

    PictureProcessor.__name__ = kind.__name__
    return PictureProcessor
