"""Size of a report, and how fast a browser shows it.

python benchmarks/report.py flickr8k --pictures 5000 makes a page in which each picture has its
first caption as the generated one, the others as references and random attention maps. It opens
the page several times in a new Chromium (Debian's) and prints the best and the worst seconds until
the first paint, until the pictures are shown, and until the next page of them is.
"""

import argparse
import tempfile
import time
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

import tushuo.data
from tushuo.evaluation.results import PictureResult, Results, attention_to_bytes
from tushuo.report.write import write_report

ROUNDS, GRID = 3, 9
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def random_results(data: Path, pictures: int) -> Results:
    """Return results of reference captions with random scores and attention maps."""
    draw = np.random.default_rng(0)
    results = {}
    for record in tushuo.data.read(data)[:pictures]:
        words = tuple(record.captions[0].lower().split())
        results[str(record.image_id)] = PictureResult(
            caption=" ".join(words),
            references=record.captions[1:],
            path=str(record.path),
            words=words,
            log_probs=tuple(np.log(draw.random(len(words) + 1)).round(4).tolist()),
            attention=attention_to_bytes(draw.random((len(words), GRID, GRID))),
        )
    names = ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr", "CIDEr-D")
    return Results(
        scores=dict.fromkeys(names, 0.5),
        intervals=dict.fromkeys(names),
        images={
            name: dict(zip(names, draw.random(len(names)).tolist(), strict=True))
            for name in results
        },
        signature="tokenizer:ptb",
        pictures=results,
        run={"encoder": {"rows": GRID, "columns": GRID, "side": 260, "resize": "squash"}},
    )


def open_page(chromium: Any, path: Path) -> tuple[float, float, float]:
    """Open the page; return the seconds to the first paint, the pictures and the next page."""
    browser = chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
    page = browser.new_page()
    start = time.monotonic()
    page.goto(path.as_uri())
    page.wait_for_selector("#list .card")
    shown = time.monotonic() - start
    paint = page.evaluate(PAINT) / 1000
    start = time.monotonic()
    page.click("#pager >> text=Next")
    page.locator("#pager", has_text="page 2").wait_for()
    next_page = time.monotonic() - start
    browser.close()
    return paint, shown, next_page


def main() -> None:
    """Print size and times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=5000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page, results = Path(folder) / "report.html", random_results(args.data, args.pictures)
        start = time.monotonic()
        write_report(page, {"random": results})
        seconds = time.monotonic() - start
        size = page.stat().st_size / 1e6
        print(f"{len(results.pictures)} pictures: {size:.1f} MB, made in {seconds:.0f} s")
        with sync_playwright() as driver:
            rounds = [open_page(driver.chromium, page) for _ in range(ROUNDS)]
    for column, name in enumerate(("first paint", "pictures", "next page")):
        times = [seconds[column] for seconds in rounds]
        print(f"{name:12} {min(times):.2f} to {max(times):.2f} s")


if __name__ == "__main__":
    main()
