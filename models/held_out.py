"""What a panel says of days that it has not seen, kept as small as what is asked of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from core.calendar import CompanyCalendar
from core.errors import Refused
from core.person import Stage
from core.schema import TIME
from models.budget import SCORES, Deed, records
from models.evaluate import CHECKED_AT
from models.panel import TOGETHER, Panel, magnitude

PEOPLE: dict[str, pl.DataType] = {
    "person": pl.String(),
    "department": pl.String(),
    "title": pl.String(),
    "hours": pl.Float64(),
}
FINDING = ("person", "at", "stage", TOGETHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """`scores`: what the panel said together, as `models.budget.records` keeps it, a day's at its end. `findings`: its
    days with events (`FINDING` and each detector, in one of how many) that are at least as rare as was asked for.
    `without`: the scores with each detector left out, by its name. `people`: `PEOPLE`, one row each, `hours` with
    events in a week that has any. `rare`: of the days that each detector and all together scored, of people who stay
    and have done nothing, how many they called one in `CHECKED_AT` or rarer, and how many there were."""

    scores: pl.DataFrame
    findings: pl.DataFrame
    without: Mapping[str, pl.DataFrame]
    people: pl.DataFrame
    rare: Mapping[str, tuple[int, int]]


def held_out(
    panel: Panel,
    frames: Iterable[pl.DataFrame],
    first: date,
    last: date,
    *,
    deeds: Collection[Deed] = (),
    calendar: CompanyCalendar,
    rarer_than: float,
) -> HeldOut:
    """Judge the days from `first` to `last`; a frame holds some persons whole, with days before those too, and one is
    in memory at a time. Raises `Refused` where there are no such days."""
    parts = [_part(panel, frame, first, last, deeds, calendar, rarer_than) for frame in frames]
    parts = [part for part in parts if part.people.height]
    if not parts:
        raise Refused(f"there are no person-days from {first} to {last} to evaluate on")
    return HeldOut(
        scores=pl.concat(part.scores for part in parts),
        findings=pl.concat(part.findings for part in parts),
        without={name: pl.concat(part.without[name] for part in parts) for name in parts[0].without},
        people=pl.concat(part.people for part in parts),
        rare={name: _sums(part.rare[name] for part in parts) for name in parts[0].rare},
    )


def _part(
    panel: Panel,
    frame: pl.DataFrame,
    first: date,
    last: date,
    deeds: Collection[Deed],
    calendar: CompanyCalendar,
    rarer_than: float,
) -> HeldOut:
    asked = frame.filter(pl.col("day") >= first)
    judged = panel.judge(frame, first).with_columns(asked["stage"], asked["events"]).filter(pl.col("day") <= last)
    ends = {day: calendar.end_of(day) - timedelta(microseconds=1) for day in judged["day"].unique()}
    judged = judged.with_columns(pl.col("day").replace_strict(ends, return_dtype=TIME).alias("at"))
    known = judged.filter(pl.col(TOGETHER).is_not_null())
    guilty = [deed.person for deed in deeds]
    usual = judged.filter((pl.col("stage") == Stage.ACTIVE.value) & ~pl.col("person").is_in(guilty))
    return HeldOut(
        scores=records(known.select("person", "at", pl.col(TOGETHER).alias("score")), deeds),
        findings=known.filter(pl.col(TOGETHER) >= rarer_than, pl.col("events") > 0).select(*FINDING, *panel.detectors),
        without={name: records(_without(judged, panel.detectors, name), deeds) for name in panel.detectors},
        people=_people(frame).filter(pl.col("person").is_in(judged["person"].unique().to_list())),
        rare={
            name: (int((usual[name] >= CHECKED_AT).sum()), usual[name].count()) for name in (*panel.detectors, TOGETHER)
        },
    )


def _sums(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    rare, of = zip(*pairs, strict=True)
    return sum(rare), sum(of)


def _without(judged: pl.DataFrame, detectors: Iterable[str], left_out: str) -> pl.DataFrame:
    """What the other detectors say together. It is not calibrated again, which would change no order."""
    others: Sequence[str] = [name for name in detectors if name != left_out]
    score = magnitude({name: judged[name].to_numpy() for name in others}) if others else np.full(judged.height, np.nan)
    scores = judged.select("person", "at").with_columns(pl.Series("score", score, dtype=pl.Float64, nan_to_null=True))
    return scores.drop_nulls().select(*SCORES)


def _people(frame: pl.DataFrame) -> pl.DataFrame:
    seen = frame.sort("person", "day").with_columns(pl.col("day").dt.truncate("1w").alias("week"))
    weeks = pl.col("week").filter(pl.col("events") > 0).n_unique()
    return (
        seen.group_by("person", maintain_order=True)
        .agg(
            pl.col("department").last(),
            pl.col("title").last(),
            (pl.col("active_hours").sum() / weeks).alias("hours"),
        )
        .with_columns(pl.col("hours").fill_nan(None))
        .select(pl.col(name).cast(dtype) for name, dtype in PEOPLE.items())
    )
