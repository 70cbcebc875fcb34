"""Signs of several kinds within the same weeks, of which none says much alone: what makes a stage without HR."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import RuleError
from core.schema import SCHEMA
from detection.behaviours.base import Behaviour, Scene, counted, window_total
from detection.totals import Total, added, together
from detection.windows import TIME


class Sign(BaseModel):
    """What one kind of sign is: at least `least` events of the rules, or distinct values of `field`, or their sum where
    it is a number."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rules: tuple[str, ...] = Field(min_length=1)
    field: str | None = None
    least: float = Field(gt=0, allow_inf_nan=False)

    @property
    def way(self) -> str:
        if self.field is None:
            return "event_count"
        return "value_sum" if SCHEMA[self.field].is_numeric() else "value_count"

    def may_be(self, totals: Mapping[str, Total]) -> bool:
        """Whether somebody with these totals by rule may have it."""
        return together(totals[name] for name in self.rules if name in totals).most(self.field) >= self.least


class Joint(Behaviour):
    """At least `kinds` kinds of sign within `days` days, each beyond its least and `times` what the person had of it at
    the ends of the days of the `history` before: no kind counts alone, however strong.

    From then until `lasts` days later (fact `until`) somebody of whom HR has filed nothing is at the stage
    `pre_departure`.
    """

    limit_by: ClassVar[str] = "kinds"
    type: Literal["joint"]
    signs: Mapping[str, Sign] = Field(min_length=2, max_length=16)
    kinds: int = Field(default=2, ge=2)
    days: int = Field(default=30, ge=1, le=90)
    times: float = Field(default=2, ge=1, allow_inf_nan=False)
    history: int = Field(default=60, ge=7, le=300)
    lasts: int = Field(default=60, ge=1, le=180)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kinds > len(self.signs):
            raise RuleError("behaviour: there are fewer kinds of sign than `kinds`")
        for sign in self.signs.values():
            counted(sign.field)
        return self

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for sign in self.signs.values() for rule in sign.rules))

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(sign.field for sign in self.signs.values() if sign.field)

    @property
    def unit(self) -> str:
        return "kinds"

    @property
    def reach(self) -> int:
        return 2 * self.days + self.history + self.lasts

    @property
    def summed(self) -> tuple[str, ...]:
        return added(sign.field for sign in self.signs.values())

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        return sum(sign.may_be(totals) for sign in self.signs.values()) >= self.kinds

    def find(self, scene: Scene) -> pl.DataFrame:
        span = timedelta(days=self.days)
        signs = pl.concat(self._strong(kind, sign, scene) for kind, sign in self.signs.items())
        signs = signs.sort("person.id", TIME, "event.id", "kind")
        together = window_total(signs, "kind", "value_count", span)
        fired = signs.with_columns(together.alias("observed")).filter(pl.col("observed") >= self.kinds)
        keys = ["person.id", "day"]
        first = fired.group_by(keys, maintain_order=True).agg(
            pl.col(TIME).first().alias("time"), (pl.col(TIME).first() - span).alias("from"), pl.col("observed").first()
        )
        seen = first.join(signs.select("person.id", "kind", pl.col(TIME).alias("at")), on="person.id")
        seen = seen.filter((pl.col("at") > pl.col("from")) & (pl.col("at") <= pl.col("time")))
        told = seen.group_by(keys).agg(pl.col("kind").unique().sort().str.join(", ").alias("signs"))
        until = (pl.col("time") + timedelta(days=self.lasts)).dt.strftime("%Y-%m-%dT%H:%M:%S+00:00").alias("until")
        return first.join(told, on=keys).with_columns(until, pl.lit(self.kinds).alias("limit"))

    def _strong(self, kind: str, sign: Sign, scene: Scene) -> pl.DataFrame:
        """The events at which a kind of sign is there."""
        events = (
            pl.concat(scene.hits[name] for name in sign.rules).unique("event.id").sort("person.id", TIME, "event.id")
        )
        span = timedelta(days=self.days)
        total = window_total(events, sign.field, sign.way, span)
        whole = events.select("person.id", TIME, "event.id", "day").with_columns(total.cast(pl.Float64).alias("total"))
        ends = whole.group_by("person.id", "day").agg(pl.col("total").last())
        # Windows that had ended before this one began.
        past = ends.with_columns(pl.col("day") + span)
        asked = whole.select("person.id", "day").unique().join(past, on=["person.id", "day"], how="full", coalesce=True)
        usual = asked.sort("day").select(
            "person.id",
            "day",
            pl.col("total").rolling_max_by("day", f"{self.history}d", closed="left").over("person.id").alias("usual"),
        )
        joined = whole.join(usual, on=["person.id", "day"], how="left")
        limit = pl.max_horizontal(pl.lit(sign.least), pl.col("usual").fill_null(0.0) * self.times)
        strong = joined.filter(pl.col("total") >= limit)
        return strong.select("person.id", TIME, "event.id", "day", pl.lit(kind).alias("kind"))
