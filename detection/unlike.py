"""Records unlike any before them: what follows from their values is found out, and known from then on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson

from detection.engine import Engine, Kind, Passing, spelled
from detection.flatten import text_of
from detection.shapes import Case, Cells, Look, Numbers, Shape, Shapes

Plain = tuple[int, Shape, dict[str, object]]
"""A record's row and shape, and the record with all cells side by side."""


class Unlike:
    """Learns for an engine and the shapes of its records."""

    def __init__(self, engine: Engine, shapes: Shapes) -> None:
        self._engine = engine
        self._shapes = shapes

    def learnt(self, records: Sequence[bytes], rows: Sequence[int]) -> list[tuple[int, int]]:
        """Rows and outcomes of the records that are not like known ones, and from now on they are known."""
        plain: list[Plain] = []
        whole: list[tuple[int, Cells]] = []
        for row in rows:
            shape, flat, cells = self._shapes.read(orjson.loads(records[row]))
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
            kind = self._engine.kind(self._passes(told))
            case = shape.cases[told] = Case(kind, self._shapes.looked(flat, kind.fields))
            self._engine.passed.taken += 500 + 100 * len(case.asked)
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
            self._engine.outcomes_of(kind, [passing for _, passing in found.values()])
            for (_, answers), (case, passing) in found.items():
                case.outcomes[answers] = kind.outcomes[passing]
                self._engine.passed.taken += 150 + 10 * len(answers)

    def _passes(self, answers: Numbers) -> Passing:
        """The tests that are passed by values whose answers have these numbers."""
        return frozenset().union(*[self._engine.passed.answers[number] for number in answers if number])

    def _learnt_whole(self, records: Sequence[tuple[int, Cells]]) -> list[tuple[int, int]]:
        """Rows and outcomes of records by the values of their fields."""
        engine = self._engine
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

    def _learn(self, values: Iterable[tuple[object, str, Look]]) -> dict[str, dict[object, int]]:
        """Answers of values not known yet, by field; those too long to be kept among them."""
        new: defaultdict[str, dict[object, str]] = defaultdict(dict)
        for value, name, look in values:
            if look(value) is None:
                new[name][spelled(value)] = text_of(value)
        return {name: self._engine.passed.learn(name, texts) for name, texts in new.items()}

    def _passing(self, cells: Cells, learnt: Mapping[str, Mapping[object, int]]) -> Passing:
        """The tests that a record passes on some fields."""
        passed, found = self._engine.passed, set[int]()
        for name, values in cells.items():
            for value in values:
                number = passed.look[name](value)
                found.update(passed.answers[learnt[name][spelled(value)] if number is None else number])
        return frozenset(found)


def _of(cells: Cells, fields: Sequence[str]) -> Cells:
    return {name: cells[name] for name in fields if name in cells}


def _values(asked: Iterable[Cells], look: Mapping[str, Look]) -> Iterator[tuple[object, str, Look]]:
    for cells in asked:
        for name, values in cells.items():
            for value in values:
                yield value, name, look[name]
