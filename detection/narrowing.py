"""What a stored event must be at the least for a single-event rule to match it: a condition that stores answer."""

from __future__ import annotations

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionOR
from sigma.rule import SigmaRule
from sigma.types import SigmaString, SpecialChars

from core.condition import All, Any, Condition, Is
from detection.condition import Node

CLOSED = frozenset({"event.action", "event.module", "event.outcome", "share.scope"})
"""Fields whose values we choose, in lower case, so that a rule's value is the stored one letter by letter."""


def necessary(rule: SigmaRule) -> Condition:
    """True of every event that the rule can match; of how many others is not promised."""
    trees = [parsed.parsed for parsed in rule.detection.parsed_condition]
    return Any(tuple(_necessary(tree) for tree in trees)) if trees else All()


def _necessary(node: Node | None) -> Condition:
    match node:
        case ConditionAND():
            return All(tuple(part for part in map(_necessary, node.args) if part != All()))
        case ConditionOR():
            parts = tuple(_necessary(part) for part in node.args)
            return All() if All() in parts else Any(parts)
        case ConditionFieldEqualsValueExpression() if node.field in CLOSED and type(node.value) is SigmaString:
            plain = not any(isinstance(part, SpecialChars) for part in node.value.s)
            return Is(node.field, str(node.value).lower()) if plain else All()
        case _:
            return All()
