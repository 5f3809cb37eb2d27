"""Fit which pictures of a model of two captioners go to the general one.

    python scripts/fit_route.py MODEL FAMILIAR GENERAL PICTURES [--language zh] [--share 0.07]

MODEL is a run folder with a run on concepts in MODEL/general, made by `tushuo pack`. FAMILIAR is
caption data whose validation split is of the kind that MODEL was trained on, GENERAL is data of
other pictures, which lie in PICTURES. A logistic regression separates the two kinds by the measures
of `captioning.route`; each kind counts half. The bias is then set so that --share of the familiar
pictures go to the general captioner. Writes MODEL/general/route.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tushuo.captioning.batching import in_batches
from tushuo.captioning.load import load_native, load_routed
from tushuo.captioning.route import Route
from tushuo.captioning.routed import RoutedCaptioner
from tushuo.data import Record, read
from tushuo.errors import PictureError
from tushuo.runs.pack import GENERAL
from tushuo.runs.run import read_split

STEPS, RATE, DECAY = 5000, 1.0, 1e-3


def main() -> None:
    """Fit, save and print the route."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("familiar", type=Path)
    parser.add_argument("general", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--share", type=float, default=0.07)
    args = parser.parse_args()
    folder = args.model / GENERAL
    pictures = len(read_split(folder)["train"])
    calibration = load_native(args.model).familiarity_digest
    if calibration is None:
        parser.error(f"{args.model} has no familiarity; run: tushuo calibrate DATA --run MODEL")
    unfitted = Route(familiarity=0, content=0, bias=0, pictures=pictures, calibration=calibration)
    captioner = load_routed(args.model, route=unfitted)
    records = read(args.familiar, language=args.language)
    familiar = measures(captioner, [record for record in records if record.split == "val"])
    general = measures(captioner, read(args.general, images=args.pictures))
    weights = fit(familiar, general)
    bias = -float(np.quantile(familiar @ weights, args.share))
    route = Route(
        familiarity=round(float(weights[0]), 4),
        content=round(float(weights[1]), 4),
        bias=round(bias, 4),
        pictures=pictures,
        calibration=calibration,
    )
    route.save(folder)
    share = (general @ weights + bias < 0).mean()
    print(f"{route}\n{share:.2f} of {len(general)} other pictures go to the general captioner")


def measures(captioner: RoutedCaptioner, records: Sequence[Record]) -> np.ndarray:
    """Return the logarithm of the familiarity, and the content ratio, of each picture."""
    rows = []
    for _, encoded in in_batches(captioner.encode, records, lambda record: record.path):
        if isinstance(encoded, PictureError):
            raise encoded
        familiarity, content = captioner.measures(encoded)
        rows.append((np.log(familiarity), content))
    return np.array(rows)


def fit(familiar: np.ndarray, general: np.ndarray) -> np.ndarray:
    """Return the weights of a logistic regression in which both kinds count half."""
    values = np.concatenate([familiar, general])
    is_familiar = np.arange(len(values)) < len(familiar)
    share = np.where(is_familiar, 1 / len(familiar), 1 / len(general))
    scales = values.std(axis=0)
    inputs = np.c_[(values - values.mean(axis=0)) / scales, np.ones(len(values))]
    weights = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        errors = 1 / (1 + np.exp(-inputs @ weights)) - is_familiar
        weights -= RATE * (inputs.T @ (share * errors) + DECAY * weights)
    return weights[:-1] / scales


if __name__ == "__main__":
    main()
