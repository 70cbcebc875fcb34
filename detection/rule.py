"""One rule, compiled: what it looks at, how it is judged, what it is worth, how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationConditionOperator, SigmaCorrelationRule
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaLogSource, SigmaRule

from core.alert import Severity
from core.errors import RuleError
from core.schema import BY_NAME, DERIVED, JOINED, SCHEMA
from detection.condition import condition, only_of
from detection.fields import asked_of_events, is_ours
from detection.logsource import in_records, known_source, missing_fields, module_of
from detection.node import Leaf, Node, Truth, every, fields_of, possible
from detection.predicate import Pattern, Same
from detection.values import Placeholders

STORED = frozenset(SCHEMA) | {field.name for field in DERIVED}
JOINED_NAMES = frozenset(field.name for field in JOINED)
ALL = STORED | JOINED_NAMES
SUMMED = ("value_sum",)
VALUES = ("value_sum", "value_count")
COUNTED = ("event_count", "value_count", "value_sum")
ORDERED = ("temporal", "temporal_ordered")
PRODUCTS = {"windows": "windows", "m365": "m365", "salesforce": "salesforce", "postfix": "postfix"}
UPWARDS = (SigmaCorrelationConditionOperator.GTE, SigmaCorrelationConditionOperator.GT)
DAY = timedelta(days=1)


class NoSource(RuleError):
    """The rule could run, but is about records that no source of ours has."""


class Usual(BaseModel):
    """The person's own usual raises the limit to `times` it: the median of what the window held at the end of the
    active days among the `days` before. A window of several days is compared with windows that ended before it began.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    times: float = Field(gt=1)
    days: int = Field(default=60, ge=7, le=400)
    min_days: int = Field(default=5, ge=2)


class FirstSeen(BaseModel):
    """Only values of `field` count that are new for the person: not seen in the `days` before, while there is
    anything at least `min_days` old to compare with."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    days: int = Field(default=60, ge=2, le=400)
    min_days: int = Field(default=14, ge=1)


class Message(BaseModel):
    """One sentence in each language; `{person}` and the names of facts are filled in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Extra(BaseModel):
    """The keys we add to Sigma's."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    message: Message | None = None
    points: float | None = Field(default=None, ge=0)
    stage: dict[str, float] = Field(default_factory=dict)
    floor: float | None = Field(default=None, ge=0)
    usual: Usual | None = None
    first_seen: FirstSeen | None = None
    lookback: int = Field(default=0, ge=0, le=400)
    for_stages: frozenset[Literal["notice", "departed"]] = frozenset()
    tests: tuple[dict[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A window over tagged events. `limit` is inclusive (`gte`); `gt` is turned into it for counts."""

    type: str
    rules: tuple[str, ...]
    group: tuple[str, ...]
    span: timedelta
    limit: float = 1
    strictly: bool = False
    field: str | None = None
    generate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A compiled rule. `candidate` tells which events to tag from stored columns alone (also where it depends on joined
    ones), `exact` which of them match once those are joined. With `records` it is asked of the vendor's own
    records of that system instead. `reach` is how many days before a day bear on it, `window` how many of these are
    needed where it is known how the windows of the days before ended."""

    name: str
    id: str
    title: str
    description: str
    level: Severity
    extra: Extra
    alerts: bool
    candidate: Node | None = None
    exact: Node | None = None
    records: str = ""
    fields: frozenset[str] = frozenset()
    correlation: Correlation | None = None
    leavers_only: bool = False
    reach: int = 0
    window: int = 0

    @property
    def kind(self) -> str:
        return self.correlation.type if self.correlation else "event"

    def silent(self) -> Rule:
        """The same rule as a building block: it raises no alert of its own."""
        return replace(self, alerts=False)

    def aloud(self) -> Rule:
        """The same rule, raising alerts even where it is a building block: for its own tests."""
        return replace(self, alerts=True)


def event_rule(parsed: SigmaRule, placeholders: Placeholders = MappingProxyType({})) -> Rule:
    """A single-event rule, over our fields or over a vendor's own. Raises `RuleError`."""
    extra = _extra(parsed)
    if extra.usual:
        raise RuleError("`usual` needs a correlation")
    seen = extra.first_seen
    if seen and seen.field not in SCHEMA:
        raise RuleError(f"first_seen: {seen.field} is not a stored field")
    days = seen.days if seen else 0
    rule = Rule(
        name=name_of(parsed),
        id=str(parsed.id or ""),
        title=parsed.title,
        description=parsed.description or "",
        level=_level(parsed),
        extra=extra,
        alerts=True,
        reach=days,
        window=days,
    )
    if _is_vendors(parsed):
        return _of_records(rule, parsed, placeholders)
    whole = condition(parsed, lambda field, value: asked_of_events(field, value, placeholders), placeholders)
    fields = fields_of(whole)
    return replace(
        rule,
        candidate=every([_logsource(parsed.logsource), possible(whole, _settled)]),
        exact=whole if fields & JOINED_NAMES else None,
        fields=fields & ALL,
        leavers_only=not only_of(whole, {"leaver.stage": "active", "leaver.days_left": None}),
    )


def _of_records(rule: Rule, parsed: SigmaRule, placeholders: Placeholders) -> Rule:
    source = parsed.logsource
    if not module_of(source) or not known_source(source):
        raise NoSource(f"log source {source} is none of ours")
    if missing := missing_fields(parsed, placeholders):
        raise NoSource(f"records of {source.product} have no field {', '.join(missing)}")
    return replace(rule, candidate=in_records(parsed, placeholders), records=module_of(source))


def _is_vendors(parsed: SigmaRule) -> bool:
    """Whether a rule is about a vendor's records: it says so by category or service, or by fields we have not."""
    source = parsed.logsource
    if source.category or source.service:
        return True
    return source.product != "leaverwatch" and not all(map(is_ours, named_fields(parsed)))


def named_fields(parsed: SigmaRule) -> set[str]:
    """Every field that the rule's detections name."""
    waiting: list[object] = list(parsed.detection.detections.values())
    found = set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, SigmaDetection):
            waiting += item.detection_items
        elif isinstance(item, SigmaDetectionItem) and item.field:
            found.add(item.field)
    return found


def _settled(leaf: Leaf) -> Truth:
    fields = {leaf.field, leaf.test.field} if isinstance(leaf.test, Same) else {leaf.field}
    return Truth.UNKNOWN if fields & JOINED_NAMES else Truth.OPEN


def correlation_rule(parsed: SigmaCorrelationRule, known: Mapping[str, Rule]) -> Rule:
    """A correlation over rules known already. Raises `RuleError`."""
    extra = _extra(parsed)
    names = tuple(reference.reference for reference in parsed.rules or ())
    for name in names:
        if name not in known or known[name].correlation:
            raise RuleError(f"there is no single-event rule called {name}")
    correlation = _window(parsed, names)
    if extra.usual and correlation.type in ORDERED:
        raise RuleError(f"`usual` does not fit {correlation.type}")
    bases = [known[name] for name in names]
    # Whether a window held before today's first event depends on the window before that one, and usual ones precede.
    windows = 3 * -(-correlation.span // DAY)
    memory = (extra.usual.days if extra.usual else 0) + max(base.reach for base in bases)
    return Rule(
        name=name_of(parsed),
        id=str(parsed.id or ""),
        title=parsed.title,
        description=parsed.description or "",
        level=_level(parsed),
        extra=extra,
        alerts=True,
        correlation=correlation,
        fields=frozenset({*correlation.group, *([correlation.field] if correlation.field else [])}),
        leavers_only=all(base.leavers_only for base in bases),
        reach=windows + memory,
        window=-(-correlation.span // DAY) + max(base.reach for base in bases),
    )


def _window(parsed: SigmaCorrelationRule, names: tuple[str, ...]) -> Correlation:
    kind = str(parsed.type)
    if kind not in (*COUNTED, *ORDERED):
        raise RuleError(f"correlation type {kind} cannot be judged")
    group = tuple(dict.fromkeys(["person.id", *(parsed.group_by or ())]))
    for field in group:
        if field not in BY_NAME:
            raise RuleError(f"group-by: there is no field {field}")
    span = timedelta(seconds=parsed.timespan.seconds)
    if kind in ORDERED:
        return Correlation(type=kind, rules=names, group=group, span=span, generate=bool(parsed.generate))
    limit = parsed.condition
    if not isinstance(limit, SigmaCorrelationCondition) or limit.op not in (
        SigmaCorrelationConditionOperator.GTE,
        SigmaCorrelationConditionOperator.GT,
    ):
        raise RuleError("a window is judged against `gte` or `gt`")
    field = limit.fieldref if isinstance(limit.fieldref, str) else None
    if (kind in VALUES) != (field is not None):
        raise RuleError(f"{kind} {'needs' if kind in VALUES else 'takes no'} field")
    if field is not None and field not in SCHEMA:
        raise RuleError(f"condition: {field} is not a stored field")
    if kind in SUMMED and field is not None and SCHEMA[field] != pl.Int64():
        raise RuleError(f"condition: {field} is not a number")
    strictly = limit.op is SigmaCorrelationConditionOperator.GT
    return Correlation(
        type=kind,
        rules=names,
        group=group,
        span=span,
        limit=limit.count,
        strictly=strictly,
        field=field,
        generate=bool(parsed.generate),
    )


def _extra(parsed: SigmaRule | SigmaCorrelationRule) -> Extra:
    try:
        return Extra.model_validate(parsed.custom_attributes)
    except ValidationError as error:
        first = error.errors()[0]
        raise RuleError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def name_of(parsed: SigmaRule | SigmaCorrelationRule) -> str:
    """The stable name a rule goes by: its `name`, else its id."""
    name = parsed.name or (str(parsed.id) if parsed.id else "")
    if not name:
        raise RuleError("a rule needs a name or an id")
    return name


def _level(parsed: SigmaRule | SigmaCorrelationRule) -> Severity:
    return Severity(parsed.level.name.lower()) if parsed.level else Severity.MEDIUM


def _logsource(source: SigmaLogSource) -> Node:
    if source.product == "leaverwatch":
        return every([])
    if source.product not in PRODUCTS:
        raise NoSource(f"log source {source} is none of ours")
    return Leaf("event.module", Pattern((PRODUCTS[source.product],), cased=True))
