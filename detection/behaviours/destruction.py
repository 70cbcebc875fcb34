"""What was destroyed and not put back, with what there is to restore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from detection.behaviours.base import FOUND, Behaviour, Scene
from detection.totals import Total, together
from detection.windows import STAGE_THEN, TIME

LISTED = 20
"""How many of the objects stand in the facts; all of them are read back from the store when asked for."""
SPOILT = 3
OBJECT = ("file.path", "crm.record_id")


class Destruction(Behaviour):
    """Within a company day `objects` or more went (rules `gone`) and had not come back (`back`) when it ended, more
    than `times` the person's worst day of the `history` days before; days after a notice are not usual.

    An object is a file by its path or a record by its id and goes once; an event that names none counts its
    `data.records`. A file that was `overwritten` is gone where its last size that day is at most `shrink` of the
    largest before; the fact `spoilt` counts these. `final` are rules of what can no longer be undone by the person,
    such as an emptied recycle bin: the fact `final` counts them, and each is as much as `weight` objects.
    """

    limit_by: ClassVar[str] = "objects"
    type: Literal["destruction"]
    gone: tuple[str, ...] = Field(min_length=1)
    back: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()
    shrink: float = Field(default=0.1, gt=0, lt=1)
    objects: int = Field(ge=2)
    weight: int = Field(default=1, ge=1, le=100)
    times: float = Field(default=3, gt=1, allow_inf_nan=False)
    history: int = Field(default=60, ge=7, le=300)

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.gone, *self.back, *self.final, *self.overwritten)))

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({*OBJECT, "data.records", "file.size"})

    @property
    def unit(self) -> str:
        return "objects"

    @property
    def reach(self) -> int:
        return self.history

    @property
    def window(self) -> int:
        return 0

    @property
    def summed(self) -> tuple[str, ...]:
        return ("data.records",)

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        gone = together(totals[name] for name in self.gone if name in totals)
        spoilt = sum(totals[name].events for name in self.overwritten if name in totals)
        final = sum(totals[name].events for name in self.final if name in totals)
        return gone.events + gone.sums.get("data.records", 0) + spoilt + self.weight * final >= self.objects

    def find(self, scene: Scene) -> pl.DataFrame:
        events = self.gone_on(scene)
        days = events.group_by("person.id", "day").agg(
            pl.col("counts").sum().alias("gone"), (pl.col(STAGE_THEN).last() == "active").fill_null(True).alias("quiet")
        )
        if scene.past:
            before = [] if scene.past.days is None else [scene.past.days]
            fresh = days.filter(pl.col("day") >= scene.past.since) if before else days
            scene.past.days = days = pl.concat([*(frame.select(fresh.columns) for frame in before), fresh])
        if not days.height:
            return pl.DataFrame(schema=FOUND)
        judged = self._limits(days).filter(pl.col("gone") >= pl.col("limit"))
        keys = ["person.id", "day"]
        inside = events.join(judged.select(*keys, "limit", "own_usual"), on=keys, maintain_order="left")
        reached = inside.with_columns(pl.col("counts").cum_sum().over(keys).alias("so far"))
        name = pl.coalesce(OBJECT)
        return reached.group_by(keys, maintain_order=True).agg(
            pl.col(TIME).filter(pl.col("so far") >= pl.col("limit")).first().alias("time"),
            pl.col(TIME).first().alias("from"),
            pl.col("counts").sum().alias("observed"),
            pl.col("limit").first(),
            pl.col("own_usual").first(),
            name.drop_nulls().n_unique().alias("objects"),
            pl.col("final").sum(),
            pl.col("spoilt").sum(),
            name.drop_nulls().unique(maintain_order=True).head(LISTED).str.join("\n").alias("restore"),
        )

    def gone_on(self, scene: Scene) -> pl.DataFrame:
        """The events by which something went that was still gone when the day ended, one per object, with what each
        counts, in order."""
        parts = [(names, way) for names, way in ((self.gone, 0), (self.back, 1), (self.final, 2)) if names]
        each = [(pl.concat(scene.hits[name] for name in names).unique("event.id"), way) for names, way in parts]
        if self.overwritten:
            each.append((self._spoilt(pl.concat(scene.hits[name] for name in self.overwritten)), SPOILT))
        rows = pl.concat(frame.with_columns(pl.lit(way).alias("way")) for frame, way in each)
        rows = rows.sort(TIME, "event.id", "way")
        name = pl.coalesce(OBJECT)
        object_of = ["person.id", "day", "name"]
        named = rows.with_columns(name.alias("name"))
        kept = named.filter(pl.col("name").is_not_null() & (pl.col("way") != 2))
        kept = kept.filter(pl.col("way").last().over(object_of) != 1).unique(
            object_of, keep="last", maintain_order=True
        )
        bulk = named.filter(pl.col("name").is_null() & (pl.col("way") == 0))
        final = named.filter(pl.col("way") == 2)
        counts = (
            pl.when(pl.col("way") == 2)
            .then(pl.lit(self.weight))
            .otherwise(pl.when(pl.col("name").is_null()).then(pl.col("data.records").fill_null(1)).otherwise(1))
        )
        whole = pl.concat([kept, bulk, final]).sort("person.id", TIME, "event.id", "way")
        return whole.with_columns(
            counts.cast(pl.Int64).alias("counts"),
            (pl.col("way") == 2).alias("final"),
            (pl.col("way") == SPOILT).alias("spoilt"),
        )

    def _spoilt(self, written: pl.DataFrame) -> pl.DataFrame:
        """The last change of each file on a day, where next to nothing is left of it."""
        of_day = ["person.id", "day", "file.path"]
        sized = written.unique("event.id").filter(pl.col("file.path").is_not_null() & pl.col("file.size").is_not_null())
        sized = sized.sort(TIME, "event.id").with_columns(pl.col("file.size").max().over(of_day).alias("most"))
        last = sized.unique(of_day, keep="last", maintain_order=True)
        return last.filter((pl.col("file.size") <= self.shrink * pl.col("most")) & (pl.col("most") > 0)).drop("most")

    def _limits(self, days: pl.DataFrame) -> pl.DataFrame:
        """Each day with the worst quiet day before it, and what it is held to."""
        quiet = pl.when(pl.col("quiet")).then(pl.col("gone"))
        ordered = days.sort("person.id", "day").with_columns(
            quiet.rolling_max_by("day", f"{self.history}d", closed="left").over("person.id").alias("own_usual")
        )
        limit = pl.max_horizontal(pl.lit(float(self.objects)), pl.col("own_usual") * self.times)
        return ordered.with_columns(limit.alias("limit"))
