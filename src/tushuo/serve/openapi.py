"""The description of all routes, as OpenAPI 3.1."""

from types import NoneType
from typing import Any, Literal, get_args, get_origin

import tushuo
from tushuo.search.config import SearchConfig
from tushuo.serve.captions import DEADLINE_HEADER
from tushuo.serve.limits import Limits
from tushuo.serve.options import REPLY, SEARCH, ReplyOptions
from tushuo.serve.problems import MEDIA_TYPE, STATUSES, Code

Json = dict[str, Any]
SIMPLE = {int: "integer", float: "number", bool: "boolean", str: "string", NoneType: "null"}
# a GIF of one white pixel
PICTURE = "R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs="
CAPTION_EXAMPLE: Json = {
    "model": "en",
    "captions": [
        {
            "caption": "a dog runs",
            "log_prob": -3.4,
            "words": [
                {"word": word, "log_prob": -0.85} for word in ["a", "dog", "runs", "on", "grass"]
            ],
            "end_log_prob": -0.85,
        }
    ],
}
PROBLEM_EXAMPLE: Json = {
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": "n_best was 100, but this service accepts at most 50",
    "code": "invalid-option",
}
ON_PICTURES: tuple[Code, ...] = tuple(
    code for code in STATUSES if code not in ("not-found", "method-not-allowed")
)
ON_ALL: tuple[Code, ...] = ("unauthorized", "foreign-origin", "wrong-host", "internal")


def openapi(limits: Limits) -> Json:
    """Return the description of a service with these limits."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tushuo",
            "version": tushuo.__version__,
            "summary": "Captions of pictures.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/captions": {"post": _captions(limits)},
            "/v1/chat/completions": {"post": _chat()},
            "/v1/models": {"get": _get("List the model, in OpenAI's form.")},
            "/v1/model": {"get": _get("Describe the model and the limits.", "not-ready")},
            "/live": {"get": _get("Answer that the process runs.")},
            "/ready": {"get": _ready()},
            "/metrics": {"get": _get("Metrics of Prometheus.", kind="text/plain")},
            "/openapi.json": {"get": _get("This description.")},
        },
        "components": {
            "schemas": {"Problem": _problem_schema(), "Captions": _captions_schema()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def schema_of(kind: Any) -> Json:
    """Return the JSON schema of a setting's type."""
    if kind in SIMPLE:
        return {"type": SIMPLE[kind]}
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": [*get_args(kind)]}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": schema_of(get_args(kind)[0])}
    return {"type": [SIMPLE[one] for one in get_args(kind)]}


def _captions(limits: Limits) -> Json:
    image = {"type": "string", "description": "the content of a picture file in base64"}
    images = {"type": "array", "items": image, "minItems": 1, "maxItems": limits.max_pictures}
    options = {
        name: schema_of(kind) | {"description": text}
        for name, (kind, text) in (SEARCH | REPLY).items()
    }
    file = {"type": "string", "format": "binary"}
    form = {"image": file, "images": {"type": "array", "items": file}}
    json = {
        "schema": {"type": "object", "properties": {"image": image, "images": images} | options},
        "examples": {
            "one": {"value": {"image": PICTURE, "search": "beam", "n_best": 3}},
            "many": {"value": {"images": [PICTURE, PICTURE], "attention": True}},
        },
    }
    return {
        "summary": "Caption one picture or several.",
        "parameters": [*map(_parameter, options.items()), _deadline(limits)],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": {"schema": {"type": "string", "contentMediaType": "image/*"}},
                "multipart/form-data": {"schema": {"type": "object", "properties": form | options}},
                "application/json": json,
            },
        },
        "responses": {
            "200": {
                "description": "A caption or a problem for each picture, in order.",
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/Captions"},
                        "example": CAPTION_EXAMPLE,
                    }
                },
            }
        }
        | _problems(*ON_PICTURES),
    }


def _parameter(option: tuple[str, Json]) -> Json:
    name, schema = option
    default = getattr(SearchConfig if name in SEARCH else ReplyOptions, name)
    more: Json = {} if default in (None, ()) or name in SEARCH else {"default": default}
    return {"name": name, "in": "query", "required": False, "schema": schema | more}


def _deadline(limits: Limits) -> Json:
    most = round(1000 * limits.deadline)
    schema = {"type": "integer", "minimum": 1, "description": f"at most {most} are granted"}
    return {"name": DEADLINE_HEADER, "in": "header", "required": False, "schema": schema}


def _chat() -> Json:
    url = f"data:image/gif;base64,{PICTURE}"
    content = [
        {"type": "text", "text": "Describe this picture."},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    example = {"model": "en", "messages": [{"role": "user", "content": content}]}
    messages = {"type": "array", "items": {"type": "object"}, "minItems": 1}
    schema = {
        "type": "object",
        "required": ["messages"],
        "properties": {"messages": messages, "stream": {"type": "boolean"}},
    }
    return {
        "summary": "Caption the pictures of a chat message, in OpenAI's form; texts are not read.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        },
        "responses": {
            "200": {
                "description": "A completion, or its events.",
                "content": {
                    "application/json": {"schema": {"type": "object"}},
                    "text/event-stream": {"schema": {"type": "string"}},
                },
            }
        }
        | _problems(*ON_PICTURES),
    }


def _get(summary: str, *codes: Code, kind: str = "application/json") -> Json:
    schema = {"type": "string" if kind == "text/plain" else "object"}
    done = {"description": summary, "content": {kind: {"schema": schema}}}
    return {"summary": summary, "responses": {"200": done} | _problems(*ON_ALL, *codes)}


def _ready() -> Json:
    states = {
        "200": {"description": "Pictures are captioned."},
        "503": {"description": "The model is being loaded, or the service is being stopped."},
    }
    return {"summary": "Say whether pictures are captioned.", "responses": states}


def _problems(*codes: Code) -> Json:
    """Return the responses of problems, by status."""
    by_status: dict[str, list[str]] = {}
    for code in codes:
        by_status.setdefault(str(STATUSES[code]), []).append(code)
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": PROBLEM_EXAMPLE}
    return {
        status: {"description": ", ".join(members), "content": {MEDIA_TYPE: schema}}
        for status, members in sorted(by_status.items())
    }


def _problem_schema() -> Json:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["title", "status", "detail", "code"],
        "properties": {
            "title": text,
            "status": {"type": "integer"},
            "detail": text | {"description": "one sentence: what was wrong and what to do"},
            "code": text | {"enum": [*STATUSES]},
        },
    }


def _captions_schema() -> Json:
    number, text = {"type": ["number", "null"]}, {"type": ["string", "null"]}
    grid = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
    word = {
        "type": "object",
        "required": ["word"],
        "properties": {
            "word": {"type": "string"},
            "log_prob": {"type": "number"},
            "attention": grid | {"description": "rows of a grid over the picture; sum 1"},
            "evidence": {"type": "object"},
        },
    }
    caption = {
        "type": "object",
        "properties": {
            "caption": text,
            "log_prob": number,
            "words": {"type": "array", "items": word},
            "end_log_prob": number,
            "confidence": number,
            "familiarity": number,
            "concepts": {"type": "array", "items": {"type": "object"}},
            "alternatives": {"type": "array", "items": {"type": "object"}},
            "field_of_view": {"type": "object"},
            "unsure": text,
            "perhaps": {"type": "array", "items": {"type": "string"}},
            "problem": {"$ref": "#/components/schemas/Problem"},
        },
    }
    return {
        "type": "object",
        "required": ["model", "captions"],
        "properties": {
            "model": {"type": "string"},
            "captions": {"type": "array", "items": caption},
        },
    }
