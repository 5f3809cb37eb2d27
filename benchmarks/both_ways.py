"""Captions from the mean of a picture's regions and of its mirror image's, turned back.

python benchmarks/both_ways.py DATA --run RUN --store STORE [--search consensus] [--beam-size 5]

STORE has both: tushuo extract DATA --views flip, with --run RUN where its encoder has learned.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

import tushuo.data
from tushuo.captioning.load import load
from tushuo.evaluation.evaluate import caption_each
from tushuo.features.regions import Regions
from tushuo.metrics.score import score


def both_ways(regions: Regions) -> Regions:
    """Return regions that are read as the mean of two views."""
    flip, spec = regions.views.index("flip"), regions.spec

    def read(rows: Sequence[int], views: Sequence[int] | None = None) -> Tensor:
        mirrored = regions.read(rows, [flip] * len(rows)).float()
        turned = mirrored.unflatten(1, (spec.rows, spec.columns)).flip(2).flatten(1, 2)
        return (regions.read(rows).float() + turned) / 2

    return replace(regions, read=read)


def main() -> None:
    """Caption the validation pictures once and both ways, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    for name in ("--run", "--store"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--search", default="consensus")
    parser.add_argument("--beam-size", type=int, default=5)
    parser.add_argument("--pictures", type=int)
    options = parser.parse_args()
    captioner = load(options.run)
    how = replace(captioner.run.config.search, search=options.search, beam_size=options.beam_size)
    records = [r for r in tushuo.data.read(options.data) if r.split == "val"][: options.pictures]
    plain = Regions.from_store(options.store, records).with_encoder(captioner.encoder)
    for name, regions in (("plain", plain), ("both ways", both_ways(plain))):
        told = list(caption_each(captioner, records, regions, config=how))
        found = score(
            {str(record.image_id): caption.text for record, caption in told},
            {str(record.image_id): record.captions for record, _ in told},
        )
        said = ", ".join(f"{metric} {value:.3f}" for metric, value in found.scores.items())
        print(f"{name}: {said}")


if __name__ == "__main__":
    main()
