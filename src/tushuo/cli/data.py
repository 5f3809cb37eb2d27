"""``tushuo data``: check, download, scenes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from cyclopts import App, Parameter

from tushuo.cli.options import WHOLE_NUMBER, Data, DataLanguage, Images

if TYPE_CHECKING:
    from tushuo.data.record import Record
    from tushuo.text.vocabulary import VocabularyConfig
    from tushuo.training.recipes import Recipe

app = App(name="data", help="Check, download or draw caption data.")


@app.command
def check(
    data: Data,
    *,
    images: Images = None,
    data_language: DataLanguage = "en",
    decode: Annotated[bool, Parameter(help="open every picture")] = True,
    recipe: Annotated[
        Literal["small", "best", "lesson"], Parameter(help="recipe that you plan to train with")
    ] = "small",
    encoder: Annotated[
        str | None, Parameter(help="encoder that you plan to train with; default: the recipe's")
    ] = None,
    json: Annotated[bool, Parameter(help="print JSON instead of a table", negative="")] = False,
) -> int:
    """Check DATA before training on it; the exit code is 2 if training would fail.

    Example: tushuo data check flickr8k
    """
    from dataclasses import replace

    import msgspec

    from tushuo.cli.tables import print_table
    from tushuo.data import read_files
    from tushuo.data.check import check as check_data
    from tushuo.data.check import rows, to_json
    from tushuo.data.describe import describe
    from tushuo.pictures.opening import open_picture
    from tushuo.training.recipes import RECIPES

    reading = read_files(data, images=images, language=data_language)
    records = reading.records
    if not json:
        print(*describe(reading), sep="\n", end="\n\n")
    report = check_data(records, open_picture=open_picture, decode=decode)
    chosen = RECIPES[recipe]()
    words = _words(records, chosen.plan.vocabulary, data_language)
    needs = _needs(records, chosen, encoder, words)
    report = replace(
        report,
        fatal=[*report.fatal, *words.fatal],
        warnings=[*report.warnings, *words.warnings],
    )
    if json:
        read = {"files": reading.files, "passed_over": reading.passed_over}
        print(msgspec.json.encode(read | to_json(report) | {"needs": needs}).decode())
    else:
        print_table(["check", "result"], [*rows(report), *_rows(needs)], wraps=(0, 1))
    for line in report.warnings:
        print(f"warning: {line}", file=sys.stderr)
    for line in report.fatal:
        print(f"error: {line}", file=sys.stderr)
    return 2 if report.fatal else 0


class _Words(NamedTuple):
    """Size of the vocabulary and mean length of captions in training, or why there are none.

    ``warnings`` state that the captions are in another language.
    """

    known: int
    mean: float
    fatal: list[str]
    warnings: list[str]


def _words(
    records: "list[Record]", config: "VocabularyConfig", language: Literal["en", "zh"]
) -> _Words:
    """Count the words that training would keep; check reports data without captions."""
    from tushuo.errors import DataError
    from tushuo.text.language import tokenizer_warning
    from tushuo.text.tokenization import DEFAULT_TOKENIZERS, tokenize
    from tushuo.text.vocabulary import Vocabulary

    tokenizer = DEFAULT_TOKENIZERS[language]
    warning = tokenizer_warning(
        (caption for record in records for caption in record.captions),
        tokenizer,
        cure="pass the language of the captions by --data-language",
    )
    warnings = [warning] if warning else []
    captions = [tokenize(caption, tokenizer) for record in records for caption in record.captions]
    if not any(captions):
        return _Words(0, 0, [], warnings)
    try:
        known = len(Vocabulary.fit(captions, config))
    except DataError as error:
        return _Words(0, 0, [f"train would fail: {error}"], warnings)
    return _Words(known, sum(map(len, captions)) / len(captions), [], warnings)


def _needs(
    records: "list[Record]", recipe: "Recipe", encoder: str | None, words: _Words
) -> dict[str, int | str | None]:
    """Estimate disk and memory of extraction and training, in bytes.

    None where the encoder is not installed; memory is None where there are no words.
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
        network = encoders.load(name)
    except (WeightsError, MissingPartError):
        return needs
    stored = (
        network
        if recipe.frozen_blocks is None or encoder
        else split_encoder(network, recipe.frozen_blocks).trunk
    )
    pictures = len({record.image_id for record in records})
    needs["store_bytes"] = store_bytes(pictures, stored.spec, len(parse_views(recipe.views)))
    if words.known:
        working = training_bytes(
            recipe.plan, network.spec, vocabulary=words.known, words=words.mean + 1
        )
        needs |= {"training_bytes": working, "training_held_bytes": RESIDENT_FACTOR * working}
    return needs


def _rows(needs: dict[str, int | str | None]) -> list[tuple[str, str]]:
    from tushuo.runtime import format_bytes

    def size(need: int | str | None) -> str:
        if isinstance(need, int):
            return format_bytes(need)
        if needs["store_bytes"] is None:
            return "unknown: the encoder is not installed (see: tushuo info)"
        return "unknown: there are no words to train on"

    return [
        (f"disk space of extract with {needs['encoder']}", size(needs["store_bytes"])),
        ("working memory of train, about", size(needs["training_bytes"])),
        ("resident memory of train, up to", size(needs["training_held_bytes"])),
    ]


@app.command
def download(
    dataset: Literal["coco2014", "coco2017"],
    folder: Annotated[Path, Parameter(help="data folder")],
    *,
    captions_only: Annotated[bool, Parameter(help="skip the pictures", negative="")] = False,
    mirror: Annotated[
        str | None, Parameter(help="address of a mirror with the official layout")
    ] = None,
) -> int:
    """Download and unpack MS-COCO; repeat the same command to resume.

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
    folder: Annotated[Path, Parameter(help="data folder")],
    *,
    count: Annotated[int, WHOLE_NUMBER, Parameter(help="number of pictures")] = 2000,
    language: Annotated[Literal["en", "zh"], Parameter(help="language of the captions")] = "en",
    seed: Annotated[int, WHOLE_NUMBER, Parameter(help="random seed")] = 0,
) -> int:
    """Draw pictures with captions, for demos and tests without other data.

    Example: tushuo data scenes scenes --count 2000
    """
    from tushuo.cli.progress import Bar
    from tushuo.data.scenes import make_scenes

    with Bar("draw") as bar:
        make_scenes(folder, count=count, language=language, seed=seed, report=bar)
    print(folder)
    return 0
