"""``tushuo data``: check, download, scenes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from cyclopts import App, Parameter

from tushuo.cli.options import Data, DataLanguage, Images

if TYPE_CHECKING:
    from tushuo.data.record import Record
    from tushuo.text.vocabulary import VocabularyConfig
    from tushuo.training.recipes import Recipe

app = App(name="data", help="Read, check and make caption data.")


@app.command
def check(
    data: Data,
    *,
    images: Images = None,
    data_language: DataLanguage = "en",
    decode: Annotated[bool, Parameter(help="open every picture")] = True,
    recipe: Annotated[
        Literal["small", "best", "lesson"], Parameter(help="the next steps'")
    ] = "small",
    encoder: Annotated[str | None, Parameter(help="the next steps'; default: the recipe's")] = None,
    json: Annotated[bool, Parameter(help="JSON instead of a table", negative="")] = False,
) -> int:
    """Look DATA over before hours are spent on it; exit code 2 where training would fail.

    Example: tushuo data check flickr8k
    """
    from dataclasses import replace

    import msgspec
    from rich.console import Console
    from rich.table import Table

    import tushuo.data
    from tushuo.data.check import check as look_over
    from tushuo.data.check import rows, to_json
    from tushuo.pictures.opening import open_picture
    from tushuo.training.recipes import RECIPES

    records = tushuo.data.read(data, images=images, language=data_language)
    report = look_over(records, open_picture=open_picture, decode=decode)
    chosen = RECIPES[recipe]()
    words = _words(records, chosen.plan.vocabulary, data_language)
    needs = _needs(records, chosen, encoder, words)
    report = replace(report, fatal=[*report.fatal, *words.fatal])
    if json:
        print(msgspec.json.encode(to_json(report) | {"needs": needs}).decode())
    else:
        table = Table("what", "found", box=None)
        for row in [*rows(report), *_told(needs)]:
            table.add_row(*row)
        Console().print(table)
    for line in report.warnings:
        print(f"warning: {line}", file=sys.stderr)
    for line in report.fatal:
        print(f"error: {line}", file=sys.stderr)
    return 2 if report.fatal else 0


class _Words(NamedTuple):
    """What a training would learn from captions: how many words, how many a caption; or why not."""

    known: int
    mean: float
    fatal: list[str]


def _words(
    records: "list[Record]", config: "VocabularyConfig", language: Literal["en", "zh"]
) -> _Words:
    """Count the words that a training would know; none without captions, which check tells."""
    from tushuo.errors import DataError
    from tushuo.text.tokenization import DEFAULT_TOKENIZERS, tokenize
    from tushuo.text.vocabulary import Vocabulary

    how = DEFAULT_TOKENIZERS[language]
    captions = [tokenize(caption, how) for record in records for caption in record.captions]
    if not any(captions):
        return _Words(0, 0, [])
    try:
        known = len(Vocabulary.fit(captions, config))
    except DataError as error:
        return _Words(0, 0, [f"train would end so: {error}"])
    return _Words(known, sum(map(len, captions)) / len(captions), [])


def _needs(
    records: "list[Record]", recipe: "Recipe", encoder: str | None, words: _Words
) -> dict[str, int | str | None]:
    """Estimate disk and memory of the next steps, in bytes.

    None where the encoder is not here, and of memory where there is no word to learn.
    """
    from tushuo import encoders
    from tushuo.encoders.split_encoder import split_encoder
    from tushuo.errors import MissingPartError, WeightsError
    from tushuo.features.extract import store_bytes
    from tushuo.features.views import parse_views
    from tushuo.training.memory import RESIDENT_FACTOR, training_bytes

    name = encoder or recipe.encoder
    needs: dict[str, int | str | None] = {"encoder": name}
    needs |= {"store_bytes": None, "training_bytes": None, "training_held_bytes": None}
    try:
        looker = encoders.load(name)
    except (WeightsError, MissingPartError):
        return needs
    kept = (
        looker
        if recipe.frozen_blocks is None or encoder
        else split_encoder(looker, recipe.frozen_blocks).trunk
    )
    pictures = len({record.image_id for record in records})
    needs["store_bytes"] = store_bytes(pictures, kept.spec, len(parse_views(recipe.views)))
    if words.known:
        works_in = training_bytes(
            recipe.plan, looker.spec, vocabulary=words.known, words=words.mean + 1
        )
        needs |= {"training_bytes": works_in, "training_held_bytes": RESIDENT_FACTOR * works_in}
    return needs


def _told(needs: dict[str, int | str | None]) -> list[tuple[str, str]]:
    def size(need: int | str | None) -> str:
        if isinstance(need, int):
            return f"{need / 1e9:.2f} GB"
        if needs["store_bytes"] is None:
            return "unknown: the encoder is not here (see: tushuo info)"
        return "unknown: there is no word to learn"

    return [
        (f"disk that extract takes with {needs['encoder']}", size(needs["store_bytes"])),
        ("memory that train works in, about", size(needs["training_bytes"])),
        ("memory that it comes to hold, up to", size(needs["training_held_bytes"])),
    ]


@app.command
def download(
    dataset: Literal["coco2014", "coco2017"],
    folder: Annotated[Path, Parameter(help="where it belongs")],
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
    folder: Annotated[Path, Parameter(help="where it belongs")],
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
