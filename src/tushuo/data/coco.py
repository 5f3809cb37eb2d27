"""MS-COCO captions JSON, 2014 and 2017; Chen et al., arXiv:1504.00325. VizWiz has the same form.

Of VizWiz (Gurari et al., arXiv:2002.08565), captions that its annotators rejected or that are
canned are left out, as its own evaluation does.
"""

import warnings
from pathlib import Path

import msgspec

from tushuo.data.content import Content
from tushuo.data.entry import Entry
from tushuo.data.split_names import parse_split
from tushuo.errors import DataError

MAX_SHOWN = 5  # unknown image ids named in an error
SAMPLE = 50  # annotations by which the form is recognised
Id = int | float | str


class _Image(msgspec.Struct):
    id: Id
    file_name: str | None = None
    split: str | None = None


class _Annotation(msgspec.Struct):
    image_id: Id
    caption: str | list[str] | None
    is_rejected: bool | int = False
    is_precanned: bool | int = False


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


def is_coco(content: Content) -> bool:
    """Recognise images and annotations with captions; COCO also publishes others (boxes)."""
    if not content.is_json or not isinstance(content.json, dict):
        return False
    if not {"images", "annotations"} <= content.json.keys():
        return False
    try:
        annotations = msgspec.json.decode(content.json["annotations"], type=list[msgspec.Raw])
        some = [msgspec.json.decode(one, type=dict) for one in annotations[:SAMPLE]]
        return not annotations or any("caption" in one for one in some)
    except msgspec.DecodeError:
        return False


def read_coco(content: Content) -> list[Entry]:
    """Read one captions file.

    A picture is named by its ``file_name``, or else by its id: a name, or the number of
    ``COCO_train2014_%012d.jpg`` and ``%012d.jpg``. A picture that is listed twice is one.

    Raises:
        DataError: the file has another format, two pictures have one id, or a caption refers to a
            picture it does not list.
    """
    path = content.path
    try:
        file = msgspec.json.decode(content.text.encode(), type=_File)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise DataError(
            f"{path} is not a COCO captions file: {content.explain(error)}; expected images with "
            "id and file_name, and annotations with image_id and caption"
        ) from error
    images = _images(file, path)
    captions = _captions(file, images, content)
    return [
        Entry(
            name=image.file_name or _name(image.id, path.stem),
            captions=tuple(captions[key]),
            split=parse_split(image.split, f"{path}: image {key}") if image.split else None,
            image_id=_integral(image.id),
        )
        for key, image in images.items()
    ]


def _captions(file: _File, images: dict[str, _Image], content: Content) -> dict[str, list[str]]:
    """Return the captions of each picture by its id as text."""
    path = content.path
    captions: dict[str, list[str]] = {key: [] for key in images}
    unknown: dict[str, None] = {}
    left_out = 0
    for number, annotation in enumerate(file.annotations, 1):
        key = _key(annotation.image_id, path)
        if key not in captions:
            unknown[key] = None
        elif annotation.is_rejected or annotation.is_precanned:
            left_out += 1
        elif annotation.caption is None:
            raise DataError(
                f"{path}: annotation {number}, of picture {key}, has no caption (null); write it, "
                "or remove the annotation"
            )
        elif isinstance(annotation.caption, str):
            captions[key].append(annotation.caption)
        else:
            captions[key] += annotation.caption
    if unknown:
        raise DataError(_describe_unknown(list(unknown), file, content))
    if left_out:
        warnings.warn(
            f"{path.name}: captions marked as rejected or precanned are left out: {left_out}",
            stacklevel=2,
        )
    return captions


def _images(file: _File, path: Path) -> dict[str, _Image]:
    """Return the pictures by their ids as text."""
    images: dict[str, _Image] = {}
    for image in file.images:
        key = _key(image.id, path)
        other = images.setdefault(key, image)
        if (other.file_name, other.split) != (image.file_name, image.split):
            raise DataError(
                f"{path}: the image id {key} is of {other.file_name} and of {image.file_name}, or "
                "of two splits; give each picture its own id"
            )
    return images


def _describe_unknown(unknown: list[str], file: _File, content: Content) -> str:
    keys = set(unknown)
    count = sum(_key(one.image_id, content.path) in keys for one in file.annotations)
    examples = ", ".join(unknown[:MAX_SHOWN]) + (", ..." if len(unknown) > MAX_SHOWN else "")
    return (
        f"{content.path}: {count} of {len(file.annotations)} annotations refer to pictures that "
        f"are not among its images ({examples}); remove them or add the pictures"
    )


def _integral(image_id: Id) -> int | str:
    return int(image_id) if isinstance(image_id, float) else image_id


def _key(image_id: Id, path: Path) -> str:
    """Return an id as text, so that 1, 1.0 and "1" are one picture."""
    if isinstance(image_id, float) and not image_id.is_integer():
        raise DataError(f"{path} has the image id {image_id}; expected a whole number or text")
    return str(_integral(image_id))


def _name(image_id: Id, stem: str) -> str:
    if isinstance(image_id, str) and not image_id.isdecimal():
        return image_id
    if "2017" in stem:
        return f"{int(image_id):012d}.jpg"
    part = "val2014" if "val" in stem else "train2014"
    return f"COCO_{part}_{int(image_id):012d}.jpg"
