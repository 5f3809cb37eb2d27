"""``POST /v1/captions``: pictures in, captions out."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tushuo.captioning.caption import Caption
from tushuo.serve.options import ReplyOptions, RequestOptions, from_query, from_values
from tushuo.serve.problems import Problem
from tushuo.serve.reply import caption_content
from tushuo.serve.service import ClientLeftError, Service, unless_client_leaves
from tushuo.serve.uploads import Upload, read_upload

DEADLINE_HEADER = "x-deadline-ms"
Answer = Callable[[bytes], Awaitable[Response]]


async def post_captions(request: Request) -> Response:
    """Caption the pictures of a request."""
    service: Service = request.app.state.service

    async def answer(body: bytes) -> Response:
        limits = service.limits
        upload = await read_upload(request.headers, body, max_pictures=limits.max_pictures)
        options = options_of(request, upload, service)
        await service.require_confidence(options)
        seconds = deadline_of(request, limits.deadline)
        captions = await unless_client_leaves(
            request, service.caption(upload.pictures, options.search, seconds=seconds)
        )
        return _reply(captions, options.reply, service.model_id)

    return await with_body(request, answer)


async def with_body(request: Request, answer: Answer) -> Response:
    """Read the body of a request that can be captioned, and answer it.

    Raises:
        Problem: it is refused; the rest of its body has been read, as far as that is short.
        ClientLeftError: the client has left.
    """
    service: Service = request.app.state.service
    with service.intake.hold() as held:
        try:
            service.require_room()
            body = await service.intake.read(request, held)
        except ClientDisconnect:
            raise ClientLeftError from None
        except Problem:
            await service.intake.discard(request)
            raise
        return await answer(body)


def options_of(request: Request, upload: Upload, service: Service) -> RequestOptions:
    """Return the options of the query string and of the body.

    Raises:
        Problem: an option is invalid, or given in both.
    """
    usual, limit = service.captioner.info.search, service.limits.max_hypotheses
    pairs = [*request.query_params.multi_items(), *upload.pairs]
    if not upload.values:
        return from_query(pairs, usual, max_hypotheses=limit)
    if pairs:
        raise Problem(
            "invalid-option",
            f"{pairs[0][0][:50]!r} was given in the address, but this request has options in its "
            "JSON object; give all of them there",
        )
    return from_values(upload.values, usual, max_hypotheses=limit)


def deadline_of(request: Request, most: float) -> float:
    """Return the seconds that a request may take: those of its header, at most the service's.

    Raises:
        Problem: the header is not a whole number above 0.
    """
    text = request.headers.get(DEADLINE_HEADER)
    if text is None:
        return most
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise Problem(
            "invalid-request",
            f"X-Deadline-Ms was {text[:20]!r}, but must be a whole number of milliseconds",
        )
    return min(most, int(text) / 1000)


def _reply(captions: list[Caption | Problem], options: ReplyOptions, model_id: str) -> Response:
    """Return the captions; the problem of the only picture is that of the request."""
    if len(captions) == 1 and isinstance(captions[0], Problem):
        raise captions[0]
    contents = [
        {"problem": one.content()} if isinstance(one, Problem) else caption_content(one, options)
        for one in captions
    ]
    body = msgspec.json.encode({"model": model_id, "captions": contents})
    return Response(body, media_type="application/json")
