"""The scores that persons had at every moment of some days: of rules, and of rules and models together."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import inf

import polars as pl

from core.alert import Alert, Fact, Match, alert_id
from core.calendar import CompanyCalendar
from core.model import Vote
from core.person import Stage
from detection.behaviours.unusual import Unusual
from detection.risk import ledger, score_at, sum_of
from detection.rule import Rule
from detection.rulebook import RuleBook
from detection.unusual import of_models
from models.budget import SCORES
from models.held_out import FINDING
from models.panel import TOGETHER


def model_rules(book: RuleBook) -> list[Rule]:
    """The rules that speak of what models find, by name."""
    return [book.rules[name] for name in sorted(of_models(book)) if book.rules[name] in book.judged]


def limit_of(rule: Rule) -> float:
    """From which rarity on such a rule speaks: one in so many."""
    return float(rule.behaviour.one_in) if isinstance(rule.behaviour, Unusual) else inf


def findings(days: pl.DataFrame, book: RuleBook, calendar: CompanyCalendar) -> Iterator[Alert]:
    """The alerts that the judge would raise of a model's findings, `models.held_out.HeldOut.findings`."""
    detectors = [name for name in days.columns if name not in FINDING]
    for rule in model_rules(book):
        for row in days.filter(pl.col(TOGETHER) >= limit_of(rule)).iter_rows(named=True):
            votes = tuple(Vote(detector=name, one_in=row[name], drivers=()) for name in detectors if row[name])
            day, stage = calendar.day_of(row["at"]), Stage(row["stage"])
            facts: dict[str, Fact] = {"observed": int(row[TOGETHER]), "limit": int(limit_of(rule))}
            match = Match(
                rule=rule.name, person=row["person"], day=day, time=row["at"], facts=facts, events=(), votes=votes
            )
            terms = ledger(match, rule, stage)
            yield Alert(
                id=alert_id(rule.name, match.person, day),
                rule=rule.name,
                person=match.person,
                day=day,
                time=match.time,
                severity=rule.level,
                score=sum_of(terms),
                terms=terms,
                facts=facts,
                events=(),
                stage=stage.value,
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
