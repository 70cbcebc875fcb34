"""What is usual for each person on each kind of day, as it was when learned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from core.errors import Refused
from models.detector import MAD_TO_SIGMA, MEAN_TO_SIGMA
from models.features import STEPS
from models.hows import CLASSES
from models.kinds import KINDS
from models.table import MOST, Floats, Ints, features_of, same_features, staying, with_keys

NEEDS = ("person", "day", "department", "title", "stage", "kind", "events")
DAYS = 60
"""Days with events, of the same kind, that a person's usual is made of."""
LAG = 14
"""Days before the end of learning, or before notice or suspicion, that do not count: who is about to steal may have
begun."""
STEPS_A_DAY = 10.0
"""Steps from one class of actions that a day counts for at most: no day makes a person's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """Of persons, in their order, the post held last; and of each person and kind of day (numbers of `persons` and of
    `KINDS`) that has any: how many days counted, and of each feature the median, the spread, and the mean of the older
    or the newer half, whichever is lower, so that what grew while it was learned does not hide in it. Compressed; not a
    number where never known. `steps`: how often each class of actions followed each (`STEPS`, where the features have
    them), as far as they count."""

    names: tuple[str, ...]
    persons: tuple[str, ...]
    posts: tuple[tuple[str, str], ...]
    person: Ints
    kind: Ints
    days: Ints
    centre: Floats
    low: Floats
    spread: Floats
    steps: Floats

    def of_kind(self, kind: int) -> Usual:
        """Only what is of one kind of day."""
        rows = self.kind == kind
        tables = ("person", "kind", "days", "centre", "low", "spread", "steps")
        return replace(self, **{name: getattr(self, name)[rows] for name in tables})

    def of_features(self, read: Sequence[bool]) -> Usual:
        """Only these features."""
        chosen = np.flatnonzero(read)
        names = tuple(self.names[number] for number in chosen)
        tables = {name: getattr(self, name)[:, chosen] for name in ("centre", "low", "spread")}
        return replace(self, names=names, **tables)


def usual_of(frames: Iterable[pl.DataFrame], until: date | None = None) -> Usual:
    """Of person-days, a frame at a time, each with all days of some persons, up to a day: by default each frame's last.
    Raises `Refused` where a person's days are in two frames, where frames differ in their features, or where nobody has
    days that count."""
    names: tuple[str, ...] = ()
    found: list[pl.DataFrame] = []
    for frame in frames:
        with_keys(frame, NEEDS)
        names = names or features_of(frame)
        same_features(frame, names)
        if frame.height:
            found.append(_usual(counted(frame, until or frame["day"].max()), names))  # type: ignore[arg-type]
    if not found or not sum(one.height for one in found):
        raise Refused("there are no person-days to learn from")
    whole = pl.concat(found)
    if (twice := whole.select("person", "kind").is_duplicated()).any():
        raise Refused(f"the days of {whole['person'].filter(twice)[0]} come in two pieces: give each person's at once")
    people = whole.group_by("person").agg(pl.col("post").sort_by("last").last()).sort("person")
    place = pl.int_range(pl.len(), dtype=pl.Int64).alias("place")
    numbers = whole.select("person").join(people.select("person", place), on="person", maintain_order="left")["place"]
    return Usual(
        names=names,
        persons=tuple(people["person"]),
        posts=tuple((post["department"] or "", post["title"] or "") for post in people["post"]),
        person=numbers.to_numpy(),
        kind=whole["kind"].replace_strict(list(KINDS), range(len(KINDS)), return_dtype=pl.Int64).to_numpy(),
        days=whole["days"].cast(pl.Int64).to_numpy(),
        centre=_numbers(whole, "centre", names),
        low=_numbers(whole, "low", names),
        spread=_numbers(whole, "spread", names),
        steps=_numbers(whole, "steps", [name for name in names if name in STEPS]),
    )


def counted(days: pl.DataFrame, until: date) -> pl.DataFrame:
    """The days that say what is usual: with events (a day on which somebody was away is no day of nothing), of people
    who stay, and `LAG` days before the end and before the first day of notice or suspicion."""
    first = pl.col("day").filter(pl.col("stage") != "active").min().over("person").fill_null(until + timedelta(days=1))
    end = pl.min_horizontal(first, pl.lit(until + timedelta(days=1)))
    return staying(days.filter((pl.col("events") > 0) & (pl.col("day") < end.dt.offset_by(f"-{LAG}d"))))


def _usual(days: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    keys = ["person", "kind"]
    values = [_compressed(pl.col(name)).alias(name) for name in names]
    held = days.select(*keys, "day", pl.struct("department", "title").alias("post"), *values, *_steps(names)).sort(
        *keys, "day"
    )
    last = held.group_by(keys, maintain_order=True).tail(DAYS)
    return last.group_by(keys, maintain_order=True).agg(
        pl.len().alias("days"),
        pl.col("day").last().alias("last"),
        pl.col("post").last(),
        *(pl.col(name).median().cast(pl.Float32).alias(f"centre {name}") for name in names),
        *(_low(pl.col(name)).cast(pl.Float32).alias(f"low {name}") for name in names),
        *(_spread(pl.col(name)).cast(pl.Float32).alias(f"spread {name}") for name in names),
        *(pl.col(f"steps {name}").sum().cast(pl.Float32) for name in names if name in STEPS),
    )


def _numbers(whole: pl.DataFrame, what: str, names: Sequence[str]) -> Floats:
    return whole.select(f"{what} {name}" for name in names).to_numpy().reshape(whole.height, -1)


def _compressed(value: pl.Expr) -> pl.Expr:
    """As `models.table.compressed`, null where not known."""
    number = value.cast(pl.Float64).fill_nan(None)
    return (number.sign() * number.abs().log1p()).clip(-MOST, MOST)


def _steps(names: Sequence[str]) -> Iterator[pl.Expr]:
    for start in range(0, len(STEPS), len(CLASSES)):
        some = [name for name in STEPS[start : start + len(CLASSES)] if name in names]
        if not some:
            continue
        most = pl.lit(STEPS_A_DAY) / pl.max_horizontal(pl.lit(STEPS_A_DAY), pl.sum_horizontal(some))
        yield from ((pl.col(name) * most).alias(f"steps {name}") for name in some)


def _low(value: pl.Expr) -> pl.Expr:
    half = (pl.len() + 1) // 2
    return pl.min_horizontal(value.head(half).mean(), value.tail(half).mean())


def _spread(value: pl.Expr) -> pl.Expr:
    """Whoever does a thing on few days has a median deviation of 0 and a mean one that is not."""
    away = (value - value.median()).abs()
    return pl.max_horizontal(MAD_TO_SIGMA * away.median(), MEAN_TO_SIGMA * away.mean())
