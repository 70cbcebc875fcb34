"""All conditions over a batch at once: what each distinct value passes, then algebra over the rows that passed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from detection.matcher import Answer, Matcher
from detection.node import NEVER, All, Any, Leaf, Node, Not, leaves
from detection.predicate import Same

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
ROOM = 128 << 20
"""Characters of values whose answers are kept from batch to batch; beyond it all are forgotten and learnt again."""
LONGEST_KEPT = 65_536


class Passed:
    """Values seen lately and the number of each one's answer. Forgets everything when it grows beyond `ROOM`."""

    def __init__(self, matchers: Mapping[str, Matcher]) -> None:
        self._matchers = matchers
        self.known: dict[str, dict[object, int]] = {field: {} for field in matchers}
        self.answers: list[Answer] = [()]
        self._numbers: dict[Answer, int] = {(): 0}
        self.taken = 0
        """How much is kept, in characters."""

    def learn(self, field: str, texts: Mapping[object, str]) -> dict[object, int]:
        """Answers for values not known yet, given with their texts; long ones are not kept."""
        found = self._matchers[field].answers(list(texts.values()))
        numbers = {}
        for (value, text), answer in zip(texts.items(), found, strict=True):
            number = self._numbers.setdefault(answer, len(self.answers))
            if number == len(self.answers):
                self.answers.append(answer)
            numbers[value] = number
            if len(text) <= LONGEST_KEPT:
                self.known[field][value] = number
                self.taken += len(text) + 100
        return numbers

    def tidy(self) -> None:
        """Between batches: make room if it is used up."""
        if self.taken > ROOM:
            self.forget()

    def forget(self) -> None:
        """Between batches: everything."""
        for known in self.known.values():
            known.clear()
        self.answers[1:] = []
        self._numbers = {(): 0}
        self.taken = 0


class Events:
    """A batch as an engine looks at it: the rows that passed each test, and the events' values where tests need two."""

    def __init__(
        self,
        height: int,
        rows: Mapping[int, list[Rows]],
        late: Callable[[Sequence[Leaf], Rows], Mask],
        bad: Sequence[int] = (),
    ) -> None:
        self.height = height
        self.rows: Rows = np.setdiff1d(np.arange(height), np.array(bad, np.int64)) if bad else np.arange(height)
        self._rows = rows
        self._late = late
        self._masks: dict[int, Mask] = {}

    @property
    def hit(self) -> Iterable[int]:
        """Tests that some row passed."""
        return self._rows.keys()

    def count(self, test: int) -> int:
        return sum(len(rows) for rows in self._rows.get(test, ()))

    def mask(self, test: int) -> Mask:
        """For each row, whether it passed the test."""
        found = self._masks.get(test)
        if found is None:
            found = self._masks[test] = np.zeros(self.height, np.bool_)
            for rows in self._rows.get(test, ()):
                found[rows] = True
        return found

    def late(self, some: Sequence[Leaf], rows: Rows) -> Mask:
        """For some rows, whether they pass any of the tests that are asked of few events only: keywords, two fields
        compared."""
        return self._late(some, rows)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A condition over numbers of tests. `keys` are sets of tests: an event that matches passes one of each set."""

    number: int
    tree: object
    keys: tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class _Tests:
    """Any of these tests is passed."""

    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Late:
    """Some of these is passed: keywords together, or one comparison of fields."""

    leaves: tuple[Leaf, ...]


class Engine:
    """Conditions by number, judged together. Answers are kept from batch to batch; two threads take turns."""

    def __init__(self, conditions: Sequence[Node]) -> None:
        self.lock = Lock()
        asked = dict.fromkeys(leaf for condition in conditions for leaf in leaves(condition))
        self._numbers = {leaf: number for number, leaf in enumerate(leaf for leaf in asked if not is_late(leaf))}
        by_field: defaultdict[str, list[tuple[int, object]]] = defaultdict(list)
        for leaf, number in self._numbers.items():
            by_field[str(leaf.field)].append((number, leaf.test))
        self.matchers = {field: Matcher(tests) for field, tests in by_field.items()}  # type: ignore[arg-type]
        self.passed = Passed(self.matchers)
        self.late = [leaf for leaf in asked if is_late(leaf)]
        self.words = {leaf: number for number, leaf in enumerate(leaf for leaf in self.late if leaf.field is None)}
        self.word_matcher = Matcher([(number, leaf.test) for leaf, number in self.words.items()])
        self._plans = [
            self._plan(number, condition) for number, condition in enumerate(conditions) if condition != NEVER
        ]
        self.common_words = self._asked_of_all()
        self._seen: defaultdict[int, int] = defaultdict(int)
        self._batches = 0
        self._index: dict[int, list[_Plan]] = {}
        self._open: list[_Plan] = []
        self._arrange()

    @property
    def tests(self) -> int:
        return len(self._numbers) + len(self.late)

    def matches(self, events: Events) -> Iterator[tuple[int, Rows]]:
        """Conditions that hold somewhere, by number, with the rows, in order. No row: the condition is left out."""
        called = {plan.number: plan for test in events.hit for plan in self._index.get(test, ())}
        called |= {plan.number: plan for plan in self._open}
        for number in sorted(called):
            plan = called[number]
            rows = self._start(plan, events)
            rows = _select(plan.tree, rows, events)
            if len(rows):
                yield number, rows
        self._learn(events)

    def _asked_of_all(self) -> tuple[Leaf, ...]:
        """Keywords of conditions that have nothing else to be looked up by."""
        return tuple(dict.fromkeys(leaf for plan in self._plans if not plan.keys for leaf in _words_in(plan.tree)))

    def _start(self, plan: _Plan, events: Events) -> Rows:
        """The rows of the plan's rarest key in this batch."""
        if not plan.keys:
            return events.rows
        counted = [(sum(map(events.count, key)), key) for key in plan.keys]
        count, key = min(counted, key=lambda item: item[0])
        return np.flatnonzero(_any(key, events)) if count else events.rows[:0]

    def _learn(self, events: Events) -> None:
        for test in events.hit:
            self._seen[test] += events.count(test)
        self._batches += 1
        if self._batches & (self._batches - 1) == 0:
            self._arrange()

    def _arrange(self) -> None:
        """Look a plan up by its key that was passed least so far; before anything was seen, by its smallest."""
        self._index, self._open = {}, []
        for plan in self._plans:
            if not plan.keys:
                self._open.append(plan)
                continue
            key = min(plan.keys, key=lambda tests: (sum(self._seen[test] for test in tests), len(tests)))
            for test in key:
                self._index.setdefault(test, []).append(plan)

    def _plan(self, number: int, condition: Node) -> _Plan:
        tree = self._numbered(condition)
        return _Plan(number, tree, tuple(dict.fromkeys(_keys(tree))))

    def _numbered(self, node: Node) -> object:
        match node:
            case Leaf():
                return _Late((node,)) if is_late(node) else _Tests(frozenset([self._numbers[node]]))
            case Not():
                return Not(self._numbered(node.part))  # type: ignore[arg-type]
            case All():
                return All(tuple(sorted(map(self._numbered, node.parts), key=_dear)))  # type: ignore[arg-type]
            case Any():
                parts = [self._numbered(part) for part in node.parts]
                tests = [part.numbers for part in parts if isinstance(part, _Tests)]
                words = [leaf for part in parts if _are_words(part) for leaf in _words_in(part)]
                parts = [*(part for part in parts if not _are_words(part)), *([_Late(tuple(words))] if words else [])]
                others = sorted((part for part in parts if not isinstance(part, _Tests)), key=_dear)
                joined = [_Tests(frozenset().union(*tests)), *others] if tests else others
                return joined[0] if len(joined) == 1 else Any(tuple(joined))  # type: ignore[arg-type]


def is_late(leaf: Leaf) -> bool:
    """Whether the test is put only to events that pass everything else."""
    return leaf.field is None or isinstance(leaf.test, Same)


def _are_words(tree: object) -> bool:
    return isinstance(tree, _Late) and all(leaf.field is None for leaf in tree.leaves)


def _words_in(tree: object) -> Iterator[Leaf]:
    if _are_words(tree):
        yield from tree.leaves  # type: ignore[attr-defined]
    elif isinstance(tree, Not):
        yield from _words_in(tree.part)
    elif isinstance(tree, All | Any):
        for part in tree.parts:
            yield from _words_in(part)


def _dear(tree: object) -> int:
    """How much it costs to ask: keywords and comparisons of fields last."""
    match tree:
        case _Tests():
            return 0
        case _Late():
            return 3
        case Not():
            return 1 + _dear(tree.part)
        case All() | Any():
            return max(map(_dear, tree.parts), default=0)
    return 0


def _keys(tree: object) -> Iterator[frozenset[int]]:
    match tree:
        case _Tests():
            yield tree.numbers
        case All():
            for part in tree.parts:
                yield from _keys(part)
        case Any():
            best = [min(_keys(part), key=len, default=None) for part in tree.parts]
            if best and all(key is not None for key in best):
                yield frozenset().union(*(key for key in best if key is not None))


def _select(tree: object, rows: Rows, events: Events) -> Rows:
    """The rows among `rows` of which the condition holds."""
    if not len(rows):
        return rows
    match tree:
        case _Tests():
            return rows[_any(tree.numbers, events)[rows]]
        case _Late():
            return rows[events.late(tree.leaves, rows)]
        case Not():
            return np.setdiff1d(rows, _select(tree.part, rows, events), assume_unique=True)
        case All():
            for part in tree.parts:
                rows = _select(part, rows, events)
            return rows
        case Any():
            found = [_select(part, rows, events) for part in tree.parts]
            return np.unique(np.concatenate(found)) if found else rows[:0]
    raise AssertionError(tree)


def _any(tests: frozenset[int], events: Events) -> Mask:
    passed = [test for test in tests if events.count(test)]
    if len(passed) == 1:
        return events.mask(passed[0])
    joined = np.zeros(events.height, np.bool_)
    for test in passed:
        joined |= events.mask(test)
    return joined
