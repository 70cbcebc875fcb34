"""The documents people and scripts are given: the same for the API and for `--json`. Field names are a contract."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, JsonValue

from core.alert import Alert, Fact, Term
from core.calendar import CompanyCalendar
from core.case import Case
from core.directory import Directory
from core.ports import EventQuery, EventStore, Records
from core.schema import SCHEMA
from detection.departing import stage_with
from detection.explain import explain
from detection.risk import person_ledger
from detection.rulebook import RuleBook

Language = Literal["zh", "en"]
GONE = {
    "zh": "该规则已不再启用，下次导入后重新判断",
    "en": "the rule is no longer in force; the next import judges anew",
}
"""The message of an alert whose rule was taken away since."""


class TermView(BaseModel):
    """One line of a score ledger; the points of a ledger add up to its score."""

    name: str
    points: float
    observed: Fact | None
    limit: Fact | None
    alert: str | None


class AlertView(BaseModel):
    """An alert. `time` is the first moment it could have been raised, `detected_at` when it was first written."""

    id: str
    rule: str
    title: str
    person: str
    email: str
    day: str
    time: datetime
    detected_at: datetime
    severity: str
    stage: str
    score: float
    terms: list[TermView]
    facts: dict[str, Fact]
    message: str
    messages: dict[str, str]
    event_ids: list[str]


class CaseView(BaseModel):
    """A case: one person's open alerts, gathered when the score reached the limit."""

    id: str
    person: str
    email: str
    state: str
    opened: datetime
    score: float
    alerts: list[str]


class RiskView(BaseModel):
    """A person ranked by score, the terms adding up to it."""

    person: str
    email: str
    score: float
    stage: str
    first_alert: datetime
    terms: list[TermView]


class SourceView(BaseModel):
    """What has arrived of one source, so that silence is explained."""

    source: str
    events: int
    quarantined: int
    ignored: dict[str, int]
    waiting: int
    first_event: datetime | None
    last_event: datetime | None
    unlinked_accounts: int


def alert_views(
    alerts: Sequence[Alert], records: Records, directory: Directory, book: RuleBook, language: Language = "en"
) -> list[AlertView]:
    """Alerts as documents, in the order given."""
    detected = records.detected_at([alert.id for alert in alerts])
    return [_alert_view(alert, detected[alert.id], directory, book, language) for alert in alerts]


def _alert_view(
    alert: Alert, detected: datetime, directory: Directory, book: RuleBook, language: Language
) -> AlertView:
    person = directory.person(alert.person)
    rule = book.rules.get(alert.rule)
    name = person.name or person.email or person.id
    messages = {"zh": explain(rule, alert, name, "zh"), "en": explain(rule, alert, name, "en")} if rule else GONE
    return AlertView(
        id=alert.id,
        rule=alert.rule,
        title=rule.title if rule else alert.rule,
        person=alert.person,
        email=person.email,
        day=alert.day.isoformat(),
        time=alert.time,
        detected_at=detected,
        severity=alert.severity.value,
        stage=alert.stage,
        score=alert.score,
        terms=_terms(alert.terms),
        facts=dict(alert.facts),
        message=messages[language],
        messages=messages,
        event_ids=list(alert.events),
    )


def cases_of(records: Records, persons: Collection[str] | None) -> list[Case]:
    """Cases, oldest first; of some persons also those in which their alerts are, as in a crew's."""
    if persons is None:
        return list(records.cases())
    own = {alert.id for alert in records.alerts(persons=persons)}
    return [case for case in records.cases() if case.person in persons or not own.isdisjoint(case.alerts)]


def case_views(cases: Sequence[Case], directory: Directory) -> list[CaseView]:
    """Cases as documents, in the order given."""
    return [
        CaseView(
            id=case.id,
            person=case.person,
            email=directory.person(case.person).email,
            state=case.state.value,
            opened=case.opened,
            score=case.score,
            alerts=list(case.alerts),
        )
        for case in cases
    ]


def risk_views(
    alerts: Sequence[Alert], directory: Directory, at: datetime, persons: Collection[str] | None = None
) -> list[RiskView]:
    """Persons with alerts raised by `at`, highest score first (ties by person)."""
    by_person: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.time <= at and (persons is None or alert.person in persons):
            by_person.setdefault(alert.person, []).append(alert)
    views = [_risk_view(person, own, directory, at) for person, own in by_person.items()]
    return sorted(views, key=lambda view: (-view.score, view.person))


def _risk_view(person: str, alerts: Sequence[Alert], directory: Directory, at: datetime) -> RiskView:
    terms = person_ledger(alerts, at)
    return RiskView(
        person=person,
        email=directory.person(person).email,
        score=round(sum(term.points for term in terms), 2),
        stage=stage_with(alerts, directory.stage(person, at), at).value,
        first_alert=min(alert.time for alert in alerts),
        terms=_terms(terms),
    )


def data_clock(records: Records, events: EventStore) -> datetime:
    """The moment scores are taken at: the newest event or alert, so that old logs are judged in their own time."""
    times = [alert.time for alert in records.alerts()[-1:]]
    newest = events.newest()
    return max([*times, newest] if newest else times, default=datetime.now(UTC))


def source_views(events: EventStore, directory: Directory) -> list[SourceView]:
    """Every source that has sent anything."""
    return [
        SourceView(
            source=status.source,
            events=status.events,
            quarantined=status.quarantined,
            ignored=dict(status.ignored),
            waiting=status.waiting,
            first_event=status.first_event,
            last_event=status.last_event,
            unlinked_accounts=sum(not directory.is_linked(account) for account in status.accounts),
        )
        for status in events.sources()
    ]


def event_documents(
    events: EventStore, alert: Alert, calendar: CompanyCalendar, reach: int
) -> list[dict[str, JsonValue]]:
    """The stored events of an alert as documents, oldest first; none is older than `reach` days before its day."""
    query = EventQuery(
        ids=alert.events,
        start=calendar.start_of(alert.day - timedelta(days=reach)),
        end=calendar.end_of(alert.day),
        columns=tuple(SCHEMA),
    )
    return [document(row) for row in events.read(query).iter_rows(named=True)]


def document(row: Mapping[str, object]) -> dict[str, JsonValue]:
    """An event as an ECS document: dotted names, times in UTC, empty fields left out."""
    return {name: _plain(value) for name, value in row.items() if value is not None}


def _plain(value: object) -> JsonValue:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, str | int | float):
        return value
    raise TypeError(type(value).__name__)


def _terms(terms: Sequence[Term]) -> list[TermView]:
    return [
        TermView(name=term.name, points=term.points, observed=term.observed, limit=term.limit, alert=term.alert)
        for term in terms
    ]
