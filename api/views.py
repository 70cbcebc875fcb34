"""What is stored and found, as the documents that people and scripts are given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime

from pydantic import JsonValue

from access.lens import Lens
from api.alertevents import events_of
from api.masking import event_views, facts_told, free_text, identity, shown_with, spoken
from api.shapes import AlertView, CaseView, DriverView, Language, RiskView, RuleView, SourceView, TermView
from core.alert import MAX_EVENTS, Alert, Fact, Term
from core.case import Case
from core.directory import Directory
from core.ports import EventReader, EventStore, Records
from detection.departing import stage_with
from detection.explain import messages_of, term_words
from detection.peers import judged_against, peers_usual
from detection.risk import person_ledger, points_of, sum_of
from detection.rule import Rule
from detection.rulebook import RuleBook
from detection.standing import rank_at

_OF_TERM = [field.name for field in fields(Term) if field.name != "drivers"]
FIRST_EVENTS = 10
"""Events that are named of an alert among others."""
GONE = {
    "zh": "该规则已不再启用，下次导入后重新判断",
    "en": "the rule is no longer in force; the next import judges anew",
}
"""The message of an alert whose rule was taken away since."""


def alert_views(
    alerts: Sequence[Alert],
    records: Records,
    events: EventReader | None,
    lens: Lens,
    book: RuleBook,
    language: Language = "en",
) -> list[AlertView]:
    """Alerts as documents, in the order given. Without `events`, as in lists, nobody's usual is looked up (peers' is
    shown as far as a rule was judged against it), and of the events' ids only the first are named."""
    detected = records.detected_at([alert.id for alert in alerts])
    peers = peers_usual(alerts, events, lens.directory, book) if events else judged_against(alerts)
    named = MAX_EVENTS if events else FIRST_EVENTS
    return [
        # One that has gone since it was read is shown as it was.
        _alert_view(alert, detected.get(alert.id, alert.time), peers.get(alert.id), lens, book, language, named)
        for alert in alerts
    ]


def found_documents(
    alerts: Sequence[Alert], lens: Lens, book: RuleBook, language: Language = "en"
) -> list[dict[str, JsonValue]]:
    """Alerts that nobody has written down, as documents: those of alerts without `detected_at`."""
    views = (_alert_view(alert, alert.time, None, lens, book, language) for alert in alerts)
    return [view.model_dump(mode="json", exclude={"detected_at"}) for view in views]


def _alert_view(
    alert: Alert,
    detected: datetime,
    peers: Fact | None,
    lens: Lens,
    book: RuleBook,
    language: Language,
    named: int = MAX_EVENTS,
) -> AlertView:
    rule = book.rules.get(alert.rule)
    name, said = lens.name(alert.person), spoken(alert, lens)
    messages = messages_of(rule, said, name) if rule else GONE
    return AlertView(
        id=alert.id,
        rule=alert.rule,
        title=rule.title if rule else alert.rule,
        person=lens.pseudonym(alert.person),
        identity=identity(lens, alert.person),
        day=alert.day.isoformat(),
        time=alert.time,
        detected_at=detected,
        severity=alert.severity.value,
        stage=alert.stage,
        score=alert.score,
        terms=term_views(_beside(term, peers) if term.name == alert.rule else term for term in alert.terms),
        facts=facts_told(alert, lens),
        message=messages[language],
        messages=messages,
        runbooks=rule.extra.runbook.model_dump() if rule and rule.extra.runbook else {},
        events=len(alert.events),
        event_ids=list(alert.events[:named]),
        outcome=alert.outcome.value,
        grounds=list(alert.grounds),
        why=free_text(lens, alert.person, alert.why),
    )


def _beside(term: Term, peers: Fact | None) -> Term:
    return term if term.peers_usual == peers else replace(term, peers_usual=peers)


def rule_views(book: RuleBook) -> list[RuleView]:
    """All rules as documents, by name."""
    return [_rule_view(rule) for rule in book.rules.values()]


def _rule_view(rule: Rule) -> RuleView:
    extra = rule.extra
    return RuleView(
        name=rule.name,
        id=rule.id,
        title=rule.title,
        description=rule.description,
        level=rule.level.value,
        kind=rule.kind,
        alerts=rule.alerts,
        points=points_of(rule),
        floor=extra.floor,
        stage=extra.stage,
        for_stages=sorted(extra.for_stages),
        lookback=extra.lookback,
        rules=list(rule.builds_on),
        limit=_limit(rule),
        tags=list(rule.tags),
        falsepositives=list(rule.falsepositives),
        messages=extra.message.model_dump() if extra.message else {},
        runbooks=extra.runbook.model_dump() if extra.runbook else {},
        tests=len(extra.tests),
    )


def _limit(rule: Rule) -> float | None:
    if rule.behaviour:
        return rule.behaviour.least_observed
    return rule.correlation.limit if rule.correlation and rule.correlation.counted else None


def cases_of(records: Records, persons: Collection[str] | None) -> list[Case]:
    """Cases, oldest first; of some persons also those in which their alerts are, as in a crew's."""
    if persons is None:
        return list(records.cases())
    own = {alert.id for alert in records.alerts(persons=persons, outcome=None)}
    return [case for case in records.cases() if case.person in persons or not own.isdisjoint(case.alerts)]


def case_views(cases: Sequence[Case], records: Records, lens: Lens) -> list[CaseView]:
    """Cases as documents, in the order given; of a crew's alerts those of members whom the caller may look at."""
    unbounded = lens.unbounded
    whose = {} if unbounded else records.alert_persons({alert for case in cases for alert in case.alerts})
    return [
        CaseView(
            id=case.id,
            person=lens.pseudonym(case.person),
            identity=identity(lens, case.person),
            state=case.state.value,
            opened=case.opened,
            score=case.score,
            alerts=[alert for alert in case.alerts if unbounded or lens.within(whose.get(alert, case.person))],
            reason=free_text(lens, case.person, case.reason),
            decided=case.decided,
        )
        for case in cases
    ]


def by_risk(alerts: Iterable[Alert], at: datetime, page: slice = slice(None)) -> Mapping[str, Sequence[Alert]]:
    """Persons with the alerts raised by `at`, highest score first (equal ones by person); of these some."""
    by_person: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.time <= at:
            by_person.setdefault(alert.person, []).append(alert)
    order = sorted(by_person, key=lambda person: rank_at(person, by_person[person], at))
    return {person: by_person[person] for person in order[page]}


def risk_views(
    persons: Mapping[str, Sequence[Alert]], events: EventReader | None, lens: Lens, book: RuleBook, at: datetime
) -> list[RiskView]:
    """Persons as documents, in the order given. Without events nobody's usual is looked up, as of `alert_views`."""
    all_alerts = [alert for alerts in persons.values() for alert in alerts]
    peers = peers_usual(all_alerts, events, lens.directory, book) if events else judged_against(all_alerts)
    return [_risk_view(person, alerts, peers, lens, at) for person, alerts in persons.items()]


def _risk_view(person: str, alerts: Sequence[Alert], peers: Mapping[str, Fact], lens: Lens, at: datetime) -> RiskView:
    terms = person_ledger(alerts, at)
    return RiskView(
        person=lens.pseudonym(person),
        identity=identity(lens, person),
        score=sum_of(terms),
        stage=stage_with(alerts, lens.directory.stage(person, at), at).value,
        first_alert=min(alert.time for alert in alerts),
        terms=term_views(replace(term, peers_usual=peers.get(term.alert or "")) for term in terms),
    )


def data_clock(records: Records, events: EventStore) -> datetime:
    """The moment scores are taken at: the newest event or alert, so that old logs are judged in their own time."""
    newest = [moment for moment in (records.newest_alert(), events.newest()) if moment]
    return max(newest, default=datetime.now(UTC))


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
    alert: Alert, events: EventReader, records: Records, lens: Lens, book: RuleBook
) -> list[dict[str, JsonValue]]:
    """The stored events of an alert as documents, oldest first."""
    return event_views(events_of(alert, events, records, lens.directory.calendar, book, shown_with(lens)), lens)


def term_views(terms: Iterable[Term]) -> list[TermView]:
    """Lines of a ledger as documents, in the order given."""
    return [
        TermView(
            **{name: getattr(term, name) for name in _OF_TERM},
            drivers=[DriverView(**asdict(driver)) for driver in term.drivers],
            messages=term_words(term),
        )
        for term in terms
    ]
