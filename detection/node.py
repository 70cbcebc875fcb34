"""Conditions as frozen trees, and Kleene's logic over them: what may hold while some fields are not known yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from detection.predicate import Same, Test


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field passes a test; of a field with several values one that does is enough. No field: some value of the
    event does. An absent field passes none."""

    field: str | None
    test: Test


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; of no parts: always."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    """Some part holds; of no parts: never."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Node


class Truth(Enum):
    """What is known of a leaf before the event is looked at; the event decides an `OPEN` one, an `UNKNOWN` one stays
    undecided."""

    TRUE = True
    FALSE = False
    UNKNOWN = "unknown"
    OPEN = "open"


Node = Leaf | All | Any | Not
ALWAYS, NEVER = All(), Any()


def leaves(node: Node) -> Iterator[Leaf]:
    """Every leaf of a tree."""
    match node:
        case Leaf():
            yield node
        case Not():
            yield from leaves(node.part)
        case All() | Any():
            for part in node.parts:
                yield from leaves(part)


def fields_of(node: Node) -> frozenset[str]:
    """Every field a condition names, those it compares with included."""
    found = list(leaves(node))
    others = {leaf.test.field for leaf in found if isinstance(leaf.test, Same)}
    return frozenset({leaf.field for leaf in found if leaf.field is not None} | others)


def possible(node: Node, settled: Callable[[Leaf], Truth]) -> Node:
    """The condition, over the leaves that the event decides, that holds where the given one is not false.

    By Kleene's logic a condition is not false if it holds once each unknown is taken for the better: true under an even
    number of negations, false under an odd one.
    """
    return _bounded(node, settled, hopeful=True)


def _bounded(node: Node, settled: Callable[[Leaf], Truth], *, hopeful: bool) -> Node:
    match node:
        case Leaf():
            known = settled(node)
            if known is Truth.OPEN:
                return node
            return ALWAYS if known is Truth.TRUE or (known is Truth.UNKNOWN and hopeful) else NEVER
        case Not():
            return negated(_bounded(node.part, settled, hopeful=not hopeful))
        case All():
            return every(_bounded(part, settled, hopeful=hopeful) for part in node.parts)
        case Any():
            return some(_bounded(part, settled, hopeful=hopeful) for part in node.parts)


def every(parts: Iterable[Node]) -> Node:
    """All of the parts, in the shortest words."""
    return _joined(All, parts, NEVER)


def some(parts: Iterable[Node]) -> Node:
    """Any of the parts, in the shortest words."""
    return _joined(Any, parts, ALWAYS)


def _joined(kind: type[All] | type[Any], parts: Iterable[Node], decides: Node) -> Node:
    """The parts joined, one that is of the kind itself by its own parts; one part may decide all."""
    found: list[Node] = []
    for part in parts:
        if part == decides:
            return decides
        found += part.parts if isinstance(part, kind) else [part]
    unique = tuple(dict.fromkeys(found))
    return unique[0] if len(unique) == 1 else kind(unique)


def negated(node: Node) -> Node:
    if isinstance(node, Not):
        return node.part
    return NEVER if node == ALWAYS else ALWAYS if node == NEVER else Not(node)
