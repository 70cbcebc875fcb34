"""Events as ECS documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import JsonValue


def document(row: Mapping[str, object]) -> dict[str, JsonValue]:
    """An event as an ECS document: dotted names, times in UTC, empty fields left out."""
    return {name: _plain(value) for name, value in row.items() if value is not None}


def _plain(value: object) -> JsonValue:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, str | int | float):
        return value
    raise TypeError(type(value).__name__)
