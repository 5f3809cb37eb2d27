"""Karpathy's split files (``dataset_coco.json``, ``dataset_flickr8k.json``, ...).

Karpathy, Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image Descriptions", CVPR 2015.
"""

from pathlib import Path

import msgspec

from tushuo.data.record import Record, Split
from tushuo.errors import DataError

# "restval" is the part of COCO's validation pictures that is customarily trained on.
SPLITS: dict[str, Split] = {"train": "train", "restval": "train", "val": "val", "test": "test"}


class _Sentence(msgspec.Struct):
    raw: str


class _Image(msgspec.Struct):
    filename: str
    split: str
    sentences: list[_Sentence]
    filepath: str = ""
    cocoid: int | None = None
    imgid: int | None = None


class _File(msgspec.Struct):
    images: list[_Image]


def read_karpathy(path: Path, *, images: Path | None = None) -> list[Record]:
    """Read one split file; pictures are in ``images``, or in a folder ``images`` beside it.

    Raises:
        DataError: the file has another format, or an unknown split.
    """
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=_File)
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path} is not a Karpathy split file: {error}; expected images with filename, split "
            "and sentences"
        ) from error
    unknown = {image.split for image in content.images} - SPLITS.keys()
    if unknown:
        raise DataError(
            f"{path} has the unknown split {sorted(unknown)[0]!r}; known: {', '.join(SPLITS)}"
        )
    folder = images or path.parent / "images"
    return [
        Record(
            image_id=image.filename if image.cocoid is None else image.cocoid,
            path=folder / image.filepath / image.filename,
            captions=tuple(sentence.raw.strip() for sentence in image.sentences),
            split=SPLITS[image.split],
        )
        for image in content.images
    ]
