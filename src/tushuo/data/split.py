"""Training and validation, where the data brings no split."""

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
    """Give every record a split; records that all have one stay as they are.

    Args:
        records: the data.
        by: ``picture`` keeps all captions of a picture on one side. ``caption`` is the lesson's
            mistake, kept for comparison: the same picture lands on both sides, with a warning.
        validation_share: of pictures, or of captions.
        seed: decides who goes where.
    """
    if all(record.split for record in records):
        return list(records)
    draw = random.Random(seed)
    if by == "picture":
        order = list(range(len(records)))
        draw.shuffle(order)
        held_out = set(order[: max(1, round(len(order) * validation_share))])
        return [
            replace(record, split="val" if place in held_out else "train")
            for place, record in enumerate(records)
        ]
    warnings.warn(
        "split by caption: the same picture lands in training and in validation, so the validation "
        "loss flatters; use --split-by picture for figures that mean something",
        stacklevel=2,
    )
    halves: list[Record] = []
    for record in records:
        sides: dict[Literal["train", "val"], list[str]] = {"train": [], "val": []}
        for caption in record.captions:
            sides["val" if draw.random() < validation_share else "train"].append(caption)
        halves += [
            replace(record, split=side, captions=tuple(kept))
            for side, kept in sides.items()
            if kept
        ]
    return halves
