"""The page at ``/``: drop a picture, and see its caption and what each word is based on.

Its files are those of the folder page/; they load nothing from elsewhere, and talk to this service
alone. They need no key, because a browser could not send one; what they ask for does.
"""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FILES = {
    "/": ("index.html", "text/html"),
    "/page/page.css": ("page.css", "text/css"),
    "/page/page.js": ("page.js", "text/javascript"),
    "/page/texts.js": ("texts.js", "text/javascript"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


def page_routes() -> list[Route]:
    """Return the routes of the page."""
    return [Route(path, _answer_with(*file), methods=["GET"]) for path, file in FILES.items()]


def _answer_with(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = (files("tushuo.serve") / "page" / name).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return answer
