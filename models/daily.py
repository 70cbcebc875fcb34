"""Events become days: what each person-day holds, small enough to keep many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from models.events import CODES, REMEMBERED, values
from models.features import FEATURES
from models.hows import Count, Distinct, Total
from models.stable import numbers_of

KEYS = ("who", "day")
WHOLE = pl.Int64()
COUNTED: dict[str, Count | Total] = {f.name: f.how for f in FEATURES if isinstance(f.how, Count | Total)}
ONCE = tuple(f.how.kind for f in FEATURES if isinstance(f.how, Distinct))
MICRO = 1_000_000
"""Parts of a bit that logarithms are rounded to, so that sums of them are exact."""
ACTIONS = len(CODES)


@dataclass(frozen=True, slots=True)
class Daily:
    """What some persons' days with events hold, in whole numbers; each frame has one row per `who`, `day` and the rest
    of its key. `days`: features that are counted, and whether it was a day off; `values`: (kind, value) remembered;
    `slots`: (hour) events, and of how many days they are, where several were added up; `steps`: (step) from action to
    action."""

    days: pl.DataFrame
    values: pl.DataFrame
    slots: pl.DataFrame
    steps: pl.DataFrame

    @classmethod
    def together(cls, parts: Sequence[Daily]) -> Daily:
        """Days of several parts, none of them in two; in order."""
        empty = Daily(*(pl.DataFrame(schema=schema) for schema in _SCHEMAS))
        whole = [empty, *parts]
        return cls(
            pl.concat([part.days for part in whole]).sort(KEYS),
            pl.concat([part.values for part in whole]).sort("who", "kind", "value", "day"),
            pl.concat([part.slots for part in whole]).sort("who", "slot", "day"),
            pl.concat([part.steps for part in whole]).sort("who", "step", "day"),
        )


_SCHEMAS: tuple[dict[str, pl.DataType], ...] = (
    dict.fromkeys((*KEYS, "off", "mixed", *COUNTED, *ONCE), WHOLE),
    dict.fromkeys((*KEYS, "kind"), WHOLE) | {"value": pl.UInt64()},
    dict.fromkeys((*KEYS, "slot", "n", "days"), WHOLE),
    dict.fromkeys((*KEYS, "step", "n"), WHOLE),
)


def daily(events: pl.DataFrame) -> Daily:
    """The days of events that `models.events.marked` gave; every one of them is there whole."""
    texts = events.select(value.alias(kind) for kind, value in values().items())
    rows = events.select(
        *KEYS,
        "@timestamp",
        "event.id",
        "slot",
        "code",
        "off",
        *(_counted(how).alias(name) for name, how in COUNTED.items()),
        *(_number(texts[kind]).alias(f"value {kind}") for kind in texts.columns),
        *(texts[kind].is_not_null().alias(f"there {kind}") for kind in texts.columns),
    )
    kept = [
        rows.filter(pl.col(f"there {kind}"))
        .select(*KEYS, pl.lit(place, WHOLE).alias("kind"), pl.col(f"value {kind}").alias("value"))
        .unique()
        for place, kind in enumerate(REMEMBERED)
    ]
    once = [pl.col(f"value {kind}").filter(pl.col(f"there {kind}")).n_unique().cast(WHOLE).alias(kind) for kind in ONCE]
    days = rows.group_by(KEYS).agg(pl.col("off").first().cast(WHOLE), *(pl.col(name).sum() for name in COUNTED), *once)
    mixed = _mixed(rows)
    return Daily(
        days.join(mixed, on=KEYS).select(*_SCHEMAS[0]),
        pl.concat(kept),
        rows.group_by(*KEYS, "slot").agg(pl.len().cast(WHOLE).alias("n"), pl.lit(1, WHOLE).alias("days")),
        _steps(rows),
    )


def _number(texts: pl.Series) -> pl.Series:
    """Of values that are kept from day to day the number is the same for ever."""
    return numbers_of(texts) if texts.name in REMEMBERED else texts.hash()


def _counted(how: Count | Total) -> pl.Expr:
    """What an event counts for."""
    when = pl.lit(True)
    if how.actions:
        when &= pl.col("code").is_in([CODES[name] for name in how.actions])
    if how.mark:
        when &= pl.col(how.mark)
    if isinstance(how, Total):
        return pl.when(when & ~pl.col("failed")).then(pl.col(how.field)).otherwise(0)
    if how.actions and how.actions != ("login_failed",):
        when &= ~pl.col("failed")
    return when.cast(WHOLE)


def _mixed(rows: pl.DataFrame) -> pl.DataFrame:
    """`mixed`: the entropy of the day's actions, in parts of a bit."""
    each = rows.group_by(*KEYS, "code").agg(pl.len().alias("n"))
    share = pl.col("n") / pl.col("n").sum().over(KEYS)
    bits = (-share * share.log(2) * MICRO).round().cast(WHOLE)
    return each.with_columns(bits.alias("mixed")).group_by(KEYS).agg(pl.col("mixed").sum())


def _steps(rows: pl.DataFrame) -> pl.DataFrame:
    """How often the day goes from one action to another, in the order of (@timestamp, event.id)."""
    ordered = rows.select(*KEYS, "@timestamp", "event.id", "code").sort("who", "@timestamp", "event.id")
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in KEYS)
    step = (pl.col("code").shift(1) * ACTIONS + pl.col("code")).alias("step")
    steps = ordered.with_columns(step, same.alias("same")).filter(pl.col("same"))
    return steps.group_by(*KEYS, "step").agg(pl.len().cast(WHOLE).alias("n"))
