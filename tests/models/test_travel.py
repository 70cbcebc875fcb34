"""Whoever travels as colleagues do is not odd for it, the first time either."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
from person_days import FIRST, person_days

from models.panel import TOGETHER, Panel

PERSONS, DAYS, LEARNED, CALIBRATED = 60, 120, 70, 95
TRIP, TRIPS = 4, 2
"""Days of a trip, and how many each traveller has while models learn."""
HOMEBODIES = [f"p{number:03}" for number in range(0, PERSONS, 6)]
"""They travel for the first time when models judge."""


def travelled() -> tuple[pl.DataFrame, pl.Series]:
    """On a trip people are seen from elsewhere, later in the day and doing less; now and then somebody has a lot to do,
    wherever. And which days are of trips."""
    days = person_days(PERSONS, DAYS, seed=11)
    chance = np.random.default_rng(5)
    trips = {
        (person, int(start) + day)
        for person in days["person"].unique().sort()
        for start in [
            *([] if person in HOMEBODIES else chance.integers(0, CALIBRATED - TRIP, TRIPS)),
            chance.integers(CALIBRATED, DAYS - TRIP),
        ]
        for day in range(TRIP)
    }
    number = (days["day"] - FIRST).dt.total_days().to_list()
    away = pl.Series([one in trips for one in zip(days["person"], number, strict=True)])
    elsewhere = pl.Series(chance.integers(1, 3, days.height).astype(float))
    busy = pl.Series(np.where(chance.random(days.height) < 0.02, chance.uniform(5, 30, days.height), 1.0))
    late = pl.Series(chance.beta(2, 8, days.height))
    return days.with_columns(
        addresses=pl.when(away).then(elsewhere).otherwise(1.0),
        new_addresses=pl.when(away).then(elsewhere).otherwise(0.0),
        off_hours_share=pl.when(away).then(late).otherwise("off_hours_share"),
        exports=(pl.col("exports") * busy).round(),
        records=(pl.col("records") * busy).round(),
        deletes=(pl.col("deletes") * busy).round(),
        new_folders=(pl.col("new_folders") * busy).round(),
        mails=pl.when(away).then((pl.col("mails") * 0.7).round()).otherwise("mails"),
    ), away


def test_hardly_any_day_of_a_trip_is_told_of_the_first_trip_no_more() -> None:
    days, away = travelled()
    panel = Panel.learn(
        lambda: [days], FIRST + timedelta(days=LEARNED - 1), FIRST + timedelta(days=CALIBRATED - 1), seed=0
    )
    since = FIRST + timedelta(days=CALIBRATED)
    judged = panel.judge(days, since).with_columns(away=away.filter(days["day"] >= since))
    of_trips = judged.filter("away")
    assert of_trips.height == PERSONS * TRIP, "a sixth of all days, twice as many as were learned from"
    first = of_trips.filter(pl.col("person").is_in(HOMEBODIES))
    for name in ("own", "peers", "cumulative"):
        assert (of_trips[name] >= 300).mean() <= 0.03, name
        assert (first[name] >= 300).mean() <= 0.05, name
    assert (of_trips[TOGETHER] >= 300).mean() <= 0.06
    assert (first[TOGETHER] >= 300).mean() <= 0.06
