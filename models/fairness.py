"""Whether cases for nothing fall on some groups of people more than on others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from core.model import Metric
from models.intervals import share

LEAST = 20
"""Of fewer people a rate says nothing."""
PART = 0.65
"""Whoever has a smaller part of the company's usual hours a week is taken to work part-time."""
BY = ("department", "title", "leads", "leaving", "seniority", "part_time")
YEARS = ((1, "under 1 year"), (3, "1-3 years"), (10, "3-10 years"))
LONGEST = "over 10 years"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group's people who have done nothing, so far as is known, how many of them had a case, which share that is, and
    how many times the company's share: with the group's interval, that of the company taken as known; None where
    nobody had one."""

    by: str
    group: str
    persons: int
    false_cases: int
    rate: Metric
    ratio: Metric | None


def fairness(people: pl.DataFrame, accused: Collection[str], by: Sequence[str] = BY) -> list[Group]:
    """One group for each value of each of `by` that at least `LEAST` people have, and first, by `company`, everybody.
    `people` has a row for each person who has done nothing, `accused` are those who had a case."""
    if not people.height:
        return []
    held = people.with_columns(pl.col("person").is_in(list(accused)).alias("accused"))
    company = share("rate", int(held["accused"].sum()), held.height)
    found = [_group("company", "", held, company)]
    for name in by:
        for (group,), some in held.drop_nulls(name).group_by(name, maintain_order=True):
            if some.height >= LEAST:
                found.append(_group(name, str(group), some, company))
    return sorted(found, key=lambda one: (("company", *by).index(one.by), one.group))


def seniority(years: Sequence[float | None]) -> list[str | None]:
    """Words for how long people have been here."""
    return [None if one is None else next((word for most, word in YEARS if one < most), LONGEST) for one in years]


def part_time(hours: pl.Series) -> pl.Series:
    """Who has few hours with events a week, against the median of everybody: nobody tells us contracts."""
    usual = hours.median()
    if not isinstance(usual, int | float):
        return pl.Series([None] * len(hours), dtype=pl.String)
    few = pl.col("hours") < PART * usual
    words = pl.when(few).then(pl.lit("yes")).when(~few).then(pl.lit("no"))
    return pl.DataFrame({"hours": hours}).select(words).to_series()


def _group(by: str, group: str, people: pl.DataFrame, company: Metric) -> Group:
    cases = int(people["accused"].sum())
    rate = share("rate", cases, people.height)
    ratio = None
    if company.value:
        low, value, high = (one / company.value for one in (rate.low, rate.value, rate.high))
        ratio = Metric(name="ratio", value=value, low=low, high=high)
    return Group(by=by, group=group, persons=people.height, false_cases=cases, rate=rate, ratio=ratio)
