"""The description of the API is whole, right and kept beside the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema_rs import Draft202012Validator

from api.openapi import describe
from api.openapi.client import client_of
from api.openapi.codes import codes
from api.openapi.examples import Examples, NoExample
from api.operations import needed, operations
from api.page import pages
from api.server import described
from tests.api.small import Things

APP = described()
DOCUMENT = APP.openapi()
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is sent and answered, by where it stands."""
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        yield f"request {kind}", media
    for status, answer in operation["responses"].items():
        answer = DOCUMENT["components"]["responses"][answer["$ref"].split("/")[-1]] if "$ref" in answer else answer
        for kind, media in answer.get("content", {}).items():
            yield f"{status} {kind}", media


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_what_is_kept_is_what_the_code_says(path: Any) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run `python -m api.page`"


def test_every_operation_has_a_name_of_its_own() -> None:
    routes = [route for route in operations(APP) if route.include_in_schema]
    assert len({route.operation_id for route in routes}) == len(routes)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", route.operation_id or "") for route in routes)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_is_described(name: str) -> None:
    operation = OPERATIONS[name]
    described_tags = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert operation["description"]
    assert operation["tags"]
    assert set(operation["tags"]) <= described_tags
    assert {"422", "429"} <= set(operation["responses"])


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_body_has_an_example_that_is_right(name: str) -> None:
    found = dict(bodies(OPERATIONS[name]))
    assert any(where.startswith("2") for where in found) or not {"200", "201", "202"} & set(
        OPERATIONS[name]["responses"]
    )
    for where, media in found.items():
        schema = media.get("schema", {}) | {"components": DOCUMENT["components"]}
        shown = [media["example"]] if "example" in media else [one["value"] for one in media["examples"].values()]
        for example in shown:
            errors = [error.message for error in Draft202012Validator(schema).iter_errors(example)]
            assert not errors, f"{name} {where}: {errors}"


def test_who_may_is_said() -> None:
    for route in operations(APP):
        if route.include_in_schema:
            operation = OPERATIONS[str(route.operation_id)]
            assert bool(operation["security"]) == bool(needed(route))
            assert operation.get("x-permissions", []) == sorted(needed(route))
    changed = OPERATIONS["promote_model"]
    assert changed["security"] == [{"key": []}, {"session": [], "csrf": []}]


def test_problems_are_problems_everywhere() -> None:
    for name, operation in OPERATIONS.items():
        for where, _ in bodies(operation):
            told = ("application/problem+json", *(["application/scim+json"] if name.startswith("scim_") else []))
            assert not where.startswith(("4", "5")) or where.endswith(told), (name, where)


def test_an_example_is_made_of_any_shape() -> None:
    examples = Examples(
        {"Tree": {"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#/Tree"}}}}}
    )
    assert examples.of({"type": "string", "pattern": "^[0-9]{6}$"}) == "123456"
    assert examples.of({"type": "integer", "minimum": 5, "maximum": 7}) == 5
    assert examples.of({"type": "number", "exclusiveMinimum": 0, "maximum": 0.2}) == 0.2
    assert examples.of({"anyOf": [{"type": "null"}, {"type": "boolean"}]}) is True
    assert examples.of({"type": "array", "minItems": 2, "items": {"const": "x"}}) == ["x", "x"]
    assert examples.of({"$ref": "#/Tree"})["of"]
    with pytest.raises(NoExample, match="give the field code an example"):
        examples.of({"type": "string", "pattern": "^Ω{3}$"}, "code")


def test_a_code_of_the_code_is_in_the_table() -> None:
    found = {(code, status) for code, status, _ in codes()}
    assert {("unknown-fields", 422), ("too-large", 413), ("refused", 409), ("no-models", 503)} <= found
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code, _ in found)


def test_lists_a_page_at_a_time_get_a_method_that_goes_through_them() -> None:
    text = client_of(DOCUMENT)
    assert "def each_search_events(self" in text
    compile(text, "operations.py", "exec")


def test_what_other_routes_declare_is_completed() -> None:
    app = FastAPI(title="small", version="1")
    app.include_router(Things().router(), tags=["things"])
    paths = describe(app)["paths"]
    assert [one["name"] for one in paths["/things"]["post"]["parameters"]] == ["Idempotency-Key"]
    assert "parameters" not in paths["/login"]["post"]
    assert [one["name"] for one in paths["/things"]["get"]["parameters"]][-1] == "fields"
    page = paths["/things"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert page["properties"]["items"]["items"]["anyOf"][1] == {"$ref": "#/components/schemas/ThingSome"}
    assert {"412", "428"} <= set(paths["/thing"]["put"]["responses"])
