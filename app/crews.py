"""What judging some persons means for others: who is to be judged because a crew came, grew or fell apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

from cases.crews import leads, named, with_mates
from core.alert import CREW, PLACE, Alert, Outcome
from core.ports import Inbox, Mark
from detection.bench import Bench
from detection.departing import UNTIL
from detection.judge import Judged

BEYOND = timedelta(days=92)
"""Days after a stage on which what it tied may still be told."""


def ripples(inbox: Inbox, judged: Judged) -> list[Mark]:
    """Days of others to be judged: those of members whose alerts do not say so yet, or say what is no longer so.

    Alerts follow from stored events alone, whoever is judged first, so each change is passed on once and then rests.
    """
    if not judged.spans:
        return []
    spans = {person: (first, last) for person, first, last in judged.spans}
    right = {alert.id: alert for alert in (*judged.alerts, *judged.beside.alerts) if CREW in alert.facts}
    others = judged.beside.people | {alert.person for alert in right.values()}
    stored = {alert.id: alert for alert in inbox.alerts(persons=spans.keys() | others) if CREW in alert.facts}
    start, end = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    days = {(a.person, a.day) for a in right.values() if not _says(stored.get(a.id), a, judged.beside.places)}
    for alert in stored.values():
        if not start <= alert.day <= end:
            continue
        gone = alert.id not in right and str(alert.facts[PLACE]) in judged.beside.places
        changed = _inside(alert.person, alert.day, spans) and not _same(right.get(alert.id), alert)
        if gone or changed:
            days |= {(person, alert.day) for person in (alert.person, *named([alert]))}
    return [
        Mark(subject=f"person:{person}", first=day, last=day)
        for person, day in sorted(days)
        if not _inside(person, day, spans)
    ]


def _inside(person: str, day: date, spans: Mapping[str, tuple[date, date]]) -> bool:
    """Whether the day is among those judged of the person."""
    first, last = spans.get(person, (date.max, date.min))
    return first <= day <= last


def of_stages(inbox: Inbox, judged: Judged, bench: Bench) -> list[Mark]:
    """Days to be judged again of persons who came to be at the stage `pre_departure`, or no longer are, and of leavers
    of their departments, who may have taken the same files."""
    rules = bench.book.of_stages
    if not (judged.spans and rules):
        return []
    spans = {person: (first, last) for person, first, last in judged.spans}
    stored = inbox.alerts(persons=spans, outcome=None, rules=rules)
    before = {alert.id: alert for alert in stored if spans[alert.person][0] <= alert.day <= spans[alert.person][1]}
    after = {alert.id: alert for alert in judged.alerts if alert.rule in rules}
    changed = [
        alert
        for one in before.keys() | after.keys()
        if _stage(before.get(one)) != _stage(after.get(one))
        for alert in (before.get(one), after.get(one))
        if alert
    ]
    directory = bench.directory
    marks = []
    for alert in changed:
        department = directory.person(alert.person).department
        mates = {one for one in directory.leavers() if department and directory.person(one).department == department}
        last = datetime.fromisoformat(str(alert.facts[UNTIL])).date() + BEYOND
        marks += [Mark(subject=f"person:{one}", first=alert.day, last=last) for one in sorted(mates | {alert.person})]
    return marks


def _stage(alert: Alert | None) -> tuple[object, ...]:
    """What an alert says of a stage."""
    suppressed = alert is None or alert.outcome is Outcome.SUPPRESSED
    return () if alert is None or suppressed else (alert.time, alert.facts[UNTIL])


def to_leads(inbox: Inbox, alerts: dict[str, list[Alert]]) -> tuple[dict[str, list[Alert]], list[Mark]]:
    """The alerts by whose case they belong to, of judged persons; and marks of those who lead and were not judged."""
    whole = with_mates(alerts, lambda persons: inbox.alerts(persons=persons))
    lead_of = leads(whole)
    cases: dict[str, list[Alert]] = {}
    marks: list[Mark] = []
    for person, lead in lead_of.items():
        if lead in alerts:
            cases.setdefault(lead, []).extend(whole[person])
        elif person in alerts and (days := _days(whole[person])):
            marks.append(Mark(subject=f"person:{lead}", first=days[-1], last=days[-1]))
    return cases, marks


def _days(alerts: Sequence[Alert]) -> list[date]:
    return sorted({alert.day for alert in alerts if CREW in alert.facts})


def _says(stored: Alert | None, right: Alert, places: Collection[str]) -> bool:
    """Whether what is stored is right. Of several places on one day an alert names the one with the most people, and
    the others at all of them; some may have met at one that was not looked at here."""
    if stored is None or not named([right]) <= named([stored]):
        return False
    if str(stored.facts[PLACE]) in places:
        return _rank(stored) == _rank(right)
    return _rank(stored) <= _rank(right)


def _rank(alert: Alert) -> tuple[float, str]:
    people = alert.facts["observed"]
    return (-float(people), str(alert.facts[PLACE]))


def _same(one: Alert | None, other: Alert) -> bool:
    return one is not None and dict(one.facts) == dict(other.facts)
