"""Vendors' records put to an engine: what their keys, the fields that tell them apart and their answers lead to is
kept, so that a record like others costs its parsing and a few look-ups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson

from detection.bits import Rows, bits_of, rows_of
from detection.engine import ROOM, Engine, Kind, Passing, spelled
from detection.flatten import ODD, SECTIONS, USER_DATA, below, flattened, merged, openers, text_of
from detection.keywords import Late, Records
from detection.needles import Needles
from detection.node import Leaf
from detection.plan import Events, selected

Look = Callable[[object], int | None]
Looked = Sequence[tuple[str, Look]]
"""Fields to look at, and what knows the number of each value's answer."""
Numbers = tuple[int | None, ...]
Cells = Mapping[str, Sequence[object]]
MOST_SHAPES = 10_000
PARENTS = frozenset({"Event", "winlog", "event_data"})
"""Names of an event log's sections."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Conditions that hold of some records, by number, with the rows; and the rows that are no JSON objects."""

    hits: list[tuple[int, Rows]]
    bad: list[int]


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


Plain = tuple[int, Shape, dict[str, object]]
"""A record's row and shape, and the record with all cells side by side."""


class Looking:
    """An engine that looks at records, and what it learnt of them. Two threads take turns."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        fields = frozenset(engine.matchers)
        self._openers = openers(fields)
        self._plain = PARENTS.isdisjoint(self._openers | fields)
        self._shapes: dict[frozenset[str], Shape] = {}
        self._flat: dict[frozenset[str], Shape] = {}
        self._needles: dict[frozenset[Leaf], Needles | None] = {}

    def judged(self, records: Sequence[bytes]) -> Judged:
        """All conditions put to some records."""
        with self.engine.lock:
            rows, outcomes, later, bad = self._known(records)
            for row, outcome in self._learnt(records, later):
                rows.append(row)
                outcomes.append(outcome)
            found = Judged(self._hits(records, np.array(rows, np.int64), np.array(outcomes, np.int64)), bad)
            if self.engine.passed.taken > ROOM:
                self._forget()
            return found

    def _forget(self) -> None:
        self.engine.forget()
        self._shapes.clear()
        self._flat.clear()
        self._needles.clear()

    def _known(self, records: Sequence[bytes]) -> tuple[list[int], list[int], list[int], list[int]]:
        """Rows and outcomes of records like known ones, as far as anything follows; rows of others; and of no events.

        A loop over records, because it beats columns here: most need their keys and one to three values looked up.
        """
        rows: list[int] = []
        outcomes: list[int] = []
        later: list[int] = []
        bad: list[int] = []
        loads, shapes, flat_shapes = orjson.loads, self._shapes, self._flat
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
                    value = self._opened(value, shape)
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

    def _opened(self, record: dict[str, object], shape: Shape) -> dict[str, object]:
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

    def _learnt(self, records: Sequence[bytes], rows: Sequence[int]) -> list[tuple[int, int]]:
        """Rows and outcomes of the records that are not like known ones, and from now on they are known."""
        plain: list[Plain] = []
        whole: list[tuple[int, Cells]] = []
        for row in rows:
            shape, flat, cells = self._read(orjson.loads(records[row]))
            if shape is None:
                whole.append((row, cells))
            else:
                plain.append((row, shape, flat))
        found, left = self._learnt_plain(plain)
        whole += [(row, {name: (flat[name],) for name in shape.fields}) for row, shape, flat in left]
        return [*found, *self._learnt_whole(whole)]

    def _learnt_plain(self, records: Sequence[Plain]) -> tuple[list[tuple[int, int]], list[Plain]]:
        """Rows and outcomes of records that their shapes tell of; and those with a value that is not kept."""
        self._learn((flat[name], name, look) for _, shape, flat in records for name, look in shape.telling)
        left: list[Plain] = []
        told: list[tuple[Plain, Case]] = []
        for record in records:
            case = self._case(record)
            if case is None:
                left.append(record)
            else:
                told.append((record, case))
        self._learn((flat[name], name, look) for (_, _, flat), case in told for name, look in case.asked)
        known: list[tuple[int, Case, Numbers]] = []
        for record, case in told:
            answers = tuple([look(record[2][name]) for name, look in case.asked])
            if None in answers:
                left.append(record)
            else:
                known.append((record[0], case, answers))
        self._settle(known)
        return [(row, outcome) for row, case, answers in known if (outcome := case.outcomes[answers])], left

    def _case(self, record: Plain) -> Case | None:
        """The case of a record whose telling values are known; None where one of them is not kept."""
        _, shape, flat = record
        told = tuple([look(flat[name]) for name, look in shape.telling])
        case = shape.cases.get(told)
        if case is None and None not in told:
            kind = self.engine.kind(self._passes(told))
            case = shape.cases[told] = Case(kind, self._looked(flat, kind.fields))
            self.engine.passed.taken += 500 + 100 * len(case.asked)
        return case

    def _settle(self, known: Iterable[tuple[int, Case, Numbers]]) -> None:
        """Find out what follows from answers that are new to their cases."""
        new: dict[int, tuple[Kind, dict[tuple[int, Numbers], tuple[Case, Passing]]]] = {}
        for _, case, answers in known:
            if answers not in case.outcomes:
                of_kind = new.setdefault(id(case.kind), (case.kind, {}))[1]
                if (id(case), answers) not in of_kind:
                    of_kind[id(case), answers] = (case, self._passes(answers))
        for kind, found in new.values():
            self.engine.outcomes_of(kind, [passing for _, passing in found.values()])
            for (_, answers), (case, passing) in found.items():
                case.outcomes[answers] = kind.outcomes[passing]
                self.engine.passed.taken += 150 + 10 * len(answers)

    def _passes(self, answers: Numbers) -> Passing:
        """The tests that are passed by values whose answers have these numbers."""
        return frozenset().union(*[self.engine.passed.answers[number] for number in answers if number])

    def _learnt_whole(self, records: Sequence[tuple[int, Cells]]) -> list[tuple[int, int]]:
        """Rows and outcomes of records by the values of their fields."""
        engine = self.engine
        asked = [_of(cells, engine.telling) for _, cells in records]
        learnt = self._learn(_values(asked, engine.passed.look))
        kinds = [engine.kind(self._passing(cells, learnt)) for cells in asked]
        asked = [_of(cells, kind.fields) for (_, cells), kind in zip(records, kinds, strict=True)]
        learnt = self._learn(_values(asked, engine.passed.look))
        passing = [self._passing(cells, learnt) for cells in asked]
        alike: defaultdict[int, tuple[Kind, list[Passing]]] = defaultdict()
        for kind, tests in zip(kinds, passing, strict=True):
            alike.setdefault(id(kind), (kind, []))[1].append(tests)
        for kind, all_tests in alike.values():
            engine.outcomes_of(kind, all_tests)
        outcomes = [kind.outcomes[tests] for kind, tests in zip(kinds, passing, strict=True)]
        return [(row, outcome) for (row, _), outcome in zip(records, outcomes, strict=True) if outcome]

    def _read(self, record: dict[str, object]) -> tuple[Shape | None, dict[str, object], Cells]:
        """A record's shape and the record with all cells side by side, where it can be read so; else the values of each
        field that is asked for."""
        fields = self.engine.matchers
        shape = self._shape(self._shapes, frozenset(record))
        flat: dict[str, object] | None = record
        try:
            if shape.opens:
                flat = self._opened(record, shape)
                shape = self._shape(self._flat, frozenset(flat))
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
            fields = tuple(names & self.engine.matchers.keys())
            shape = shapes[names] = Shape(opens, self._looked(names, self.engine.telling), fields, whole)
            self.engine.passed.taken += 500 + 100 * len(names)
        return shape

    def _looked(self, names: Container[str], fields: Sequence[str]) -> Looked:
        return [(field, self.engine.passed.look[field]) for field in fields if field in names]

    def _learn(self, values: Iterable[tuple[object, str, Look]]) -> dict[str, dict[object, int]]:
        """Answers of values not known yet, by field; those too long to be kept among them."""
        new: defaultdict[str, dict[object, str]] = defaultdict(dict)
        for value, name, look in values:
            if look(value) is None:
                new[name][spelled(value)] = text_of(value)
        return {name: self.engine.passed.learn(name, texts) for name, texts in new.items()}

    def _passing(self, cells: Cells, learnt: Mapping[str, Mapping[object, int]]) -> Passing:
        """The tests that a record passes on some fields."""
        passed, found = self.engine.passed, set[int]()
        for name, values in cells.items():
            for value in values:
                number = passed.look[name](value)
                found.update(passed.answers[learnt[name][spelled(value)] if number is None else number])
        return frozenset(found)

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


def _of(cells: Cells, fields: Sequence[str]) -> Cells:
    return {name: cells[name] for name in fields if name in cells}


def _values(asked: Iterable[Cells], look: Mapping[str, Look]) -> Iterator[tuple[object, str, Look]]:
    for cells in asked:
        for name, values in cells.items():
            for value in values:
                yield value, name, look[name]
