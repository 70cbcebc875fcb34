"""The conditions of a `source.yml`: a mapping of columns to what must hold, compiled to one Boolean column."""

from __future__ import annotations

from functools import reduce

import polars as pl

from ingest.located import Located
from ingest.transforms import hex_number, regex

_FORMS = ("starts", "ends", "contains", "matches", "present", "bits", "nocase", "not")


def condition(spec: Located, used: set[str]) -> pl.Expr:
    """True where all of the mapping holds, else False (never null). Adds the columns it reads to `used`."""
    tests = [_test(name, value, used) for name, value in spec.items()]
    if not tests:
        spec.fail("a condition is empty")
    return _all(tests)


def _all(tests: list[pl.Expr]) -> pl.Expr:
    return reduce(lambda left, right: left & right, tests)


def _any(tests: list[pl.Expr]) -> pl.Expr:
    return reduce(lambda left, right: left | right, tests)


def _test(name: str, spec: Located, used: set[str]) -> pl.Expr:
    if name in ("any", "all", "none"):
        tests = [condition(item, used) for item in spec.list()]
        if not tests:
            spec.fail(f"{name} needs conditions")
        if name == "all":
            return _all(tests)
        return _any(tests) if name == "any" else ~_any(tests)
    names = [part.strip() for part in name.split(" | ")]
    used.update(names)
    first = pl.coalesce(pl.when(pl.col(part) != "").then(pl.col(part)) for part in names)
    return _holds(first, spec).fill_null(value=False)


def _holds(column: pl.Expr, spec: Located) -> pl.Expr:
    if not spec.is_mapping:
        return column.is_in(list(spec.texts()))
    forms = spec.mapping(_FORMS)
    if not forms:
        spec.fail("a condition is empty")
    return _all([_form(column, form, value).fill_null(value=False) for form, value in forms.items()])


def _form(column: pl.Expr, form: str, value: Located) -> pl.Expr:
    match form:
        case "starts":
            return _any([column.str.starts_with(text) for text in value.texts()])
        case "ends":
            return _any([column.str.ends_with(text) for text in value.texts()])
        case "contains":
            return _any([column.str.contains(text, literal=True) for text in value.texts()])
        case "matches":
            return column.str.contains(regex(value))
        case "nocase":
            return column.str.to_lowercase().is_in([text.lower() for text in value.texts()])
        case "bits":
            return (hex_number(column) & value.integer()) != 0
        case "present":
            present = column.is_not_null() & (column != "")
            return present.fill_null(value=False) == value.flag()
        case _:
            return ~_holds(column, value).fill_null(value=False)
