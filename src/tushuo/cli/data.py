"""``tushuo data``: check, download, scenes."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

app = App(name="data", help="Read, check and make caption data.")


@app.command
def check(
    data: Path,
    *,
    images: Annotated[Path | None, Parameter(help="folder of the pictures")] = None,
    language: Annotated[Literal["en", "zh"], Parameter(help="which captions DATA means")] = "en",
    decode: Annotated[bool, Parameter(help="open every picture")] = True,
    json: Annotated[bool, Parameter(help="JSON instead of a table", negative="")] = False,
) -> int:
    """Look DATA over before hours are spent on it; exit code 2 where training would fail.

    Example: tushuo data check flickr8k
    """
    import msgspec
    from rich.console import Console
    from rich.table import Table

    import tushuo.data
    from tushuo.data.check import check as look_over
    from tushuo.data.check import rows, to_json
    from tushuo.images import open_picture

    records = tushuo.data.read(data, images=images, language=language)
    report = look_over(records, open_picture=open_picture, decode=decode)
    if json:
        print(msgspec.json.encode(to_json(report)).decode())
    else:
        table = Table("what", "found", box=None)
        for row in rows(report):
            table.add_row(*row)
        Console().print(table)
    for line in report.warnings:
        print(f"warning: {line}", file=sys.stderr)
    for line in report.fatal:
        print(f"error: {line}", file=sys.stderr)
    return 2 if report.fatal else 0


@app.command
def download(
    dataset: Literal["coco2014", "coco2017"],
    folder: Path,
    *,
    captions_only: Annotated[bool, Parameter(help="leave out the pictures", negative="")] = False,
    mirror: Annotated[str | None, Parameter(help="address with the official layout")] = None,
) -> int:
    """Fetch MS-COCO and unpack it; the same command goes on with what was begun.

    Example: tushuo data download coco2014 coco
    """
    from tushuo.cli.progress import Bar
    from tushuo.data.download import DATASETS, at_mirror
    from tushuo.data.download import download as fetch_all

    archives = at_mirror(DATASETS[dataset], mirror) if mirror else DATASETS[dataset]
    with Bar("download") as bar:
        fetch_all(archives, folder, captions_only=captions_only, progress=bar.bytes)
    print(folder)
    return 0


@app.command
def scenes(
    folder: Path,
    *,
    count: Annotated[int, Parameter(help="how many pictures")] = 2000,
    language: Annotated[Literal["en", "zh"], Parameter(help="of the captions")] = "en",
    seed: Annotated[int, Parameter(help="another seed, other scenes")] = 0,
) -> int:
    """Draw pictures with captions, for demos and tests where no data is at hand.

    Example: tushuo data scenes scenes --count 2000
    """
    from tushuo.cli.progress import Bar
    from tushuo.data.scenes import make_scenes

    with Bar("draw") as bar:
        make_scenes(folder, count=count, language=language, seed=seed, report=bar)
    print(folder)
    return 0
