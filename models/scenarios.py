"""How detectors do against insiders whose days are known, one kind of theft at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from core.model import Metric
from models.intervals import share
from models.ranked import FALSE_RATES, Scored, above, compared, rate_name

BUDGETS = (1, 5, 20)
"""Cases a week that 1,000 people may cost."""
BEFORE_LEAVING = 60
"""Days up to the last one of which leavers are compared by their oddest."""
KEYS = ("person", "day")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """`malicious` has `scenario`, `person` and `day`; `used` the `person` and `day` of accounts that insiders used.
    `leavers` are people who left, by their last day, insiders among them."""

    malicious: pl.DataFrame
    used: pl.DataFrame
    leavers: Mapping[str, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What came out for one kind: how many there are, how many of them and of their days were scored, and the metrics
    by detector."""

    scenario: str
    insiders: int
    insiders_scored: int
    malicious_days: int
    benign_days: int
    benign_people: int
    benign_leavers: int
    detectors: Mapping[str, Sequence[Metric]]


def by_scenario(judged: pl.DataFrame, truth: Truth, detectors: Sequence[str], seed: int = 0) -> list[Scenario]:
    """`judged` has a row for each person-day that is scored, with a score by detector; one without a score counts as
    the least odd. Benign days are those of people who are no insiders, and those of insiders before their first deed;
    their other days, and those of accounts that they used, are left out."""
    number = pl.col("person").rank("dense").cast(pl.Int64).alias("who")
    rows = judged.with_columns(number, *(pl.col(name).fill_null(0.0) for name in detectors))
    bad = rows.join(truth.malicious, on=KEYS, how="inner")
    benign = _benign(rows, truth)
    windows = _before_leaving(rows, truth)
    kinds = sorted(truth.malicious["scenario"].unique())
    metrics = {name: _metrics(name, kinds, _Days(rows, bad, benign, windows), seed) for name in detectors}
    insiders = set(truth.malicious["person"])
    leavers = windows.filter(~pl.col("person").is_in(list(insiders)))
    return [
        Scenario(
            scenario=kind,
            insiders=truth.malicious.filter(pl.col("scenario") == kind)["person"].n_unique(),
            insiders_scored=(own := bad.filter(pl.col("scenario") == kind))["person"].n_unique(),
            malicious_days=own.height,
            benign_days=benign.height,
            benign_people=benign["person"].n_unique(),
            benign_leavers=leavers["person"].n_unique(),
            detectors={name: found.get(kind, ()) for name, found in metrics.items()},
        )
        for kind in kinds
    ]


@dataclass(frozen=True, slots=True)
class _Days:
    """Scored days: all, the malicious ones by scenario, the benign ones, and those before leaving."""

    rows: pl.DataFrame
    bad: pl.DataFrame
    benign: pl.DataFrame
    leaving: pl.DataFrame


def _benign(rows: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    begun = truth.malicious.group_by("person").agg(pl.col("day").min().alias("begun"))
    before = rows.join(begun, on="person", how="left").filter(
        pl.col("begun").is_null() | (pl.col("day") < pl.col("begun"))
    )
    return before.join(truth.used, on=KEYS, how="anti")


def _before_leaving(rows: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """The days before the last one of people who left; insiders who stay count up to their last deed."""
    deeds = truth.malicious.group_by("person").agg(pl.col("day").max()).rows()
    ends = dict(deeds) | dict(truth.leavers)
    last = pl.col("person").replace_strict(ends, default=None, return_dtype=pl.Date)
    left = last - pl.col("day")
    return rows.filter(left.is_between(timedelta(0), timedelta(days=BEFORE_LEAVING)))


def _metrics(name: str, kinds: Sequence[str], days: _Days, seed: int) -> dict[str, tuple[Metric, ...]]:
    """Every metric of a detector, by scenario."""
    bad = {kind: days.bad.filter(pl.col("scenario") == kind) for kind in kinds}
    insiders = {kind: set(own["person"]) for kind, own in bad.items()}
    everyone = set().union(*insiders.values())
    innocent = ~pl.col("person").is_in(list(everyone))
    by_day = compared({kind: _scored(own, name) for kind, own in bad.items()}, _scored(days.benign, name), seed=seed)
    peaks = {kind: _peaks(own, name) for kind, own in bad.items()}
    by_user = compared(peaks, _peaks(days.benign, name), seed=seed)
    leaving = {kind: _peaks(days.leaving.filter(pl.col("person").is_in(list(insiders[kind]))), name) for kind in kinds}
    leavers = compared(leaving, _peaks(days.leaving.filter(innocent), name), seed=seed)
    limits = dict(_limits(days, name))
    found = {}
    for kind in (kind for kind in kinds if kind in by_day):
        shares = [
            share(label, int((peaks[kind].scores > limit).sum()), len(peaks[kind].scores))
            for label, limit in limits.items()
        ]
        found[kind] = (
            *_called("user_day", by_day[kind]),
            *_called("user", by_user[kind][:1]),
            *shares,
            *_called("malicious_vs_benign_leavers", leavers.get(kind, ())[:1]),
        )
    return found


def _limits(days: _Days, name: str) -> Iterator[tuple[str, float]]:
    """Above which score a day has to be for its person to be found: with so many benign days above it, or so many
    cases."""
    for rate in FALSE_RATES:
        yield f"user_{rate_name(rate)}", above(days.benign[name].to_list(), int(rate * days.benign.height))
    for budget in BUDGETS:
        yield f"user_recall_at_{budget}_cases", _limit(_weekly(days.rows, name), budget)


def with_cases(judged: pl.DataFrame, name: str, budget: int) -> frozenset[str]:
    """Who gets a case of a detector's where 1,000 people may cost so many a week."""
    weekly = _weekly(judged.with_columns(pl.col(name).fill_null(0.0)), name)
    return frozenset(weekly.filter(pl.col(name) > _limit(weekly, budget))["person"])


def _weekly(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return rows.group_by("person", pl.col("day").dt.truncate("1w")).agg(pl.col(name).max()).select("person", name)


def _limit(weekly: pl.DataFrame, budget: int) -> float:
    return above(weekly.to_series(1).to_list(), int(budget * weekly.height / 1000))


def _scored(rows: pl.DataFrame, name: str) -> Scored:
    return Scored(rows[name].to_numpy(), rows["who"].to_numpy())


def _peaks(rows: pl.DataFrame, name: str) -> Scored:
    """The oddest day of each person."""
    return _scored(rows.group_by("who").agg(pl.col(name).max()).sort("who"), name)


def _called(prefix: str, metrics: Sequence[Metric]) -> Iterator[Metric]:
    for metric in metrics:
        yield Metric(name=f"{prefix}_{metric.name}", value=metric.value, low=metric.low, high=metric.high)
