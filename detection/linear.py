"""Regular expressions of others in linear time, in the shape of Python's."""

from __future__ import annotations

import re

import polars as pl

from core.errors import RuleError

_REFERENCE = re.compile(r"\\(?:g<(\w+)>|(\d{1,2})|(.))|(\$)", re.DOTALL)


class LinearPattern:
    """As much of `re.Pattern` as pySigma's processing pipelines use, run by Rust's engine: look-around and
    back-references are refused. Raises `RuleError`."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._begins = f"\\A(?:{pattern})"
        try:
            self.match("")
        except pl.exceptions.PolarsError:
            raise RuleError(f"the expression {pattern!r} is none that runs in linear time") from None

    def match(self, text: str) -> bool:
        """Whether it matches at the beginning."""
        return bool(pl.Series([text]).str.contains(self._begins)[0])

    def sub(self, replacement: str, text: str) -> str:
        """The text with every match replaced; `\\1` and `\\g<name>` stand for groups."""
        filled = _REFERENCE.sub(_as_rust, replacement)
        return str(pl.Series([text]).str.replace_all(self._pattern, filled)[0])


def _as_rust(found: re.Match[str]) -> str:
    name, number, escaped, dollar = found.groups()
    if dollar:
        return "$$"
    if escaped:
        return {"n": "\n", "t": "\t", "r": "\r", "$": "$$"}.get(escaped, escaped)
    return f"${{{name or number}}}"
