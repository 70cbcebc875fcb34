"""What rules, models and both together find with equally many cases, over days that no model has seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf
from pathlib import Path

import polars as pl

from app.deeds import Known, of_cases, of_truth
from app.labels import labels_of
from app.ledgers import by_person, findings, ledger_scores, limit_of, model_rules
from app.modelling import BEFORE, newest_day, registry_of, spooled
from app.scoring import panel_of
from app.wiring import House
from core.alert import Outcome
from core.case import CaseState
from core.directory import Directory
from core.errors import Refused
from core.model import Metric, ModelCard
from core.person import notice_at
from models.comparison import BOTH, MODELS, RULES, Comparison, compared
from models.evaluate import miscalibration
from models.fairness import part_time, seniority
from models.held_out import HeldOut, held_out
from models.panel import Panel

BUDGETS = (1.4, 7.0, 14.0)
"""Cases per 1,000 people and week: of a thousand people one in five days, one a day, two a day."""
A_YEAR = 365.25
WORDS = {True: "yes", False: "no", None: None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """How a model, the rules and both did from `first` to `last`. It learned from days up to `learned_until`. `benign`
    people are those whose cases were decided so; `undecided` are all others of whom nothing is known, counted as
    innocent too. `miscalibration`: of each detector and of all together."""

    model: str
    learned_until: date
    first: date
    last: date
    by_truth: bool
    persons: int
    known: Known
    benign: int
    undecided: int
    miscalibration: Mapping[str, Metric]
    comparison: Comparison


def evaluated(
    house: House,
    model: str = "",
    *,
    since: date | None = None,
    until: date | None = None,
    budgets: Sequence[float] = BUDGETS,
    truth: Path | None = None,
    without_rules: Collection[str] = (),
) -> Evaluated:
    """Evaluate a model, the champion where none is named, and where there is none the newest. `since` and `until` are
    the first and last day, by default all days after those it learned from. Whoever has a confirmed case did something;
    with a `truth` file that says who did. Alerts of `without_rules` do not count. Raises `Refused` for days that the
    model learned from."""
    card, panel = _loaded(house, model)
    first, last = _days(house, card, since, until)
    directory = house.directory()
    start, end = house.calendar.start_of(first), house.calendar.end_of(last)
    known = of_truth(house, directory, truth, start, end) if truth else of_cases(house, directory, start, end)
    rarer_than = min((limit_of(rule) for rule in model_rules(house.book)), default=inf)
    with spooled(house, first - timedelta(days=BEFORE), last, labels_of(house)) as frames:
        said = held_out(panel, frames(), first, last, deeds=known.deeds, calendar=house.calendar, rarer_than=rarer_than)
    people = _people(said.people, directory, first, end).filter(~pl.col("person").is_in(list(known.left_out)))
    persons = people["person"].to_list()
    guilty = {deed.person for deed in known.deeds}
    benign = {case.person for case in house.records.cases(persons=persons) if case.state == CaseState.BENIGN} - guilty
    comparison = compared(
        _ways(house, said, first, last, without_rules),
        said.without,
        people,
        known.deeds,
        known.hauls,
        budgets,
        (last - first).days + 1,
        house.calendar,
    )
    return Evaluated(
        model=card.id,
        learned_until=card.last,
        first=first,
        last=last,
        by_truth=truth is not None,
        persons=len(persons),
        known=known,
        benign=len(benign),
        undecided=len(set(persons) - benign - guilty),
        miscalibration={name: miscalibration(rare, of) for name, (rare, of) in said.rare.items() if of},
        comparison=comparison,
    )


def _loaded(house: House, model: str) -> tuple[ModelCard, Panel]:
    registry = registry_of(house)
    if not (models := registry.models()):
        raise Refused("there is no model: leaverwatch models train makes one")
    found = registry.named(model) if model else registry.champion() or models[-1]
    return found.card, panel_of(house, found)


def _days(house: House, card: ModelCard, since: date | None, until: date | None) -> tuple[date, date]:
    unseen = card.last + timedelta(days=1)
    newest = newest_day(house)
    first, last = since or unseen, until or newest
    if first < unseen:
        raise Refused(f"model {card.id} learned from days up to {card.last}: it can be evaluated from {unseen} on")
    if last < first:
        raise Refused(f"there are no days from {first} to {last}: model {card.id} learned from days up to {card.last}")
    return first, last


def _ways(
    house: House, said: HeldOut, first: date, last: date, without_rules: Collection[str]
) -> dict[str, pl.DataFrame]:
    start, end = house.calendar.start_of(first), house.calendar.end_of(last)
    left_out = {rule.name for rule in model_rules(house.book)} | set(without_rules)
    alerts = [
        alert
        for alert in house.records.alerts(until=end, outcome=None)
        if alert.outcome is not Outcome.SUPPRESSED and alert.rule not in left_out
    ]
    both = [*alerts, *findings(said.findings, house.book, house.calendar)]
    return {
        RULES: ledger_scores(by_person(alerts), start, end),
        MODELS: said.scores,
        BOTH: ledger_scores(by_person(both), start, end),
    }


def _people(people: pl.DataFrame, directory: Directory, first: date, end: datetime) -> pl.DataFrame:
    """With the groups that `models.fairness` asks for; how long somebody has been here as of the first day, and who had
    given notice by the end."""
    known = [directory.person(person) for person in people["person"]]
    bosses = {directory.person(person).manager_email.lower() for person in directory.people()} - {""}
    leads = [one.email.lower() in bosses if bosses and one.email else None for one in known]
    leaving = [notice_at(directory.filings_of(one.id), end) is not None for one in known]
    years = [None if one.hired is None else (first - one.hired).days / A_YEAR for one in known]
    return people.with_columns(
        pl.Series("leads", [WORDS[one] for one in leads], dtype=pl.String),
        pl.Series("leaving", [WORDS[one] for one in leaving], dtype=pl.String),
        pl.Series("seniority", seniority(years), dtype=pl.String),
        part_time(people["hours"]).alias("part_time"),
    )
