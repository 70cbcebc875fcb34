"""What the model that judges found, brought to the judge: as events of the rules that speak of it, and back again as
the events of the day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from core.alert import MAX_EVENTS, Alert, Fact
from core.canonical import content_id
from core.model import ModelFinding, votes_to_json
from core.ports import EventQuery
from core.schema import SCHEMA
from detection.behaviours.unusual import ONE_IN, VOTES, Unusual
from detection.totals import Total

if TYPE_CHECKING:
    from detection.bench import Bench, Span
    from detection.rulebook import RuleBook

LAST_MOMENT = timedelta(microseconds=1)
EVIDENCE = ("@timestamp", "event.id", "user.account", "event.action")


def of_models(book: RuleBook) -> frozenset[str]:
    """The rules that speak of what models find."""
    return frozenset(name for name, rule in book.rules.items() if isinstance(rule.behaviour, Unusual))


def findings_of(group: Collection[Span], bench: Bench) -> list[ModelFinding]:
    """What the model that judges found about some persons' days, each day once."""
    if not group or not of_models(bench.book):
        return []
    spans = {person: (first, last) for person, first, last in group}
    first, last = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    found = bench.findings.champions_findings(spans.keys(), first, last)
    return [one for one in found if spans[one.person][0] <= one.day <= spans[one.person][1]]


def totals_of(findings: Iterable[ModelFinding], book: RuleBook) -> Mapping[str, Mapping[str, Total]]:
    """Totals of findings by person and rule, as the screen looks at those of events by tag."""
    found: dict[str, dict[str, Total]] = defaultdict(dict)
    for one in findings:
        for name in of_models(book):
            found[one.person].setdefault(name, Total()).add(1, {}, timedelta(0))
    return found


def as_events(findings: Sequence[ModelFinding], rules: Collection[str], bench: Bench) -> pl.DataFrame:
    """Findings as joined events that these rules tagged, each at the last moment of its day; without `day`."""
    calendar, people = bench.directory.calendar, bench.directory
    rows = [
        (
            calendar.end_of(one.day) - LAST_MOMENT,
            content_id("finding", one.person, one.day.isoformat()),
            sorted(rules),
            one.person,
            *(text or None for text in (person.email, person.department, person.title)),
            one.one_in,
            votes_to_json(one.votes),
        )
        for one in findings
        for person in (people.person(one.person),)
    ]
    text = pl.String()
    schema = {name: SCHEMA[name] for name in ("@timestamp", "event.id", "rule.matched")}
    schema |= dict.fromkeys(("person.id", "person.email", "person.department", "person.title"), text)
    events = pl.DataFrame(rows, schema={**schema, ONE_IN: pl.Float64(), VOTES: text}, orient="row")
    return events.hstack(people.stages(events)).with_columns(pl.lit(True).alias("person.known"))


def with_days(alerts: Sequence[Alert], bench: Bench) -> list[Alert]:
    """Alerts about what a model found, with the events of the day, or those of the actions that drove the finding; the
    others as they are."""
    asked = of_models(bench.book)
    days: dict[date, set[str]] = defaultdict(set)
    for alert in alerts:
        if alert.rule in asked:
            days[alert.day].add(alert.person)
    held = {day: _events_of(persons, day, bench) for day, persons in days.items()}
    return [_with(alert, held[alert.day]) if alert.rule in asked else alert for alert in alerts]


def _events_of(persons: Collection[str], day: date, bench: Bench) -> pl.DataFrame:
    calendar = bench.directory.calendar
    query = EventQuery(
        start=calendar.start_of(day),
        end=calendar.end_of(day),
        accounts=bench.directory.accounts_of([f"person:{person}" for person in sorted(persons)]),
        columns=EVIDENCE,
    )
    events = bench.store.read(query)
    return events.with_columns(bench.directory.who(events).alias("person.id"))


def _with(alert: Alert, events: pl.DataFrame) -> Alert:
    own = events.filter(pl.col("person.id") == alert.person)
    actions = _actions(alert)
    bearing = own.filter(pl.col("event.action").is_in(sorted(actions))) if actions else own
    bearing = bearing if bearing.height else own
    facts: dict[str, Fact] = {name: value for name, value in alert.facts.items() if name not in ("first", "last")}
    facts["events"] = bearing.height
    if bearing.height:
        times = bearing["@timestamp"]
        ends = {"first": times[0], "last": times[-1]}
        facts |= {name: time.astimezone(UTC).isoformat(timespec="seconds") for name, time in ends.items()}
    return replace(alert, facts=facts, events=tuple(bearing["event.id"].head(MAX_EVENTS)))


def _actions(alert: Alert) -> frozenset[str]:
    """The actions that the features behind an alert count; none where one of them counts something else."""
    drivers = [driver for term in alert.terms for driver in term.drivers]
    named = {driver.feature for driver in drivers if driver.feature in alert.facts}
    told = [driver for driver in drivers if driver.feature in named]
    if not told or not all(driver.actions for driver in told):
        return frozenset()
    return frozenset(action for driver in told for action in driver.actions)
