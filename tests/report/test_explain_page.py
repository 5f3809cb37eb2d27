"""The page of one picture in a real browser: pointing, keys, a phone, what a caption may hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.report.conftest import Reader
from tests.report.test_page import LEAST_CONTRAST, NAMELESS, NASTY
from tushuo.captioning.caption import Caption, Explanation, TokenProbability
from tushuo.report.explain_page import write_explain_page

DRAWN = "canvas => canvas.toDataURL()"
LIKELY = "#candidates li .name"


def explanation(*words: str, seed: int = 0) -> Explanation:
    """Make one up; its words are the second likeliest."""
    looked = np.random.default_rng(seed).random((len(words), 4, 4)).astype(np.float32)
    caption = Caption(
        text=" ".join(words),
        words=words,
        log_probs=(-1.5,) * (len(words) + 1),
        attention=looked,
    )
    steps = tuple(
        (
            TokenProbability(word=f"not {word}", probability=0.6),
            TokenProbability(word=word, probability=0.22),
        )
        for word in [*words, "<end>"]
    )
    return Explanation(caption=caption, steps=steps)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    samples = explanation("two", "cats", seed=2)
    beside = explanation("no", NASTY, "狗", "2", seed=3)
    found = {
        "beam": explanation("a", "dog", "runs"),
        "greedy": explanation("a", "dog", seed=1),
        "sample": replace(samples, alternatives=(beside,)),
    }
    picture = np.random.default_rng(4).integers(0, 255, (90, 160, 3)).astype(np.uint8)
    write_explain_page(tmp_path / "e.html", picture, found, title=NASTY)
    return tmp_path / "e.html"


def test_pointing_at_a_word_changes_the_overlay_and_the_likeliest_words(
    reader: Reader, page: Path
) -> None:
    reader.open(page, wait_for="#captions .word")
    shown = reader.page
    overlay, words = shown.locator("#picture-view canvas"), shown.locator("#captions .word")
    words.nth(1).hover()
    second = overlay.evaluate(DRAWN)
    assert shown.locator(LIKELY).all_inner_texts() == ["not dog", "dog"]
    assert shown.locator("#candidates .own").inner_text().split() == ["dog", "22.0", "%", "chosen"]
    words.nth(2).hover()
    assert overlay.evaluate(DRAWN) != second
    assert shown.locator(LIKELY).all_inner_texts() == ["not runs", "runs"]
    assert "runs attended most to" in shown.inner_text("#word-info")
    assert overlay.evaluate("canvas => getComputedStyle(canvas.parentElement).display") != "none"
    words.nth(3).hover()
    assert "ends the caption" in shown.inner_text("#word-info")
    assert shown.locator("#picture-view.shaded").count() == 0


def test_the_picture_is_plain_until_a_word_is_chosen(reader: Reader, page: Path) -> None:
    """Pointing shows a word while the pointer is on it; a click or a key keeps it chosen."""
    reader.open(page, wait_for="#captions .word")
    shown = reader.page
    words, chosen = shown.locator("#captions .word"), shown.locator("#captions .chosen")
    shaded = shown.locator("#picture-view.shaded")

    def assert_plain() -> None:
        assert (shaded.count(), chosen.count()) == (0, 0)
        assert shown.locator("#hint").is_visible()
        assert not shown.locator("#step").is_visible()
        assert shown.locator("[aria-pressed=true]").count() == 0

    assert_plain()
    height = shown.evaluate("document.documentElement.scrollHeight")
    words.nth(1).hover()
    assert (shaded.count(), chosen.all_inner_texts()) == (1, ["dog"])
    assert shown.locator("#step").is_visible()
    assert not shown.locator("#hint").is_visible()
    assert shown.evaluate("document.documentElement.scrollHeight") == height
    shown.mouse.move(5, 5)
    assert_plain()
    words.nth(2).click()
    words.nth(1).hover()
    assert chosen.all_inner_texts() == ["dog"]
    shown.mouse.move(5, 5)
    assert (shaded.count(), chosen.all_inner_texts()) == (1, ["runs"])
    shown.locator("#plain").click()
    assert_plain()
    words.nth(0).focus()
    assert chosen.all_inner_texts() == ["a"]
    shown.keyboard.press("Escape")
    assert_plain()
    words.nth(0).click()
    shown.get_by_role("tab", name="Greedy").click()
    assert_plain()


@pytest.mark.parametrize("width", [320, 375, 768, 1440])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_fits_every_width(
    reader: Reader, tmp_path: Path, width: int, language: str
) -> None:
    words = ("a", "very-long-word-of-a-caption", "dog") if language == "en" else ("一只", "狗")
    found = {name: explanation(*words) for name in ("consensus", "greedy", "beam", "sample")}
    picture = np.full((160, 90, 3), 200, np.uint8)
    write_explain_page(tmp_path / "e.html", picture, found, title="a_long_name_" * 5)
    reader.page.set_viewport_size({"width": width, "height": 740})
    reader.open(tmp_path / "e.html", wait_for="#captions .word")
    for place in (0, 1):
        reader.page.locator("#captions .word").nth(place).click()
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
        assert reader.page.locator("#word-info").is_visible()


def test_searches_and_words_by_keyboard(reader: Reader, page: Path) -> None:
    reader.open(page, wait_for="#captions .word")
    shown = reader.page
    shown.get_by_role("tab", name="Beam").focus()
    shown.keyboard.press("ArrowRight")
    assert shown.get_by_role("tab", selected=True).inner_text() == "Greedy"
    assert shown.locator("#captions .word").all_inner_texts() == ["a", "dog", "·"]
    shown.keyboard.press("Tab")
    shown.keyboard.press("ArrowRight")
    assert shown.locator(LIKELY).all_inner_texts() == ["not dog", "dog"]
    before = shown.locator("#picture-view canvas").evaluate(DRAWN)
    shown.keyboard.press("Home")
    assert shown.locator("#picture-view canvas").evaluate(DRAWN) != before
    shown.get_by_role("tab", name="Samples").click()
    assert shown.locator("#captions .caption-block").count() == 2


def test_a_caption_plays_word_by_word(reader: Reader, page: Path) -> None:
    reader.open(page, wait_for="#captions .word")
    shown = reader.page
    shown.locator("#captions .play").click()
    shown.locator("#captions .chosen", has_text="runs").wait_for()
    shown.locator("body:not(.choosing)").wait_for()  # at its end the picture is plain again


def test_the_page_is_in_the_language_of_its_captions(reader: Reader, tmp_path: Path) -> None:
    picture = np.zeros((90, 160, 3), np.uint8)
    found = {"consensus": explanation("一只", "狗"), "sample": explanation("two", "dogs")}
    write_explain_page(tmp_path / "zh.html", picture, found, title="照片")
    reader.open(tmp_path / "zh.html", wait_for="#captions .word")
    shown = reader.page
    assert shown.evaluate("document.documentElement.lang") == "zh-Hans"
    assert shown.locator("[role=tab]").all_inner_texts() == ["共识重排", "采样"]
    assert "轻点该词" in shown.inner_text("#hint")
    shown.locator("#captions .word").nth(1).hover()
    assert "的注意力集中在" in shown.inner_text("#word-info")
    shown.locator("#captions .word").nth(2).hover()
    assert "表示描述结束" in shown.inner_text("#word-info")
    assert shown.evaluate(NAMELESS) == []
    shown.locator("#theme", has_text="深色").click()
    assert shown.locator("#theme").get_attribute("aria-label") == "切换为浅色"


def test_no_edge_of_the_picture_stays_light(reader: Reader, page: Path) -> None:
    reader.open(page, wait_for="#captions .word")
    reader.page.locator("#captions .word").first.hover()
    ratio = "{e} => {e}.width / {e}.height"
    drawn = reader.page.locator("#picture-view canvas").evaluate(ratio.replace("{e}", "canvas"))
    assert drawn == pytest.approx(160 / 90)


def test_a_phone_both_themes_and_what_a_caption_may_hold(reader: Reader, page: Path) -> None:
    shown = reader.page
    shown.set_viewport_size({"width": 360, "height": 740})
    reader.open(page, wait_for="#captions .word")
    shown.get_by_role("tab", name="Samples").click()
    assert shown.evaluate("document.documentElement.scrollWidth") <= 360
    shown.locator("#captions .word", has_text="onerror").click()
    assert shown.evaluate("window.hacked") is None
    assert shown.locator("img[src=x]").count() == 0
    assert NASTY in shown.inner_text("h1")
    assert NASTY in shown.inner_text("#word-info")
    assert shown.locator("#captions .word", has_text="狗").get_attribute("lang") == "zh-Hans"
    assert shown.locator("#captions .words").nth(1).get_attribute("lang") == "zh-Hans"
    assert shown.locator("#captions .word", has_text="2").get_attribute("lang") == "zh-Hans"
    assert shown.locator("#captions .words").first.get_attribute("lang") is None
    assert shown.evaluate(NAMELESS) == []
    for scheme in ("light", "dark"):
        shown.emulate_media(color_scheme=scheme)
        assert shown.evaluate(LEAST_CONTRAST) > 4.5


def test_a_captioner_without_attention_has_a_page_too(reader: Reader, tmp_path: Path) -> None:
    one = explanation("a", "dog")
    bare = replace(one, caption=replace(one.caption, attention=None))
    picture = np.random.default_rng(4).integers(0, 255, (90, 160, 3)).astype(np.uint8)
    write_explain_page(tmp_path / "e.html", picture, {"beam": bare}, title="photo")
    reader.open(tmp_path / "e.html", wait_for="#captions .word")
    shown = reader.page
    assert "no attention maps" in shown.inner_text("#hint")
    shown.locator("#captions .word").nth(1).hover()
    assert shown.locator("#picture-view.shaded").count() == 0
    assert shown.inner_text("#word-info").startswith("dog: probability")
