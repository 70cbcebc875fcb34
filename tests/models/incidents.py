"""Made-up person-days with incidents that people decided of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from person_days import FIRST, person_days

from core.label import Label, Origin
from models.panel import Frames


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def label(person: str, first: int, last: int | None = None, **more: object) -> Label:
    """A person's days by number, an incident unless said otherwise."""
    end = day(first if last is None else last)
    values = {"guilty": True, "origin": Origin.DECISION, "source": f"case of {person}", "who": "li.na", "taught": end}
    return Label(**{"person": person, "first": day(first), "last": end, **values, **more})  # type: ignore[arg-type]


def company(persons: int = 72, days: int = 60, thieves: int = 18) -> tuple[pl.DataFrame, list[Label]]:
    """People who now and then write very many mails, which is nothing, and some who on one or two days of theirs delete
    and look into new folders a little more than others."""
    frame = person_days(persons, days)
    chance = np.random.default_rng(8)
    loud = pl.Series(chance.random(frame.height) < 0.04)
    frame = frame.with_columns(pl.when(loud).then(pl.col("mails") * 30 + 100).otherwise("mails").alias("mails"))
    labels = [
        label(f"p{number:03}", first := 6 + number * 38 // thieves, first + number % 2) for number in range(thieves)
    ]
    for one in labels:
        there = (pl.col("person") == one.person) & pl.col("day").is_between(one.first, one.last)
        frame = frame.with_columns(
            pl.when(there).then(value).otherwise(pl.col(name)).alias(name)
            for name, value in {"deletes": 1.5, "new_folders": 3.0}.items()
        )
    return frame, labels


def labelled(frame: pl.DataFrame, labels: Sequence[Label]) -> pl.DataFrame:
    """The days with a column of labels."""
    column = pl.lit(None, dtype=pl.Float64)
    for one in labels:
        there = (pl.col("person") == one.person) & pl.col("day").is_between(one.first, one.last)
        column = pl.when(there).then(1.0 if one.guilty else -1.0).otherwise(column)
    return frame.with_columns(column.alias("label"))


def frames_of(days: pl.DataFrame, at_once: int = 20) -> Frames:
    persons = sorted(set(days["person"]))

    def frames() -> Iterable[pl.DataFrame]:
        for start in range(0, len(persons), at_once):
            yield days.filter(pl.col("person").is_in(persons[start : start + at_once]))

    return frames
