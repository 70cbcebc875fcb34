"""One rule, compiled: what it looks at, how it is judged, what it is worth, how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaLogSource, SigmaRule

from core.alert import Severity
from core.condition import All, Condition, Is
from core.errors import RuleError
from core.schema import COMPARED, DERIVED, JOINED, SCHEMA
from detection.bounds import UPWARDS
from detection.condition import condition, only_of
from detection.correlations import OF_EVENTS, Correlation, Fields, correlation_of, references
from detection.fields import asked_of_events, is_ours
from detection.logsource import in_records, known_source, module_of
from detection.narrowing import necessary
from detection.node import Leaf, Node, Truth, every, fields_of, leaves, possible
from detection.predicate import Pattern, Same
from detection.values import Placeholders

if TYPE_CHECKING:
    from detection.behaviours.base import Behaviour

STORED = frozenset(SCHEMA) | {field.name for field in DERIVED}
JOINED_NAMES = frozenset(field.name for field in (*JOINED, *COMPARED))
ALL = STORED | JOINED_NAMES
RECORD = frozenset({"vendor", "event.original"})
"""Where the vendor's own fields are read from, and words looked for."""
PRODUCTS = {"windows": "windows", "m365": "m365", "salesforce": "salesforce", "postfix": "postfix"}
DAY = timedelta(days=1)
MOST_REACH = 3650
ANYTHING = All()


class NoSource(RuleError):
    """The rule could run, but is about records that no source of ours has."""


class Usual(BaseModel):
    """The person's own usual raises the limit to `times` it: the median of what the window held at the end of the
    active days among the `days` before; and to `worst` times the most of these. A window of several days is compared
    with windows that ended before it began and before which the person had been active, so that they are whole.

    Where no usual is known and the log itself is younger than `learning` days, so that nobody's could be, what is found
    weighs nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    times: float = Field(gt=1)
    days: int = Field(default=60, ge=7, le=400)
    min_days: int = Field(default=5, ge=2)
    worst: float | None = Field(default=None, ge=1, allow_inf_nan=False)
    learning: int = Field(default=0, ge=0, le=90)


class FirstSeen(BaseModel):
    """Only values of `field` count that are new for the person: not seen in the `days` before, while there is
    anything at least `min_days` old to compare with. With `known`, only those that are not new."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    days: int = Field(default=60, ge=2, le=400)
    min_days: int = Field(default=14, ge=1)
    known: bool = False


class Message(BaseModel):
    """A text in each language. In a rule's message `{person}` and the names of facts are filled in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Extra(BaseModel):
    """The keys we add to Sigma's."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    message: Message | None = None
    runbook: Message | None = None
    points: float | None = Field(default=None, ge=0)
    stage: dict[str, float] = Field(default_factory=dict)
    floor: float | None = Field(default=None, ge=0)
    usual: Usual | None = None
    first_seen: FirstSeen | None = None
    lookback: int = Field(default=0, ge=0, le=400)
    for_stages: frozenset[Literal["notice", "departed"]] = frozenset()
    tests: tuple[dict[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A compiled rule. `candidate` tells which events to tag from stored columns alone (also where it depends on joined
    ones), `exact` which of them match once those are joined, `least` holds of every event it can match. With `records`
    it is asked of the vendor's own records of that system instead. `leaves` are the single-event rules at the bottom of
    it, `nested` the correlations below it, the lowest first, `below` how long the windows of these are together.

    In days before a day: `reach` bears on its alerts, `window` is needed where it is known how the windows of the days
    before ended, `memory` bears on whether the rule happens at an event, for those that build on it."""

    name: str
    id: str
    title: str
    description: str
    level: Severity
    extra: Extra
    alerts: bool
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    candidate: Node | None = None
    exact: Node | None = None
    records: str = ""
    least: Condition = ANYTHING
    fields: frozenset[str] = frozenset()
    correlation: Correlation | None = None
    leaves: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    below: timedelta = timedelta(0)
    behaviour: Behaviour | None = None
    leavers_only: bool = False
    reach: int = 0
    window: int = 0
    memory: int = 0

    @property
    def kind(self) -> str:
        if self.behaviour:
            return self.behaviour.kind()
        return self.correlation.type if self.correlation else "event"

    @property
    def builds_on(self) -> tuple[str, ...]:
        """The rules it looks at directly."""
        if self.behaviour:
            return self.behaviour.bases
        return self.correlation.rules if self.correlation else ()

    def silent(self) -> Rule:
        """The same rule as a building block: it raises no alert of its own."""
        return replace(self, alerts=False)

    def aloud(self) -> Rule:
        """The same rule, raising alerts even where it is a building block: for its own tests."""
        return replace(self, alerts=True)


def plain_rule(parsed: SigmaRule | SigmaCorrelationRule, extra: Extra) -> Rule:
    """What a rule says of itself, whatever it looks at. Raises `RuleError`."""
    return Rule(
        name=name_of(parsed),
        id=str(parsed.id or ""),
        title=parsed.title,
        description=parsed.description or "",
        level=_level(parsed),
        extra=extra,
        alerts=True,
        tags=tuple(map(str, parsed.tags)),
        falsepositives=tuple(map(str, parsed.falsepositives or ())),
        leaves=(name_of(parsed),),
    )


def event_rule(parsed: SigmaRule, placeholders: Placeholders = MappingProxyType({})) -> Rule:
    """A single-event rule, over our fields or over a vendor's own. Raises `RuleError`."""
    extra = _extra(parsed)
    if extra.usual:
        raise RuleError("`usual` needs a correlation")
    seen = extra.first_seen
    if seen and seen.field not in SCHEMA:
        raise RuleError(f"first_seen: {seen.field} is not a stored field")
    days = seen.days if seen else 0
    rule = replace(plain_rule(parsed, extra), reach=days, window=days, memory=days)
    if _is_vendors(parsed):
        return _of_records(rule, parsed, placeholders)
    whole = condition(parsed, lambda field, value: asked_of_events(field, value, placeholders), placeholders)
    candidate = every([_logsource(parsed.logsource), possible(whole, _settled)])
    joined = bool(fields_of(whole) & JOINED_NAMES)
    return replace(
        rule,
        candidate=candidate,
        exact=whole if joined else None,
        least=necessary(candidate),
        fields=fields_of(whole) & ALL | (RECORD if joined and _reads_record(whole) else frozenset()),
        leavers_only=not only_of(whole, {"leaver.stage": "active", "leaver.days_left": None}),
    )


def _reads_record(whole: Node) -> bool:
    return any(leaf.field is None for leaf in leaves(whole)) or bool(fields_of(whole) - ALL)


def _of_records(rule: Rule, parsed: SigmaRule, placeholders: Placeholders) -> Rule:
    source = parsed.logsource
    if not module_of(source) or not known_source(source):
        raise NoSource(f"log source {source} is none of ours")
    module = module_of(source)
    # Its fields are the vendor's, also where they are called like ours.
    return replace(rule, candidate=in_records(parsed, placeholders), records=module, least=Is("event.module", module))


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


def correlation_rule(
    parsed: SigmaCorrelationRule, known: Mapping[str, Rule], names: Mapping[str, str], fields: Fields = OF_EVENTS
) -> Rule:
    """A correlation over rules known already; `names` gives the name of each by its name or id. Raises `RuleError`."""
    for reference in references(parsed):
        if not isinstance(reference, str) or names.get(reference) not in known:
            raise RuleError(f"there is no rule called {reference}")
    extra, correlation = _extra(parsed), correlation_of(parsed, names, fields)
    if extra.usual and not (correlation.counted and correlation.op in UPWARDS):
        raise RuleError(f"`usual` raises a limit: it does not fit {correlation.type} or `{correlation.op}`")
    bases = [known[name] for name in correlation.rules]
    # Whether a window held before today's first event depends on the window before that one, and usual ones precede.
    span = -(-correlation.span // DAY)
    usual = extra.usual.days if extra.usual else 0
    deepest = max(base.memory for base in bases)
    reach = 3 * span + usual + deepest
    if reach > MOST_REACH:
        raise RuleError(f"its windows reach back {reach} days, more than {MOST_REACH}")
    own = [*bases, *(known[name] for base in bases for name in base.nested)]
    return replace(
        plain_rule(parsed, extra),
        correlation=correlation,
        fields=correlation.fields.union(*(rule.correlation.fields for rule in own if rule.correlation)),
        leaves=tuple(dict.fromkeys(name for base in bases for name in base.leaves)),
        nested=tuple(
            dict.fromkeys(name for base in bases for name in (*base.nested, *([base.name] if base.correlation else [])))
        ),
        below=max(base.below + (base.correlation.span if base.correlation else timedelta(0)) for base in bases),
        leavers_only=all(base.leavers_only for base in bases),
        reach=reach,
        window=span + deepest,
        memory=2 * span + (span + usual if usual else 0) + deepest,
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
