"""What each person's days are like: one row a person, however many days, and all that is kept of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from core.errors import Refused
from models.detector import MAD_TO_SIGMA, MEAN_TO_SIGMA
from models.table import MOST, Floats, Ints, features_of, same_features, staying, with_keys

NEEDS = ("person", "day", "department", "title", "stage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Of each person, in their order: how many days were seen, the post held last, and of each feature the median, the
    mean and the spread, compressed, not a number where it was never known."""

    names: tuple[str, ...]
    persons: tuple[str, ...]
    posts: tuple[tuple[str, str], ...]
    days: Ints
    centre: Floats
    mean: Floats
    spread: Floats


def habits_of(frames: Iterable[pl.DataFrame]) -> Habits:
    """Of person-days of people who stay, a frame at a time. Raises `Refused` where a person's days are in two frames,
    or where frames differ in their features."""
    names: tuple[str, ...] = ()
    found: list[pl.DataFrame] = []
    for frame in frames:
        with_keys(frame, NEEDS)
        names = names or features_of(frame)
        same_features(frame, names)
        found.append(_habits(staying(frame), names))
    if not found or not sum(one.height for one in found):
        raise Refused("there are no person-days to learn from")
    whole = pl.concat(found)
    if (twice := whole["person"].is_duplicated()).any():
        raise Refused(f"the days of {whole['person'].filter(twice)[0]} come in two pieces: give each person's at once")
    return Habits(
        names=names,
        persons=tuple(whole["person"]),
        posts=tuple(zip(whole["department"].fill_null(""), whole["title"].fill_null(""), strict=True)),
        days=whole["days"].cast(pl.Int64).to_numpy(),
        centre=whole.select(f"centre {name}" for name in names).to_numpy().astype(np.float32),
        mean=whole.select(f"mean {name}" for name in names).to_numpy().astype(np.float32),
        spread=whole.select(f"spread {name}" for name in names).to_numpy().astype(np.float32),
    )


def _habits(days: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    keys = ["person", "day", "department", "title"]
    values = [_compressed(pl.col(name)).alias(name) for name in names]
    middle = [pl.col(name).median().alias(f"centre {name}") for name in names]
    mean = [pl.col(name).mean().alias(f"mean {name}") for name in names]
    spread = [_spread(pl.col(name)).alias(f"spread {name}") for name in names]
    last = [pl.col(key).sort_by("day").last() for key in ("department", "title")]
    held = days.select(*(pl.col(key) for key in keys), *values)
    return held.group_by("person").agg(pl.len().alias("days"), *last, *middle, *mean, *spread).sort("person")


def _compressed(value: pl.Expr) -> pl.Expr:
    """As `models.table.compressed`, null where not known."""
    number = value.cast(pl.Float64).fill_nan(None)
    return (number.sign() * number.abs().log1p()).clip(-MOST, MOST)


def _spread(value: pl.Expr) -> pl.Expr:
    """Whoever does a thing on few days has a median deviation of 0 and a mean one that is not."""
    away = (value - value.median()).abs()
    return pl.max_horizontal(MAD_TO_SIGMA * away.median(), MEAN_TO_SIGMA * away.mean())
