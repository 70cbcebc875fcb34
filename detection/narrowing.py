"""What a stored event must be at the least for a single-event rule to match it: a condition that stores answer."""

from __future__ import annotations

from core import condition
from core.condition import Condition, Is
from detection.node import All, Any, Leaf, Node
from detection.predicate import Pattern

CLOSED = frozenset({"event.action", "event.module", "event.outcome", "share.scope"})
"""Fields whose values we choose, in lower case, so that a rule's value is the stored one letter by letter."""
ANYTHING = condition.All()


def necessary(node: Node) -> Condition:
    """True of every stored event of which the rule's condition, over fields of the list, holds; of how many others is
    not promised."""
    match node:
        case All():
            return condition.All(tuple(part for part in map(necessary, node.parts) if part != ANYTHING))
        case Any():
            parts = tuple(necessary(part) for part in node.parts)
            return ANYTHING if ANYTHING in parts else condition.Any(parts)
        case Leaf(field=str() as field, test=Pattern(parts=(str() as value,))) if field in CLOSED:
            return Is(field, value)
        case _:
            return ANYTHING
