"""Models: how fast a panel learns from person-days and judges a day, and in how much memory. Without an event store:
the person-days of a company of any size are made directly."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from core.calendar import CompanyCalendar
from models.features import LONG, NAMES
from models.kinds import OFF, kinds
from models.panel import Panel
from models.person_days import PERSONS_AT_ONCE, SCHEMA
from models.saving import dumped

LAST = date(2026, 6, 30)
DEPARTMENTS, TITLES, AT_WORK = 20, 5, 0.03
"""How many departments, titles in each, and which share works on a day off."""
LEARNED, CALIBRATED, BEFORE = 0.6, 0.8, 60


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn from a company's person-days, then judge its last day, and print times and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=180)
    size = parser.parse_args(arguments)
    first = LAST - timedelta(days=size.days - 1)
    until = [first + timedelta(days=int(size.days * part) - 1) for part in (LEARNED, CALIBRATED)]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        files = list(_written(Path(folder), size.people, first))
        rows = sum(pl.scan_parquet(file).select(pl.len()).collect().item() for file in files)
        print(f"{rows:,} person-days of {len(NAMES)} features made in {time.perf_counter() - start:.1f} s")

        def frames() -> Iterable[pl.DataFrame]:
            return (pl.read_parquet(file) for file in files)

        before, start, worked = _peak(), time.perf_counter(), time.process_time()
        panel = Panel.learn(frames, *until)
        took, worked = time.perf_counter() - start, time.process_time() - worked
        print(f"learned in {took:.1f} s ({worked:.1f} s of processor time): {rows / took:,.0f} person-days/s")
        print(f"memory {before:.0f} MB before, {_peak():.0f} MB at most")
        print(f"the model's file has {len(dumped(panel.parts())) / 2**20:.1f} MB")
        since = LAST - timedelta(days=BEFORE)
        days = [frame.filter(pl.col("day") > since) for frame in frames()]
        start, worked = time.perf_counter(), time.process_time()
        judged = sum(panel.judge(frame, LAST).height for frame in days)
        took, worked = time.perf_counter() - start, time.process_time() - worked
        print(f"{judged:,} person-days of one day judged in {took:.1f} s ({worked:.1f} s of processor time),")
        print(f"with the {BEFORE} days before at hand")


def _written(folder: Path, people: int, first: date) -> Iterable[Path]:
    """Some persons a file, as they come from the event store."""
    rng = np.random.default_rng(1)
    usual = rng.lognormal(0, 1.5, len(NAMES)) * np.where([name in LONG for name in NAMES], 20, 1)
    for start in range(0, people, PERSONS_AT_ONCE):
        file = folder / f"{start}.parquet"
        _frame(range(start, min(start + PERSONS_AT_ONCE, people)), first, usual, rng).write_parquet(file)
        yield file


def _frame(persons: Sequence[int], first: date, usual: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    days = [first + timedelta(days=number) for number in range((LAST - first).days + 1)]
    kind = kinds(pl.Series(days), CompanyCalendar().working_days(days))
    grid = pl.DataFrame({"who": persons}).join(pl.DataFrame({"day": days, "kind": kind}), how="cross")
    grid = grid.filter((pl.col("kind") != OFF) | pl.Series(rng.random(grid.height) < AT_WORK))
    who = grid["who"].to_numpy() - persons[0]
    level = rng.gamma(2.0, 0.5, (len(persons), len(NAMES))) * usual
    numbers = rng.poisson(level[who]).astype(np.float64)
    return grid.select(
        pl.format("p{}", "who").alias("person"),
        "day",
        pl.format("d{}", pl.col("who") % DEPARTMENTS).alias("department"),
        pl.format("t{}", pl.col("who") // DEPARTMENTS % TITLES).alias("title"),
        pl.lit("active").alias("stage"),
        "kind",
        *(pl.Series(name, numbers[:, place]) for place, name in enumerate(NAMES)),
    ).select(*SCHEMA)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
