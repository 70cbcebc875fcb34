"""Which of a model's scores become findings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, cast

import polars as pl

from app.finding import Found
from models.panel import TOGETHER, Panel

DAY, LATER = date(2026, 3, 2), date(2026, 3, 3)


class Suspicious:
    """To whom every day is one in a thousand, for no reason."""

    def judge(self, days: pl.DataFrame, since: date) -> pl.DataFrame:
        return days.filter(pl.col("day") >= since).select("person", "day", pl.lit(1000.0).alias(TOGETHER))

    def explain(self, days: pl.DataFrame, rows: Sequence[int], one_in: float) -> list[dict[str, Any]]:
        return [{} for _ in rows]


def test_a_day_on_which_nothing_was_done_is_no_finding_however_odd() -> None:
    days = [("ann", DAY, 3.0), ("ann", LATER, 0.0), ("bob", DAY, 0.0), ("bob", LATER, 1.0)]
    found = Found(cast(Panel, Suspicious()))
    found.look(pl.DataFrame(days, schema=["person", "day", "events"], orient="row"), [DAY, LATER])
    assert [(one.person, one.day) for one in found.findings()] == [("ann", DAY), ("bob", LATER)]
