"""What people decided, as labels of person-days: decided cases and incidents of the past."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby

import polars as pl

from app.wiring import House
from core.alert import Alert, Outcome
from core.calendar import CompanyCalendar
from core.case import Case, CaseState
from core.directory import Directory
from core.label import Incident, IncidentKind, Label, Origin
from core.schema import TIME
from detection.unusual import of_models

GUILTY = {CaseState.CONFIRMED: True, CaseState.BENIGN: False}


def labels_of(house: House) -> list[Label]:
    """Everything that is known by now, in order."""
    directory = house.directory()
    cases, alerts = house.records.cases(), house.records.alerts(outcome=None)
    found = [
        *of_cases(cases, alerts, house.calendar, of_models(house.book)),
        *of_incidents(house.records.incidents(), directory),
    ]
    return sorted(found, key=lambda label: (label.first, label.person, label.origin, label.source))


def of_cases(
    cases: Iterable[Case], alerts: Iterable[Alert], calendar: CompanyCalendar, model_rules: Collection[str]
) -> Iterator[Label]:
    """Of each person of a case the days from the first alert to the last; of a case whose alerts are all gone the day
    on which it opened. From the day after it opened, for this person, nothing teaches: somebody may have known."""
    known = {alert.id: alert for alert in alerts if alert.outcome is not Outcome.SUPPRESSED}
    for case in cases:
        own = sorted((known[one] for one in case.alerts if one in known), key=lambda alert: (alert.person, alert.day))
        opened = calendar.day_of(case.opened)
        spans = {
            person: (days[0], days[-1])
            for person, some in groupby(own, key=lambda alert: alert.person)
            if (days := [alert.day for alert in some])
        }
        by_model = found_by_model(case, own, model_rules)
        for person, (first, last) in (spans or {case.person: (opened, opened)}).items():
            yield Label(
                person=person,
                first=first,
                last=last,
                taught=max(first, opened),
                guilty=GUILTY.get(case.state),
                origin=Origin.DECISION,
                source=case.id,
                who=case.decided_by,
                when=case.decided and calendar.day_of(case.decided),
                why=case.reason,
                by_model=by_model,
            )


def found_by_model(case: Case, alerts: Iterable[Alert], model_rules: Collection[str]) -> bool:
    """Whether all points of a case come from models: but for them nobody would have looked at it."""
    own = set(case.alerts)
    scored = [alert.rule for alert in alerts if alert.id in own and alert.score > 0]
    return bool(scored) and all(rule in model_rules for rule in scored)


def of_incidents(incidents: Sequence[Incident], directory: Directory) -> Iterator[Label]:
    """The days of each, of whom its account was on the first of them. Afterwards nothing of the person teaches."""
    if not incidents:
        return
    calendar = directory.calendar
    moments = [calendar.start_of(one.first) for one in incidents]
    asked = pl.DataFrame(
        {"user.account": [one.account for one in incidents], "@timestamp": moments},
        schema={"user.account": pl.String(), "@timestamp": TIME},
    )
    for one, person in zip(incidents, directory.who(asked), strict=True):
        yield Label(
            person=person,
            first=one.first,
            last=one.last,
            taught=one.last,
            guilty=one.kind is not IncidentKind.BENIGN,
            origin=Origin.INCIDENT,
            source=one.account,
            who=one.who,
            when=one.filed and calendar.day_of(one.filed),
            why=one.why,
        )


def suspected(labels: Iterable[Label]) -> dict[str, date]:
    """By person the first day of an incident: from then on nothing is usual."""
    found: dict[str, date] = {}
    for label in labels:
        if label.guilty:
            found[label.person] = min(label.first, found.get(label.person, label.first))
    return found


def confirmed(labels: Iterable[Label], first: date, last: date) -> dict[str, bool]:
    """Persons with an incident on one of these days, and whether only a model found it."""
    found: dict[str, bool] = {}
    for label in labels:
        if label.guilty and label.first <= last and label.last >= first:
            found[label.person] = label.by_model and found.get(label.person, True)
    return found
