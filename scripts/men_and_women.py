"""How often a model says men where people say women, and the other way round.

    tushuo evaluate DATA --output results
    python scripts/men_and_women.py DATA results [--language zh]

Only pictures count of which three people or more speak of one sex, boys and girls too, and nobody
speaks of the other.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import tushuo.data

SURE = 3  # captions of a picture that name the same sex
NAMED = {
    "en": {
        "men": r"\b(men|man|boys?|guys?|gentlem[ae]n|males?|fathers?|sons?|he|his|him)\b",
        "women": r"\b(wom[ae]n|girls?|lady|ladies|females?|mothers?|daughters?|she|hers?)\b",
    },
    "zh": {"men": "男", "women": "女"},
}


def named(caption: str, language: str) -> str:
    """Return whom a caption speaks of: men, women, both or nobody."""
    patterns = NAMED[language].items()
    found = [who for who, pattern in patterns if re.search(pattern, caption.lower())]
    return "both" if len(found) > 1 else found[0] if found else "nobody"


def agreed(captions: Sequence[str], language: str) -> str | None:
    """Return whom people agree to speak of; None where they do not."""
    told = Counter(named(caption, language) for caption in captions)
    del told["nobody"]
    return next(iter(told)) if len(told) == 1 and max(told.values()) >= SURE else None


def main() -> None:
    """Print a line for the pictures of men, and one for those of women."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--language", choices=list(NAMED), default="en")
    options = parser.parse_args()
    language = options.language
    records = tushuo.data.read(options.data, language=language)
    spoken = {str(record.image_id): record.captions for record in records}
    said: Counter[tuple[str | None, str]] = Counter()
    for one in json.loads((options.results / "captions.json").read_bytes()):
        people = agreed(spoken[str(one["image_id"])], language)
        said[people, named(one["caption"], language)] += 1
    for people in ("men", "women"):
        counts = {who: said[people, who] for who in ("men", "women", "both", "nobody")}
        told = ", ".join(f"{who} {count}" for who, count in counts.items())
        print(f"{people} in {sum(counts.values())} pictures; said: {told}")


if __name__ == "__main__":
    main()
