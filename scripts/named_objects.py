"""How many of the objects in pictures captions name, and how often they invent people.

    python scripts/named_objects.py REFERENCES CAPTIONS [--ids even] [--language zh]

REFERENCES is a COCO caption file, CAPTIONS a list of {"image_id", "caption"}, as `tushuo evaluate`
writes. Objects are the 80 of MS-COCO, recognised by the words of coco_objects.tsv (an underscore
joins two words). A picture shows an object that two of its references name; an object that no
reference names is wrong. People are counted apart: how many captions name one where no reference
does.
"""

import argparse
import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

TABLES = {"en": "coco_objects.tsv", "zh": "coco_objects_zh.tsv"}
NONE = "none"  # row of the words that name no object
PERSON = "person"
PARTS = {"teddy bear": "bear", "hot dog": "dog"}  # whose second word is another object
NAMED_BY = 2  # references


def read_objects(language: str = "en") -> dict[str, set[str]]:
    """Read the words that name each object."""
    with Path(__file__).with_name(TABLES[language]).open(encoding="utf-8", newline="") as lines:
        return {
            row["object"]: set(row["words"].split())
            for row in csv.DictReader(lines, delimiter="\t")
        }


def objects_in(caption: str, objects: dict[str, set[str]]) -> set[str]:
    """Return the objects that a caption names."""
    words = re.findall(r"[a-z]+", caption.lower())
    terms = [*words, *(f"{first}_{second}" for first, second in pairwise(words))]
    forms = set(terms) | {term[:-1] for term in terms if term.endswith("s")}
    forms |= {term[:-2] for term in terms if term.endswith("es")}
    named = {name for name, of_object in objects.items() if of_object & forms}
    return named - {part for whole, part in PARTS.items() if whole in named}


def chinese_objects_in(caption: str, objects: dict[str, set[str]]) -> set[str]:
    """Return the objects that a Chinese caption names; a word inside a longer one names none."""
    named: set[str] = set()
    for word in sorted({word for words in objects.values() for word in words}, key=len)[::-1]:
        if word in caption:
            caption = caption.replace(word, " ")
            named |= {name for name, words in objects.items() if word in words}
    return named - {NONE}


def measure(
    captions: Sequence[str], references: Sequence[Sequence[str]], language: str = "en"
) -> dict[str, float]:
    """Return recall and precision without people, and how many captions invent people."""
    objects, own_objects = read_objects(), read_objects(language)
    named_in = objects_in if language == "en" else chinese_objects_in
    right = missing = wrong = nobody = invented = 0
    for caption, of_picture in zip(captions, references, strict=True):
        counts = Counter(name for text in of_picture for name in objects_in(text, objects))
        shown = {name for name, count in counts.items() if count >= NAMED_BY} - {PERSON}
        named = named_in(caption, own_objects)
        right += len(named & shown)
        missing += len(shown - named)
        wrong += len(named - counts.keys() - {PERSON})
        nobody += PERSON not in counts
        invented += PERSON in named and PERSON not in counts
    return {
        "pictures": len(captions),
        "recall": round(right / max(right + missing, 1), 3),
        "precision": round(right / max(right + wrong, 1), 3),
        "pictures without people": nobody,
        "of these with people in the caption": invented,
    }


def main() -> None:
    """Print the figures as JSON, and those of the first references beside the others."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("references", type=Path)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--ids", choices=["all", "even", "odd"], default="all")
    parser.add_argument("--language", choices=[*TABLES], default="en")
    args = parser.parse_args()
    references: dict[int, list[str]] = defaultdict(list)
    for entry in json.loads(args.references.read_text())["annotations"]:
        references[entry["image_id"]].append(entry["caption"])
    captions = {e["image_id"]: e["caption"] for e in json.loads(args.captions.read_text())}
    parity = {"all": (0, 1), "even": (0,), "odd": (1,)}[args.ids]
    chosen = [name for name in captions if int(name) % 2 in parity]
    of_captions = measure(
        [captions[n] for n in chosen], [references[n] for n in chosen], args.language
    )
    human = measure([references[n][0] for n in chosen], [references[n][1:] for n in chosen])
    print(json.dumps({"captions": of_captions, "human baseline": human}, indent=1))


if __name__ == "__main__":
    main()
