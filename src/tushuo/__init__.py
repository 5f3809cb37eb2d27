"""tushuo (看图说话): image captioning on a laptop, in English and Chinese.

    import tushuo

    captioner = tushuo.load("RUN")  # or load(), the model that comes with the package
    print(captioner.caption("photo.jpg").text)

Public names are imported on first use, so that ``import tushuo`` is fast.
"""

from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "load": "tushuo.captioning.load",
    "train": "tushuo.training.assemble",
    "Captioner": "tushuo.captioning.captioner",
    "CaptionerInfo": "tushuo.captioning.captioner",
    "Caption": "tushuo.captioning.caption",
    "Explanation": "tushuo.captioning.caption",
    "PartialCaption": "tushuo.captioning.caption",
    "PictureError": "tushuo.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tushuo' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return ["__version__", *_PUBLIC]
