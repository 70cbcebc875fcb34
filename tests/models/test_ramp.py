"""Whoever leads what is usual along slowly is found all the same."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from person_days import FIRST, person_days

from models.cumulative import Cumulative
from models.deviation import Past
from models.groups import groups_of
from models.usual import usual_of

PERSONS, DAYS, LEARNED = 120, 150, 100
END = FIRST + timedelta(days=LEARNED)
THIEVES = [f"p{number:03}" for number in range(0, PERSONS, 10)]
RAMP, MORE = 60, 5.0
"""Days over which a thief comes to do so many times as much; all of them are among those that are learned from."""


def ramped() -> pl.DataFrame:
    """From the sixtieth day before the end of learning on, thieves do more every day, and afterwards as much."""
    days = person_days(PERSONS, DAYS)
    done = ((pl.col("day") - (END - timedelta(days=RAMP))).dt.total_days() / RAMP).clip(0, 1)
    more = pl.when(pl.col("person").is_in(THIEVES)).then(1 + done * (MORE - 1)).otherwise(1.0)
    return days.with_columns((pl.col(name) * more).round() for name in ("mails", "events"))


def test_a_ramp_of_sixty_days_inside_what_was_learned_is_found_in_four_of_five() -> None:
    days = ramped()
    learned = usual_of([days.filter(pl.col("day") < END)], END - timedelta(days=1))
    scores = days.with_columns(score=Cumulative().learn(Past(learned, groups_of(learned), days)).score_samples(days))
    guilty = pl.col("person").is_in(THIEVES)
    limit = scores.filter(~guilty & (pl.col("day") >= END))["score"].quantile(0.999)
    found = scores.filter(guilty & (pl.col("day") >= END - timedelta(days=RAMP)) & (pl.col("score") > limit))
    assert found["person"].n_unique() >= 0.8 * len(THIEVES)
    days = found.group_by("person").len()["len"]
    assert days.max() <= 12, "told when it has grown, not on every day of the ramp and of what stays as high"  # type: ignore[operator]
