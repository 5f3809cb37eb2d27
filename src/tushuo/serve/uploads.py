"""Find the pictures in the body of a request: raw, multipart or base64 in JSON."""

import binascii
import re
from base64 import b64decode
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from tushuo.serve.problems import Problem

JSON, MULTIPART = "application/json", "multipart/form-data"
PICTURE_FIELDS = "image or images"
MAX_FIELDS = 64  # of a form, beside pictures
MAX_FIELD_BYTES = 1000
DATA_ADDRESS = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


@dataclass(frozen=True)
class Upload:
    """The content of a request.

    Attributes:
        pictures: contents of picture files.
        pairs: options of a form, as text.
        values: options of a JSON object.
    """

    pictures: list[bytes]
    pairs: list[tuple[str, str]]
    values: dict[str, Any]


async def read_upload(headers: Headers, body: bytes, *, max_pictures: int) -> Upload:
    """Find the pictures and options in a body.

    A body that is neither JSON nor multipart is a picture, whatever its type is called.

    Raises:
        Problem: the body has no picture, too many, or is damaged.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == JSON:
        upload = _from_json(body)
    elif kind == MULTIPART:
        upload = await _from_form(headers, body, max_pictures)
    elif body:
        upload = Upload([body], [], {})
    else:
        raise Problem("invalid-request", "the body is empty; send the content of a picture file")
    require_few(len(upload.pictures), max_pictures)
    return upload


def require_few(count: int, limit: int) -> None:
    """Refuse a request with no picture or too many.

    Raises:
        Problem: there is none, or more than the limit.
    """
    if count == 0:
        raise Problem("invalid-request", "the request has no picture; send at least one")
    if count > limit:
        raise Problem(
            "too-many-pictures",
            f"the request has {count} pictures, but at most {limit} are accepted; send several "
            "requests",
        )


def decode_base64(text: str) -> bytes:
    """Decode a picture in base64, alone or as a ``data:`` address.

    Raises:
        Problem: it is an address of another kind, or no base64.
    """
    content = text
    if text[:5].lower() == "data:":
        found = DATA_ADDRESS.match(text)
        if not found:
            raise Problem(
                "invalid-request",
                "an image is a data: address without base64; write data:image/jpeg;base64, and "
                "then the content in base64",
            )
        content = text[found.end() :]
    elif re.match(r"[a-z]+://", text, re.IGNORECASE):
        raise Problem(
            "invalid-request",
            "an image is the address of a file, which this service does not fetch; send its "
            "content in base64",
        )
    try:
        picture = b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Problem(
            "invalid-request", "an image is not valid base64; send the content in base64"
        ) from None
    if not picture:
        raise Problem("invalid-request", "an image is empty; send the content of a picture file")
    return picture


def read_json(body: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        Problem: it is none.
    """
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(
            "invalid-request",
            f"the body is not a JSON object: {error}; send one, as /openapi.json shows",
        ) from None


def _from_json(body: bytes) -> Upload:
    values = read_json(body)
    given = [name for name in ("image", "images") if name in values]
    if len(given) != 1:
        raise Problem(
            "invalid-request",
            "the JSON object must have either image, a text in base64, or images, a list of them",
        )
    content = values.pop(given[0])
    texts = content if given == ["images"] else [content]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Problem(
            "invalid-request",
            f"{given[0]} must be {'a text' if given == ['image'] else 'a list of texts'} in base64",
        )
    return Upload([decode_base64(text) for text in texts], [], values)


class _InMemory(MultiPartParser):
    """A parser that writes no picture into a temporary file."""

    spool_max_size = 1 << 40


async def _from_form(headers: Headers, body: bytes, max_pictures: int) -> Upload:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _InMemory(
        headers,
        stream(),
        max_files=max_pictures,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        code = "too-many-pictures" if "Too many files" in error.message else "invalid-request"
        reason = error.message.rstrip(".")
        raise Problem(code, f"the form cannot be read: {reason}; see docs/serve.md") from None  # type: ignore[arg-type]
    except (KeyError, ValueError, UnicodeError) as error:  # no boundary, odd headers
        raise Problem(
            "invalid-request",
            f"the form cannot be read ({type(error).__name__}); send multipart/form-data with a "
            "boundary",
        ) from None
    pictures: list[bytes] = []
    pairs: list[tuple[str, str]] = []
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            pairs.append((name, value))
        elif name in ("image", "images"):
            pictures.append(await value.read())
        else:
            raise Problem(
                "invalid-request", f"a file has the name {name[:50]!r}; call it {PICTURE_FIELDS}"
            )
    if not all(pictures):
        raise Problem("invalid-request", "an image is empty; send the content of a picture file")
    return Upload(pictures, pairs, {})
