"""tushuo (看图说话): look at a picture and say what it shows.

    import tushuo

    captioner = tushuo.load("RUN")  # or load(), the model that comes with the package
    print(captioner.caption("photo.jpg").text)

The public names are loaded when first touched, so that ``import tushuo`` costs nothing.
"""

from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "load": "tushuo.captioning.native",
    "Captioner": "tushuo.captioning.native",
    "Caption": "tushuo.captioning.caption",
    "Explanation": "tushuo.captioning.caption",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its room on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tushuo' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return ["__version__", *_PUBLIC]
