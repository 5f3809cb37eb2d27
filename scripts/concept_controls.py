"""Whether a captioner that reads concepts describes the picture, or only writes as its text does.

    python scripts/concept_controls.py RUN DATA PICTURES

Captions the pictures with their own concepts, with those of the next picture, and with the prior
alone, and scores all three. The last two must be far lower.
"""

import argparse
from pathlib import Path

import torch

import tushuo
from tushuo.captioning.picture_regions import PictureRegions
from tushuo.concepts.encoder import TEXT_STYLE, select_concepts
from tushuo.concepts.model import ConceptModel
from tushuo.data import read
from tushuo.metrics.score import score


def main() -> None:
    """Print CIDEr with its interval, and BLEU-4, of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("pictures", type=Path)
    args = parser.parse_args()
    captioner = tushuo.load(args.run)
    records = read(args.data, images=args.pictures)
    encoded = captioner.encode([record.path for record in records])
    own = torch.stack([one.regions for one in encoded if isinstance(one, PictureRegions)])
    prior = torch.tensor([ConceptModel.load(args.run).settings.prior])
    prior_alone = select_concepts(prior, torch.zeros_like(prior, dtype=torch.long), TEXT_STYLE)
    conditions = {
        "own concepts": own,
        "those of the next picture": own.roll(1, dims=0),
        "the prior alone": prior_alone.expand(len(own), -1, -1),
    }
    references = {str(record.image_id): record.captions for record in records}
    for name, concepts in conditions.items():
        captions = [caption.text for caption in captioner.caption_regions(concepts)]
        scores = score(dict(zip(references, captions, strict=True)), references)
        low, high = scores.intervals["CIDEr"] or (0, 0)
        print(
            f"{name}: CIDEr {scores.scores['CIDEr']:.3f} ({low:.3f} to {high:.3f}), "
            f"BLEU-4 {scores.scores['Bleu_4']:.3f}"
        )


if __name__ == "__main__":
    main()
