"""OpenAI's form, as its own package sends it and as other programs do."""

import json
from typing import Any

import httpx
import pytest

from tests.serve.conftest import Running, in_base64, numbered
from tests.serve.test_service import problem_of
from tushuo.serve.chat import pictures_of, pieces

openai = pytest.importorskip("openai", reason="a development dependency")
CHAT = "/v1/chat/completions"


def image(number: int) -> dict[str, Any]:
    address = f"data:image/png;base64,{in_base64(numbered(number))}"
    return {"type": "image_url", "image_url": {"url": address, "detail": "low"}}


def asked(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    text = {"type": "text", "text": "What is in this image? 用中文回答。"}
    return [
        {"role": "system", "content": "You describe pictures."},
        {"role": "user", "content": [text, *parts]},
    ]


@pytest.fixture
def client(server: Running) -> Any:
    http = httpx.Client(trust_env=False)
    try:
        return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0,
                             http_client=http)  # fmt: skip
    except TypeError:  # the package wants a client of its own kind
        return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def test_the_openai_package_gets_captions_at_once_and_in_pieces(client: Any) -> None:
    (model,) = client.models.list().data
    assert (model.id, model.owned_by) == ("numbers", "tushuo")
    done = client.chat.completions.create(
        model=model.id, messages=asked(image(7)), temperature=0.2, max_tokens=50
    )
    assert done.choices[0].message.content == "number 7 greedy"
    assert done.choices[0].finish_reason == "stop"
    assert done.usage.completion_tokens == 3
    stream = client.chat.completions.create(
        model=model.id, messages=asked(image(8)), stream=True,
        stream_options={"include_usage": True},
    )  # fmt: skip
    chunks = [*stream]
    texts = [one.choices[0].delta.content or "" for one in chunks if one.choices]
    assert "".join(texts) == "number 8 greedy"
    assert len([text for text in texts if text]) == 3
    assert chunks[-1].usage.total_tokens == 3


def test_the_openai_package_knows_the_errors(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="any", messages=asked())
    assert "no message has a picture" in str(caught.value)
    assert caught.value.code == "invalid-request"


def test_a_request_as_a_camera_program_sends_it(server: Running) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": [
        image(1), image(2), {"type": "text", "text": "Describe the object."}]}]}  # fmt: skip
    got = server.client.post(CHAT, json=body).json()
    assert got["choices"][0]["message"]["content"] == "number 1 greedy\nnumber 2 greedy"
    assert (got["object"], got["model"]) == ("chat.completion", "numbers")


def test_events_end_as_clients_expect(server: Running) -> None:
    got = server.client.post(CHAT, json={"messages": asked(image(3)), "stream": True})
    assert got.headers["content-type"].startswith("text/event-stream")
    events = got.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    contents = [json.loads(one.removeprefix("data: ")) for one in events[:-2]]
    assert contents[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert contents[-1]["choices"][0]["finish_reason"] == "stop"
    assert len({one["id"] for one in contents}) == 1


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        ({}, "invalid-request", "messages must be a list of objects"),
        ({"messages": ["a"]}, "invalid-request", "messages must be a list of objects"),
        ({"messages": [{"content": "hello"}]}, "invalid-request", "no message has a picture"),
        ({"messages": asked(image(1)), "n": 2}, "invalid-option", "n must be 1"),
        ({"messages": asked(*[image(1)] * 17)}, "too-many-pictures", "has 17 pictures"),
        (
            {"messages": asked({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}})},
            "invalid-request",
            "which this service does not fetch",
        ),
        (
            {"messages": asked({"type": "image_url", "image_url": 5})},
            "invalid-request",
            "image_url must be an object",
        ),
        (
            {"messages": asked({"type": "image_url", "image_url": {"url": "data:,x"}})},
            "invalid-request",
            "without base64",
        ),
        (
            {
                "messages": asked(
                    {"type": "image_url", "image_url": "data:image/png;base64,aGFsbG8="}
                )
            },
            "unsupported-format",
            "in no format that is read",
        ),
    ],
)
def test_errors_have_both_forms(
    body: dict[str, Any], code: str, sentence: str, server: Running
) -> None:
    got = server.client.post(CHAT, json=body)
    assert sentence in problem_of(got, code)
    assert got.json()["error"]["message"] == got.json()["detail"]
    assert got.json()["error"]["code"] == code


def test_the_pictures_of_the_last_message_that_has_any_are_taken() -> None:
    messages = [*asked(image(1)), *asked(image(2)), {"role": "assistant", "content": "text"}]
    assert pictures_of(messages) == [numbered(2)]


def test_pieces_of_a_text_make_it_up() -> None:
    for text in ("a dog  runs", "一只狗在跑", "", " x "):
        assert "".join(pieces(text)) == text
    assert pieces("a dog runs") == ["a ", "dog ", "runs"]
