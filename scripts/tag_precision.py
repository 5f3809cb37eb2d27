"""How often tags are right, and how well their probabilities are calibrated.

    python scripts/tag_precision.py REFERENCES PICTURES [--model MODEL] [--words FILE]
        [--language zh] [--ids even]

REFERENCES is caption data that `tushuo.data.read` knows, PICTURES the folder of its pictures. A tag
is right where any reference has the word. Precision is that of the most probable words of each
picture; the expected calibration error is the mean distance, over ten groups of equal size, between
the mean probability of tags and the share that is right (Guo et al., "On Calibration of Modern
Neural Networks", ICML 2017, equation 5).
"""

import argparse
from pathlib import Path

import numpy as np

from tushuo.captioning.clip_tagger import read_words
from tushuo.captioning.tagger import load_tagger
from tushuo.concepts.caption_words import MIN_SINGULAR, CaptionWords
from tushuo.data import read
from tushuo.errors import PictureError

BATCH, GROUPS = 32, 10
LEAST = 0.02  # probability of a tag that counts towards the calibration


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("references", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--words", type=Path)
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--ids", choices=["all", "even", "odd"], default="all")
    args = parser.parse_args()
    records = read(args.references, images=args.pictures, language=args.language)
    if args.ids != "all":
        records = [r for r in records if int(r.image_id) % 2 == (args.ids == "odd")]
    tagger = load_tagger(
        args.model,
        words=read_words(args.words) if args.words else None,
        language=args.language,
    )
    singulars = [word for word in tagger.words for _ in range(MIN_SINGULAR)]
    words_of = CaptionWords(singulars, args.language)
    probabilities, right = [], []
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        results = tagger.tag_batch([record.path for record in batch], most=len(tagger.words))
        for record, concepts in zip(batch, results, strict=True):
            if isinstance(concepts, PictureError):
                raise concepts
            shown = words_of(record.captions)
            probabilities.append([concept.probability for concept in concepts])
            right.append([concept.word in shown for concept in concepts])
    hits = np.array(right)
    for count in (1, 3, 10):
        print(f"precision of the first {count}: {hits[:, :count].mean():.3f}")
    flat, flat_hits = np.concatenate(probabilities), hits.reshape(-1)
    order = np.argsort(flat)[(flat < LEAST).sum() :]
    groups = np.array_split(order, GROUPS)
    errors = [abs(flat[group].mean() - flat_hits[group].mean()) for group in groups]
    print(f"expected calibration error from {LEAST}: {np.mean(errors):.3f}, {len(order)} tags")
    for group in groups:
        print(f"  probability {flat[group].mean():.3f}: {flat_hits[group].mean():.3f} right")
    print(f"{len(records)} pictures, {len(tagger.words)} words")


if __name__ == "__main__":
    main()
