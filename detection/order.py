"""What a temporal correlation asks of the rules it builds on: which of them within a window, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from core.errors import RuleError
from detection.bounds import Bounds

MOST_WAYS = 64

Node = CorrelationConditionItem | SigmaRuleReference


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a temporal correlation holds: these rules one after the other (or, without an order, all of
    them), and none of those."""

    present: tuple[str, ...]
    absent: frozenset[str] = frozenset()

    def called(self, names: Mapping[str, str]) -> Way:
        """The same, with the rules called by other names."""
        return Way(tuple(names[rule] for rule in self.present), frozenset(names[rule] for rule in self.absent))


def ways_of(condition: SigmaExtendedCorrelationCondition, *, ordered: bool) -> tuple[Way, ...]:
    """The ways in which an extended condition holds; `and` is an order where there is one. Raises `RuleError`."""
    ways = tuple(dict.fromkeys(_ways(condition.parsed, holds=True)))
    if not ordered:
        ways = tuple(dict.fromkeys(Way(tuple(dict.fromkeys(way.present)), way.absent) for way in ways))
    possible = tuple(way for way in ways if not way.absent & set(way.present))
    if not possible or any(not way.present for way in possible):
        raise RuleError("condition: it must ask for some rule in every way it can hold; `not` alone has no moment")
    return possible


def in_order(rules: Sequence[str], bounds: Bounds) -> tuple[Way, ...]:
    """The ways to have so many of the rules in their order. Raises `RuleError`."""
    if not bounds.upwards:
        raise RuleError("condition: an order of rules is counted with `gte` or `gt` alone")
    least = max(value + (op == "gt") for op, value in ((bounds.op, bounds.limit), *bounds.more))
    if not 1 <= least <= len(rules) or int(least) != least:
        raise RuleError(f"condition: of {len(rules)} rules never {least:g} can follow each other")
    return _few(Way(chain) for chain in combinations(rules, int(least)))


def _ways(node: Node, *, holds: bool) -> tuple[Way, ...]:
    """The ways in which a node holds, or in which it does not."""
    match node:
        case SigmaRuleReference():
            return (Way((node.reference,)) if holds else Way((), frozenset({node.reference})),)
        case CorrelationConditionNOT():
            return _ways(node.args[0], holds=not holds)
        case CorrelationConditionAND() | CorrelationConditionOR():
            parts = [_ways(part, holds=holds) for part in node.args]
            if isinstance(node, CorrelationConditionOR) is holds:
                return _few(way for part in parts for way in part)
            return _few(_together(several) for several in product(*parts))
        case _:
            raise RuleError(f"condition: {type(node).__name__} cannot be judged")


def _together(ways: Sequence[Way]) -> Way:
    return Way(tuple(rule for way in ways for rule in way.present), frozenset().union(*(way.absent for way in ways)))


def _few(ways: Iterator[Way]) -> tuple[Way, ...]:
    found: list[Way] = []
    for way in ways:
        found.append(way)
        if len(found) > MOST_WAYS:
            raise RuleError(f"condition: there are more than {MOST_WAYS} ways in which it could hold")
    return tuple(found)
