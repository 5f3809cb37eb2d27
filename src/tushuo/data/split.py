"""Training and validation split, where the data defines none."""

import random
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tushuo.data.record import Record
from tushuo.errors import DataError


def with_splits(
    records: Sequence[Record],
    *,
    by: Literal["picture", "caption"] = "picture",
    validation_share: float = 0.2,
    seed: int = 0,
) -> list[Record]:
    """Assign a split to every record that has none; fill in validation pictures where none are.

    Data with a split keeps it. If it has training pictures and no validation pictures, some of its
    training pictures become validation pictures.

    Args:
        records: the data.
        by: ``picture`` keeps all captions of a picture in one split. ``caption`` reproduces the
            lesson's mistake, for comparison: the same picture is in both splits, with a warning.
        validation_share: share of the pictures, or of the captions, used for validation.
        seed: seed of the random assignment.

    Raises:
        DataError: some records have a split, and others do not.
    """
    splits = {record.split for record in records}
    if None in splits and len(splits) > 1:
        raise DataError(
            "some pictures have a split and others do not; give all of them one, or none"
        )
    if "val" in splits or (None not in splits and "train" not in splits):
        return list(records)
    generator = random.Random(seed)
    if by == "picture" or None not in splits:
        order = [place for place, record in enumerate(records) if record.split in (None, "train")]
        generator.shuffle(order)
        held_out = set(order[: max(1, round(len(order) * validation_share))])
        chosen = set(order)
        return [
            replace(record, split="val" if place in held_out else "train")
            if place in chosen
            else record
            for place, record in enumerate(records)
        ]
    warnings.warn(
        "split by caption: the same picture is used for training and for validation, so the "
        "validation loss is too low; use --split-by picture for meaningful figures",
        stacklevel=2,
    )
    assigned: list[Record] = []
    for record in records:
        by_split: dict[Literal["train", "val"], list[str]] = {"train": [], "val": []}
        for caption in record.captions:
            by_split["val" if generator.random() < validation_share else "train"].append(caption)
        assigned += [
            replace(record, split=split, captions=tuple(captions))
            for split, captions in by_split.items()
            if captions
        ]
    return assigned
