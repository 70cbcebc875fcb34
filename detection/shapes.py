"""Shapes of vendors' records: what their keys alone tell of how they are to be read."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field

from detection.engine import Engine, Kind
from detection.flatten import ODD, SECTIONS, USER_DATA, below, flattened, merged, openers

Look = Callable[[object], int | None]
Looked = Sequence[tuple[str, Look]]
"""Fields to look at, and what knows the number of each value's answer."""
Numbers = tuple[int | None, ...]
Cells = Mapping[str, Sequence[object]]
MOST_SHAPES = 10_000
PARENTS = frozenset({"Event", "winlog", "event_data"})
"""Names of an event log's sections."""


@dataclass(frozen=True, slots=True)
class Case:
    """Records of the same keys and the same kind: the fields that are asked of them, and outcomes by their answers."""

    kind: Kind
    asked: Looked
    outcomes: dict[Numbers, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """Records of the same keys: which of these may hold others, which tell kinds apart, which are fields at all, and
    cases by the answers of those that tell. `whole`: some key needs the record to be read as a whole."""

    opens: tuple[str, ...]
    telling: Looked
    fields: tuple[str, ...]
    whole: bool
    cases: dict[Numbers, Case] = field(default_factory=dict)


class Shapes:
    """The shapes met so far: by the keys of records as they are (`known`), and of their cells side by side (`flat`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        fields = frozenset(engine.matchers)
        self._openers = openers(fields)
        self._plain = PARENTS.isdisjoint(self._openers | fields)
        self.known: dict[frozenset[str], Shape] = {}
        self.flat: dict[frozenset[str], Shape] = {}

    def forget(self) -> None:
        self.known.clear()
        self.flat.clear()

    def opened(self, record: dict[str, object], shape: Shape) -> dict[str, object]:
        """The record with all cells in it side by side. Raises `KeyError` where it has to be read as a whole."""
        if shape.whole:
            raise KeyError
        flat = merged(record) if self._plain or PARENTS.isdisjoint(record) else None
        if flat is None:
            raise KeyError
        names = shape.opens if flat is record else flat.keys() & self._openers
        inner = [name for name in names if name not in PARENTS and flat[name].__class__ in (dict, list)]
        if not inner:
            return flat
        found = dict(flat)
        for name in inner:
            del found[name]
            for cell, value in below(name, flat[name]):
                if cell in found:
                    raise KeyError
                found[cell] = value
        return found

    def read(self, record: dict[str, object]) -> tuple[Shape | None, dict[str, object], Cells]:
        """A record's shape and the record with all cells side by side, where it can be read so; else the values of each
        field that is asked for."""
        fields = self._engine.matchers
        shape = self._shape(self.known, frozenset(record))
        flat: dict[str, object] | None = record
        try:
            if shape.opens:
                flat = self.opened(record, shape)
                shape = self._shape(self.flat, frozenset(flat))
        except KeyError:
            flat = None
        if flat and not shape.whole and not any(flat[name].__class__ in (dict, list) for name in shape.fields):
            return shape, flat, {}
        found: dict[str, list[object]] = {}
        for name, value in flattened(record):
            if name in fields:
                found.setdefault(name, []).append(value)
        return None, record, found

    def _shape(self, shapes: dict[frozenset[str], Shape], names: frozenset[str]) -> Shape:
        shape = shapes.get(names)
        if shape is None:
            if len(shapes) >= MOST_SHAPES:
                shapes.clear()
            whole = any(name in ODD or name.startswith((*SECTIONS, USER_DATA)) for name in names)
            opens = tuple(name for name in names if name in self._openers or name in PARENTS)
            opens = tuple(names) if whole else opens
            fields = tuple(names & self._engine.matchers.keys())
            shape = shapes[names] = Shape(opens, self.looked(names, self._engine.telling), fields, whole)
            self._engine.passed.taken += 500 + 100 * len(names)
        return shape

    def looked(self, names: Container[str], fields: Sequence[str]) -> Looked:
        return [(field, self._engine.passed.look[field]) for field in fields if field in names]
