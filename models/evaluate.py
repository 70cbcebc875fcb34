"""How a panel did on days it had not seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from math import log10

import polars as pl

from core.errors import Refused
from core.model import Evaluation, Metric
from core.person import Stage
from core.schema import TIME
from models.budget import allowed, cases
from models.intervals import share
from models.panel import TOGETHER, Panel

BUDGET = 7.0
"""Cases per 1,000 people and week that `recall_at_budget` has: one a day among a thousand people."""
FOUND_AT = 1000.0
"""Whoever has a day so rare (one in so many) is found: one case a day among a thousand people."""
CHECKED_AT = 100.0
"""Where it is checked whether scores are as rare as they say."""


def evaluate(
    panel: Panel, frames: Iterable[pl.DataFrame], first: date, last: date, confirmed: Collection[str] = ()
) -> Evaluation:
    """Judge the days from `first` to `last`; frames have days before those too. `scored`: of which share of days there
    is a score. `miscalibration`: by how many orders of magnitude days said to be one in a hundred are more or less,
    among people who stay. `recall`: which share of the persons with confirmed cases is found, where there are any;
    `recall_at_budget`: which share is among as many persons, the oddest first, as `BUDGET` has cases for."""
    judged = [_judged(panel, frame, first, last) for frame in frames]
    days = pl.concat([one for one in judged if one.height]) if any(one.height for one in judged) else None
    if days is None:
        raise Refused(f"there are no person-days from {first} to {last} to evaluate on")
    usual = days.filter((pl.col("stage") == Stage.ACTIVE.value) & pl.col(TOGETHER).is_not_null())
    rare = int((usual[TOGETHER] >= CHECKED_AT).sum())
    caught = set(days.filter(pl.col(TOGETHER) >= FOUND_AT)["person"])
    found = sorted(set(confirmed) & caught)
    metrics = [share("scored", int(days[TOGETHER].is_not_null().sum()), days.height)]
    if usual.height:
        metrics.append(miscalibration(rare, usual.height))
    if confirmed:
        within = set(_at_budget(days, (last - first).days + 1)) & set(confirmed)
        metrics.append(share("recall", len(found), len(set(confirmed))))
        metrics.append(share("recall_at_budget", len(within), len(set(confirmed))))
    missed = sorted(set(confirmed) - caught)
    return Evaluation(first=first, last=last, metrics=tuple(metrics), found=tuple(found), missed=tuple(missed))


def miscalibration(rare: int, of: int) -> Metric:
    """By how many orders of magnitude days said to be one in a hundred, so many of all, are more or less."""
    # As in the scores themselves, none in n is less than one in n + 1.
    rate = share("rare", rare, of)
    off = [log10(max(value, 1 / (of + 1)) * CHECKED_AT) for value in (rate.value, rate.low, rate.high)]
    value, ends = abs(off[0]), sorted(abs(one) for one in off[1:])
    low = 0.0 if off[1] <= 0 <= off[2] else ends[0]
    return Metric(name="miscalibration", value=value, low=min(low, value), high=max(ends[1], value))


def _at_budget(days: pl.DataFrame, length: int) -> Sequence[str]:
    scores = days.select("person", pl.col("day").cast(TIME).alias("at"), pl.col(TOGETHER).alias("score"))
    return cases(scores, allowed(BUDGET, days["person"].n_unique(), length)).persons


def _judged(panel: Panel, frame: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    asked = frame.filter(pl.col("day") >= first)
    judged = panel.judge(frame, first).select("person", "day", TOGETHER).with_columns(asked["stage"])
    return judged.filter(pl.col("day") <= last)
