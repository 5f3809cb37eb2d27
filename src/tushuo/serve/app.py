"""The routes of the service, and what every request passes: checks, counts, headers, the log."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import final

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import tushuo
from tushuo.serve import metrics
from tushuo.serve.captions import post_captions
from tushuo.serve.chat import get_models, post_chat
from tushuo.serve.openapi import openapi
from tushuo.serve.page_files import page_routes
from tushuo.serve.problems import Problem
from tushuo.serve.service import ClientLeftError, Service

log = logging.getLogger("tushuo.serve")
UNFORESEEN = Problem("internal", "the service failed on this request; its log has the reason")
CLIENT_LEFT = 499  # in the log and the metrics; nobody receives it
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(service: Service) -> Starlette:
    """Return the ASGI application of a service, which loads its captioner when it starts."""
    routes = [
        Route("/v1/captions", post_captions, methods=["POST"]),
        Route("/v1/chat/completions", post_chat, methods=["POST"]),
        Route("/v1/models", get_models),
        Route("/v1/model", get_model),
        Route("/live", get_live),
        Route("/ready", get_ready),
        Route("/metrics", get_metrics),
        Route("/openapi.json", get_openapi),
        *page_routes(),
    ]
    paths = frozenset(route.path for route in routes)
    app = Starlette(
        routes=routes,
        middleware=[Middleware(EveryRequest, service=service, paths=paths)],
        exception_handlers={
            Problem: _on_problem,
            HTTPException: _on_http_exception,
            ClientLeftError: _on_client_left,
        },
        lifespan=_lifespan,
    )
    app.state.service = service
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    service: Service = app.state.service
    starting = asyncio.create_task(service.start())
    yield
    service.stop()
    await starting
    await asyncio.to_thread(service.close)


async def get_model(request: Request) -> Response:
    """Describe the model and its limits."""
    service: Service = request.app.state.service
    info = service.captioner.info
    return _json(
        {
            "model": service.model_id,
            "language": info.language,
            "weights": info.weights,
            "device": info.device,
            "search": info.search,
            "has_attention": info.has_attention,
            "has_confidence": info.has_confidence,
            "has_familiarity": info.has_familiarity,
            "limits": asdict(service.limits),
            "version": tushuo.__version__,
        }
    )


async def get_live(request: Request) -> Response:
    """Answer that the process runs."""
    return _json({"live": True})


async def get_ready(request: Request) -> Response:
    """Say whether pictures can be captioned; 503 if not."""
    state = request.app.state.service.state
    return _json({"ready": state == "ready", "state": state}, 200 if state == "ready" else 503)


async def get_metrics(request: Request) -> Response:
    """Return the metrics."""
    return Response(request.app.state.service.metrics.text(), media_type=metrics.MEDIA_TYPE)


async def get_openapi(request: Request) -> Response:
    """Return the description of all routes."""
    return _json(openapi(request.app.state.service.limits))


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _problem_response(error, request.scope)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        problem = Problem(
            "method-not-allowed",
            f"this address does not take {request.method[:20]}; use {allowed}",
            headers={"Allow": allowed},
        )
    else:
        problem = Problem("not-found", "there is nothing at this address; see /openapi.json")
    return _problem_response(problem, request.scope)


async def _on_client_left(request: Request, error: Exception) -> Response:
    request.app.state.service.metrics.left.inc()
    return Response(status_code=CLIENT_LEFT)


def _problem_response(problem: Problem, scope: Scope) -> Response:
    scope["app"].state.service.metrics.refused.labels(problem.code).inc()
    if scope["path"].startswith(("/v1/chat/", "/v1/models")):  # also in OpenAI's form
        kind = "invalid_request_error" if problem.status < 500 else "server_error"
        error = {"message": problem.detail, "type": kind, "param": None, "code": problem.code}
        return problem.response(error=error)
    return problem.response()


@final
class EveryRequest:
    """Middleware: checks each request, and counts and logs it by its route and status.

    Nothing of a request's content, query or headers is logged.
    """

    def __init__(self, app: ASGIApp, *, service: Service, paths: frozenset[str]):
        self._app, self._service, self._paths = app, service, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, request_id = time.perf_counter(), secrets.token_hex(8)
        status: int | None = None
        headers = Headers(scope=scope)
        is_read = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers

        async def receive_body() -> Message:
            nonlocal is_read
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                is_read = True
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-Id"] = request_id
                if not is_read:  # or the server would read on for as long as the client sends
                    answer["Connection"] = "close"
                for name, value in HEADERS.items():
                    answer.setdefault(name, value)
            await send(message)

        try:
            await self._answer(scope, receive_body, send_with_headers)
        except Exception as error:
            log.error("a request failed", exc_info=error)
            if status is None:
                await _problem_response(UNFORESEEN, scope)(scope, receive, send_with_headers)
        finally:
            self._record(scope, status, request_id, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._service.access.check(scope["path"], Headers(scope=scope))
        except Problem as problem:
            await self._service.intake.discard(Request(scope, receive))
            await _problem_response(problem, scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _record(self, scope: Scope, status: int | None, request_id: str, seconds: float) -> None:
        route = scope["path"] if scope["path"] in self._paths else "other"
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
        self._service.metrics.requests.labels(route, method, str(status)).inc()
        self._service.metrics.seconds.labels(route).observe(seconds)
        if self._service.log_requests:
            line = {"id": request_id, "method": method, "route": route, "status": status}
            log.info(json.dumps(line | {"ms": round(1000 * seconds, 1)}))
