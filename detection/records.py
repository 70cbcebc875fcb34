"""Vendors' records put to an engine: what their keys, the fields that tell them apart and their answers lead to is
kept, so that a record like others costs its parsing and a few look-ups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from detection.bits import Rows, bits_of, rows_of
from detection.engine import ROOM, Engine
from detection.keywords import Late, Records
from detection.needles import Needles
from detection.node import Leaf
from detection.plan import Events, selected
from detection.shapes import Shapes
from detection.unlike import Unlike


@dataclass(frozen=True, slots=True)
class Judged:
    """Conditions that hold of some records, by number, with the rows; and the rows that are no JSON objects."""

    hits: list[tuple[int, Rows]]
    bad: list[int]


class Looking:
    """An engine that looks at records, and what it learnt of them. Two threads take turns."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._shapes = Shapes(engine)
        self._unlike = Unlike(engine, self._shapes)
        self._needles: dict[frozenset[Leaf], Needles | None] = {}

    def judged(self, records: Sequence[bytes]) -> Judged:
        """All conditions put to some records."""
        with self.engine.lock:
            rows, outcomes, later, bad = self._known(records)
            for row, outcome in self._unlike.learnt(records, later):
                rows.append(row)
                outcomes.append(outcome)
            found = Judged(self._hits(records, np.array(rows, np.int64), np.array(outcomes, np.int64)), bad)
            if self.engine.passed.taken > ROOM:
                self._forget()
            return found

    def _forget(self) -> None:
        self.engine.forget()
        self._shapes.forget()
        self._needles.clear()

    def _known(self, records: Sequence[bytes]) -> tuple[list[int], list[int], list[int], list[int]]:
        """Rows and outcomes of records like known ones, as far as anything follows; rows of others; and of no events.

        A loop over records, because it beats columns here: most need their keys and one to three values looked up.
        """
        rows: list[int] = []
        outcomes: list[int] = []
        later: list[int] = []
        bad: list[int] = []
        loads, opened = orjson.loads, self._shapes.opened
        shapes, flat_shapes = self._shapes.known, self._shapes.flat
        for row, record in enumerate(records):
            try:
                value = loads(record)
            except orjson.JSONDecodeError:
                bad.append(row)
                continue
            if type(value) is not dict:
                bad.append(row)
                continue
            try:
                shape = shapes[frozenset(value)]
                if shape.opens:
                    value = opened(value, shape)
                    shape = flat_shapes[frozenset(value)]
                case = shape.cases[tuple([look(value[name]) for name, look in shape.telling])]
                outcome = case.outcomes[tuple([look(value[name]) for name, look in case.asked])]
            except (KeyError, TypeError):
                later.append(row)
                continue
            if outcome:
                rows.append(row)
                outcomes.append(outcome)
        return rows, outcomes, later, bad

    def _hits(self, records: Sequence[bytes], rows: Rows, outcomes: Rows) -> list[tuple[int, Rows]]:
        """Conditions that hold, with the rows; what hangs on keywords and comparisons is asked of the records."""
        hits: defaultdict[int, list[Rows]] = defaultdict(list)
        left: defaultdict[int, list[Rows]] = defaultdict(list)
        order = np.argsort(outcomes, kind="stable")
        rows, outcomes = rows[order], outcomes[order]
        starts = np.flatnonzero(np.diff(outcomes, prepend=-1))
        for start, some in zip(starts, np.split(rows, starts[1:]), strict=True) if len(starts) else ():
            outcome = self.engine.outcomes[outcomes[start]]
            for number in outcome.hits:
                hits[number].append(some)
            for place in outcome.open:
                left[place].append(some)
        height = len(records)
        open_ = [(*self.engine.left[place], bits_of(np.concatenate(some), height)) for place, some in left.items()]
        values = Records(records, self._needles)
        late = Late(self.engine, values, height, [(tree, among) for _, tree, among in open_])
        events = Events(height, {}, late)
        for number, tree, among in open_:
            if found := selected(tree, among, events):
                hits[number].append(rows_of(found))
        return [(number, np.sort(np.concatenate(hits[number]))) for number in sorted(hits)]
