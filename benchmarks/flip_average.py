"""Caption from the mean of the regions of a picture and of its mirror image, flipped back.

python benchmarks/flip_average.py DATA --run RUN --store STORE [--search consensus] [--beam-size 5]

STORE must have both views: tushuo extract DATA --views flip, with --run RUN if its encoder was
fine-tuned.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

import tushuo.data
from tushuo.captioning.load import load
from tushuo.errors import PictureError
from tushuo.evaluation.captioning import caption_records
from tushuo.features.regions import Regions
from tushuo.metrics.score import score


def flip_averaged(regions: Regions) -> Regions:
    """Return regions that are the mean of both views."""
    flip, spec = regions.views.index("flip"), regions.spec

    def read(rows: Sequence[int], views: Sequence[int] | None = None) -> Tensor:
        mirrored = regions.read(rows, [flip] * len(rows)).float()
        restored = mirrored.unflatten(1, (spec.rows, spec.columns)).flip(2).flatten(1, 2)
        return (regions.read(rows).float() + restored) / 2

    return replace(regions, read=read)


def main() -> None:
    """Caption the validation pictures from one view and from both, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    for name in ("--run", "--store"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--search", default="consensus")
    parser.add_argument("--beam-size", type=int, default=5)
    parser.add_argument("--pictures", type=int)
    args = parser.parse_args()
    captioner = load(args.run)
    config = replace(captioner.info.search, search=args.search, beam_size=args.beam_size)
    records = [r for r in tushuo.data.read(args.data) if r.split == "val"][: args.pictures]
    plain = captioner.regions_of(records, args.store)
    for name, regions in (("plain", plain), ("flip average", flip_averaged(plain))):
        captions, references = {}, {}
        for record, caption in caption_records(captioner, records, regions, config=config):
            if isinstance(caption, PictureError):
                raise caption
            captions[str(record.image_id)] = caption.text
            references[str(record.image_id)] = record.captions
        result = score(captions, references)
        print(f"{name}: {', '.join(f'{m} {value:.3f}' for m, value in result.scores.items())}")


if __name__ == "__main__":
    main()
