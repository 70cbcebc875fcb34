"""Collect, disguise, take out, cover up: steps that the same files go through, whatever they are called meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from core.errors import RuleError
from detection.behaviours.base import FOUND, Behaviour, Scene, window_total
from detection.totals import Total, together
from detection.windows import TIME

NAMES = {"person.id": pl.String(), "name": pl.String(), TIME: pl.Datetime("us", "UTC"), "root": pl.String()}
LAST_PART = r"([^/\\]+)[/\\]*$"


class Sequence(Behaviour):
    """At least `files` files each went through the steps in `needs`, in that order, within `days` days.

    `steps` names the rules of each step, in the order of the deed. A file is followed across systems by its name
    (the last part of its path, in small letters) and through renames, moves and copies by where these say it went.
    Steps that are not needed are told where they are seen.
    """

    limit_by: ClassVar[str] = "files"
    type: Literal["sequence"]
    steps: Mapping[str, tuple[str, ...]] = Field(min_length=2, max_length=8)
    needs: tuple[str, ...] = Field(min_length=2)
    files: int = Field(default=3, ge=1)
    days: int = Field(default=14, ge=1, le=90)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.needs)) < len(self.needs) or not set(self.needs) <= set(self.steps):
            raise RuleError("behaviour: `needs` names steps, each once")
        if not all(self.steps.values()):
            raise RuleError("behaviour: every step has a rule")
        return self

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for rules in self.steps.values() for rule in rules))

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({"file.path", "file.name", "file.target_path"})

    @property
    def unit(self) -> str:
        return "file.path"

    @property
    def reach(self) -> int:
        return 2 * self.days

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        done = (together(totals[name] for name in self.steps[step] if name in totals) for step in self.needs)
        return all(step.events >= self.files for step in done)

    def find(self, scene: Scene) -> pl.DataFrame:
        rows = self._rows(scene)
        span, groups = timedelta(days=self.days), ["person.id", "root"]
        start = _starts(rows, groups, self.needs)
        whole = rows.with_columns(start.alias("start")).filter(pl.col(TIME) - pl.col("start") < span)
        whole = whole.sort("person.id", TIME, "event.id", "place").unique(
            ["event.id", "root"], keep="first", maintain_order=True
        )
        total = whole.with_columns(window_total(whole, "root", "value_count", span).alias("observed"))
        fired = total.filter(pl.col("observed") >= self.files)
        keys = ["person.id", "day"]
        found = fired.group_by(keys, maintain_order=True).agg(
            pl.col(TIME).first().alias("time"),
            (pl.col(TIME).last() - span).alias("back"),
            pl.col("observed").max(),
            pl.lit(self.files).alias("limit"),
        )
        done = whole.select("person.id", "root", pl.col(TIME).alias("done"), pl.col("day").alias("done on"))
        seen = found.join(done, on="person.id")
        seen = seen.filter((pl.col("done") > pl.col("back")) & (pl.col("done on") <= pl.col("day")))
        steps = seen.join(
            rows.select(*groups, "rule", "shown", pl.col(TIME).alias("at"), pl.col("day").alias("on")), on=groups
        )
        steps = steps.filter((pl.col("at") > pl.col("back")) & (pl.col("on") <= pl.col("day")))
        told = (
            steps.sort("at")
            .group_by(keys)
            .agg(
                pl.col("at").min().alias("from"),
                pl.col("rule").unique().alias("seen"),
                pl.col("shown").drop_nulls().last().alias("example"),
            )
        )
        order = [pl.when(pl.col("seen").list.contains(step)).then(pl.lit(step)) for step in self.steps]
        phases = pl.concat_list(order).list.drop_nulls().list.join(", ").alias("phases")
        return (
            found.drop("back")
            .join(told, on=keys)
            .with_columns(phases)
            .drop("seen")
            .select(*FOUND, "observed", "limit", "phases", "example")
        )

    def _rows(self, scene: Scene) -> pl.DataFrame:
        """One row per event and step, with the file it is about, sorted as chains want it; only of persons who did all
        that is needed."""
        did = [set().union(*(scene.hits[name]["person.id"] for name in self.steps[step])) for step in self.needs]
        able = pl.col("person.id").is_in(sorted(set.intersection(*did)))
        columns = ["event.id", "person.id", "day", TIME, *sorted(self.fields)]
        rows = pl.concat(
            pl.concat(scene.hits[name].filter(able).select(columns) for name in rules)
            .unique("event.id")
            .with_columns(pl.lit(step).alias("rule"), pl.lit(place).alias("place"))
            for place, (step, rules) in enumerate(self.steps.items())
        )
        name, target = (_last_part(pl.col(field)) for field in ("file.path", "file.target_path"))
        named = rows.with_columns(
            pl.coalesce(name, _last_part(pl.col("file.name"))).alias("name"), target.alias("target")
        ).filter(pl.col("name").is_not_null())
        shown = (
            pl.when(pl.col("target").is_not_null())
            .then(pl.concat_str("name", pl.lit(" → "), "target"))
            .otherwise("name")
        )
        traced = named.with_columns(self._roots(named).alias("root"), shown.alias("shown"))
        return traced.sort("person.id", "root", TIME, "event.id", "place", descending=[False] * 4 + [True])

    def _roots(self, named: pl.DataFrame) -> pl.Series:
        """What each event's file was called first, as far as the renames before it tell."""
        moves = named.filter(pl.col("target").is_not_null()).sort(TIME, "event.id")
        called: dict[tuple[str, str], tuple[datetime, str]] = {}
        rows = []
        for person, name, target, time in moves.select("person.id", "name", "target", TIME).iter_rows():
            since, root = called.get((person, name), (time, name))
            root = root if since > time - timedelta(days=self.days) else name
            called[person, target] = (time, root)
            rows.append((person, target, time, root))
        known = pl.DataFrame(rows, schema=NAMES, orient="row").sort(TIME)
        asked = named.select("person.id", "name", TIME).with_row_index("row").sort(TIME)
        found = asked.join_asof(
            known, on=TIME, by=["person.id", "name"], tolerance=f"{self.days}d", check_sortedness=False
        )
        return found.sort("row").select(pl.coalesce("root", "name").alias("root"))["root"]


def _last_part(path: pl.Expr) -> pl.Expr:
    return path.str.extract(LAST_PART).str.to_lowercase()


def _starts(rows: pl.DataFrame, groups: list[str], steps: Iterable[str]) -> pl.Series:
    """At each row, the latest start of a run of rows that holds all steps in their order and ends there; null where
    there is none. Rows are sorted by group and time, one per event and step (column `rule`)."""
    first, *others = steps
    frame = rows.with_columns(pl.when(pl.col("rule") == first).then(pl.col(TIME)).alias("start"))
    for step in others:
        before = pl.col("start").forward_fill().shift(1).over(groups)
        frame = frame.with_columns(pl.when(pl.col("rule") == step).then(before).alias("start"))
    return frame["start"]
