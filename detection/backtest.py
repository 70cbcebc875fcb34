"""What a change of rules adds and takes away: the alerts and cases before it and after it, person by person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.alert import Alert
from core.case import Case
from detection.behaviours.joint import Joint
from detection.rulebook import RuleBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everybody's alerts and cases under some rules; `leads` says whose a person's case is, who is of a crew."""

    alerts: Mapping[str, Sequence[Alert]]
    cases: Mapping[str, Case]
    leads: Mapping[str, str] = field(default_factory=dict)

    def case_of(self, person: str) -> Case | None:
        """The case that somebody is in."""
        return self.cases.get(self.leads.get(person, person))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """An alert that stays, with another score, time or facts."""

    before: Alert
    after: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changes for one person. A case before or after is None where there is none."""

    person: str
    added: Sequence[Alert]
    removed: Sequence[Alert]
    changed: Sequence[Rescored]
    case_before: Case | None
    case_after: Case | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A confirmed case that the changed rules would not open, or not before its person had gone on for longer."""

    case: Case
    opens: Case | None


def affected(before: RuleBook, after: RuleBook) -> frozenset[str]:
    """The rules whose findings may differ: those whose text differs, those that build on them, and those silent in one
    book and not in the other; all, where they say whose stage is `pre_departure`."""
    names = before.rules.keys() | after.rules.keys()
    texts = {name for name in names if before.origins.get(name) != after.origins.get(name)}
    found = set()
    for book in (before, after):
        for rule in book.rules.values():
            if texts & {rule.name, *rule.leaves, *rule.nested}:
                found.add(rule.name)
    speaking = [{rule.name for rule in book.judged} for book in (before, after)]
    found |= speaking[0] ^ speaking[1]
    judged = [rule for book in (before, after) for rule in book.judged]
    if any(isinstance(rule.behaviour, Joint) for rule in judged if rule.name in found):
        return frozenset(found | speaking[0] | speaking[1])
    return frozenset(found)


def differences(before: Standing, after: Standing) -> list[Difference]:
    """Persons for whom anything changes, those whose case does first, then by how much their score does."""
    persons = before.alerts.keys() | after.alerts.keys() | before.cases.keys() | after.cases.keys()
    found = [_difference(person, before, after) for person in sorted(persons)]
    real = [one for one in found if one.added or one.removed or one.changed or one.case_before != one.case_after]
    return sorted(real, key=lambda one: (_same_case(one), -_moved(one), one.person))


def lost(confirmed: Collection[Case], before: Standing, after: Standing) -> list[Lost]:
    """Confirmed cases whose person would have no case, or have it later than the rules before the change give it."""
    found = []
    for case in confirmed:
        was, now = before.case_of(case.person), after.case_of(case.person)
        if was is not None and (now is None or now.opened > was.opened):
            found.append(Lost(case=case, opens=now))
    return sorted(found, key=lambda one: (one.case.opened, one.case.id))


def _difference(person: str, before: Standing, after: Standing) -> Difference:
    was = {alert.id: alert for alert in before.alerts.get(person, ())}
    now = {alert.id: alert for alert in after.alerts.get(person, ())}
    return Difference(
        person=person,
        added=_in_time(now[one] for one in now.keys() - was.keys()),
        removed=_in_time(was[one] for one in was.keys() - now.keys()),
        changed=[
            Rescored(before=was[alert.id], after=alert)
            for alert in _in_time(now[one] for one in now.keys() & was.keys())
            if was[alert.id] != alert
        ],
        case_before=before.cases.get(person),
        case_after=after.cases.get(person),
    )


def _in_time(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (alert.time, alert.id))


def _same_case(one: Difference) -> bool:
    return (one.case_before is None) == (one.case_after is None)


def _moved(one: Difference) -> float:
    return abs(sum(alert.score for alert in one.added) - sum(alert.score for alert in one.removed))
