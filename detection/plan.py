"""A condition over numbers of tests: settled as far as some tests are known, and put to many events at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from operator import is_
from types import MappingProxyType

from detection.bits import Bits
from detection.node import All, Any, Leaf, Node, Not
from detection.predicate import Same


@dataclass(frozen=True, slots=True)
class Tests:
    """Any of these tests is passed."""

    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Late:
    """Some of these is passed: keywords together, or one comparison of fields. Asked of few events only."""

    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """Every part holds, the cheapest first."""

    parts: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """Some part holds."""

    parts: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Without:
    """The part does not hold."""

    part: Tree


Tree = Tests | Late | Every | Some | Without
ALWAYS, NEVER = Every(), Some()
"""The only trees without parts: compared by `is`."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events as plans look at them: how many, and which passed each test. `late` answers for `Late`."""

    height: int
    passed: Mapping[int, Bits]
    late: Callable[[Sequence[Leaf], Bits], Bits]
    bad: Bits = field(default=0)

    @property
    def all(self) -> Bits:
        return ((1 << self.height) - 1) & ~self.bad

    def any(self, tests: Iterable[int]) -> Bits:
        """The events that passed any of the tests."""
        found = 0
        for test in tests:
            found |= self.passed.get(test, 0)
        return found


def is_late(leaf: Leaf) -> bool:
    """Whether the test is put only to events that pass everything else."""
    return leaf.field is None or isinstance(leaf.test, Same)


def numbered(node: Node, numbers: Mapping[Leaf, int]) -> Tree:
    """The condition by the numbers of its tests."""
    match node:
        case Leaf():
            return Late((node,)) if is_late(node) else Tests(frozenset([numbers[node]]))
        case Not():
            return without(numbered(node.part, numbers))
        case All():
            return every([numbered(part, numbers) for part in node.parts])
        case Any():
            return some([numbered(part, numbers) for part in node.parts])


def every(parts: Iterable[Tree]) -> Tree:
    """All of the parts, in the shortest words."""
    left: list[Tree] = []
    for part in parts:
        if part is NEVER:
            return NEVER
        left += part.parts if isinstance(part, Every) else [part]
    if not left:
        return ALWAYS
    return left[0] if len(left) == 1 else Every(tuple(sorted(left, key=_dear)))


def some(parts: Iterable[Tree]) -> Tree:
    """Any of the parts, in the shortest words: tests and keywords each at one go."""
    tests: set[int] = set()
    words: list[Leaf] = []
    left: list[Tree] = []
    waiting = list(parts)[::-1]
    while waiting:
        part = waiting.pop()
        if part is ALWAYS:
            return ALWAYS
        if isinstance(part, Some):
            waiting += part.parts[::-1]
        elif isinstance(part, Tests):
            tests |= part.numbers
        elif isinstance(part, Late) and are_words(part):
            words += part.leaves
        else:
            left.append(part)
    found = sorted([*left, *([Late(tuple(dict.fromkeys(words)))] if words else [])], key=_dear)
    joined = [Tests(frozenset(tests)), *found] if tests else found
    if not joined:
        return NEVER
    return joined[0] if len(joined) == 1 else Some(tuple(joined))


def without(part: Tree) -> Tree:
    if isinstance(part, Without):
        return part.part
    return NEVER if part is ALWAYS else ALWAYS if part is NEVER else Without(part)


def are_words(late: Late) -> bool:
    return all(leaf.field is None for leaf in late.leaves)


def settled(tree: Tree, passed: Set[int], known: Set[int], done: Mapping[int, Tree] = MappingProxyType({})) -> Tree:
    """What is left of a condition once it is known which of the `known` tests are `passed`; `done` has it for some
    parts already, by their `id`."""
    if (left := done.get(id(tree))) is not None:
        return left
    match tree:
        case Tests():
            if not tree.numbers.isdisjoint(passed):
                return ALWAYS
            if tree.numbers.isdisjoint(known):
                return tree
            numbers = tree.numbers - known
            return Tests(numbers) if numbers else NEVER
        case Late():
            return tree
        case Without():
            part = settled(tree.part, passed, known, done)
            return tree if part is tree.part else without(part)
        case Every():
            parts = []
            for part in tree.parts:
                one = settled(part, passed, known, done)
                if one is NEVER:
                    return NEVER
                parts.append(one)
            return tree if all(map(is_, parts, tree.parts)) else every(parts)
        case Some():
            parts = [settled(part, passed, known, done) for part in tree.parts]
            return tree if all(map(is_, parts, tree.parts)) else some(parts)


def told_first(tree: Tree, told: frozenset[int], shared: dict[Tree, Tree]) -> Tree:
    """The same condition; of what must hold together, what hangs on the `told` tests alone comes first. Such parts that
    are equal become one object, kept in `shared`."""
    if told.issuperset(tests_in(tree)) and not any(late_in(tree)) and tree not in (ALWAYS, NEVER):
        return shared.setdefault(tree, tree)
    match tree:
        case Without():
            return Without(told_first(tree.part, told, shared))
        case Some():
            return Some(tuple(told_first(part, told, shared) for part in tree.parts)) if tree.parts else tree
        case Every():
            parts = [told_first(part, told, shared) for part in tree.parts]
            return Every(tuple(sorted(parts, key=lambda part: part not in shared))) if parts else tree
    return tree


def outline(tree: Tree, shared: Set[int]) -> Tree:
    """What the `shared` parts of a condition, told by their `id`, say alone: it holds wherever the condition may."""
    if id(tree) in shared:
        return tree
    match tree:
        case Every():
            return every([outline(part, shared) for part in tree.parts])
        case Some():
            return some([outline(part, shared) for part in tree.parts])
    return ALWAYS


def selected(tree: Tree, among: Bits, events: Events) -> Bits:
    """The events among some of which the condition holds."""
    if not among:
        return 0
    match tree:
        case Tests():
            return among & events.any(tree.numbers)
        case Late():
            return events.late(tree.leaves, among)
        case Without():
            return among & ~selected(tree.part, among, events)
        case Every():
            for part in tree.parts:
                among = selected(part, among, events)
            return among
        case Some():
            found = 0
            for part in tree.parts:
                found |= selected(part, among & ~found, events)
            return found


def tests_in(tree: Tree) -> Iterator[int]:
    """The numbers of all tests that a condition asks, but late ones."""
    match tree:
        case Tests():
            yield from tree.numbers
        case Without():
            yield from tests_in(tree.part)
        case Every() | Some():
            for part in tree.parts:
                yield from tests_in(part)


def late_in(tree: Tree) -> Iterator[Leaf]:
    """The tests that are asked late."""
    match tree:
        case Late():
            yield from tree.leaves
        case Without():
            yield from late_in(tree.part)
        case Every() | Some():
            for part in tree.parts:
                yield from late_in(part)


def keys(tree: Tree) -> Iterator[frozenset[int]]:
    """Sets of tests: an event of which the condition holds passes one of each set."""
    match tree:
        case Tests():
            yield tree.numbers
        case Every():
            for part in tree.parts:
                yield from keys(part)
        case Some():
            best = [min(keys(part), key=len, default=None) for part in tree.parts]
            if best and all(key is not None for key in best):
                yield frozenset().union(*(key for key in best if key is not None))


def _dear(tree: Tree) -> int:
    """How much it costs to ask: keywords and comparisons of fields last."""
    match tree:
        case Tests():
            return 0
        case Late():
            return 3
        case Without():
            return 1 + _dear(tree.part)
        case Every() | Some():
            return max(map(_dear, tree.parts), default=0)
