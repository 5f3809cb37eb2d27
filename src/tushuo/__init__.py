"""tushuo (看图说话): image captioning on a laptop, in English and Chinese.

    import tushuo

    captioner = tushuo.load("RUN")  # or load(), the model that comes with the package
    print(captioner.caption("photo.jpg").text)

Public names are imported on first use, so that ``import tushuo`` is fast.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tushuo.captioning.caption import Caption, Explanation, PartialCaption
    from tushuo.captioning.captioner import Captioner, CaptionerInfo
    from tushuo.captioning.load import load
    from tushuo.client import Client
    from tushuo.errors import PictureError
    from tushuo.training.assemble import train

__version__ = "0.1.0"
__all__ = [
    "Caption", "Captioner", "CaptionerInfo", "Client", "Explanation", "PartialCaption",
    "PictureError", "load", "train",
]  # fmt: skip

# of each public name, the module that has it; the imports above are the same for type checkers
_MODULES = {
    "load": "tushuo.captioning.load",
    "train": "tushuo.training.assemble",
    "Client": "tushuo.client",
    "Captioner": "tushuo.captioning.captioner",
    "CaptionerInfo": "tushuo.captioning.captioner",
    "Caption": "tushuo.captioning.caption",
    "Explanation": "tushuo.captioning.caption",
    "PartialCaption": "tushuo.captioning.caption",
    "PictureError": "tushuo.errors",
}

if not TYPE_CHECKING:  # a type checker would take every name for public

    def __getattr__(name: str) -> object:
        """Import a public name on first use (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module 'tushuo' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return ["__version__", *__all__]
