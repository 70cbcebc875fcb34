"""Conditions held against the columns of a frame."""

from __future__ import annotations

from threading import Lock

import numpy as np
import polars as pl

from detection.bits import Rows, rows_of
from detection.engine import ROOM, Engine
from detection.fields import text_of_field
from detection.looking import look_at_columns
from detection.node import Node

Hits = list[tuple[int, Rows]]
"""Numbers of conditions, each with the rows of which it holds."""
ENGINES = 256


class Engines:
    """An engine for each condition, of those asked about lately. All of them together keep no more than `room`
    characters of values from frame to frame; what was asked about longest ago is forgotten first."""

    def __init__(self, room: int = ROOM, most: int = ENGINES) -> None:
        self._room = room
        self._most = most
        self.known: dict[Node, Engine] = {}
        self._lock = Lock()

    @property
    def taken(self) -> int:
        """How much is kept, in characters."""
        return sum(engine.passed.taken for engine in self.known.values())

    def passing(self, condition: Node, events: pl.DataFrame) -> Rows:
        """The rows of a frame, which has all columns that it names, of which a condition holds."""
        with self._lock:
            engine = self.known.pop(condition, None) or Engine([condition])
            self.known[condition] = engine
            found = in_columns(engine, events)
            self._tidy()
        return found[0][1] if found else np.zeros(0, np.int64)

    def _tidy(self) -> None:
        """The least lately asked about come first."""
        while len(self.known) > self._most:
            del self.known[next(iter(self.known))]
        over = self.taken - self._room
        for engine in self.known.values():
            if over <= 0:
                break
            over -= engine.passed.taken
            engine.forget()


passing = Engines().passing


def in_columns(engine: Engine, events: pl.DataFrame) -> Hits:
    """Where the engine's conditions hold, for those that hold at all."""
    with engine.lock:
        found = engine.matches(look_at_columns(engine, events, text_of_field))
        hits = [(number, rows_of(passed)) for number, passed in found]
        if engine.passed.taken > ROOM:
            engine.forget()
        return hits
