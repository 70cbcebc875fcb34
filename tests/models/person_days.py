"""Made-up person-days of the shape that features have: people with habits of their own, in two departments."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from models.features import STEPS

FIRST = date(2026, 1, 5)
NAMES = ("exports", "records", "mails", "off_hours_share", "new_folders", "deletes", "events")


def person_days(persons: int = 24, days: int = 60, seed: int = 3) -> pl.DataFrame:
    """One row a person and day; exports are rare, deletes rarer, shares sometimes not known."""
    chance = np.random.default_rng(seed)
    level = np.repeat(chance.uniform(0.5, 3.0, persons), days)
    n = persons * days
    active = chance.random(n) < 0.3
    values = {
        "exports": np.where(active, chance.poisson(2 * level), 0),
        "records": np.where(active, chance.poisson(40 * level), 0),
        "mails": chance.poisson(12 * level),
        "off_hours_share": np.where(chance.random(n) < 0.1, np.nan, chance.beta(1, 9, n)),
        "new_folders": chance.poisson(0.5, n),
        "deletes": np.where(chance.random(n) < 0.02, 1, 0),
    }
    values["events"] = values["exports"] + values["mails"] + values["deletes"] + chance.poisson(30 * level)
    steps = {name: chance.poisson(2 + number % 5, n) for number, name in enumerate(STEPS)}
    return pl.DataFrame(
        {
            "person": np.repeat([f"p{number:03}" for number in range(persons)], days),
            "day": [FIRST + timedelta(days=day) for day in range(days)] * persons,
            "department": np.repeat(["Sales" if number % 2 else "研发" for number in range(persons)], days),
            "title": np.repeat([f"Post {number % 4}" for number in range(persons)], days),
            "stage": ["active"] * n,
            "kind": ["working"] * n,
            **{name: values[name].astype(float) for name in NAMES},
            **{name: steps[name].astype(float) for name in STEPS},
        }
    ).with_columns(pl.col("off_hours_share").fill_nan(None))


def changed(days: pl.DataFrame, person: str, since: int, **values: float) -> pl.DataFrame:
    """The same, but from a day on one person does so much."""
    there = (pl.col("person") == person) & (pl.col("day") >= FIRST + timedelta(days=since))
    return days.with_columns(
        pl.when(there).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()
    )


def rows_of(days: pl.DataFrame, person: str, since: int = 0) -> list[int]:
    there = (pl.col("person") == person) & (pl.col("day") >= FIRST + timedelta(days=since))
    return days.with_row_index("row").filter(there)["row"].to_list()
