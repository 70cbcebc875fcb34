"""Jobs that follow an import: bring tags up to date, then judge whatever is marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date

from app.wiring import House
from cases.inbox import gather
from core.alert import Alert
from core.case import Case
from core.ports import Mark
from detection.judge import Judged, judge
from detection.risk import score_at

EVERYBODY = Mark(subject="*", first=date(1970, 1, 1), last=date(9999, 12, 31))


def retag(house: House) -> None:
    """Tag events stored under other rules again and have everybody judged. The mark comes first and the version
    last, so that a kill in between repeats the work instead of losing it."""
    tagger = house.tagger()
    if house.records.setting("rules_version") == tagger.version:
        return
    house.records.add([EVERYBODY])
    house.events.retag(tagger.version, tagger.tag)
    house.records.set_setting("rules_version", tagger.version)


def judge_marked(house: House, progress: Callable[[Judged], None] | None = None) -> int:
    """Judge every marked day; returns how many person-spans were judged. What is marked meanwhile is judged too."""
    retag(house)
    spans = 0
    while marks := house.records.pending():
        directory = house.directory()
        for judged in judge(
            marks, store=house.events, directory=directory, book=house.book, surroundings=house.surroundings()
        ):
            house.records.settle(judged.marks, judged.spans, judged.alerts, _cases(house, judged))
            spans += len(judged.spans)
            if progress:
                progress(judged)
    return spans


def _cases(house: House, judged: Judged) -> list[Case]:
    """The judged persons' open cases, from the alerts they have now and those they had on other days."""
    spans = {person: (first, last) for person, first, last in judged.spans}
    alerts: dict[str, list[Alert]] = defaultdict(list)
    for alert in house.records.alerts(persons=spans.keys()):
        first, last = spans[alert.person]
        if not first <= alert.day <= last:
            alerts[alert.person].append(alert)
    for alert in judged.alerts:
        alerts[alert.person].append(alert)
    opens_at = house.config.detection.case_opens_at
    found = (gather(person, own, score_at, opens_at) for person, own in sorted(alerts.items()))
    return [case for case in found if case]
