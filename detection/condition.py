"""A Sigma rule's condition as a tree of tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.types import SigmaType

from core.errors import RuleError
from detection.node import Leaf, Node, Truth, every, leaves, negated, possible, some
from detection.predicate import Same, holds
from detection.values import Placeholders, keyword

Asked = Callable[[str, SigmaType], Node]
"""What a field being some value means: a test, or several where a name stands for more than one field."""

DEEPEST = 60
MOST = 50_000


def condition(rule: SigmaRule, asked: Asked, placeholders: Placeholders) -> Node:
    """The rule's condition; several are `or`. Raises `RuleError`, also where one is nested too deep or too large."""
    try:
        trees = [parsed.parsed for parsed in rule.detection.parsed_condition]
    except SigmaError as error:
        raise RuleError(str(error)) from None
    except RecursionError:
        raise RuleError("the condition is nested too deep") from None
    built = _Building(asked, placeholders)
    return some([built.node(tree, 0) for tree in trees])


class _Building:
    """One condition being built, within bounds."""

    def __init__(self, asked: Asked, placeholders: Placeholders) -> None:
        self._asked = asked
        self._placeholders = placeholders
        self._size = 0

    def node(self, tree: object, depth: int) -> Node:
        self._size += 1
        if depth > DEEPEST or self._size > MOST:
            raise RuleError("the condition is nested too deep or too large")
        match tree:
            case ConditionAND():
                return every([self.node(arg, depth + 1) for arg in tree.args])
            case ConditionOR():
                return some([self.node(arg, depth + 1) for arg in tree.args])
            case ConditionNOT():
                return negated(self.node(tree.args[0], depth + 1))
            case ConditionFieldEqualsValueExpression():
                return self._counted(self._asked(tree.field, tree.value))
            case ConditionValueExpression():
                return self._counted(keyword(tree.value, self._placeholders))
            case None:
                raise RuleError("nothing is left of the condition")
            case _:
                raise RuleError(f"{type(tree).__name__} cannot be judged")

    def _counted(self, node: Node) -> Node:
        self._size += sum(1 for _ in leaves(node)) - 1
        if self._size > MOST:
            raise RuleError("the condition is too large")
        return node


def only_of(condition: Node, values: Mapping[str, str | None]) -> bool:
    """Whether the condition can hold at all where these fields have these values, whatever the others hold."""

    def settled(leaf: Leaf) -> Truth:
        if leaf.field is None or leaf.field not in values or isinstance(leaf.test, Same):
            return Truth.UNKNOWN
        value = values[leaf.field]
        return Truth.TRUE if value is not None and holds(leaf.test, value) else Truth.FALSE

    return possible(condition, settled) != some([])
