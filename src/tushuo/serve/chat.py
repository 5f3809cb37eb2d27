"""OpenAI's form: ``POST /v1/chat/completions`` and ``GET /v1/models``.

Programs that describe pictures with a chat model can use this service by its address. The pictures
of the last message that has any are captioned; texts are not read, since a captioner obeys none,
and neither are settings of chat models such as temperature.
"""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tushuo.captioning.caption import Caption
from tushuo.serve.captions import deadline_of, with_body
from tushuo.serve.problems import Problem
from tushuo.serve.service import Service, unless_client_leaves
from tushuo.serve.uploads import decode_base64, read_json, require_few


async def get_models(request: Request) -> Response:
    """List the model."""
    service: Service = request.app.state.service
    model = {"id": service.model_id, "object": "model", "created": 0, "owned_by": "tushuo"}
    return _json({"object": "list", "data": [model]})


async def post_chat(request: Request) -> Response:
    """Answer a chat message with the captions of its pictures, one on each line."""
    service: Service = request.app.state.service

    async def answer(body: bytes) -> Response:
        values = read_json(body)
        if values.get("n", 1) not in (None, 1):
            raise Problem("invalid-option", "n must be 1; /v1/captions has n_best")
        pictures = pictures_of(values.get("messages"))
        require_few(len(pictures), service.limits.max_pictures)
        captions = await unless_client_leaves(
            request,
            service.caption(
                pictures,
                service.captioner.info.search,
                seconds=deadline_of(request, service.limits.deadline),
            ),
        )
        return _reply(captions, values, service.model_id)

    return await with_body(request, answer)


def pictures_of(messages: object) -> list[bytes]:
    """Return the pictures of the last message that has any.

    Raises:
        Problem: no message has any, one is the address of a file, or the form is another.
    """
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise Problem("invalid-request", "messages must be a list of objects")
    for message in reversed(messages):
        parts = message.get("content")
        addresses = [_address(part) for part in parts] if isinstance(parts, list) else []
        if found := [address for address in addresses if address is not None]:
            return [decode_base64(address) for address in found]
    raise Problem(
        "invalid-request",
        "no message has a picture; send a part of type image_url whose url is a data: address in "
        "base64",
    )


def _address(part: object) -> str | None:
    """Return the address of a part that is a picture."""
    if not isinstance(part, dict) or part.get("type") != "image_url":
        return None
    image = part.get("image_url")
    address = image.get("url") if isinstance(image, dict) else image
    if not isinstance(address, str):
        raise Problem("invalid-request", "image_url must be an object with a text called url")
    return address


def _reply(captions: list[Caption | Problem], values: dict[str, Any], model_id: str) -> Response:
    texts: list[str] = []
    for one in captions:
        if isinstance(one, Problem):
            raise one
        texts.append(one.text)
    words = sum(len(one.words) for one in captions if isinstance(one, Caption))
    usage = {"prompt_tokens": 0, "completion_tokens": words, "total_tokens": words}
    shared = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": model_id,
    }
    if values.get("stream"):
        options = values.get("stream_options")
        with_usage = isinstance(options, dict) and options.get("include_usage") is True
        events = _events(shared, "\n".join(texts), usage if with_usage else None)
        return Response(b"".join(events), media_type="text/event-stream")
    message = {"role": "assistant", "content": "\n".join(texts), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _json(shared | {"object": "chat.completion", "choices": [choice], "usage": usage})


def _events(shared: dict[str, Any], text: str, usage: dict[str, int] | None) -> Iterator[bytes]:
    """Yield server-sent events: the text in pieces, as clients of a stream expect it."""
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in pieces(text)]
    chunk = shared | {"object": "chat.completion.chunk"}
    for delta in deltas:
        yield _event(chunk | {"choices": [_choice(delta, None)]})
    yield _event(chunk | {"choices": [_choice({}, "stop")]})
    if usage:
        yield _event(chunk | {"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def pieces(text: str) -> list[str]:
    """Split a text behind each space; Chinese, which has none, is one piece."""
    parts = text.split(" ")
    return [part + " " for part in parts[:-1]] + parts[-1:]


def _choice(delta: dict[str, str], reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(content) + b"\n\n"


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
