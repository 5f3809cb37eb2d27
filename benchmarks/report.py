"""How long a report takes to appear: python benchmarks/report.py REPORT.html.

Opens the page in Debian's Chromium, a new one each time, and prints the best and the worst of
three: until something is on the screen, until the pictures are, and until the next 24 are.
"""

import sys
import time
from pathlib import Path
from shutil import which
from typing import Any

from playwright.sync_api import sync_playwright

TIMES = 3
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def opened(chromium: Any, path: Path) -> tuple[float, float, float]:
    """Open the page; return seconds to the first paint, to the pictures, to the next ones."""
    browser = chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
    page = browser.new_page()
    began = time.monotonic()
    page.goto(path.resolve().as_uri())
    page.wait_for_selector("#list .card")
    ready = time.monotonic() - began
    paint = page.evaluate(PAINT) / 1000
    began = time.monotonic()
    page.click("#pager >> text=Next")
    page.wait_for_function("document.querySelector('#pager').textContent.includes('page 2')")
    turned = time.monotonic() - began
    browser.close()
    return paint, ready, turned


def main() -> None:
    """Print size and times."""
    path = Path(sys.argv[1])
    with sync_playwright() as driver:
        found = [opened(driver.chromium, path) for _ in range(TIMES)]
    print(f"{path.stat().st_size / 1e6:.1f} MB")
    for place, name in enumerate(("first paint", "pictures", "next page")):
        times = [one[place] for one in found]
        print(f"{name:12} {min(times):.2f} to {max(times):.2f} s")


if __name__ == "__main__":
    main()
