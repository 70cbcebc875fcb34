"""Days with what people decided of them, gathered from person-days for a model to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from core.label import Label
from models.panel import Frames, Panel, with_said
from models.supervised import LABEL
from models.table import Sample, staying

SAMPLE = 30_000
"""Days that nobody spoke of, to learn from and to be tried on; and as many to tell what scores mean."""
BY_MODEL = 0.5
"""How much a label counts that nobody would have given but for a model: it must not confirm itself."""


@dataclass(frozen=True, slots=True)
class Taught:
    """Days with labels and with what each detector of a panel says: all that people spoke of, and of the `eligible`
    others a sample. `calm` is a sample of those after the detectors learned, of people who stay."""

    days: pl.DataFrame
    calm: pl.DataFrame
    eligible: int


def gathered(
    panel: Panel, frames: Frames, labels: Sequence[Label], learn_until: date, until: date, seed: int = 0
) -> Taught:
    """What the days to the second date teach. Each frame has all days of some persons; one is in memory at a time.

    A day within a label has it. Of one day on which several agree that it was no incident, one says so; an incident
    outweighs what was found in order. What was not decided teaches nothing, and so does whatever a person does from the
    day on when somebody knew (`Label.taught`), unless it is a label of its own."""
    table, since = _days_of(labels), _silent_since(labels)
    spoken: list[pl.DataFrame] = []
    sampled, calm = Sample(SAMPLE, seed), Sample(SAMPLE, seed)
    eligible = 0
    for frame in frames():
        heard = with_said(frame, panel.said(frame)).filter(pl.col("day") <= until)
        known = heard.join(table, on=["person", "day"], how="left", maintain_order="left")
        silent = pl.col("person").replace_strict(since, default=None, return_dtype=pl.Date)
        plain = known.filter(pl.col("named").is_null() & (silent.is_null() | (pl.col("day") < silent))).drop("named")
        spoken.append(known.filter(pl.col(LABEL).is_not_null()).drop("named"))
        eligible += plain.height
        sampled.add(plain)
        calm.add(staying(plain).filter(pl.col("day") > learn_until))
    rest, quiet = sampled.rows(), calm.rows()
    days = pl.concat([*spoken, rest]).sort("person", "day") if spoken else rest
    return Taught(days, quiet.drop(LABEL, strict=False), eligible)


def _days_of(labels: Sequence[Label]) -> pl.DataFrame:
    """Each day that somebody named, once, with its label; null where nobody decided it."""
    rows = [
        (one.person, one.first + timedelta(days=number), _sure(one))
        for one in labels
        for number in range((_last(one) - one.first).days + 1)
    ]
    named = pl.DataFrame(rows, schema={"person": pl.String, "day": pl.Date, LABEL: pl.Float64}, orient="row")
    guilty, benign = pl.col(LABEL).filter(pl.col(LABEL) > 0).max(), pl.col(LABEL).filter(pl.col(LABEL) < 0).min()
    return named.group_by("person", "day").agg(pl.coalesce(guilty, benign).alias(LABEL), pl.lit(True).alias("named"))


def _last(label: Label) -> date:
    """An undecided case says nothing of any of its days; of a decided one those teach by which nobody knew."""
    return label.last if label.guilty is None else min(label.last, label.taught)


def _sure(label: Label) -> float | None:
    if label.guilty is None:
        return None
    return (1.0 if label.guilty else -1.0) * (BY_MODEL if label.by_model else 1.0)


def _silent_since(labels: Sequence[Label]) -> dict[str, date]:
    since: dict[str, date] = {}
    for one in labels:
        day = one.taught + timedelta(days=1)
        since[one.person] = min(day, since.get(one.person, day))
    return since
