"""Errors of the service as problem details: RFC 9457, "Problem Details for HTTP APIs".

The type of every problem is ``about:blank``, so its title is the phrase of its status; the member
``code`` tells causes apart.
"""

import math
from http import HTTPStatus
from typing import Literal, get_args

import msgspec
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
Code = Literal[
    "invalid-request", "unauthorized", "foreign-origin", "not-found", "method-not-allowed",
    "upload-too-slow", "body-too-large", "too-many-pictures", "unsupported-format", "wrong-host",
    "invalid-option", "too-many-pixels", "invalid-picture", "queue-full", "internal", "not-ready",
    "stopping", "deadline",
]  # fmt: skip
STATUSES: dict[Code, int] = {
    "invalid-request": 400,
    "unauthorized": 401,
    "foreign-origin": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "upload-too-slow": 408,
    "body-too-large": 413,
    "too-many-pictures": 413,
    "unsupported-format": 415,
    "wrong-host": 421,
    "invalid-option": 422,
    "too-many-pixels": 422,
    "invalid-picture": 422,
    "queue-full": 429,
    "internal": 500,
    "not-ready": 503,
    "stopping": 503,
    "deadline": 504,
}
assert {*STATUSES} == {*get_args(Code)}


class Problem(Exception):
    """A request, or one of its pictures, that gets no caption.

    Args:
        code: the cause, which determines the status.
        detail: one sentence: what was wrong, what was expected, what to do.
        headers: of the response.
    """

    def __init__(self, code: Code, detail: str, *, headers: dict[str, str] | None = None):
        super().__init__(detail)
        self.code, self.detail, self.headers = code, detail, headers or {}

    @property
    def status(self) -> int:
        """Status of the response."""
        return STATUSES[self.code]

    def content(self) -> dict[str, object]:
        """Return the members of the JSON object."""
        return {
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }

    def response(self, **more: object) -> Response:
        """Return the response, with further members."""
        body = msgspec.json.encode(self.content() | more)
        return Response(body, self.status, self.headers, media_type=MEDIA_TYPE)


def busy(seconds: float, waiting: int) -> Problem:
    """Return the problem of a full queue, which is worth another attempt after so many seconds."""
    return Problem(
        "queue-full",
        f"{waiting} pictures wait already, too many for another to be captioned in time; try again "
        "after the seconds in Retry-After",
        headers={"Retry-After": str(max(1, math.ceil(seconds)))},
    )
