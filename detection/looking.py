"""How an engine looks at stored events: by columns, each distinct value once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from detection.bits import Bits, Rows, bits_of
from detection.engine import Engine
from detection.keywords import Late, Mask
from detection.node import Leaf
from detection.plan import Events

Text = Callable[[str], pl.Expr]
"""What makes a field text, or a list of texts."""


def look_at_columns(engine: Engine, frame: pl.DataFrame, text: Text) -> Events:
    """A frame of columns as events that an engine can judge."""
    found: defaultdict[int, Bits] = defaultdict(int)
    passed = engine.passed
    for field in engine.matchers:
        column = frame.select(text(field).alias("value")).with_row_index("row")
        if isinstance(column.schema["value"], pl.List):
            column = column.explode("value", empty_as_null=True, keep_nulls=True)
        groups = column.drop_nulls("value").group_by("value").agg(pl.col("row").cast(pl.Int64))
        values, known = groups["value"].to_list(), passed.known[field]
        new = [value for value in values if value not in known]
        numbers = known | passed.learn(field, dict(zip(new, new, strict=True))) if new else known
        groups = groups.select("row", number=pl.Series([numbers[value] for value in values], dtype=pl.Int64))
        hit = groups.filter(pl.col("number") != 0).explode("row", empty_as_null=True, keep_nulls=True)
        for (number,), part in hit.partition_by("number", as_dict=True).items():
            rows = bits_of(part["row"].to_numpy(), frame.height)
            for test in passed.answers[number]:
                found[test] |= rows
    return Events(frame.height, found, Late(engine, _Columns(frame, text), frame.height))


class _Columns:
    """Values out of a frame."""

    def __init__(self, frame: pl.DataFrame, text: Text) -> None:
        self._frame = frame
        self._text = text
        self._columns: dict[str, pl.Series] = {}

    def of(self, row: int, field: str) -> Sequence[str]:
        if field not in self._columns:
            self._columns[field] = self._frame.select(self._text(field).alias("value"))["value"]
        value = self._columns[field][row]
        return () if value is None else (value,) if isinstance(value, str) else tuple(value)

    def all(self, row: int) -> Sequence[str]:
        return self.of(row, "event.original")

    def likely(self, words: Sequence[Leaf], rows: Rows) -> Mask:  # noqa: ARG002
        return np.ones(len(rows), np.bool_)
