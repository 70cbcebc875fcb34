"""Tables of values for the placeholders of `expand`: files called `placeholders.yml` among files of rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from core.errors import RuleError
from detection.values import Placeholders
from detection.yamlfiles import documents_in, larger_than

TABLE = "placeholders.yml"
MOST = 100_000
"""Values in one table."""


def is_table(file: str) -> bool:
    """Whether a file of that name has values of placeholders instead of rules."""
    return PurePath(file).name == TABLE


def placeholders_in(texts: Mapping[str, str]) -> Placeholders:
    """The values of each placeholder, by its name, of all tables among some files; those that several give are joined.
    Raises `RuleError` with file and line."""
    found: dict[str, dict[str, None]] = {}
    for file, text in sorted(texts.items()):
        if is_table(file):
            for name, values in _table(file, text).items():
                found.setdefault(name, {}).update(dict.fromkeys(values))
    return {name: tuple(values) for name, values in found.items()}


def _table(file: str, text: str) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for document in documents_in(file, text):
        if document is None:
            continue
        if not isinstance(document, dict) or larger_than(document, MOST):
            raise RuleError(f"{file}:1: is a table of names and their values, {MOST} at most")
        for name, values in document.items():
            several = values if isinstance(values, list) else [values]
            if not isinstance(name, str) or not several or not all(map(_is_value, several)):
                raise RuleError(f"{file}:1: {name}: is a text or a number, or a list of such")
            table[name.strip("%")] = [str(value) for value in several]
    return table


def _is_value(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
