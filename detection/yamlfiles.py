"""YAML of others: read safely, bounded, with the line of what is wrong."""

from __future__ import annotations

from typing import Any

import yaml

from core.errors import RuleError

# The same safe loader in C, where there is one.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents_in(name: str, text: str) -> list[Any]:
    """The documents of a file. Raises `RuleError` with its line."""
    try:
        return list(yaml.load_all(text, _Loader))
    except yaml.MarkedYAMLError as error:
        line = min(error.problem_mark.line, text.count("\n", 0, len(text.rstrip()))) + 1 if error.problem_mark else 1
        raise RuleError(f"{name}:{line}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise RuleError(f"{name}:1: {error}") from None


def larger_than(document: object, most: int) -> bool:
    """Whether a document has more values, those that aliases repeat counted each time."""
    waiting, seen = [document], 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > most:
            return True
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def line_of(text: str, number: int) -> int:
    """The line on which a document begins."""
    for place, node in enumerate(yaml.compose_all(text, _Loader)):
        if place == number and node is not None:
            return int(node.start_mark.line) + 1
    return 1
