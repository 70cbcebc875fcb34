"""A correlation of a rule file, compiled: what it counts or looks for, over what other rules find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import timedelta
from typing import Any, Protocol

import polars as pl
from sigma.correlations import SigmaCorrelationRule, SigmaExtendedCorrelationCondition

from core.errors import RuleError
from core.schema import BY_NAME, SCHEMA, Kind
from detection.bounds import Bounds, Number, bounds_of
from detection.order import Way, in_order, ways_of
from detection.windows import Measure

ORDERED = ("temporal", "temporal_ordered")
SUMMED = ("value_sum", "value_avg", "value_median")
VALUES = ("value_count", "value_percentile", *SUMMED)
COUNTED = ("event_count", *VALUES)
LONGEST = timedelta(days=400)
CONDITION = "leaverwatch.condition"
"""Where the condition as it was written goes through pySigma, which knows less than the specification."""
LONGEST_TEXT = 1000
EVENTS = Measure("event_count")
FACTS = ("observed", "limit", "own_usual", "events", "records", "bytes", "example", "first", "last", "person")
COLUMNS = ("at", "day", "rule", "total", "holds", "holds_right", "since", "time", "place", "len", "leaver.stage_then")
TAKEN = frozenset((*FACTS, *COLUMNS))
"""Names of facts and of columns made when judging: an alias of that name would hide one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A window over what other rules find. `group` names fields or aliases, the person first; `aliases` gives, for an
    alias, the field of each rule. Temporal ones hold in one of several `ways`, or by how many of the rules happen."""

    type: str
    rules: tuple[str, ...]
    group: tuple[str, ...]
    span: timedelta
    op: str = "gte"
    limit: Number = 1
    more: tuple[tuple[str, Number], ...] = ()
    measure: Measure = EVENTS
    ways: tuple[Way, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = dataclass_field(default_factory=dict)
    generate: bool = False

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.op, self.limit, self.more)

    @property
    def field(self) -> str | None:
        """The field whose values are looked at, where there is one."""
        return self.measure.field

    @property
    def counted(self) -> bool:
        return self.type in COUNTED

    @property
    def fields(self) -> frozenset[str]:
        """Every field of an event it looks at."""
        aliased = {name for names in self.aliases.values() for name in names.values()}
        return frozenset({*(set(self.group) - self.aliases.keys()), *self.measure.fields, *aliased})


def for_pysigma(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as pySigma reads it: a condition of numbers is set aside as it was written. Raises `RuleError`."""
    correlation = document.get("correlation")
    text = correlation.get("condition") if isinstance(correlation, Mapping) else None
    if isinstance(text, str) and len(text) > LONGEST_TEXT:
        raise RuleError(f"condition: more than {LONGEST_TEXT} characters")
    if not isinstance(correlation, Mapping) or not isinstance(correlation.get("condition"), Mapping):
        return {name: value for name, value in document.items() if name != CONDITION}
    condition = correlation["condition"]
    plain = {"gte": 1} | {name: condition[name] for name in ("field",) if name in condition}
    return {**document, CONDITION: dict(condition), "correlation": {**correlation, "condition": plain}}


def with_changed_field(parsed: SigmaCorrelationRule) -> None:
    """Let the condition that was set aside name the field that pySigma's names by now."""
    named = getattr(parsed.condition, "fieldref", None)
    if named is not None and isinstance(written := parsed.custom_attributes.get(CONDITION), Mapping):
        parsed.custom_attributes[CONDITION] = {**written, "field": named}


def references(parsed: SigmaCorrelationRule) -> tuple[str, ...]:
    """What a correlation calls the rules it builds on."""
    if parsed.rules is None and isinstance(parsed.condition, SigmaExtendedCorrelationCondition):
        return tuple(parsed.condition.get_referenced_rules())
    return tuple(reference.reference for reference in parsed.rules or ())


class Fields(Protocol):
    """The fields that correlations may name, and the columns these are in. All raise `RuleError`."""

    def grouped(self, where: str, name: object) -> str:
        """The column to group or to count values by."""

    def added(self, name: str) -> str:
        """The column of numbers to add up."""

    def alias(self, name: str) -> str:
        """The column that an alias makes."""


class Stored:
    """Those of the field list, by their own names."""

    def grouped(self, where: str, name: object) -> str:
        if not isinstance(name, str) or name not in BY_NAME:
            raise RuleError(f"{where}: there is no field {name}")
        if where == "condition" and name not in SCHEMA:
            raise RuleError(f"condition: {name} is not a stored field")
        if BY_NAME[name].kind in (Kind.KEYWORDS, Kind.RECORD, Kind.DATE):
            raise RuleError(f"{where}: {name} is no value to group or count by")
        return name

    def added(self, name: str) -> str:
        column = self.grouped("condition", name)
        if SCHEMA[column] != pl.Int64():
            raise RuleError(f"condition: {name} is not a number")
        return column

    def alias(self, name: str) -> str:
        if name in BY_NAME or name in TAKEN:
            raise RuleError(f"aliases: {name} is the name of something else")
        return name


OF_EVENTS = Stored()


def correlation_of(parsed: SigmaCorrelationRule, names: Mapping[str, str], fields: Fields = OF_EVENTS) -> Correlation:
    """The correlation, its rules called by the names they go by (`names` translates). Raises `RuleError`."""
    kind = str(parsed.type)
    if kind not in (*COUNTED, *ORDERED):
        raise RuleError(f"correlation type {kind} cannot be judged")
    rules = tuple(names[reference] for reference in references(parsed))
    if not rules:
        raise RuleError("a correlation needs `rules`")
    span = timedelta(seconds=min(parsed.timespan.seconds, 1 << 40))
    if span > LONGEST:
        raise RuleError(f"timespan: {parsed.timespan.spec} is more than {LONGEST.days} days")
    aliases = _aliases(parsed, names, rules, fields)
    asked = parsed.group_by or ()
    by = [fields.alias(name) if name in aliases else fields.grouped("group-by", name) for name in asked]
    group = tuple(dict.fromkeys(["person.id", *by]))
    shared: dict[str, Any] = {"type": kind, "rules": tuple(dict.fromkeys(rules)), "group": group, "span": span}
    shared |= {"aliases": {fields.alias(name): aliases[name] for name in asked if name in aliases}}
    shared |= {"generate": bool(parsed.generate)}
    written = parsed.custom_attributes.get(CONDITION)
    if kind in ORDERED:
        return _temporal(parsed, rules, written, shared, names)
    if not isinstance(written, Mapping):
        raise RuleError(f"{kind} needs a condition")
    bounds = _bounds(written)
    measure = _measure(kind, written, fields)
    return Correlation(**shared, op=bounds.op, limit=bounds.limit, more=bounds.more, measure=measure)


def _temporal(
    parsed: SigmaCorrelationRule,
    rules: tuple[str, ...],
    written: Mapping[str, Any] | None,
    shared: dict[str, Any],
    names: Mapping[str, str],
) -> Correlation:
    ordered = parsed.type is not None and str(parsed.type) == "temporal_ordered"
    if isinstance(parsed.condition, SigmaExtendedCorrelationCondition):
        ways = ways_of(parsed.condition, ordered=ordered)
        return Correlation(**shared, ways=tuple(way.called(names) for way in ways))
    if written is None:
        return Correlation(**shared, limit=len(rules), ways=(Way(rules if ordered else tuple(dict.fromkeys(rules))),))
    if "field" in written:
        raise RuleError(f"{parsed.type} takes no field")
    bounds = _bounds(written)
    ways = in_order(rules, bounds) if ordered else ()
    return Correlation(**shared, op=bounds.op, limit=bounds.limit, more=bounds.more, ways=ways)


def _bounds(written: Mapping[str, Any]) -> Bounds:
    bounds = bounds_of(written)
    known = {bounds.op, *(op for op, _ in bounds.more), "field", "percentile"}
    if unknown := [str(name) for name in written if name not in known]:
        raise RuleError(f"condition: {unknown[0]} means nothing there")
    return bounds


def _measure(kind: str, written: Mapping[str, Any], fields: Fields) -> Measure:
    given = written.get("field")
    named = tuple(given) if isinstance(given, list) else () if given is None else (given,)
    if not all(isinstance(name, str) for name in named):
        raise RuleError("condition: field is a name, or several")
    if (kind in VALUES) != bool(named):
        raise RuleError(f"{kind} {'needs' if kind in VALUES else 'takes no'} field")
    if len(named) > 1 and kind != "value_count":
        raise RuleError(f"{kind} takes one field")
    percentile = _percentile(kind, written)
    numbers = kind in SUMMED or percentile is not None
    columns = tuple(fields.added(name) if numbers else fields.grouped("condition", name) for name in named)
    return Measure(kind, columns, percentile)


def _percentile(kind: str, written: Mapping[str, Any]) -> float | None:
    if kind == "value_median":
        return 50.0
    given = written.get("percentile")
    if given is None:
        return None
    if kind != "value_percentile":
        raise RuleError(f"{kind} takes no percentile")
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 100:
        raise RuleError("condition: percentile is a number from 0 to 100")
    return round(float(given), 2)


def _aliases(
    parsed: SigmaCorrelationRule, names: Mapping[str, str], rules: tuple[str, ...], fields: Fields
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for alias in parsed.aliases:
        fields.alias(alias.alias)
        own = {names.get(reference.reference, reference.reference): name for reference, name in alias.mapping.items()}
        if missing := [rule for rule in rules if rule not in own]:
            raise RuleError(f"aliases: {alias.alias} names no field of {missing[0]}")
        found[alias.alias] = {rule: fields.grouped("aliases", name) for rule, name in own.items()}
    return found
