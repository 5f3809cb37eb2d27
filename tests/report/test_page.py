"""The report in a real browser: what a reader does, on a laptop, a phone and paper."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.conftest import Reader, deletion_test, made_up
from tushuo.evaluation.results import PictureResult, read_results
from tushuo.report import thumbnails
from tushuo.report.content import title
from tushuo.report.write import write_report

NASTY = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">'
FIRST_PAINT_MILLISECONDS, READY_SECONDS, PAGE_SECONDS = 2000, 8, 2
MOST_BYTES = 60_000_000  # of 5,000 pictures, busier than most photographs are
NAMELESS = """() => [...document.querySelectorAll('button, input, select, img')]
    .filter(e => !(e.ariaLabel || e.alt || e.textContent.trim() || e.labels?.length))
    .map(e => e.outerHTML)"""
WIDER_THAN_ITS_PLACE = """() => [...document.querySelectorAll('.wide')]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.ariaLabel)"""
LEAST_CONTRAST = """() => {
    const light = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const colours = (e) => getComputedStyle(e);
    const paper = light(colours(document.body).backgroundColor);
    return Math.min(...[...document.querySelectorAll('h1, .quiet, th, td, button.link')]
        .map((e) => light(colours(e).color))
        .map((ink) => (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)));
}"""


@pytest.fixture
def tiny(results: Path, tmp_path: Path) -> Path:
    """Two runs side by side: the real one, and one with the same caption for every picture."""
    first = read_results(results)
    same_caption = {
        "caption": "a red ball",
        "words": ("a", "red", "ball"),
        "log_probs": (-1.0,) * 4,
    }
    same = {
        name: replace(one, **same_caption, alternatives=("a blue ball",), confidence=0.25)
        for name, one in first.pictures.items()
    }
    run = first.run or {}
    other = {**run, "training": {**run["training"], "seed": 2}, "later": "has this setting"}
    second = replace(first, pictures=same, run=other)
    assert write_report(tmp_path / "r.html", {"tiny": first, "same": second}) == []
    return tmp_path / "r.html"


def cache_by_sum(make: Callable[[np.ndarray, int], bytes]) -> Callable[[np.ndarray, int], bytes]:
    kept: dict[int, bytes] = {}

    def cached(pixels: np.ndarray, side: int) -> bytes:
        name = int(pixels.sum())
        if name not in kept:
            kept[name] = make(pixels, side)
        return kept[name]

    return cached


def shown(page: Any) -> list[str]:
    return page.eval_on_selector_all("#list .card", "cards => cards.map(c => c.dataset.id)")


def test_scores_curves_and_both_themes(reader: Reader, tiny: Path) -> None:
    reader.open(tiny)
    page = reader.page
    assert page.locator("#score-table tbody tr").count() == 6
    assert not page.locator("#deletion-test").is_visible()
    content = page.inner_text("#scores")
    for part in ("tiny", "same", "frequent", "neighbour", "person", "tokenizer:ptb", " to "):
        assert part in content
    assert page.locator("#charts path.curve").count() == 4
    assert "best in epoch 2: 2.600" in page.inner_text("#charts")
    assert "Settings that differ" in page.inner_text("#settings")
    assert page.inner_text("#settings tbody >> nth=0").split() == ["training.seed", "0", "2"]
    assert "in a function word" in page.inner_text("#diagnostics")
    assert "pictures" in page.inner_text("#wins")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("#theme")
    assert page.evaluate(paper) != light
    page.click("#theme")
    assert page.evaluate(paper) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(paper) == light  # what the reader chose goes before the machine's choice


def test_search_filters_and_order(reader: Reader, tiny: Path) -> None:
    reader.open(tiny)
    page = reader.page
    assert page.inner_text("#count") == "40 pictures"
    assert len(shown(page)) == 24
    page.click("#pager >> text=Next")
    assert len(shown(page)) == 16
    page.fill("#query", "red ball")
    page.select_option("#where", "captions")
    assert page.inner_text("#count") == "40 pictures"
    page.fill("#query", "all")  # words are found by their beginning
    assert page.inner_text("#count") == "0 pictures of 40"
    page.fill("#query", "BA re")
    assert page.inner_text("#count") == "40 pictures"
    second = page.locator("#list .card").first.locator(".caption-line").nth(1)
    assert second.locator("mark").all_inner_texts() == ["re", "ba"]
    page.fill("#query", "no such word")
    assert page.inner_text("#count") == "0 pictures of 40"
    assert shown(page) == []
    page.click("#clear")
    page.locator("#list .card").nth(23).wait_for()
    page.select_option("#order", "worst")
    worst = shown(page)
    page.select_option("#order", "best")
    assert shown(page)[0] != worst[0]
    page.check("#flags input[value=differ]")
    assert "40 pictures" in page.inner_text("#count")
    page.select_option("#whose", "1")
    page.check("#flags input[value=shared]")
    assert page.inner_text("#count") == "40 pictures"
    page.uncheck("#flags input[value=shared]")
    page.fill("#low", "9.9")
    assert "0 pictures" in page.inner_text("#count")
    page.click("#clear")
    page.click("#histogram button >> nth=0")
    assert " of 40" in page.inner_text("#count")


def test_pointing_at_a_word_shows_its_attention(reader: Reader, tiny: Path) -> None:
    reader.open(tiny)
    page = reader.page
    card = page.locator("#list .card").first
    drawn = "canvas => canvas.toDataURL()"
    card.locator(".word").nth(0).hover()
    first = card.locator("canvas").evaluate(drawn)
    card.locator(".word").nth(1).hover()
    assert card.locator("canvas").evaluate(drawn) != first
    assert "shaded" in card.locator(".picture-view").get_attribute("class")
    card.locator("text=references").click()
    assert card.locator(".references li").first.is_visible()


def test_a_picture_opens_and_its_words_are_walked_by_keyboard(reader: Reader, tiny: Path) -> None:
    reader.open(tiny)
    page = reader.page
    page.locator("#list .card .open").first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    assert dialog.locator("li").count() >= 3
    for part in ("a blue ball", "Confidence that it fits the picture: 25.0\u00a0%"):
        assert part in dialog.inner_text()
    assert dialog.locator("tbody tr").count() == 6
    page.locator("dialog .words button").first.focus()
    drawn = "canvas => canvas.toDataURL()"
    first = dialog.locator("canvas").evaluate(drawn)
    content = dialog.locator("[aria-live]").inner_text()
    page.keyboard.press("ArrowRight")
    assert dialog.locator("canvas").evaluate(drawn) != first
    assert dialog.locator("[aria-live]").inner_text() != content
    assert "attended most to the" in dialog.locator("[aria-live]").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_the_next_picture_is_that_of_the_order_it_was_opened_from(
    reader: Reader, tiny: Path
) -> None:
    reader.open(tiny)
    page = reader.page
    page.select_option("#whose", "1")
    strip = page.locator("#strips .strip").nth(1)
    names = strip.locator(".card").evaluate_all("cards => cards.map(c => c.dataset.id)")
    strip.locator(".open").first.click()
    dialog = page.locator("dialog[open]")
    assert dialog.locator("text=Previous").is_disabled()
    for name in names[:3]:
        assert dialog.locator("h2").inner_text() == name
        dialog.locator("text=Next").click()


def test_everything_has_a_name_and_enough_contrast(reader: Reader, tiny: Path) -> None:
    reader.open(tiny)
    page = reader.page
    assert page.evaluate(NAMELESS) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(LEAST_CONTRAST) > 4.5


def test_a_phone_and_paper(reader: Reader, tiny: Path) -> None:
    reader.page.set_viewport_size({"width": 360, "height": 740})
    reader.open(tiny)
    page = reader.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 33, 38)"
    assert not page.locator("#filters").is_visible()
    assert not page.locator("#list").is_visible()
    assert page.locator("#strips .references").first.is_visible()


@pytest.mark.parametrize("width", [320, 375])
def test_no_table_is_cut_on_a_phone(reader: Reader, tmp_path: Path, width: int) -> None:
    """Rows become blocks, in which each value is labelled by its column."""
    found = {name: made_up(2, tmp_path / "pictures") for name in ("run", "a_run_of_a_long_name")}
    found = {
        name: replace(
            one,
            baselines={"frequent": one.scores, "neighbour": one.scores, "person": one.scores},
            diagnostics={"words": 9.5, "vocabulary": 40.0},
            curve=[{"epoch": 1.0, "train_loss": 3.25, "val_loss": 2.5, "val_cider": 0.5}],
        )
        for name, one in found.items()
    }
    write_report(tmp_path / "r.html", found, tested={"run": deletion_test("run:1|search:greedy")})
    reader.page.set_viewport_size({"width": width, "height": 740})
    reader.open(tmp_path / "r.html")
    page = reader.page
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(WIDER_THAN_ITS_PLACE) == []
    row = page.get_by_role("row").filter(has_text="ROUGE-L").first
    assert row.get_by_role("cell").count() == 5
    boxes = [cell.bounding_box() for cell in row.get_by_role("cell").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    labels = row.get_by_role("cell").evaluate_all("cells => cells.map(c => c.dataset.label)")
    assert labels == ["run", "a_run_of_a_long_name", "▽ frequent", "◇ neighbour", "○ person"]
    page.locator("#list .open").first.click()
    assert page.evaluate("document.querySelector('dialog').scrollWidth") <= width
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1280, "height": 740})
    assert page.get_by_role("columnheader", name="person").first.is_visible()


def test_the_title_names_models_and_data(reader: Reader, tmp_path: Path) -> None:
    one = made_up(2, tmp_path / "pictures")
    made = {"results": replace(one, model="my-run", data="flickr8k")}
    write_report(tmp_path / "r.html", made)
    reader.open(tmp_path / "r.html")
    assert reader.page.inner_text("h1") == "my-run on flickr8k"
    assert reader.page.title() == "my-run on flickr8k – tushuo report"
    assert title(made | {"other": replace(one, data="flickr8k")}) == "my-run · other on flickr8k"
    assert title(made | {"beam": made["results"]}) == "results · beam on flickr8k"
    assert title(made | {"other": replace(one, model="b", data="coco")}) == "my-run · b"
    assert title({"results": one}) == "results"


def test_the_deletion_test_is_drawn(reader: Reader, tmp_path: Path) -> None:
    found = {name: made_up(2, tmp_path / "pictures") for name in ("sure", "chance", "untested")}
    tests = {
        "sure": deletion_test("run:1|search:greedy"),
        "chance": deletion_test("run:2", own=0.12),
    }
    write_report(tmp_path / "r.html", found, tested=tests)
    reader.page.set_viewport_size({"width": 360, "height": 740})
    reader.open(tmp_path / "r.html")
    page = reader.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("#deletion-test h3").all_inner_texts() == ["sure", "chance"]
    sure, chance = page.locator("#tests > p").all_inner_texts()
    assert "is significant for each of them, at every share" in sure
    assert "not significant for: what another word attended to (all words, 40 %)" in chance
    assert page.locator("#masks").inner_text().split("\n")[0] == "what the word attended to"
    chart = page.locator("#tests figure").first
    assert "Log-probability drop, nats: all words" in chart.inner_text()
    assert "1,234 words" in chart.inner_text()
    content = chart.locator("svg text").all_text_contents()
    assert content[-3:] == ["20 %", "40 %", "regions hidden"]
    assert content[0] == "0"
    own = chart.locator("g").nth(1)  # of the first mask, at its greater share
    assert own.locator("title").text_content() == (
        "what the word attended to, 40 % hidden: 0.160 (0.150 to 0.170)"
    )
    at_random = chart.locator("g").last
    assert own.bounding_box()["y"] < at_random.bounding_box()["y"]
    page.click("#tests summary >> nth=0")
    rows = page.locator("#tests table >> nth=0").locator("tbody tr")
    assert rows.count() == 4
    assert "0.160" in rows.first.inner_text()
    page.set_viewport_size({"width": 1280, "height": 740})
    wide = page.locator("#tests .wide >> nth=0")
    assert wide.evaluate("of => of.scrollWidth <= of.clientWidth")
    page.emulate_media(media="print")
    assert chart.is_visible()


def test_captions_are_text_whatever_they_hold(reader: Reader, tmp_path: Path) -> None:
    found = made_up(3, tmp_path / "pictures", caption=f"狗 {NASTY}")
    names = {name: f"{NASTY}{name}" for name in found.pictures}
    found = replace(
        found,
        pictures={names[name]: one for name, one in found.pictures.items()},
        images={names[name]: one for name, one in found.images.items()},
        notes=[NASTY],
        baselines={NASTY: found.scores},
        curve=[{"epoch": 1.0, "val_loss": 2.0, "val_cider": None}],
    )
    write_report(tmp_path / "r.html", {NASTY: found})
    reader.open(tmp_path / "r.html")
    page = reader.page
    assert page.locator("#charts figure").count() == 1  # none of CIDEr, which nobody measured
    page.fill("#query", "onerror")
    page.locator("#list .open").first.click()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
    card = page.locator("#list .card").first
    assert NASTY in card.inner_text()
    assert card.locator(".caption-line p").get_attribute("lang") == "zh-Hans"


def test_runs_share_baselines_though_one_has_a_metric_more(reader: Reader, tmp_path: Path) -> None:
    one, other = (made_up(3, tmp_path / name) for name in ("a", "b"))
    metric = next(iter(one.scores))
    more = {**one.scores, "METEOR": 0.25}
    found = {
        "a": replace(one, baselines={"person": one.scores, "frequent": {metric: 0.5}}),
        "b": replace(other, scores=more, baselines={"person": more, "frequent": {metric: 0.4}}),
    }
    write_report(tmp_path / "r.html", found)
    reader.open(tmp_path / "r.html")
    heads = reader.page.locator("#score-table thead th").all_inner_texts()
    content = [head.strip(" ▽◇○").strip() for head in heads]
    assert [name for name in content if name.startswith(("person", "frequent"))] == [
        "person",
        "frequent (a)",
        "frequent (b)",
    ]


def test_captions_of_another_tool_without_pictures(reader: Reader, tmp_path: Path) -> None:
    found = made_up(3, tmp_path / "pictures")
    bare = {
        n: PictureResult(caption=s.caption, references=s.references)
        for n, s in found.pictures.items()
    }
    assert (
        write_report(tmp_path / "r.html", {"other": replace(found, pictures=bare, run=None)}) == []
    )
    reader.open(tmp_path / "r.html")
    page = reader.page
    assert page.locator("#list .none").count() == 3
    page.locator("#list .open").first.click()
    assert page.locator("dialog .plain").inner_text() == "a dog runs on the grass"


def test_five_thousand_pictures(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dozen pictures come again and again, since making thousands is not what is tested."""
    monkeypatch.setattr(thumbnails, "thumbnail", cache_by_sum(thumbnails.thumbnail))
    write_report(tmp_path / "r.html", {"many": made_up(5000, tmp_path / "pictures")})
    assert (tmp_path / "r.html").stat().st_size < MOST_BYTES
    began = time.monotonic()
    reader.open(tmp_path / "r.html")
    assert time.monotonic() - began < READY_SECONDS
    page = reader.page
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    assert page.evaluate(paint) < FIRST_PAINT_MILLISECONDS
    for act in (
        lambda: page.click("#pager >> text=Next"),
        lambda: page.fill("#query", "number 4321"),
        lambda: page.select_option("#order", "best"),
    ):
        began = time.monotonic()
        act()
        assert time.monotonic() - began < PAGE_SECONDS
    assert page.inner_text("#count") == "1 picture of 5,000"
