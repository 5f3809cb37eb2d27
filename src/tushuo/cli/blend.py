"""``tushuo blend``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def blend(
    first: Annotated[Path, Parameter(help="a run folder")],
    second: Annotated[Path, Parameter(help="that of a run that began from it")],
    *,
    output: Annotated[Path, Parameter(help="the new run's folder")],
    share: Annotated[float, Parameter(help="of the second's weights, 0 to 1")] = 0.5,
) -> int:
    """Make the run between FIRST and SECOND, which began from it (train --from).

    Example: tushuo blend run run-reward --share 0.3 --output run-between
    """
    from tushuo.runs.blend import blend as write

    write(first, second, output, share=share)
    print(f"{output}: {share:g} of {second}, {1 - share:g} of {first}")
    return 0
