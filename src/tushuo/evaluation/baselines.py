"""Scores of captions that need no captioner, to compare a captioner with."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from tushuo.data.record import Record
from tushuo.evaluation.evaluate import PLAIN, Scoring, score_records
from tushuo.features.regions import Regions
from tushuo.metrics.score import Scores

BATCH_PICTURES = 32


def baselines(
    training: Sequence[Record],
    records: Sequence[Record],
    regions: Regions | None,
    scoring: Scoring = PLAIN,
) -> dict[str, Scores]:
    """Score three baselines: two that a captioner should exceed, and the human baseline.

    ``frequent``: the most frequent training caption, for every picture. ``neighbour``: the first
    caption of the training picture with the most similar mean region (cosine similarity); only with
    regions. ``person``: each picture's first reference, scored against the others, which are one
    reference fewer than a captioner is scored against.

    Args:
        training: what the captioner was trained on.
        records: the pictures to score.
        regions: regions of both; without those of training pictures there is no ``neighbour``.
        scoring: how captions are scored.
    """
    scores: dict[str, Scores] = {}
    counts = Counter(caption for record in training for caption in record.captions)
    if counts:
        ((most_frequent, _),) = counts.most_common(1)
        captions = {str(record.image_id): most_frequent for record in records if record.captions}
        scores["frequent"] = score_records(captions, records, scoring)
    candidates = [r for r in training if r.captions and regions and r.image_id in regions.rows]
    if regions and candidates:
        captions = _nearest_captions(candidates, records, regions)
        scores["neighbour"] = score_records(captions, records, scoring)
    several = [record for record in records if len(record.captions) > 1]
    if several:
        captions = {str(record.image_id): record.captions[0] for record in several}
        others = [replace(record, captions=record.captions[1:]) for record in several]
        scores["person"] = score_records(captions, others, scoring)
    return scores


def _nearest_captions(
    candidates: Sequence[Record], records: Sequence[Record], regions: Regions
) -> dict[str, str]:
    """Give every picture the first caption of the most similar training picture."""
    queries = [r for r in records if r.image_id in regions.rows and r.captions]
    similarity = _mean_regions(queries, regions) @ _mean_regions(candidates, regions).T
    nearest = similarity.argmax(dim=1).tolist()
    return {
        str(query.image_id): candidates[place].captions[0]
        for query, place in zip(queries, nearest, strict=True)
    }


def _mean_regions(records: Sequence[Record], regions: Regions) -> Float[Tensor, "P D"]:
    """Return each picture's mean region, scaled to length 1."""
    rows = [regions.rows[record.image_id] for record in records]
    batches = [
        regions.read(rows[start : start + BATCH_PICTURES]).mean(dim=1)
        for start in range(0, len(rows), BATCH_PICTURES)
    ]
    return torch.nn.functional.normalize(torch.cat(batches), dim=1)
