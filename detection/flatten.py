"""A JSON record as cells: names, dotted where nested, and values."""

from __future__ import annotations

from collections.abc import Iterator

DEEPEST = 64
SECTIONS = ("Event.System.", "Event.EventData.", "winlog.event_data.", "winlog.", "event_data.")
"""Where the fields of an event log's event lie; they go by their plain names as well."""
USER_DATA = "Event.UserData."
ODD = ("#text", "#attributes")
"""Keys that are no names of their own: an element's text, and its attributes."""


def flattened(record: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Name and value of every cell, nothing nested; of a list each element. What lies in an event log's sections comes
    by its plain name as well, an attribute as `Provider_Name`."""
    for name, value in below("", record):
        yield name, value
        for place in SECTIONS:
            if name.startswith(place):
                yield name.removeprefix(place), value
                break
        else:
            if name.startswith(USER_DATA):
                yield name.rpartition(".")[2], value


def below(prefix: str, value: object, depth: int = 0) -> Iterator[tuple[str, object]]:
    """The cells of a value that goes by a name."""
    if isinstance(value, dict) and depth < DEEPEST:
        for key, inner in value.items():
            if key == "#text":
                yield from below(prefix, inner, depth + 1)
            elif key == "#attributes" and isinstance(inner, dict):
                for attribute, text in inner.items():
                    yield from below(f"{prefix}_{attribute}", text, depth + 1)
            else:
                yield from below(f"{prefix}.{key}" if prefix else key, inner, depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for inner in value:
            yield from below(prefix, inner, depth + 1)
    elif value is not None and not isinstance(value, dict | list):
        yield prefix, value


def text_of(value: object) -> str:
    """A JSON value as the text that tests are put to."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def openers(fields: frozenset[str]) -> frozenset[str]:
    """Names of values that may hold a field inside them."""
    return frozenset(
        field[:place] for field in fields for place, letter in enumerate(field) if letter in "._" and place
    )


def merged(record: dict[str, object]) -> dict[str, object] | None:
    """A record with what lies in its sections beside what lies around them. None where that would not be all that
    `flattened` has: a name comes twice, or there is more to it. Cells inside other values stay inside, and nothing goes
    by its dotted name."""
    flat = record
    for section in ("winlog", "event_data", "Event"):
        inside = record.get(section)
        if inside is None:
            continue
        if not isinstance(inside, dict):
            return None
        parts = _parts(section, inside)
        if parts is None:
            return None
        joined: dict[str, object] = {}
        for part in (flat, *parts):
            joined |= part
        if len(joined) != len(flat) + sum(map(len, parts)):
            return None
        flat = joined
    return flat


def _parts(section: str, inside: dict[str, object]) -> list[dict[str, object]] | None:
    if section == "event_data":
        return [inside]
    if section == "winlog":
        data = inside.get("event_data")
        return None if isinstance(data, list) else [inside, data] if isinstance(data, dict) else [inside]
    if not inside.keys() <= {"System", "EventData", "#attributes"}:
        return None
    parts = [inside[name] for name in ("System", "EventData") if inside.get(name) is not None]
    return None if any(not isinstance(part, dict) for part in parts) else parts  # type: ignore[return-value]
