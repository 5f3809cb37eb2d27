"""MS-COCO captions JSON, 2014 and 2017; Chen et al., arXiv:1504.00325."""

from pathlib import Path
from typing import Literal

import msgspec

from tushuo.data.record import Record, Split
from tushuo.errors import DataError

UNKNOWN_SHOWN = 5


class _Image(msgspec.Struct):
    id: int | str
    file_name: str | None = None


class _Annotation(msgspec.Struct):
    image_id: int | str
    caption: str


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


def read_coco(
    path: Path, *, images: Path | None = None, split: Split | None = None
) -> list[Record]:
    """Read one captions file.

    A picture is looked for by its ``file_name``, or as ``COCO_train2014_%012d.jpg`` where the file
    has none, in ``images``, or else in a folder ``images`` beside the file or one level up; or in
    the folder that the captions are named after (``train2014``) in any of these places.

    Raises:
        DataError: the file is not of this form, or a caption names a picture that it does not list.
    """
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=_File)
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path} is not a COCO captions file: {error}; expected images with id and file_name, "
            "and annotations with image_id and caption"
        ) from error
    captions: dict[str, list[str]] = {str(image.id): [] for image in content.images}
    unknown = []
    for annotation in content.annotations:
        if str(annotation.image_id) in captions:
            captions[str(annotation.image_id)].append(annotation.caption)
        else:
            unknown.append(str(annotation.image_id))
    if unknown:
        some = ", ".join(list(dict.fromkeys(unknown))[:UNKNOWN_SHOWN])
        raise DataError(
            f"{path}: {len(unknown)} of {len(content.annotations)} annotations name pictures that "
            f"are not among its images ({some}{', ...' * (len(set(unknown)) > UNKNOWN_SHOWN)}); "
            "remove them or add the pictures"
        )
    part: Literal["val2014", "train2014"] = "val2014" if "val" in path.stem else "train2014"
    names = [image.file_name or f"COCO_{part}_{int(image.id):012d}.jpg" for image in content.images]
    folder = _folder(path, images, names)
    return [
        Record(
            image_id=image.id,
            path=folder / name,
            captions=tuple(captions[str(image.id)]),
            split=split,
        )
        for image, name in zip(content.images, names, strict=True)
    ]


def _folder(path: Path, images: Path | None, names: list[str]) -> Path:
    """Return the first folder that holds the first picture; the usual one if none does."""
    above = path.parent.parent
    places = [images] if images else [path.parent / "images", above / "images", above]
    subfolder = path.stem.rpartition("_")[2]
    folders = [folder for place in places for folder in (place, place / subfolder)]
    here = (folder for folder in folders for name in names[:1] if (folder / name).exists())
    return next(here, folders[0])
