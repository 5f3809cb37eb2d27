"""Use a random subset of the captions or pictures, chosen by a seed."""

import random
from collections.abc import Sequence
from dataclasses import replace

from tushuo.data.record import Record
from tushuo.errors import SettingError


def limit(
    records: Sequence[Record],
    *,
    max_captions: int | None = None,
    max_images: int | None = None,
    seed: int = 0,
) -> list[Record]:
    """Keep at most a number of captions (as the lesson does) or pictures, in the data's order.

    Raises:
        SettingError: a limit is below one.
    """
    for name, value in (("max-captions", max_captions), ("max-images", max_images)):
        if value is not None and value < 1:
            raise SettingError(f"{name} was {value}, but must be at least 1")
    kept = list(records)
    if max_images is not None and max_images < len(kept):
        # not the generator of the split, or no validation picture would be among them
        chosen = random.Random(f"max-images {seed}").sample(range(len(kept)), max_images)
        kept = [kept[place] for place in sorted(chosen)]
    pairs = [(place, n) for place, record in enumerate(kept) for n in range(len(record.captions))]
    if max_captions is not None and max_captions < len(pairs):
        chosen_pairs = set(random.Random(seed).sample(pairs, max_captions))
        kept = [
            replace(
                record,
                captions=tuple(
                    c for n, c in enumerate(record.captions) if (place, n) in chosen_pairs
                ),
            )
            for place, record in enumerate(kept)
        ]
        kept = [record for record in kept if record.captions]
    return kept
