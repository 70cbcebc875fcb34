"""All conditions together: each value is put to all tests of its field once, and what follows from tests is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock

from detection.bits import Bits, each
from detection.matcher import Answer, Matcher
from detection.node import Leaf, Node, leaves
from detection.plan import (
    ALWAYS,
    NEVER,
    Events,
    Tree,
    is_late,
    keys,
    late_in,
    numbered,
    outline,
    selected,
    settled,
    tests_in,
    told_first,
)
from detection.predicate import Test

ROOM = 128 << 20
"""Bytes, roughly, of what is kept from batch to batch; beyond it all is forgotten and learnt again."""
LONGEST_KEPT = 65_536
MOST_KINDS = 1_000
FIRST_ARRANGED = 1_000
"""After so many events it is looked which tests they pass; again after four times as many, and so on."""

Passing = frozenset[int]
"""The tests that an event passes."""


class Passed:
    """Values seen lately and the number of each one's answer. `forget` when `taken` grows beyond `ROOM`."""

    def __init__(self, matchers: Mapping[str, Matcher]) -> None:
        self._matchers = matchers
        self.known: dict[str, dict[object, int]] = {field: {} for field in matchers}
        self.look: dict[str, Callable[[object], int | None]] = {
            field: known.get if _alike(matchers[field]) else partial(_typed, known)
            for field, known in self.known.items()
        }
        """For each field, what gives the number of a value's answer, None where it is not known yet."""
        self.answers: list[Answer] = []
        self._numbers: dict[Answer, int] = {}
        self.taken = 0
        self.forget()

    def learn(self, field: str, texts: Mapping[object, str]) -> dict[object, int]:
        """Answers for values not known yet, given as `spelled` and with their texts; long ones are not kept."""
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

    def forget(self) -> None:
        """Everything; the answer of what is absent is number 0."""
        for known in self.known.values():
            known.clear()
            known[None] = 0
        self.answers[:] = [()]
        self._numbers = {(): 0}
        self.taken = 0


def _alike(matcher: Matcher) -> bool:
    """Whether it makes no difference that True and 1 are one key of a dictionary, but two texts."""
    one, true, zero, false = matcher.answers(["1", "true", "0", "false"])
    return one == true and zero == false


def _typed(known: Mapping[object, int], value: object) -> int | None:
    return known.get((value,) if value.__class__ is bool else value)


def spelled(value: object) -> object:
    """A value as a key that no value of another text has."""
    return (value,) if value.__class__ is bool else value


@dataclass(frozen=True, slots=True)
class Plan:
    """A condition by its number."""

    number: int
    tree: Tree
    keys: tuple[frozenset[int], ...]

    @classmethod
    def of(cls, number: int, tree: Tree) -> Plan:
        return cls(number, tree, tuple(dict.fromkeys(keys(tree))))


class Plans:
    """Plans looked up by tests: of what each event must pass to match, the one passed least so far."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans
        self._seen: defaultdict[int, int] = defaultdict(int)
        self._events, self._enough = 0, FIRST_ARRANGED
        self._index: dict[int, list[Plan]] = {}
        self._open: list[Plan] = []
        self._arrange()

    def matches(self, events: Events) -> Iterator[tuple[int, Bits]]:
        """Conditions that hold somewhere, by number and in its order, with the events."""
        called = {plan.number: plan for test in events.passed for plan in self._index.get(test, ())}
        called |= {plan.number: plan for plan in self._open}
        for number in sorted(called):
            if found := selected(called[number].tree, events.all, events):
                yield number, found
        self._learn(events)

    def _learn(self, events: Events) -> None:
        for test, passed in events.passed.items():
            self._seen[test] += passed.bit_count()
        self._events += events.height
        if self._events >= self._enough:
            self._enough = 4 * self._events
            self._arrange()

    def _arrange(self) -> None:
        self._index, self._open = {}, []
        for plan in self._plans:
            if not plan.keys:
                self._open.append(plan)
                continue
            key = min(plan.keys, key=lambda tests: (sum(self._seen[test] for test in tests), len(tests)))
            for test in key:
                self._index.setdefault(test, []).append(plan)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from the tests that an event passes: conditions that hold, and what is left to be asked of the event
    itself, by its place in `Engine.left`."""

    hits: tuple[int, ...]
    open: tuple[int, ...]


class Kind:
    """What may hold of events that are alike in the fields that tell them apart: the conditions, as far as that leaves
    them open, and the fields they still ask."""

    def __init__(self, plans: Sequence[Plan], field_of: Sequence[str]) -> None:
        late = {plan.number for plan in plans if any(late_in(plan.tree))}
        self._plain = Plans([plan for plan in plans if plan.number not in late])
        self._late = [plan for plan in plans if plan.number in late]
        self.tests = frozenset(test for plan in plans for test in tests_in(plan.tree))
        self.fields = tuple(dict.fromkeys(field_of[test] for test in sorted(self.tests)))
        self.outcomes: dict[Passing, int] = {}

    def found(self, passing: Sequence[Passing]) -> list[tuple[list[int], list[tuple[int, Tree]]]]:
        """For each of these, the conditions that hold, and those of which something is left to be asked, with that."""
        passed: defaultdict[int, Bits] = defaultdict(int)
        for row, tests in enumerate(passing):
            for test in tests:
                passed[test] |= 1 << row
        hits: list[list[int]] = [[] for _ in passing]
        for number, rows in self._plain.matches(Events(len(passing), passed, _nothing_late)):
            for row in each(rows):
                hits[row].append(number)
        left: list[list[tuple[int, Tree]]] = [[] for _ in passing]
        for plan in self._late:
            for row, tests in enumerate(passing):
                tree = settled(plan.tree, tests, self.tests)
                if tree is ALWAYS:
                    hits[row].append(plan.number)
                elif tree is not NEVER:
                    left[row].append((plan.number, tree))
        return list(zip(hits, left, strict=True))


def _nothing_late(some: Sequence[Leaf], rows: Bits) -> Bits:
    raise AssertionError(some, rows)


class Engine:
    """Conditions by number, judged together. Answers are kept from batch to batch; two threads take turns.

    `telling` are fields that tell kinds of events apart: with few values, and most conditions ask for one of them.
    """

    def __init__(self, conditions: Sequence[Node], telling: Collection[str] = ()) -> None:
        self.lock = Lock()
        asked = dict.fromkeys(leaf for condition in conditions for leaf in leaves(condition))
        numbers = {leaf: number for number, leaf in enumerate(leaf for leaf in asked if not is_late(leaf))}
        by_field: defaultdict[str, list[tuple[int, Test]]] = defaultdict(list)
        for leaf, number in numbers.items():
            by_field[str(leaf.field)].append((number, leaf.test))
        self.matchers = {field: Matcher(tests) for field, tests in by_field.items()}
        self.passed = Passed(self.matchers)
        self.late = [leaf for leaf in asked if is_late(leaf)]
        self.words = {leaf: number for number, leaf in enumerate(leaf for leaf in self.late if leaf.field is None)}
        self.word_matcher = Matcher([(number, leaf.test) for leaf, number in self.words.items()])
        self.tests = len(asked)
        self.telling = tuple(sorted(set(telling) & by_field.keys()))
        self._field_of = [str(leaf.field) for leaf in numbers]
        self._told = frozenset(number for field in self.telling for number, _ in by_field[field])
        self._shared: dict[Tree, Tree] = {}
        trees = (
            (number, told_first(numbered(condition, numbers), self._told, self._shared))
            for number, condition in enumerate(conditions)
        )
        self._plans = [Plan.of(number, tree) for number, tree in trees if tree is not NEVER]
        told = {id(tree) for tree in self._shared}
        self._outlines: defaultdict[Tree, list[Plan]] = defaultdict(list)
        for plan in self._plans:
            self._outlines[outline(plan.tree, told)].append(plan)
        self._all: Plans | None = None
        self._kinds: dict[Passing, Kind] = {}
        self.outcomes = [Outcome((), ())]
        self.left: list[tuple[int, Tree]] = []
        self._places: dict[tuple[int, Tree], int] = {}

    def matches(self, events: Events) -> Iterator[tuple[int, Bits]]:
        """Conditions that hold somewhere, by number and in its order, with the events."""
        if self._all is None:
            self._all = Plans(self._plans)
        return self._all.matches(events)

    def kind(self, passing: Passing) -> Kind:
        """The kind of the events that pass, of the tests on telling fields, exactly these."""
        found = self._kinds.get(passing)
        if found is None:
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
            done = {id(tree): settled(tree, passing, self._told) for tree in self._shared}
            # Most conditions are about other log sources altogether.
            asked = [
                plan
                for tree, plans in self._outlines.items()
                if settled(tree, passing, self._told, done) is not NEVER
                for plan in plans
            ]
            left = ((plan, settled(plan.tree, passing, self._told, done)) for plan in asked)
            plans = [
                plan if tree is plan.tree else Plan.of(plan.number, tree) for plan, tree in left if tree is not NEVER
            ]
            found = self._kinds[passing] = Kind(plans, self._field_of)
        return found

    def outcomes_of(self, kind: Kind, passing: Iterable[Passing]) -> None:
        """Find out what follows from tests passed, for those of which `kind.outcomes` does not know it yet."""
        new = list(dict.fromkeys(tests for tests in passing if tests not in kind.outcomes))
        for tests, (hits, left) in zip(new, kind.found(new) if new else (), strict=True):
            kind.outcomes[tests] = len(self.outcomes) if hits or left else 0
            if hits or left:
                self.outcomes.append(Outcome(tuple(sorted(hits)), tuple(map(self._place, left))))
            self.passed.taken += 300 + 50 * len(tests)

    def _place(self, left: tuple[int, Tree]) -> int:
        place = self._places.setdefault(left, len(self.left))
        if place == len(self.left):
            self.left.append(left)
        return place

    def forget(self) -> None:
        """What was learnt of events."""
        self.passed.forget()
        self._kinds.clear()
        del self.outcomes[1:], self.left[:]
        self._places.clear()
