"""Examples made of declared shapes: each has every field, and its shape allows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
DEEPEST = 8
OF_FORMAT: Mapping[str, str] = {
    "date-time": "2026-03-02T03:00:00Z",
    "date": "2026-03-02",
    "time": "09:30:00",
    "uuid": "3f8e2c64-5a3d-4c51-9b0e-6d2f6c1f7a10",
    "email": "li.na@example.com",
    "uri": "https://leaverwatch.example/",
    "password": "a long pass phrase",
    "binary": "text",
}
OF_NAME: Mapping[str, str] = {
    "id": "9f86d081884c7d659a2feaa0c55ad015",
    "person": "P1C0F9A34B7D2E685",
    "email": "li.na@example.com",
    "day": "2026-03-02",
    "rule": "mass_export",
    "title": "Mass export of customer records",
    "source": "salesforce_event_log",
    "stage": "notice",
    "severity": "high",
    "outcome": "alert",
    "state": "new",
    "kind": "correlation",
    "by": "wang.wei",
    "name": "wang.wei",
    "why": "handed over by the team",
    "en": "20000 records exported in one day",
    "zh": "一天导出 20000 条记录",
}
ELSE = ("text", "abc", "a1", "123456", "2026-03-02", "en", OF_NAME["id"], OF_NAME["person"], "A" * 32)
"""What is tried where a string has to follow a pattern."""


class NoExample(Exception):
    """A shape of which none can be made. Who declares it gives one: `Field(examples=[...])`."""


class Examples:
    """Makes examples of schemas that may refer to the components of one document."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self._components = components

    def of(self, schema: Schema, name: str = "", depth: int = 0) -> Any:
        """An example; where the shape gives one, that. `name` is the field's. Raises `NoExample`."""
        for key in ("example", "const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        for key in ("examples", "enum"):
            if schema.get(key):
                return schema[key][0]
        if "$ref" in schema:
            return self.of(self._components[schema["$ref"].rpartition("/")[2]], name, depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._any(schema[key], name, depth)
        if "allOf" in schema:
            return self.of({name: value for one in schema["allOf"] for name, value in one.items()}, name, depth)
        return self._made(schema, name, depth)

    def _any(self, options: list[Schema], name: str, depth: int) -> Any:
        told = [one for one in options if one.get("type") != "null"]
        return self.of(told[0], name, depth) if told and depth < DEEPEST else None

    def _made(self, schema: Schema, name: str, depth: int) -> Any:
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            if schema.get("prefixItems"):
                return [self.of(one, name, depth + 1) for one in schema["prefixItems"]]
            least = schema.get("minItems", 0)
            many = max(least, 1) if depth < DEEPEST and schema.get("maxItems") != 0 else least
            items = schema.get("items") or {}
            return [self.of(items, name.removesuffix("s"), depth + 1) for _ in range(many)]
        if kind == "string":
            return _text(schema, name)
        if kind in ("integer", "number"):
            return _number(schema)
        return {"boolean": True, "null": None}.get(str(kind), "text")

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        if depth > DEEPEST + 4:
            raise NoExample(f"{schema.get('title')} has no end")
        made = {name: self.of(one, name, depth + 1) for name, one in schema.get("properties", {}).items()}
        others = schema.get("additionalProperties")
        if not made and isinstance(others, Mapping):
            value = self.of(others, "", depth + 1)
            key = self.of(schema["propertyNames"]) if "propertyNames" in schema else _key(value)
            made[str(key)] = value
        return made


def _key(value: Any) -> str:
    return "en" if isinstance(value, str) else "records"


def _text(schema: Schema, name: str) -> str:
    tried = [OF_FORMAT[schema["format"]]] if schema.get("format") in OF_FORMAT else []
    tried += [OF_NAME[name]] if name in OF_NAME else []
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 1 << 30))
    pattern = schema.get("pattern")
    for text in (*tried, *ELSE, "x" * least):
        if least <= len(text) <= most and (pattern is None or re.search(pattern, text)):
            return text
    raise NoExample(f"no text follows {pattern} with {least} to {most} characters: give the field {name} an example")


def _number(schema: Schema) -> int | float:
    step: int | float = 1 if schema["type"] == "integer" else 0.5
    least, most = schema.get("minimum", 1), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        least = schema["exclusiveMinimum"] + step
    if "exclusiveMaximum" in schema:
        most = schema["exclusiveMaximum"] - step
    found: int | float = least if most is None else min(least, most)
    return found
