"""From what a model says of person-days to findings that can be kept: rare days, each vote with what drove it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import isfinite

import polars as pl

from core.model import KEPT, ODD, Driver, ModelFinding, Vote
from models.detector import Reason
from models.features import BY_NAME, actions_of
from models.panel import TOGETHER, Panel

EXPLAINED_AT_ONCE = 500
DIGITS = 6
"""How many digits of a number are kept: the last ones depend on what was computed beside it."""


class Found:
    """What a model finds, gathered from frames: the rare days are explained together at the end, since explaining one
    costs nearly as much as explaining many."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._rare: list[pl.DataFrame] = []
        self._behind: list[pl.DataFrame] = []

    def look(self, rows: pl.DataFrame, days: Sequence[date]) -> None:
        """Look at some days of rows of whole persons, in which the days before stand as far as the model looks back."""
        if not rows.height:
            return
        said = self._panel.judge(rows, min(days)).filter(pl.col("day").is_in(list(days)), pl.col(TOGETHER) >= KEPT)
        # Of a day on which nothing was done there is nothing to tell, however odd that is or what came before.
        said = said.join(rows.filter(pl.col("events") > 0), on=["person", "day"], how="semi")
        if said.height:
            self._rare.append(said)
            self._behind.append(rows.filter(pl.col("person").is_in(said["person"].unique().to_list())))

    def findings(self) -> list[ModelFinding]:
        """All that was found, ordered by (person, day)."""
        found = [one for said, rows in self._together() for one in self._told(said, rows)]
        return sorted(found, key=lambda one: (one.person, one.day))

    def _together(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Rare days with all rows of their persons, so many days at a time."""
        said: list[pl.DataFrame] = []
        rows: list[pl.DataFrame] = []
        for rare, behind in zip(self._rare, self._behind, strict=True):
            for some in rare.iter_slices(EXPLAINED_AT_ONCE):
                if sum(one.height for one in said) + some.height > EXPLAINED_AT_ONCE:
                    yield pl.concat(said), pl.concat(rows).unique(["person", "day"], maintain_order=True)
                    said, rows = [], []
                said.append(some)
                rows.append(behind.filter(pl.col("person").is_in(some["person"].unique().to_list())))
        if said:
            yield pl.concat(said), pl.concat(rows).unique(["person", "day"], maintain_order=True)

    def _told(self, said: pl.DataFrame, rows: pl.DataFrame) -> Iterator[ModelFinding]:
        places = said.join(rows.select("person", "day").with_row_index("row"), on=["person", "day"], how="left")
        reasons = self._panel.explain(rows, places["row"].to_list(), ODD)
        for row, told in zip(places.iter_rows(named=True), reasons, strict=True):
            yield ModelFinding(
                person=row["person"], day=row["day"], one_in=_short(row[TOGETHER]), votes=tuple(_votes(row, told))
            )


def _votes(row: Mapping[str, float | None], told: Mapping[str, Sequence[Reason]]) -> Iterator[Vote]:
    for name in sorted(told):
        if (one_in := row[name]) is not None:
            drivers = tuple(_driver(reason) for reason in told[name])
            yield Vote(detector=name, one_in=_short(one_in), drivers=drivers)


def _driver(reason: Reason) -> Driver:
    feature = BY_NAME.get(reason.feature)
    return Driver(
        feature=reason.feature,
        en=feature.en if feature else reason.feature,
        zh=feature.zh if feature else reason.feature,
        value=_short(reason.value),
        usual=_short(reason.usual),
        share=_short(reason.share),
        enough=None if reason.enough is None else _short(reason.enough),
        actions=actions_of(reason.feature),
    )


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if isfinite(value) else 0.0
