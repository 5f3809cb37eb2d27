"""``tushuo fit-tags``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tushuo.cli.options import Data, DataLanguage, Images

if TYPE_CHECKING:
    from tushuo.concepts.fitting import CaptionedPictures
    from tushuo.features.regions import Regions


def fit_tags(
    data: Data,
    *,
    store: Annotated[
        Path, Parameter(help="feature store of DATA by an encoder with an ImageNet classifier")
    ],
    output: Annotated[Path, Parameter(help="folder of the concept model")],
    text: Annotated[
        list[Path] | None,
        Parameter(
            help="captions without pictures of the kind of pictures to tag, which decide how usual "
            "a word is; may be repeated",
            negative="",
        ),
    ] = None,
    images: Images = None,
    data_language: DataLanguage = "en",
) -> int:
    """Fit a concept model for tags: detectors of the words of DATA, beside ImageNet's classes.

    Example: tushuo fit-tags flickr8k --store store --text captions.jsonl.gz --output concepts
    """
    from tushuo.cli.caption_data import read_records
    from tushuo.cli.progress import Bar
    from tushuo.concepts.caption_words import CaptionWords
    from tushuo.concepts.fitting import fit_concepts
    from tushuo.data.text import read_text
    from tushuo.features.regions import Regions

    records = read_records(data, images, data_language)
    regions = Regions.from_store(store, records)
    captioned = [r for r in records if r.split in ("train", None) and r.captions]
    training = [record for record in captioned if record.image_id in regions.rows]
    ids, captions = [r.image_id for r in training], [r.captions for r in training]
    texts = [group for path in text or [] for group in read_text(path, language=data_language)]
    words_of = CaptionWords((one for each in (*captions, *texts) for one in each), data_language)
    with Bar("fitting") as bar:
        fitted = fit_concepts(
            _pictures(regions, ids, [words_of(each) for each in captions]),
            [(words_of(each), len(each)) for each in texts],
            regions.spec,
            data_language,
            progress=bar,
        )
    fitted.save(output)
    settings = fitted.model.settings
    print(
        f"{len(settings.words)} words, {settings.learned} of them with a learned detector, "
        f"from {len(training)} of {len(captioned)} training pictures, those in the store, and "
        f"{len(texts)} captioned pictures of text: {output}",
        file=sys.stderr,
    )
    return 0


def _pictures(
    regions: "Regions", image_ids: "list[int | str]", words: list[set[str]]
) -> "CaptionedPictures":
    from tushuo.concepts.fitting import CaptionedPictures

    rows = [regions.rows[image_id] for image_id in image_ids]
    return CaptionedPictures(
        image_ids=image_ids,
        read=lambda indices: regions.read([rows[index] for index in indices]),
        words=words,
    )
