"""The scores that persons had at every moment of some days: of rules, and of rules and models together."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import log10

import polars as pl

from core.alert import Alert, Severity, alert_id
from core.calendar import CompanyCalendar
from core.person import Stage
from detection.risk import score_at
from models.budget import SCORES

FINDING = "models"
RARE = 300.0
"""Days that are less rare (one in so many) are no finding."""
LEAST, TENFOLD, MOST = 5.0, 10.0, 30.0
"""Points of a day as rare as that, how many more one has that is ten times rarer, and how many there are at most."""


def points(one_in: float) -> float:
    """What a day is worth in the score ledger that models call one in so many; 0 for none of their findings. This is
    where models and rules meet: whatever judges both has to weigh a finding alike."""
    return 0.0 if one_in < RARE else min(MOST, LEAST + TENFOLD * log10(one_in / RARE))


def findings(days: pl.DataFrame, calendar: CompanyCalendar) -> Iterator[Alert]:
    """Alerts of models: one for each row of `person`, `at` and `one_in` that is worth anything."""
    for person, at, one_in in days.select("person", "at", "one_in").iter_rows():
        if worth := points(one_in):
            yield Alert(
                id=alert_id(FINDING, person, calendar.day_of(at)),
                rule=FINDING,
                person=person,
                day=calendar.day_of(at),
                time=at,
                severity=Severity.MEDIUM,
                score=round(worth, 2),
                terms=(),
                facts={"one_in": one_in},
                events=(),
                stage=Stage.ACTIVE.value,
            )


def by_person(alerts: Iterable[Alert]) -> Mapping[str, Sequence[Alert]]:
    """Each person's alerts in order of time."""
    found: dict[str, list[Alert]] = defaultdict(list)
    for alert in sorted(alerts, key=lambda one: (one.time, one.id)):
        found[alert.person].append(alert)
    return found


def ledger_scores(alerts: Mapping[str, Sequence[Alert]], start: datetime, end: datetime) -> pl.DataFrame:
    """`models.budget.SCORES`: what each person's ledger comes to at `start`, from the alerts before it, and at every
    alert since, before `end`. `alerts` as `by_person` gives them."""
    rows = [(person, at, score) for person, own in alerts.items() for at, score in _scores(own, start, end)]
    return pl.DataFrame(rows, schema=SCORES, orient="row")


def _scores(alerts: Sequence[Alert], start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
    times = [alert.time for alert in alerts]
    before = [start] if times[0] < start else []
    for at in dict.fromkeys([*before, *(time for time in times if start <= time < end)]):
        yield at, score_at(alerts[: bisect_right(times, at)], at)
