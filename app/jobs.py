"""Jobs that follow an import: bring tags up to date, then judge whatever is marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from datetime import date
from random import SystemRandom
from time import sleep

from app.crews import ripples, to_leads
from app.wiring import House
from cases.inbox import gather
from core.alert import Alert
from core.case import Case
from core.ports import Mark
from detection.judge import PERSONS_AT_ONCE, Judged, judge, persons_of
from detection.risk import score_at

chance = SystemRandom()
EVERYBODY = Mark(subject="*", first=date(1970, 1, 1), last=date(9999, 12, 31))


def retag(house: House) -> None:
    """Tag events stored under other rules again; where the rules have changed since, have everybody judged. That mark
    comes first and the version last, so that a kill in between repeats the work instead of losing it. Events that a
    worker with other rules has stored since have marks of their own."""
    tagger = house.tagger()
    with house.records.alone("retag"):
        if house.records.setting("rules_version") == tagger.version:
            house.events.retag(tagger.version, tagger.tag)
            return
        house.records.add([EVERYBODY])
        house.events.retag(tagger.version, tagger.tag)
        house.records.set_setting("rules_version", tagger.version)


def judge_marked(house: House, progress: Callable[[Judged], None] | None = None) -> int:
    """Judge every marked day; returns how many person-spans were judged here. What is marked meanwhile is judged too,
    and what other judges have in hand is waited for."""
    retag(house)
    spans = 0
    while marks := house.records.pending():
        for persons in _gulps(marks, house):
            with house.records.take(persons) as mine:
                for judged in _judge(house, mine):
                    spans += len(judged.spans)
                    if progress:
                        progress(judged)
        if marks == house.records.pending():
            sleep(chance.uniform(0.2, 1.0))
    return spans


def _gulps(marks: Sequence[Mark], house: House) -> Iterator[set[str]]:
    """The marked persons, some at a time, those of one mark together. A mark of everybody becomes one of each first."""
    directory = house.directory()
    touched = [(mark, persons_of(mark, directory)) for mark in marks]
    gulp: set[str] = set()
    for mark, persons in sorted(touched, key=lambda item: min(item[1], default="")):
        if mark.subject == EVERYBODY.subject:
            house.records.spread(mark, [replace(mark, subject=f"person:{person}") for person in persons])
            continue
        if len(gulp | persons) > PERSONS_AT_ONCE:
            yield gulp
            gulp = set()
        gulp |= persons
    yield gulp


def _judge(house: House, mine: Set[str]) -> Iterator[Judged]:
    """Judge and settle the marks that touch nobody else. Marks and links are read here, where nobody else can settle
    and nothing newer can be written over; marks first, for an account that was met since is nobody to an older
    directory, and its mark would be settled unseen."""
    pending = house.records.pending()
    directory = house.directory()
    marks = [mark for mark in pending if persons_of(mark, directory) <= mine]
    if not marks:
        return
    house.events.catch_up()
    for judged in judge(
        marks, store=house.events, directory=directory, book=house.book, surroundings=house.surroundings()
    ):
        cases, others = _cases(house, judged)
        # First: whoever dies in between has people judged for nothing, not forgotten.
        house.records.add([*ripples(house.records, judged), *others])
        house.records.settle(judged.marks, judged.spans, judged.alerts, cases)
        yield judged


def _cases(house: House, judged: Judged) -> tuple[list[Case], list[Mark]]:
    """The judged persons' open cases, from the alerts they have now and those they had on other days; a crew's is that
    of one member, who is marked where somebody else was judged."""
    spans = {person: (first, last) for person, first, last in judged.spans}
    alerts: dict[str, list[Alert]] = defaultdict(list)
    for alert in house.records.alerts(persons=spans.keys()):
        first, last = spans[alert.person]
        if not first <= alert.day <= last:
            alerts[alert.person].append(alert)
    for alert in judged.alerts:
        alerts[alert.person].append(alert)
    opens_at = house.config.detection.case_opens_at
    by_lead, others = to_leads(house.records, alerts)
    found = (gather(person, own, score_at, opens_at) for person, own in sorted(by_lead.items()))
    return [case for case in found if case], others
