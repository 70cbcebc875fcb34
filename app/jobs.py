"""Jobs that follow an import: bring tags up to date, then judge whatever is marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from math import inf
from random import SystemRandom
from time import monotonic, sleep

from app.crews import of_stages, ripples, to_leads
from app.freezing import freeze
from app.metrics import UNBALANCED
from app.scoring import Scores, scored
from app.wiring import House
from cases.budget import overflow
from cases.splitting import cases_of_one
from core.alert import Alert
from core.case import Case
from core.directory import Directory
from core.errors import Unbalanced
from core.ports import Mark
from core.triage import Split
from detection.bench import FIRST_DAY
from detection.judge import Judged, judge, persons_of
from detection.marking import DECISIVE
from detection.risk import SCORING, score_at
from detection.standing import bring_up

chance = SystemRandom()
NOTHING_DECIDED: Mapping[str, Sequence[Case]] = {}
NOTHING_SPLIT: Mapping[str, Split] = {}
PERSONS_AT_A_TURN, SECONDS_OF_A_TURN = 1_000, 3.0
"""Who is urgent waits for one turn at most. Who is left when its time is over is marked still."""
LONGEST_PAUSE, A_LOOK = 3.0, 0.5
FROM_A_SERVER = 5_000
"""Events judged at once where a server has to find them: reading them takes the time, not judging."""
EVERYBODY = Mark(subject="*", first=date(1970, 1, 1), last=date(9999, 12, 31))


def retag(house: House) -> None:
    """Tag events stored under other rules again; where the rules have changed since, have everybody judged. That mark
    comes first and the version last, so that a kill in between repeats the work instead of losing it. Events that a
    worker with other rules has stored since have marks of their own."""
    tagger = house.tagger()
    _reweigh(house)
    with house.records.alone("retag"):
        if house.records.setting("rules_version") == tagger.version:
            house.events.retag(tagger.version, tagger.tag)
            return
        house.records.add([EVERYBODY])
        house.events.retag(tagger.version, tagger.tag)
        house.records.set_setting("rules_version", tagger.version)


def _reweigh(house: House) -> None:
    """Have everybody judged where alerts weigh otherwise than before."""
    detection = house.config.detection
    scale = repr((SCORING, detection.case_opens_at, sorted(detection.posts.items())))
    if house.records.setting("scale") != scale:
        house.records.add([EVERYBODY])
        house.records.set_setting("scale", scale)


def divide(house: House) -> None:
    """Leave out what the alert budget has no room for. Raises `Unbalanced` where that loses or makes a match."""
    per_week = house.config.detection.cases_per_week
    with house.records.alone("budget"):
        left_out = overflow(house.records.cases(), per_week, house.calendar) if per_week else set()
        house.records.divide(left_out)


def judge_marked(
    house: House,
    progress: Callable[[Judged], None] | None = None,
    scores: Scores | None = None,
    seconds: float = inf,
) -> int:
    """Judge every marked day; returns how many person-spans were judged here. What is marked meanwhile is judged too,
    for so many seconds, and what other judges have in hand is waited for. Then models score the days that are over, and
    what they find is judged; where servers are shared only by whoever brings `scores`, as judges do. Last the evidence
    of the alerts that came of it is frozen."""
    retag(house)
    turns = Turns(house, house.directory(), progress)
    _drain(turns, monotonic() + seconds)
    if scores is None and not house.config.cluster.postgresql.get_secret_value():
        scores = Scores()
    for _ in scored(house, scores) if scores else ():
        _drain(turns, monotonic() + seconds)
    with _stopping_unbalanced():
        divide(house)
    bring_up(house.records)
    freeze(house)
    return turns.spans


def _drain(turns: Turns, until: float) -> None:
    """Judge until nothing is marked, or the time is over."""
    house = turns.house
    while monotonic() < until and (marks := house.records.pending()):
        begun = monotonic()
        mine = turns.take(marks)
        if house.config.cluster.elasticsearch:
            turns.pause(min(LONGEST_PAUSE, (monotonic() - begun) / 2))
        if not mine and marks == house.records.pending():
            sleep(chance.uniform(0.2, 1.0))


@dataclass(slots=True)
class Turns:
    """Some marked persons at a time, whom nobody else can judge meanwhile. `spans` were judged in all."""

    house: House
    directory: Directory
    progress: Callable[[Judged], None] | None = None
    spans: int = 0

    def take(self, marks: Sequence[Mark]) -> frozenset[str]:
        """Judge persons of these marks for a while; returns whose turn it was."""
        begun = monotonic()
        records = self.house.records
        with records.take(_in_turn(marks, self.directory, self.house), PERSONS_AT_A_TURN) as mine:
            # Read where nobody else can settle and nothing newer can be written over; marks first, for an account that
            # was met since is nobody to an older directory, and its mark would be settled unseen.
            pending, self.directory = records.pending(), self.house.directory()
            own = [mark for mark in pending if persons_of(mark, self.directory) <= mine]
            for judged in _judge(self.house, own, self.directory, begun + SECONDS_OF_A_TURN):
                self.spans += len(judged.spans)
                if self.progress:
                    self.progress(judged)
        records.follow()
        bring_up(records)
        return mine

    def pause(self, seconds: float) -> None:
        """Whoever stores is not to wait for whoever judges; who is urgent does not wait for that."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            sleep(min(left, A_LOOK))
            if urgent := self.house.records.pending(DECISIVE):
                self.take(urgent)


@contextmanager
def _stopping_unbalanced() -> Iterator[None]:
    try:
        yield
    except Unbalanced:
        UNBALANCED.inc()
        raise


def _in_turn(marks: Sequence[Mark], directory: Directory, house: House) -> list[str]:
    """The marked persons in the order in which they are judged, those of one mark together: by turns who is the most
    urgent and who has waited longest. A mark of everybody becomes one of each first."""
    marked: list[tuple[Mark, list[str]]] = []
    for mark in marks:
        # An account that the directory does not know yet is most likely its own person.
        persons = sorted(persons_of(mark, directory)) or [mark.subject]
        if mark.subject == EVERYBODY.subject:
            house.records.spread(mark, [replace(mark, subject=f"person:{person}") for person in persons])
        marked.append((mark, persons))
    waiting = sorted(marked, key=lambda item: (item[0].since, item[0].subject))
    urgent = sorted(waiting, key=lambda item: -item[0].urgent)
    turns = chain.from_iterable(zip(urgent, waiting, strict=True))
    return list(dict.fromkeys(person for _, persons in turns for person in persons))


def _judge(house: House, marks: Sequence[Mark], directory: Directory, until: float) -> Iterator[Judged]:
    """Judge and settle marks that touch nobody else: those of urgent persons before the others are looked at, some of
    each, and after `until` no more."""
    if not marks:
        return
    house.events.catch_up()
    at_once = FROM_A_SERVER if house.config.cluster.elasticsearch else None
    bench = house.bench(directory, first=max(FIRST_DAY, min(mark.first for mark in marks)))
    with _stopping_unbalanced():
        for some in _hurried_first(marks, directory):
            for judged in judge(some, bench, at_once):
                cases, others = _cases(house, judged)
                # First: whoever dies in between has people judged for nothing, not forgotten.
                house.records.add([*ripples(house.records, judged), *of_stages(house.records, judged, bench), *others])
                house.records.settle(judged.marks, judged.spans, judged.alerts, cases)
                yield judged
                if monotonic() > until:
                    break


def _hurried_first(marks: Sequence[Mark], directory: Directory) -> list[list[Mark]]:
    """The marks of persons of whom something is urgent, and the others; where there are such."""
    hurried = {person for mark in marks if mark.urgent >= DECISIVE for person in persons_of(mark, directory)}
    parts: tuple[list[Mark], list[Mark]] = ([], [])
    for mark in marks:
        parts[hurried.isdisjoint(persons_of(mark, directory))].append(mark)
    return [part for part in parts if part]


def _cases(house: House, judged: Judged) -> tuple[list[Case], list[Mark]]:
    """The judged persons' open cases, from the alerts they have now and those they had on other days, without those
    that a decided case answers; a crew's is that of one member, who is marked where somebody else was judged."""
    spans = {person: (first, last) for person, first, last in judged.spans}
    alerts: dict[str, list[Alert]] = defaultdict(list)
    for alert in house.records.alerts(persons=spans.keys(), outcome=None):
        first, last = spans[alert.person]
        if not first <= alert.day <= last:
            alerts[alert.person].append(alert)
    for alert in judged.alerts:
        alerts[alert.person].append(alert)
    by_lead, others = to_leads(house.records, alerts)
    lead_of = {alert.person: lead for lead, own in by_lead.items() for alert in own}
    lead_of |= {lead: lead for lead in by_lead}
    answering = house.records.decided_about(lead_of.keys())
    about = house.records.contents([case.id for case in answering])
    decided: dict[str, list[Case]] = defaultdict(list)
    for case in answering:
        for lead in {lead_of[one] for one in {case.person, *about[case.id].persons} if one in lead_of}:
            decided[lead].append(case)
    return cases_of(house, by_lead, decided, house.records.splits()), others


def cases_of(
    house: House,
    alerts: Mapping[str, Sequence[Alert]],
    decided: Mapping[str, Sequence[Case]] = NOTHING_DECIDED,
    splits: Mapping[str, Split] = NOTHING_SPLIT,
) -> list[Case]:
    """The cases that persons' alerts gather in, without those that a decided case answers; apart what people split."""
    opens_at = house.config.detection.case_opens_at
    return [
        case
        for person, own in sorted(alerts.items())
        for case in cases_of_one(person, own, decided.get(person, ()), splits, score_at, opens_at)
    ]
