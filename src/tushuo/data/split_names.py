"""Splits by their names: in columns, in JSON, in names of files and folders."""

import re
from pathlib import PurePath

from tushuo.data.record import Split
from tushuo.errors import DataError

# "restval" is the part of COCO's validation pictures that is customarily trained on (Karpathy).
SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "restval": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "minival": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def parse_split(name: str, where: str) -> Split:
    """Return the split of a value such as ``validation``.

    Raises:
        DataError: the name is unknown; ``where`` begins the message.
    """
    split = SPLITS.get(name.strip().lower())
    if split is None:
        raise DataError(f"{where} has the unknown split {name[:40]!r}; known: {', '.join(SPLITS)}")
    return split


def split_in_name(name: str) -> Split | None:
    """Return the split that a file's or folder's name states as a whole word, years aside.

    ``captions_train2014.json`` is train; ``captions_trainval2014.json`` and ``train_val.json``
    state none, since they hold more than one.
    """
    words = re.findall(r"[a-z]+", PurePath(name).name.lower())
    found = {SPLITS[word] for word in words if word in SPLITS}
    return found.pop() if len(found) == 1 else None


def split_of_folder(name: str) -> Split | None:
    """Return the split of a folder that is named by nothing else: ``train``, ``val2014``."""
    return SPLITS.get(re.sub(r"[_-]?\d{4}$", "", name.lower()))
