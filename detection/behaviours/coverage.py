"""How much of the book of customers somebody has touched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from detection.behaviours.base import FOUND, Behaviour, Scene, told_apart, window_total
from detection.behaviours.company import months_after
from detection.totals import Total, together
from detection.windows import TIME


class Coverage(Behaviour):
    """Within `days` days the person touched at least `least` values of `field`, and at least `share` of the book: the
    values that anybody touched in the `book` days before the month began. A window that held at the end of the person's
    day before is not told again.

    The book is that of the month, so that an answer does not change with every event of others; without events before
    the month there is no book, and nothing is said. The fact `others` counts the values whose owner the log names and
    the person is not.
    """

    limit_by: ClassVar[str] = "least"
    type: Literal["coverage"]
    rules: tuple[str, ...] = Field(min_length=1)
    field: str = "crm.record_id"
    share: float = Field(gt=0, le=1)
    least: int = Field(default=100, ge=2)
    days: int = Field(default=30, ge=1, le=90)
    book: int = Field(default=90, ge=7, le=400)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        told_apart(self.field)
        return self

    @property
    def bases(self) -> tuple[str, ...]:
        return self.rules

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({self.field, "data.owner", "user.id", "user.email", "user.name"})

    @property
    def unit(self) -> str:
        return self.field

    @property
    def reach(self) -> int:
        # Whether the day before held depends on its own window.
        return 3 * self.days

    def bears(self, first: date, last: date) -> tuple[date, date]:
        return months_after(first, last, self.book)

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        return together(totals.values()).events >= self.least

    def find(self, scene: Scene) -> pl.DataFrame:
        span = timedelta(days=self.days)
        events = scene.events.filter(pl.col(self.field).is_not_null())
        total = window_total(events, self.field, "value_count", span)
        counted = events.with_columns(total.alias("observed"))
        many = counted.filter(pl.col("observed") >= self.least)
        months = many.select(pl.col("day").dt.truncate("1mo").alias("month")).unique()["month"].sort().to_list()
        known = pl.DataFrame(
            [(month, self._known(scene, month)) for month in months],
            schema={"month": pl.Date(), "known": pl.Int64()},
            orient="row",
        )
        limited = counted.with_columns(pl.col("day").dt.truncate("1mo").alias("month")).join(
            known, on="month", how="left", maintain_order="left"
        )
        limit = pl.max_horizontal(pl.lit(float(self.least)), pl.col("known") * self.share)
        judged = limited.with_columns(
            limit.alias("limit"), ((pl.col("observed") >= limit) & (pl.col("known") > 0)).alias("holds")
        )
        keys = ["person.id", "day"]
        ends = judged.group_by(keys).agg(pl.col("holds").last().fill_null(False).alias("held")).sort("day")
        ends = ends.with_columns(pl.col("held").shift(1).over("person.id").fill_null(False).alias("held before"))
        fired = judged.join(ends, on=keys, maintain_order="left").filter(pl.col("holds") & ~pl.col("held before"))
        found = fired.group_by(keys, maintain_order=True).agg(
            pl.col(TIME).first().alias("time"),
            (pl.col(TIME).first() - span).alias("from"),
            pl.col("observed").first(),
            pl.col("limit").first(),
            pl.col("known").first(),
        )
        whose = ~pl.any_horizontal(
            pl.col("data.owner") == pl.col(name) for name in ("user.id", "user.email", "user.name")
        )
        strange = events.filter(pl.col("data.owner").is_not_null() & whose.fill_null(True))
        seen = found.join(strange.select("person.id", self.field, pl.col(TIME).alias("at")), on="person.id")
        seen = seen.filter((pl.col("at") > pl.col("from")) & (pl.col("at") <= pl.col("time")))
        others = seen.group_by(keys).agg(pl.col(self.field).n_unique().alias("others"))
        share = (pl.col("observed") / pl.col("known") * 100).round(1).alias("share")
        return (
            found.with_columns(share)
            .join(others, on=keys, how="left", maintain_order="left")
            .select(*FOUND, "observed", "limit", "known", "share", "others")
        )

    def _known(self, scene: Scene, month: date) -> int:
        return scene.company.distinct(
            self.rules, self.field, month - timedelta(days=self.book), month - timedelta(days=1)
        )
