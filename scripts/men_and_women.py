"""How often generated captions name men where reference captions name women, and vice versa.

    tushuo evaluate DATA --output results
    python scripts/men_and_women.py DATA results [--language zh]

Only pictures count of which at least three reference captions name one sex (boys and girls
included) and none names the other.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import tushuo.data

MIN_CAPTIONS = 3  # reference captions that must name the same sex
PATTERNS = {
    "en": {
        "men": r"\b(men|man|boys?|guys?|gentlem[ae]n|males?|fathers?|sons?|he|his|him)\b",
        "women": r"\b(wom[ae]n|girls?|lady|ladies|females?|mothers?|daughters?|she|hers?)\b",
    },
    "zh": {"men": "男", "women": "女"},
}


def named_sex(caption: str, language: str) -> str:
    """Return the sex that a caption names: men, women, both or nobody."""
    patterns = PATTERNS[language].items()
    names = [sex for sex, pattern in patterns if re.search(pattern, caption.lower())]
    return "both" if len(names) > 1 else names[0] if names else "nobody"


def agreed_sex(captions: Sequence[str], language: str) -> str | None:
    """Return the sex that the reference captions agree on; None where they do not."""
    counts = Counter(named_sex(caption, language) for caption in captions)
    del counts["nobody"]
    agreed = len(counts) == 1 and max(counts.values()) >= MIN_CAPTIONS
    return next(iter(counts)) if agreed else None


def main() -> None:
    """Print one line for the pictures of men, and one for those of women."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--language", choices=list(PATTERNS), default="en")
    args = parser.parse_args()
    records = tushuo.data.read(args.data, language=args.language)
    references = {str(record.image_id): record.captions for record in records}
    counts: Counter[tuple[str | None, str]] = Counter()
    for generated in json.loads((args.results / "captions.json").read_bytes()):
        sex = agreed_sex(references[str(generated["image_id"])], args.language)
        counts[sex, named_sex(generated["caption"], args.language)] += 1
    for sex in ("men", "women"):
        named = {name: counts[sex, name] for name in ("men", "women", "both", "nobody")}
        listed = ", ".join(f"{name} {count}" for name, count in named.items())
        print(f"{sex} in {sum(named.values())} pictures; captions name: {listed}")


if __name__ == "__main__":
    main()
