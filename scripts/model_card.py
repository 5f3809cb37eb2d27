"""Write the scores into a shipped model's card: no number there is typed by hand.

    tushuo evaluate DATA --run src/tushuo/models/en --output results
    python scripts/model_card.py en results

What stands between the card's two marks is replaced by the scores of the results folder, with their
intervals, a person's beside them, the habits that scores hide, and the signature.
"""

import argparse
from pathlib import Path

from tushuo.evaluation.results import Results, read_results, read_settings
from tushuo.models import shipped
from tushuo.runtime import write_bytes

BEGIN, END = "<!-- scores, by scripts/model_card.py -->", "<!-- end of scores -->"
HEADS = {
    "en": ("metric", "this model", "95 % interval", "a person"),
    "zh": ("指标", "本模型", "95 % 区间", "人"),
}


def table(results: Results, language: str) -> str:
    """Return the scores and habits as Markdown."""
    person = results.baselines.get("person", {})
    rows = [HEADS[language], ("---",) * 4]
    for name, value in results.scores.items():
        low, high = results.intervals[name] or (None, None)
        rows.append(
            (name, _number(value), f"{_number(low)}-{_number(high)}", _number(person.get(name)))
        )
    rows += [(name, _number(value), "", "") for name, value in results.diagnostics.items()]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    pictures = (
        f"{len(results.images)} {'张图片' if language == 'zh' else 'pictures'}, {results.split}"
    )
    return "\n".join([*lines, "", f"{pictures}: `{results.signature}`"])


def _number(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value > 1 and value == round(value) else f"{value:.3f}"


def main() -> None:
    """Read the results, refuse those of another model, write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("language", choices=list(HEADS))
    parser.add_argument("results", type=Path)
    options = parser.parse_args()
    folder, results = shipped(options.language), read_results(options.results)
    if results.run != read_settings(folder):
        parser.error(
            f"{options.results} is of another run than {folder}; evaluate the model itself"
        )
    card = folder / "README.md"
    before, _, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{before}{BEGIN}\n{table(results, options.language)}\n{END}{after}"
    write_bytes(card, made.encode())
    print(f"{card}: scores of {options.results}")


if __name__ == "__main__":
    main()
