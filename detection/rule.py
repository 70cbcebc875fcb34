"""One rule, compiled: what it looks at, how it is judged, what it is worth, how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationConditionOperator, SigmaCorrelationRule
from sigma.rule import SigmaLogSource, SigmaRule

from core.alert import Severity
from core.errors import RuleError
from core.schema import BY_NAME, DERIVED, JOINED, SCHEMA
from detection.condition import condition, fields_of, only_of

if TYPE_CHECKING:
    from detection.behaviours.base import Behaviour

STORED = frozenset(SCHEMA) | {field.name for field in DERIVED}
ALL = STORED | {field.name for field in JOINED}
SUMMED = ("value_sum",)
VALUES = ("value_sum", "value_count")
COUNTED = ("event_count", "value_count", "value_sum")
ORDERED = ("temporal", "temporal_ordered")
PRODUCTS = {"windows": "windows", "m365": "m365", "salesforce": "salesforce", "postfix": "postfix"}
UPWARDS = (SigmaCorrelationConditionOperator.GTE, SigmaCorrelationConditionOperator.GT)
DAY = timedelta(days=1)


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
    """A compiled rule. `candidate` tells which events to tag from stored columns alone (null: it depends on joined
    ones), `exact` which of them match once those are joined. `reach` is how many days before a day bear on it, `window`
    how many of these are needed where it is known how the windows of the days before ended."""

    name: str
    id: str
    title: str
    description: str
    level: Severity
    extra: Extra
    alerts: bool
    candidate: pl.Expr | None = None
    exact: pl.Expr | None = None
    fields: frozenset[str] = frozenset()
    correlation: Correlation | None = None
    behaviour: Behaviour | None = None
    leavers_only: bool = False
    reach: int = 0
    window: int = 0

    @property
    def kind(self) -> str:
        if self.behaviour:
            return self.behaviour.kind()
        return self.correlation.type if self.correlation else "event"

    @property
    def bases(self) -> tuple[str, ...]:
        """The single-event rules it looks at."""
        if self.behaviour:
            return self.behaviour.bases
        return self.correlation.rules if self.correlation else (self.name,)

    def silent(self) -> Rule:
        """The same rule as a building block: it raises no alert of its own."""
        return replace(self, alerts=False)

    def aloud(self) -> Rule:
        """The same rule, raising alerts even where it is a building block: for its own tests."""
        return replace(self, alerts=True)


def event_rule(parsed: SigmaRule) -> Rule:
    """A single-event rule. Raises `RuleError`."""
    extra = _extra(parsed)
    if extra.usual:
        raise RuleError("`usual` needs a correlation")
    fields = fields_of(parsed)
    seen = extra.first_seen
    if seen and seen.field not in SCHEMA:
        raise RuleError(f"first_seen: {seen.field} is not a stored field")
    source = _logsource(parsed.logsource)
    active = {"leaver.stage": pl.lit("active"), "leaver.days_left": pl.lit(None, pl.Int64)}
    return Rule(
        name=name_of(parsed),
        id=str(parsed.id or ""),
        title=parsed.title,
        description=parsed.description or "",
        level=_level(parsed),
        extra=extra,
        alerts=True,
        candidate=source & condition(parsed, STORED),
        exact=condition(parsed, ALL) if fields - STORED else None,
        fields=fields & ALL,
        leavers_only=not only_of(parsed, active),
        reach=seen.days if seen else 0,
        window=seen.days if seen else 0,
    )


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


def _logsource(source: SigmaLogSource) -> pl.Expr:
    if source.category or source.service or source.product not in (*PRODUCTS, "leaverwatch"):
        raise RuleError(f"log source {source} is none of ours")
    if source.product == "leaverwatch":
        return pl.lit(True)
    return (pl.col("event.module") == PRODUCTS[source.product]).fill_null(False)
