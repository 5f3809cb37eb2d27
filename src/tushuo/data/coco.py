"""MS-COCO captions JSON, 2014 and 2017; Chen et al., arXiv:1504.00325."""

from pathlib import Path
from typing import Literal

import msgspec

from tushuo.data.record import Record, Split
from tushuo.errors import DataError

MAX_SHOWN = 5  # unknown image ids named in an error


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

    A picture is located by its ``file_name``, or as ``COCO_train2014_%012d.jpg`` where the file has
    none, in ``images``, or else in a folder ``images`` beside the file or one level up; or in a
    subfolder of these that is named like the captions (``train2014``).

    Raises:
        DataError: the file has another format, or a caption refers to a picture it does not list.
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
        examples = ", ".join(list(dict.fromkeys(unknown))[:MAX_SHOWN])
        more = ", ..." if len(set(unknown)) > MAX_SHOWN else ""
        raise DataError(
            f"{path}: {len(unknown)} of {len(content.annotations)} annotations refer to pictures "
            f"that are not among its images ({examples}{more}); "
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
    """Return the first folder with the first picture; the default one if there is none."""
    above = path.parent.parent
    places = [images] if images else [path.parent / "images", above / "images", above]
    subfolder = path.stem.rpartition("_")[2]
    folders = [folder for place in places for folder in (place, place / subfolder)]
    existing = (folder for folder in folders for name in names[:1] if (folder / name).exists())
    return next(existing, folders[0])
