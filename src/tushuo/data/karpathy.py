"""Karpathy's split files (``dataset_coco.json``, ``dataset_flickr8k.json``, ...).

Karpathy, Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image Descriptions", CVPR 2015.
"""

import msgspec

from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.data.split_names import parse_split
from tushuo.errors import DataError

SAMPLE = 50  # images by which the form is recognised


class _Sentence(msgspec.Struct):
    raw: str | None = None
    tokens: list[str] | None = None


class _Image(msgspec.Struct):
    filename: str
    sentences: list[_Sentence | str] = []
    split: str | None = None
    filepath: str = ""
    cocoid: int | None = None


class _File(msgspec.Struct):
    images: list[_Image]


def is_karpathy(content: Content) -> bool:
    """Recognise images that have sentences."""
    if not content.is_json or not isinstance(content.json, dict) or "images" not in content.json:
        return False
    try:
        images = msgspec.json.decode(content.json["images"], type=list[msgspec.Raw])
        return any("sentences" in msgspec.json.decode(one, type=dict) for one in images[:SAMPLE])
    except msgspec.DecodeError:
        return False


def read_karpathy(content: Content) -> list[Entry]:
    """Read one split file; sentences without their raw text are their tokens, joined by spaces.

    Raises:
        DataError: the file has another format, or an unknown split.
    """
    path = content.path
    try:
        file = msgspec.json.decode(content.text.encode(), type=_File)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise DataError(
            f"{path} is not a Karpathy split file: {content.explain(error)}; expected images with "
            "filename, split and sentences"
        ) from error
    return [
        Entry(
            name=f"{image.filepath}/{image.filename}" if image.filepath else image.filename,
            captions=tuple(_text(sentence, image, path.name) for sentence in image.sentences),
            split=None if image.split is None else parse_split(image.split, str(path)),
            image_id=image.filename if image.cocoid is None else image.cocoid,
        )
        for image in file.images
    ]


def _text(sentence: _Sentence | str, image: _Image, file: str) -> str:
    if isinstance(sentence, str):
        return sentence.strip()
    if sentence.raw:
        return sentence.raw.strip()
    if sentence.tokens is not None or sentence.raw is not None:
        return " ".join(sentence.tokens or ())
    raise DataError(
        f"{file}: a sentence of {image.filename} has neither raw nor tokens; write one of them"
    )
