"""What a way of scoring is worth at a budget: whom it finds, how early, and what was gone by then."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from core.calendar import CompanyCalendar
from core.model import Metric
from core.schema import TIME
from models.budget import Deed, cases, found
from models.intervals import by_person, share
from models.table import Floats

EARLY = 14
"""Days before the last day that leave time to act."""
TAKEN = ("records", "bytes")
HAUL: dict[str, pl.DataType] = {"at": TIME} | dict.fromkeys(TAKEN, pl.Float64())
"""What a person took, and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """At most so many `cases` were opened, for whom the score reached `threshold`. `recall` is the share of deeds that
    were found, `precision` that of cases which found one. Of deeds whose person has a last day, `early` is the share
    found at least `EARLY` days before it; `lead_days` is how many days that were, the median of those found. `gone` is
    what share of the records or bytes was gone before the first alert, the median of all deeds, 1 where none came.
    None where there is nothing to measure."""

    cases: Sequence[str]
    threshold: float
    found: Mapping[str, datetime]
    missed: Sequence[str]
    recall: Metric | None
    precision: Metric | None
    lead_days: Metric | None
    early: Metric | None
    gone: Mapping[str, Metric]


def measured(
    scores: pl.DataFrame,
    deeds: Collection[Deed],
    hauls: Mapping[str, pl.DataFrame],
    number: int,
    calendar: CompanyCalendar,
) -> Measures:
    """What a way is worth that may open so many cases; `scores` as `models.budget.SCORES`, `hauls` as `HAUL` by
    person."""
    opened = cases(scores, number)
    at = found(scores, deeds, opened)
    leads = _leads(deeds, at, calendar)
    known = sum(deed.last_day is not None for deed in deeds)
    early = sum(lead >= EARLY for lead in leads)
    return Measures(
        cases=opened.persons,
        threshold=opened.threshold,
        found=at,
        missed=sorted(deed.person for deed in deeds if deed.person not in at),
        recall=share("recall", len(at), len(deeds)) if deeds else None,
        precision=share("precision", len(at), len(opened.persons)) if opened.persons else None,
        lead_days=by_person("lead_days", leads, _median) if leads else None,
        early=share("early", early, known) if known else None,
        gone=_gone(hauls, at),
    )


def gone(haul: pl.DataFrame, what: str, at: datetime | None) -> float | None:
    """Which share of the records or bytes was gone before a moment, all of it where that never came; None where none
    were taken."""
    whole = float(haul[what].sum())
    if whole <= 0:
        return None
    return 1.0 if at is None else float(haul.filter(pl.col("at") < at)[what].sum()) / whole


def _leads(deeds: Collection[Deed], at: Mapping[str, datetime], calendar: CompanyCalendar) -> list[float]:
    return [
        float((deed.last_day - calendar.day_of(at[deed.person])).days)
        for deed in deeds
        if deed.last_day is not None and deed.person in at
    ]


def _gone(hauls: Mapping[str, pl.DataFrame], at: Mapping[str, datetime]) -> dict[str, Metric]:
    shares = {what: [gone(haul, what, at.get(person)) for person, haul in hauls.items()] for what in TAKEN}
    known = {what: [one for one in values if one is not None] for what, values in shares.items()}
    return {what: by_person(f"gone_{what}", values, _median) for what, values in known.items() if values}


def _median(values: Floats) -> float:
    return float(np.median(values))
