"""The description of the routes agrees with the service."""

from dataclasses import fields
from typing import Any

import pytest

from tests.serve.conftest import Running
from tushuo.search.config import SearchConfig
from tushuo.serve.app import create_app
from tushuo.serve.limits import Limits
from tushuo.serve.openapi import PROBLEM_EXAMPLE, openapi, schema_of
from tushuo.serve.options import ReplyOptions
from tushuo.serve.page_files import FILES
from tushuo.serve.problems import STATUSES, Problem
from tushuo.serve.service import Service


def load_nothing() -> Any:
    raise NotImplementedError


def test_every_route_is_described_and_nothing_else() -> None:
    app = create_app(Service(load_nothing))
    routes = {
        (route.path, method.lower())  # type: ignore[attr-defined]
        for route in app.routes
        if route.path not in FILES  # type: ignore[attr-defined]
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    paths = openapi(Limits())["paths"]
    assert {(path, method) for path, item in paths.items() for method in item} == routes


def test_every_option_is_described() -> None:
    post = openapi(Limits())["paths"]["/v1/captions"]["post"]
    in_query = {one["name"]: one for one in post["parameters"] if one["in"] == "query"}
    options = {one.name for one in (*fields(SearchConfig), *fields(ReplyOptions))}
    assert in_query.keys() == options
    content = post["requestBody"]["content"]
    in_json = content["application/json"]["schema"]["properties"]
    assert in_json.keys() == options | {"image", "images"}
    assert all(one["schema"]["description"] for one in in_query.values())
    assert in_query["search"]["schema"]["enum"][0] == "greedy"


def test_the_examples_are_answered_as_described(server: Running) -> None:
    description = server.client.get("/openapi.json").json()
    posts = {path: item["post"] for path, item in description["paths"].items() if "post" in item}
    for path, post in posts.items():
        content = post["requestBody"]["content"]["application/json"]
        examples = [one["value"] for one in content.get("examples", {}).values()]
        for example in examples or [content["example"]]:
            got = server.client.post(path, json=example)
            assert got.status_code == 200, got.text
    schemas = description["components"]["schemas"]
    got = server.client.post("/v1/captions?attention=true", content=b"GIF87a")
    assert got.json().keys() == schemas["Problem"]["properties"].keys()
    assert PROBLEM_EXAMPLE.keys() == got.json().keys()


def test_what_the_service_answers_is_described(server: Running) -> None:
    example = server.client.get("/openapi.json").json()["paths"]["/v1/captions"]["post"]
    many = example["requestBody"]["content"]["application/json"]["examples"]["many"]["value"]
    got = server.client.post("/v1/captions", json=many | {"concepts": True}).json()
    schema = openapi(Limits())["components"]["schemas"]["Captions"]["properties"]
    assert got.keys() == schema.keys()
    caption = schema["captions"]["items"]["properties"]
    assert got["captions"][0].keys() <= caption.keys()
    assert got["captions"][0]["words"][0].keys() <= caption["words"]["items"]["properties"].keys()


def test_every_status_of_a_problem_is_described() -> None:
    described = {int(status) for item in openapi(Limits())["paths"].values()
                 for one in item.values() for status in one["responses"]}  # fmt: skip
    codes = {code for code in STATUSES if code not in ("not-found", "method-not-allowed")}
    assert {STATUSES[code] for code in codes} <= described
    assert all(Problem(code, "a sentence").response().status_code == STATUSES[code]
               for code in STATUSES)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (int, {"type": "integer"}),
        (float | None, {"type": ["number", "null"]}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
    ],
)
def test_schemas_of_types(kind: Any, schema: dict[str, Any]) -> None:
    assert schema_of(kind) == schema
