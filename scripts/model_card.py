"""Write the scores into a shipped model's card, so that no number there is typed by hand.

    tushuo evaluate DATA --run src/tushuo/models/en --output results
    python scripts/model_card.py en results

The text between the two comments of the card is replaced by the scores of the results folder, with
their intervals, the human baseline, the caption diagnostics and the signature.
"""

import argparse
from pathlib import Path

from tushuo.evaluation.results import Results, read_results, read_settings
from tushuo.models import shipped
from tushuo.runtime import write_bytes

BEGIN, END = "<!-- scores, by scripts/model_card.py -->", "<!-- end of scores -->"
HEADERS = {
    "en": ("metric", "this model", "95 % interval", "human baseline"),
    "zh": ("指标", "本模型", "95 % 区间", "人类基线"),
}
UNITS = {"en": "pictures", "zh": "张图片"}


def table(results: Results, language: str) -> str:
    """Return scores and diagnostics as Markdown."""
    human = results.baselines.get("person", {})
    rows = [HEADERS[language], ("---",) * 4]
    for name, score in results.scores.items():
        low, high = results.intervals[name] or (None, None)
        interval = f"{_format(low)}-{_format(high)}"
        rows.append((name, _format(score), interval, _format(human.get(name))))
    rows += [(name, _format(value), "", "") for name, value in results.diagnostics.items()]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    pictures = f"{len(results.images)} {UNITS[language]}, {results.split}"
    return "\n".join([*lines, "", f"{pictures}: `{results.signature}`"])


def _format(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value > 1 and value == round(value) else f"{value:.3f}"


def main() -> None:
    """Read the results, refuse those of another model, write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("language", choices=list(HEADERS))
    parser.add_argument("results", type=Path)
    options = parser.parse_args()
    folder, results = shipped(options.language), read_results(options.results)
    if results.run != read_settings(folder):
        parser.error(
            f"{options.results} belongs to another run than {folder}; evaluate the model itself"
        )
    card = folder / "README.md"
    before, _, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    content = f"{before}{BEGIN}\n{table(results, options.language)}\n{END}{after}"
    write_bytes(card, content.encode())
    print(f"{card}: scores of {options.results}")


if __name__ == "__main__":
    main()
