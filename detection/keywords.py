"""Tests that are put to few events only: keywords, and two fields compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import orjson

from detection.bits import Bits, Rows, bits_of, rows_of
from detection.engine import Engine
from detection.flatten import flattened, text_of
from detection.needles import Needles
from detection.node import Leaf
from detection.plan import Tree, late_in
from detection.predicate import Same, fold

Mask = npt.NDArray[np.bool_]
FEW = 64


class Values(Protocol):
    """The values of some events, for tests that need more than one field of an event."""

    def of(self, row: int, field: str) -> Sequence[str]: ...

    def all(self, row: int) -> Sequence[str]:
        """Every text of the event, for keywords."""

    def likely(self, words: Sequence[Leaf], rows: Rows) -> Mask:
        """Which of some events may have a text with one of the words."""


class Late:
    """Answers for late tests over a batch of a number of events. `ahead` are the conditions that will be asked, and of
    which events: keywords that are asked of the same ones are looked for together."""

    def __init__(self, engine: Engine, values: Values, height: int, ahead: Iterable[tuple[Tree, Bits]] = ()) -> None:
        self._engine = engine
        self._values = values
        self._height = height
        self._said: dict[int, frozenset[int]] = {}
        alike: dict[Bits, list[Leaf]] = {}
        for tree, among in ahead:
            if among.bit_count() > FEW:
                alike.setdefault(among, []).extend(leaf for leaf in late_in(tree) if leaf.field is None)
        self._looked_for = [
            (frozenset(words), ~among | self._few(words, among)) for among, words in alike.items() if words
        ]

    def __call__(self, some: Sequence[Leaf], among: Bits) -> Bits:
        """The events among some that pass any of the tests."""
        test, field = some[0].test, str(some[0].field)
        if isinstance(test, Same):
            values = self._values
            rows = rows_of(among).tolist()
            passed = [row for row in rows if _same(test, values.of(row, field), values.of(row, test.field))]
        else:
            wanted = {self._engine.words[leaf] for leaf in some}
            for words, likely in self._looked_for:
                if words.issuperset(some):
                    among &= likely
            rows = rows_of(self._few(some, among)).tolist()
            passed = [row for row in rows if not wanted.isdisjoint(self._words_in(row))]
        return bits_of(np.array(passed, np.int64), self._height)

    def _few(self, words: Sequence[Leaf], among: Bits) -> Bits:
        """Of many events those that may have one of the words."""
        if among.bit_count() <= FEW:
            return among
        rows = rows_of(among)
        return bits_of(rows[self._values.likely(words, rows)], self._height)

    def _words_in(self, row: int) -> frozenset[int]:
        if row not in self._said:
            self._said[row] = frozenset().union(*self._engine.word_matcher.answers(self._values.all(row)))
        return self._said[row]


class Records:
    """Values out of records, each parsed again when asked for: few are."""

    def __init__(self, records: Sequence[bytes], needles: dict[frozenset[Leaf], Needles | None]) -> None:
        self._records = records
        self._needles = needles
        self._last: tuple[int, list[tuple[str, str]]] = (-1, [])

    def of(self, row: int, field: str) -> Sequence[str]:
        return [text for name, text in self._cells(row) if name == field]

    def all(self, row: int) -> Sequence[str]:
        return list(dict.fromkeys(text for _, text in self._cells(row)))

    def likely(self, words: Sequence[Leaf], rows: Rows) -> Mask:
        some = [self._records[row] for row in rows.tolist()]
        asked = frozenset(words)
        if asked not in self._needles:
            self._needles[asked] = Needles.of(asked, some)
        needles = self._needles[asked]
        return needles.likely(some) if needles else np.ones(len(some), np.bool_)

    def _cells(self, row: int) -> list[tuple[str, str]]:
        if self._last[0] != row:
            cells = [(name, text_of(value)) for name, value in flattened(orjson.loads(self._records[row]))]
            self._last = (row, cells)
        return self._last[1]


def _same(test: Same, ones: Sequence[str], others: Sequence[str]) -> bool:
    return any(_pair(test, fold(one), fold(other)) for one in ones for other in others)


def _pair(test: Same, one: str, other: str) -> bool:
    if test.starts:
        return one.startswith(other)
    return one.endswith(other) if test.ends else one == other
