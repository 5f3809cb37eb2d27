"""The page in Debian's Chromium, in front of a real server; nothing is loaded from elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serve.conftest import NumberCaptioner, Running, numbered, running
from tushuo.serve.page_files import FILES

BLUE = 0x0000FF  # 255
KEY = "a-key-of-the-page-0123"


class Page:
    """A page of the service, with what it asked for and what went wrong."""

    def __init__(self, browser: Any, url: str, **options: Any):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)
        self.page.goto(url)

    def _note(self, message: Any) -> None:
        """Keep the console's errors, but for refused requests, which some tests make."""
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def give(self, picture: bytes, name: str = "a.png") -> None:
        file = {"name": name, "mimeType": "image/png", "buffer": picture}
        self.page.set_input_files("#file", file)

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def wait(self, selector: str, text: str) -> None:
        self.page.wait_for_function(
            "([selector, text]) => document.querySelector(selector).innerText.includes(text)",
            arg=[selector, text],
        )


@pytest.fixture
def page(browser: Any, server: Running) -> Iterator[Page]:
    opened = Page(browser, server.url, locale="en-US", viewport={"width": 1200, "height": 900})
    yield opened
    assert opened.errors == []
    assert all(url.startswith((server.url, "blob:", "data:")) for url in opened.requests)
    opened.context.close()


def test_a_picture_gets_its_caption_and_words_show_their_region(page: Page) -> None:
    page.wait("#model", "English captions, numbers")
    page.give(numbered(BLUE))
    page.wait("#caption", "number 255 greedy")
    assert page.page.get_attribute("#picture", "alt") == "number 255 greedy"
    assert page.page.text_content("#announced") == "Caption: number 255 greedy"
    assert page.text("#concepts li") == "number 90 %"
    word = page.page.locator("#caption button").nth(1)
    word.hover()
    assert page.text("#region").startswith("“255” is based mostly on the upper left of the picture")
    assert word.get_attribute("aria-pressed") == "true"
    assert page.page.evaluate("document.getElementById('shade').width") > 0
    word.focus()
    page.page.keyboard.press("ArrowRight")
    assert page.text("#region").startswith("“greedy”")
    page.page.keyboard.press("Escape")
    assert page.text("#region") == ""


def test_searches_other_captions_and_the_history_of_the_tab(page: Page) -> None:
    page.give(numbered(1))
    page.wait("#caption", "number 1 greedy")
    page.page.click("#options summary")
    page.page.select_option("#search", "sample")
    page.page.fill("#n-best", "3")
    page.page.uncheck("#with-concepts")
    page.page.click("#again")
    page.wait("#caption", "number 1 sample")
    assert page.page.locator("#alternatives li").count() == 2
    assert not page.page.is_visible("#concepts")
    page.give(numbered(2))
    page.wait("#caption", "number 2 sample")
    assert page.page.locator("#history li").count() == 3
    page.page.locator("#history button").last.click()
    page.wait("#caption", "number 1 greedy")


def test_what_is_refused_is_one_sentence(page: Page) -> None:
    page.give(b"no picture")
    page.wait("#problem", "picture")
    page.give(numbered(7))
    page.wait("#caption", "number 7")
    assert not page.page.is_visible("#problem")


def test_languages_and_themes(page: Page) -> None:
    page.page.click("#language")
    assert page.text("#drop-title") == "把图片拖到这里"
    assert page.page.get_attribute("html", "lang") == "zh-Hans"
    page.page.click("#theme")
    assert page.page.get_attribute("html", "data-theme") == "dark"
    page.give(numbered(3))
    page.wait("#caption", "number 3")
    page.page.locator("#caption button").first.hover()
    assert page.text("#region").startswith("“number”主要依据图片的左上")


def test_copies_text_and_the_alt_attribute(browser: Any, server: Running) -> None:
    page = Page(browser, server.url, permissions=["clipboard-read", "clipboard-write"])
    page.give(numbered(4))
    page.wait("#caption", "number 4")
    for button, expected in (
        ("#copy-text", "number 4 greedy"),
        ("#copy-alt", 'alt="number 4 greedy"'),
    ):
        page.page.click(button)
        assert page.page.evaluate("navigator.clipboard.readText()") == expected
    page.context.close()


def test_paste_and_drop(page: Page) -> None:
    for event, number in (("paste", 5), ("drop", 6)):
        script = """([event, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "a.png", { type: "image/png" }));
            const options = { bubbles: true, clipboardData: transfer, dataTransfer: transfer };
            const made = event === "paste" ? new ClipboardEvent(event, options)
                                           : new DragEvent(event, options);
            document.body.dispatchEvent(made);
        }"""
        page.page.evaluate(script, [event, list(numbered(number))])
        page.wait("#caption", f"number {number}")


@pytest.mark.parametrize("width", [320, 768, 3840])
def test_nothing_is_wider_than_the_window(browser: Any, server: Running, width: int) -> None:
    for locale in ("en-US", "zh-CN"):
        page = Page(browser, server.url, locale=locale, viewport={"width": width, "height": 800})
        page.give(numbered(8))
        page.wait("#caption", "number 8")
        page.page.click("#options summary")
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.page.evaluate(
            "[...document.querySelectorAll('main > section button, header button')]"
            ".filter((one) => one.offsetParent && !one.closest('#caption'))"
            ".filter((one) => one.getBoundingClientRect().height < 40).length"
        )
        assert small == 0
        page.context.close()


def test_a_key_is_asked_for(browser: Any) -> None:
    with running(keys=[KEY]) as server:
        page = Page(browser, server.url, locale="en-US")
        page.wait("#problem", "requires an API key")
        assert page.page.is_visible("#key")
        page.page.fill("#key", KEY)
        page.page.press("#key", "Tab")
        page.wait("#model", "English captions")
        page.give(numbered(9))
        page.wait("#caption", "number 9")
        assert page.page.input_value("#key") == KEY
        page.context.close()


class WithoutAttention(NumberCaptioner):
    """A captioner that says nothing about the picture's parts."""

    def _caption(self, picture: Any, config: Any) -> Any:
        caption = super()._caption(picture, config)
        return type(caption)(**{**vars(caption), "attention": None, "concepts": ()})


def test_captioners_without_attention(browser: Any) -> None:
    with running(WithoutAttention()) as server:
        page = Page(browser, server.url, locale="en-US")
        page.give(numbered(10))
        page.wait("#caption", "number 10")
        assert "does not say which part" in page.text("#region")
        page.page.locator("#caption button").first.hover()
        assert page.text("#region") == "“number” has no place in the picture."
        assert page.errors == []
        page.context.close()


def test_its_files_are_plain_and_whole(server: Running) -> None:
    for path in FILES:
        reply = server.client.get(path)
        assert reply.status_code == 200
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert not re.search(r"https?://(?!www\.w3\.org)", reply.text)
    texts = server.client.get("/page/texts.js").text
    english, chinese = texts.split("  zh: {")
    names = [set(re.findall(r"(?:^|[ {,])(\w+): (?:[\"\[(])", part)) for part in (english, chinese)]
    assert names[0] - {"en"} == names[1]
    root = Path(__file__).parents[2] / "src" / "tushuo" / "serve" / "page"
    used = set(re.findall(r'data-text="(\w+)"', (root / "index.html").read_text()))
    assert used <= names[0]
