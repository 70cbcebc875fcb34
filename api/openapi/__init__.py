"""The OpenAPI document: what FastAPI knows of the routes, and what they all have in common."""

from __future__ import annotations

import sys
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.openapi.examples import Examples
from api.openapi.parts import (
    CODES,
    CSRF,
    EVERYWHERE,
    HEADERS,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    KEY,
    SCIM,
    SECURITY,
    SESSION,
    TAGGED,
    UNCHANGED,
    WITH_BODY,
    problem,
    scim_problem,
)
from api.openapi.sparse import fields_parameter, sparse
from api.operations import needed, operations
from api.wire.chosen import fields_of
from api.wire.repeated import METHODS, PERSONAL

JSON = "application/json"
READS = frozenset({"get", "head"})
DESCRIPTION = """What systems and people build on. Conventions, paging, errors and a session by curl: docs/api.md.

Persons are pseudonyms everywhere; `identity` tells who it is, while somebody may know."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an app, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def _document(app: FastAPI) -> dict[str, Any]:
    routes = operations(app)
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        routes=app.routes,
        tags=_tags(routes),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = SECURITY
    components["headers"] = HEADERS
    shared = EVERYWHERE | WITH_BODY | {status: (code, "") for status, code in CODES.items()}
    components["responses"] = {f"Problem{status}": problem(status, *said) for status, said in sorted(shared.items())}
    for route in routes:
        if route.include_in_schema:
            for method in sorted(route.methods or ()):
                operation = document["paths"][route.path_format][method.lower()]
                _complete(operation, method, route, schemas)
    _exemplify(document, Examples(schemas))
    return document


def _tags(routes: list[APIRoute]) -> list[dict[str, Any]]:
    """Every tag, with what its module says of itself."""
    said = {str(tag): sys.modules[route.endpoint.__module__].__doc__ or "" for route in routes for tag in route.tags}
    return [{"name": tag, "description": text.strip().partition("\n\n")[0]} for tag, text in sorted(said.items())]


def _complete(operation: dict[str, Any], method: str, route: APIRoute, schemas: dict[str, dict[str, Any]]) -> None:
    wanted, reads = needed(route), method.lower() in READS
    statuses = set(EVERYWHERE) | (set() if reads else set(WITH_BODY) if "requestBody" in operation else {413})
    parameters = operation.setdefault("parameters", [])
    for one in parameters:
        one["schema"] = _not_null(one["schema"])
    answered = operation["responses"].get("200", {}).get("content", {}).get(JSON)
    if reads and answered is not None:
        parameters.append(IF_NONE_MATCH)
        operation["responses"]["200"]["headers"] = TAGGED
        operation["responses"]["304"] = UNCHANGED
        if names := fields_of(route):
            parameters.append(fields_parameter(names))
            answered["schema"] = sparse(answered["schema"], schemas)
    body = operation.get("requestBody", {}).get("content", {JSON: {}})
    if method in METHODS and JSON in body and wanted and not wanted <= PERSONAL:
        parameters.append(IDEMPOTENCY_KEY)
        statuses |= {409, 413}
    if wanted:
        operation["security"] = [{KEY: []}, {SESSION: []} if reads else {SESSION: [], CSRF: []}]
        operation["x-permissions"] = sorted(wanted)
        statuses |= {401, 403}
    else:
        operation["security"] = []
    for status in sorted(int(one) for one in operation["responses"] if int(one) >= 400) + sorted(statuses):
        operation["responses"][str(status)] = scim_problem(status) if route.path.startswith(SCIM) else _problem(status)
    operation["responses"] = dict(sorted(operation["responses"].items()))
    if not parameters:
        del operation["parameters"]


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is given or not; it is never null."""
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == len(schema.get("anyOf", ())):
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return options[0] | rest if len(options) == 1 else {"anyOf": options} | rest


def _problem(status: int) -> dict[str, Any]:
    known = status in EVERYWHERE or status in WITH_BODY or status in CODES
    return {"$ref": f"#/components/responses/Problem{status}"} if known else problem(status)


def _exemplify(document: dict[str, Any], examples: Examples) -> None:
    """Give every body an example that has none. Raises `NoExample`."""
    for path in document["paths"].values():
        for operation in path.values():
            answers = [answer.get("content", {}) for answer in operation["responses"].values()]
            for content in (operation.get("requestBody", {}).get("content", {}), *answers):
                for media in content.values():
                    if "example" not in media and "examples" not in media:
                        media["example"] = examples.of(media.get("schema", {}))
