"""How a panel did on days it had not seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from math import log10, sqrt

import polars as pl

from core.errors import Refused
from core.model import Evaluation, Metric
from core.person import Stage
from models.panel import TOGETHER, Panel

NORMAL_95 = 1.96
FOUND_AT = 1000.0
"""Whoever has a day so rare (one in so many) is found: one case a day among a thousand people."""
CHECKED_AT = 100.0
"""Where it is checked whether scores are as rare as they say."""


def evaluate(
    panel: Panel, frames: Iterable[pl.DataFrame], first: date, last: date, confirmed: Collection[str] = ()
) -> Evaluation:
    """Judge the days from `first` to `last`; frames have days before those too. `scored`: of which share of days there
    is a score. `miscalibration`: by how many orders of magnitude days said to be one in a hundred are more or less,
    among people who stay. `recall`: which share of the persons with confirmed cases is found, where there are any."""
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
        metrics.append(_miscalibration(share("", rare, usual.height), usual.height))
    if confirmed:
        metrics.append(share("recall", len(found), len(set(confirmed))))
    missed = sorted(set(confirmed) - caught)
    return Evaluation(first=first, last=last, metrics=tuple(metrics), found=tuple(found), missed=tuple(missed))


def share(name: str, some: int, of: int) -> Metric:
    """A share with its 95 % interval (E. B. Wilson, Journal of the American Statistical Association 22, 1927)."""
    rate, square = some / of, NORMAL_95**2
    middle = (rate + square / (2 * of)) / (1 + square / of)
    half = NORMAL_95 * sqrt(rate * (1 - rate) / of + square / (4 * of * of)) / (1 + square / of)
    return Metric(
        name=name, value=rate, low=max(0.0, min(middle - half, rate)), high=min(1.0, max(middle + half, rate))
    )


def _miscalibration(rate: Metric, of: int) -> Metric:
    # As in the scores themselves, none in n is less than one in n + 1.
    off = [log10(max(value, 1 / (of + 1)) * CHECKED_AT) for value in (rate.value, rate.low, rate.high)]
    value, ends = abs(off[0]), sorted(abs(one) for one in off[1:])
    low = 0.0 if off[1] <= 0 <= off[2] else ends[0]
    return Metric(name="miscalibration", value=value, low=min(low, value), high=max(ends[1], value))


def _judged(panel: Panel, frame: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    judged = panel.judge(frame).select("person", "day", TOGETHER).with_columns(frame["stage"])
    return judged.filter(pl.col("day").is_between(first, last))
