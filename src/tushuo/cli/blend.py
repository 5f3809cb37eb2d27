"""``tushuo blend``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def blend(
    first: Annotated[Path, Parameter(help="the initial run")],
    second: Annotated[Path, Parameter(help="a run trained from it")],
    *,
    output: Annotated[Path, Parameter(help="folder of the new run")],
    share: Annotated[float, Parameter(help="weight of SECOND, between 0 and 1")] = 0.5,
) -> int:
    """Interpolate the weights of FIRST and of SECOND, a run fine-tuned from it (train --from).

    Example: tushuo blend run run-reward --share 0.3 --output run-between
    """
    from tushuo.runs.blend import blend as write

    write(first, second, output, share=share)
    print(f"{output}: {share:g} of {second}, {1 - share:g} of {first}")
    return 0
