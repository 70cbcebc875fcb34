"""Answers of which the caller names the fields, as schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SOME = "Some"
REF = "#/components/schemas/"
Schemas = dict[str, dict[str, Any]]


def fields_parameter(names: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "fields",
        "in": "query",
        "description": "Only these fields, parted by commas",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": {"enum": list(names)}, "minItems": 1, "maxItems": 100},
    }


def sparse(schema: dict[str, Any], schemas: Schemas) -> dict[str, Any]:
    """What is answered with or without chosen fields: of a list or a page its items may lack some."""
    if schema.get("type") == "array":
        return schema | {"items": sparse(schema["items"], schemas)}
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].removeprefix(REF)
    found = schemas[name]
    lists = [one for one, kind in found.get("properties", {}).items() if kind.get("type") == "array"]
    if "next" in found.get("properties", {}) and len(lists) == 1:
        properties = found["properties"] | {lists[0]: sparse(found["properties"][lists[0]], schemas)}
        return found | {"properties": properties}
    part = {key: value for key, value in found.items() if key != "required"}
    schemas[name + SOME] = part | {"title": name + SOME, "description": f"Those fields of {name} that were asked for."}
    return {"anyOf": [schema, {"$ref": REF + name + SOME}]}
