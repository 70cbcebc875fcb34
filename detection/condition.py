"""A Sigma condition as one column expression, by Kleene's logic of true, false and unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import polars as pl
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule

from core.errors import RuleError
from detection.predicate import keyword, predicate

Node = ConditionItem | ConditionFieldEqualsValueExpression | ConditionValueExpression


def condition(rule: SigmaRule, known: Collection[str]) -> pl.Expr:
    """The rule's condition over the `known` columns: null where the others decide. Several conditions are `or`."""
    trees = [parsed.parsed for parsed in rule.detection.parsed_condition]
    return pl.any_horizontal(*(_expression(tree, known) for tree in trees))


def fields_of(rule: SigmaRule) -> frozenset[str]:
    """Every field the rule's condition names."""
    trees = [parsed.parsed for parsed in rule.detection.parsed_condition]
    return frozenset(field for tree in trees for field in _fields(tree))


def only_of(rule: SigmaRule, columns: dict[str, pl.Expr]) -> bool:
    """Whether the condition can hold at all where `columns` have these values, whatever the others hold."""
    frame = pl.select(value.alias(name) for name, value in columns.items())
    holds = frame.select(condition(rule, columns.keys()).alias("holds"))["holds"].item()
    return holds is not False


def _expression(node: Node | None, known: Collection[str]) -> pl.Expr:
    match node:
        case ConditionAND():
            return pl.all_horizontal(*(_expression(arg, known) for arg in node.args))
        case ConditionOR():
            return pl.any_horizontal(*(_expression(arg, known) for arg in node.args))
        case ConditionNOT():
            return ~_expression(node.args[0], known)
        case ConditionFieldEqualsValueExpression():
            return predicate(node.field, node.value, known)
        case ConditionValueExpression():
            return keyword(node.value, known)
        case _:
            raise RuleError(f"{type(node).__name__} cannot be judged")


def _fields(node: Node | None) -> Iterator[str]:
    if isinstance(node, ConditionFieldEqualsValueExpression):
        yield node.field
        if hasattr(node.value, "field"):
            yield str(node.value.field)
    elif isinstance(node, ConditionItem):
        for arg in node.args:
            yield from _fields(arg)
