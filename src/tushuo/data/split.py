"""Training and validation split, where the data defines none."""

import random
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tushuo.data.record import Record


def with_splits(
    records: Sequence[Record],
    *,
    by: Literal["picture", "caption"] = "picture",
    validation_share: float = 0.2,
    seed: int = 0,
) -> list[Record]:
    """Assign a split to every record, unless all of them already have one.

    Args:
        records: the data.
        by: ``picture`` keeps all captions of a picture in one split. ``caption`` reproduces the
            lesson's mistake, for comparison: the same picture is in both splits, with a warning.
        validation_share: share of the pictures, or of the captions, used for validation.
        seed: seed of the random assignment.
    """
    if all(record.split for record in records):
        return list(records)
    generator = random.Random(seed)
    if by == "picture":
        order = list(range(len(records)))
        generator.shuffle(order)
        held_out = set(order[: max(1, round(len(order) * validation_share))])
        return [
            replace(record, split="val" if place in held_out else "train")
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
