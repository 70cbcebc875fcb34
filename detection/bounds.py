"""What a window is held against: one number, or two that make a range. Read from the document, where pySigma stops at
whole numbers and at one bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from core.errors import RuleError

Number = int | float
LONG = 1 << 63

_COMPARED: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "gte": lambda total, limit: total >= limit,
    "gt": lambda total, limit: total > limit,
    "lte": lambda total, limit: total <= limit,
    "lt": lambda total, limit: total < limit,
    "eq": lambda total, limit: total == limit,
    "neq": lambda total, limit: total != limit,
}
"""Operators by their names, the one that is shown as the limit first."""
UPWARDS = ("gte", "gt")
DOWNWARDS = ("lte", "lt")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Conditions on a number, all of which must hold. The first one is what a reader is told as the limit."""

    op: str = "gte"
    limit: Number = 1
    more: tuple[tuple[str, Number], ...] = ()

    @property
    def upwards(self) -> bool:
        """Whether more can only make it hold, never end it."""
        return self.op in UPWARDS and all(op in UPWARDS for op, _ in self.more)

    @property
    def downwards(self) -> bool:
        return self.op in DOWNWARDS

    def at(self, limit: Number) -> Bounds:
        """The same with another limit."""
        return replace(self, limit=limit)

    def hold(self, total: pl.Expr, limit: pl.Expr) -> pl.Expr:
        """Whether they hold of a total, with `limit` in the place of the first one. Of no total they never do."""
        others = (_COMPARED[op](total, literal(value)) for op, value in self.more)
        return pl.all_horizontal(_COMPARED[self.op](total, limit), *others).fill_null(False)


def literal(number: Number) -> pl.Expr:
    """A number as exact as columns hold it."""
    return pl.lit(number, pl.Int64) if isinstance(number, int) and -LONG <= number < LONG else pl.lit(float(number))


def bounds_of(condition: Mapping[str, Any]) -> Bounds:
    """The bounds a correlation's condition names. Raises `RuleError`."""
    found = [(op, _number(op, condition[op])) for op in _COMPARED if op in condition]
    if not found:
        raise RuleError(f"condition: name one of {', '.join(_COMPARED)}")
    lows = [value for op, value in found if op in ("gte", "gt", "eq")]
    highs = [value for op, value in found if op in ("lte", "lt", "eq")]
    if lows and highs and max(lows) > min(highs):
        raise RuleError(f"condition: no number is over {max(lows)} and under {min(highs)}")
    (op, limit), *more = found
    return Bounds(op, limit, tuple(more))


def _number(op: str, value: object) -> Number:
    try:
        if isinstance(value, str):
            value = float(value) if any(sign in value for sign in ".eE") else int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return int(value) if float(value).is_integer() else value
    except (ValueError, OverflowError):
        pass
    raise RuleError(f"condition: {op} needs a number")
