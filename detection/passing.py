"""Conditions held against the columns of a frame."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from detection.bits import Rows, rows_of
from detection.engine import ROOM, Engine
from detection.fields import text_of_field
from detection.looking import look_at_columns
from detection.node import Node

Hits = list[tuple[int, Rows]]
"""Numbers of conditions, each with the rows of which it holds."""


def passing(condition: Node, events: pl.DataFrame) -> Rows:
    """The rows of a frame, which has all columns that it names, of which a condition holds."""
    found = in_columns(_engine_of(condition), events)
    return found[0][1] if found else np.zeros(0, np.int64)


def in_columns(engine: Engine, events: pl.DataFrame) -> Hits:
    """Where the engine's conditions hold, for those that hold at all."""
    with engine.lock:
        found = engine.matches(look_at_columns(engine, events, text_of_field))
        hits = [(number, rows_of(passed)) for number, passed in found]
        if engine.passed.taken > ROOM:
            engine.forget()
        return hits


@lru_cache(maxsize=256)
def _engine_of(condition: Node) -> Engine:
    return Engine([condition])
