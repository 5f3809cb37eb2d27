"""How large a report is and how fast it appears.

python benchmarks/report.py flickr8k --pictures 5000 makes a page in which each picture has its
first caption for a caption, the others for references and maps drawn at random; then opens it in
Debian's Chromium, a new one each time, and prints the best and the worst of three: seconds until
something is on the screen, until the pictures are, and until the next page of them is.
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
from tushuo.evaluation.results import PictureResult, Results, pack
from tushuo.report.write import write_report

TIMES, GRID = 3, 9
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def made_up(data: Path, pictures: int) -> Results:
    """Return results of a person's captions, with scores and maps that mean nothing."""
    draw = np.random.default_rng(0)
    said = {}
    for record in tushuo.data.read(data)[:pictures]:
        words = tuple(record.captions[0].lower().split())
        said[str(record.image_id)] = PictureResult(
            caption=" ".join(words),
            references=record.captions[1:],
            path=str(record.path),
            words=words,
            log_probs=tuple(np.log(draw.random(len(words) + 1)).round(4).tolist()),
            attention=pack(draw.random((len(words), GRID, GRID))),
        )
    names = ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr", "CIDEr-D")
    return Results(
        scores=dict.fromkeys(names, 0.5),
        intervals=dict.fromkeys(names),
        images={
            name: dict(zip(names, draw.random(len(names)).tolist(), strict=True)) for name in said
        },
        signature="tokenizer:ptb",
        pictures=said,
        run={"encoder": {"rows": GRID, "columns": GRID, "resize": "squash"}},
    )


def opened(chromium: Any, path: Path) -> tuple[float, float, float]:
    """Open the page; return seconds to the first paint, to the pictures, to the next ones."""
    browser = chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
    page = browser.new_page()
    began = time.monotonic()
    page.goto(path.as_uri())
    page.wait_for_selector("#list .card")
    prepare_for_inference = time.monotonic() - began
    paint = page.evaluate(PAINT) / 1000
    began = time.monotonic()
    page.click("#pager >> text=Next")
    page.locator("#pager", has_text="page 2").wait_for()
    turned = time.monotonic() - began
    browser.close()
    return paint, prepare_for_inference, turned


def main() -> None:
    """Print size and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=5000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page, results = Path(folder) / "report.html", made_up(given.data, given.pictures)
        began = time.monotonic()
        write_report(page, {"made up": results})
        seconds = time.monotonic() - began
        size = page.stat().st_size / 1e6
        print(f"{len(results.pictures)} pictures: {size:.1f} MB, made in {seconds:.0f} s")
        with sync_playwright() as driver:
            found = [opened(driver.chromium, page) for _ in range(TIMES)]
    for place, name in enumerate(("first paint", "pictures", "next page")):
        times = [one[place] for one in found]
        print(f"{name:12} {min(times):.2f} to {max(times):.2f} s")


if __name__ == "__main__":
    main()
