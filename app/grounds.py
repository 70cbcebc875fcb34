"""Exceptions: entered, ended, and suggested by what was decided."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.wiring import House
from core.case import CaseState
from core.directory import Directory
from core.errors import Refused
from core.evidence import AuditEntry
from core.grounds import RuleException, Suggestion, hours_of
from detection.exceptions import concerns
from detection.rulebook import RuleBook


def add_exception(house: House, exception: RuleException, noted: AuditEntry | None = None) -> RuleException:
    """Enter an exception under a new id, noted where that is asked for; of the person's id where exactly one person is
    meant. Raises `Refused` for one that nobody could account for."""
    rules = house.book.rules
    if bool(exception.rule) == bool(exception.tag):
        raise Refused("an exception is one from a rule or from a tag: give one of them")
    if exception.rule and exception.rule not in rules:
        raise Refused(f"there is no rule called {exception.rule}")
    if exception.tag and not any(concerns(exception, rule) for rule in rules.values()):
        raise Refused(f"no rule has the tag {exception.tag}")
    if not (exception.person or exception.department or exception.title):
        raise Refused("an exception is somebody's: give a person, a department or a title")
    if not exception.reason.strip() or not exception.owner.strip():
        raise Refused("an exception has a reason and an owner")
    if exception.expires <= exception.since:
        raise Refused("it expires before it begins")
    try:
        hours_of(exception.hours)
    except ValueError:
        raise Refused(f"{exception.hours} is no time of day such as 22:00-06:00") from None
    person = exception.person and (house.directory().meant_by(exception.person) or exception.person)
    made = replace(exception, id=f"E{secrets.token_hex(4)}", person=person)
    house.records.save_exception(made, noted)
    return made


def end_exception(house: House, exception_id: str, at: datetime) -> RuleException:
    """It expires now, or did so before. Raises `Refused` where there is none."""
    found = next((one for one in house.records.exceptions() if one.id == exception_id), None)
    if found is None:
        raise Refused(f"there is no exception {exception_id}")
    ended = replace(found, expires=min(found.expires, max(at, found.since)))
    house.records.save_exception(ended)
    return ended


def suggested(house: House, at: datetime, person: str | None = None) -> list[Suggestion]:
    """What benign cases speak for: per rule and person the newest such case, unless an exception in force covers it at
    any hour of the day, or another case with the same rule was confirmed. Of one person, or of everybody."""
    cases = house.records.cases(persons=None if person is None else [person])
    if person is None:
        alerts = {alert.id: alert for alert in house.records.alerts(outcome=None)}
    else:
        own = (house.records.alert(one) for one in dict.fromkeys(one for case in cases for one in case.alerts))
        alerts = {alert.id: alert for alert in own if alert}
    confirmed = {
        (alerts[one].rule, case.person)
        for case in cases
        if case.state is CaseState.CONFIRMED
        for one in case.alerts
        if one in alerts
    }
    found: dict[tuple[str, str], Suggestion] = {}
    for case in cases:
        if case.state is not CaseState.BENIGN:
            continue
        rules = [alerts[one].rule for one in case.alerts if one in alerts]
        for rule in sorted(set(rules)):
            found[rule, case.person] = Suggestion(
                rule=rule, person=case.person, case=case.id, reason=case.reason, alerts=rules.count(rule)
            )
    directory = house.directory()
    exceptions = [one for one in house.grounds(directory).exceptions if one[0].since <= at < one[0].expires]
    left = [found[key] for key in sorted(found) if key not in confirmed]
    return [idea for idea in left if not _covered(idea, exceptions, house.book, directory)]


def _covered(
    idea: Suggestion,
    exceptions: Sequence[tuple[RuleException, frozenset[str]]],
    book: RuleBook,
    directory: Directory,
) -> bool:
    rule, person = book.rules.get(idea.rule), directory.person(idea.person)
    return rule is not None and any(
        concerns(exception, rule)
        and not exception.hours
        and (not exception.person or person.id in persons)
        and (not exception.department or exception.department.lower() == person.department.lower())
        and (not exception.title or exception.title.lower() == person.title.lower())
        for exception, persons in exceptions
    )
