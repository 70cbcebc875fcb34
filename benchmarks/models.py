"""Person-day features: how fast rows are made, how much memory that takes, and what a whole company would need; and
what a new day costs a model that judges, once the days before are kept."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import rmtree

import orjson

from app.config import Config
from app.files import inputs_below
from app.hr import import_folder
from app.modelling import train
from app.pipeline import ingest
from app.scoring import Scores, scored
from app.wiring import House, open_house
from benchmarks.company import logs
from core.model import ModelState
from core.ports import EventQuery
from models.features import NAMES
from models.person_days import person_days

PEOPLE, DAYS = 10_000, 400
"""The company that is extrapolated to: as active as the one measured, its persons some at a time."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make every row of a company, then those of its last day alone, and print rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=300)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scoring", action="store_true", help="Only what a new day costs.")
    size = parser.parse_args(arguments)
    folder = logs(size)
    data = Path(tempfile.gettempdir()) / f"leaverwatch-models-{size.employees}-{size.days}-{size.seed}"
    with open_house(Config(data=data)) as house:
        if house.records.setting("models") is None:
            import_folder(house, folder / "hr")
            ingest(house, inputs_below(house.sources, folder)[0])
            house.records.set_setting("models", "imported")
        truth = orjson.loads((folder / "truth.json").read_bytes())
        first, last = (date.fromisoformat(truth[name]) for name in ("start", "end"))
        if size.scoring:
            _score(house, first, last)
            return
        directory = house.directory()
        events = sum(house.events.totals(EventQuery(), ["event.module"])["events"])
        before, start = _peak(), time.perf_counter()
        rows = sum(frame.height for frame in person_days(house.events, directory, first, last))
        took = time.perf_counter() - start
        peak, start = _peak(), time.perf_counter()
        one = sum(frame.height for frame in person_days(house.events, directory, last, last))
        day = time.perf_counter() - start
    print(f"{rows:,} rows of {len(NAMES)} features from {events:,} events in {took:.1f} s: {rows / took:,.0f} rows/s")
    print(f"{one:,} rows of one day, read with the days it depends on, in {day:.1f} s")
    print(f"memory {before:.0f} MB before, {peak:.0f} MB at most")
    whole = took * PEOPLE * DAYS / (size.employees * size.days)
    print(f"{PEOPLE:,} people x {DAYS} days, by proportion: {whole / 60:.0f} minutes")


def _score(house: House, first: date, last: date) -> None:
    """Train a model, have it score all days but the last with nothing kept, then that one alone."""
    start = time.perf_counter()
    model = train(house, first, last, by="benchmark", seed=len(house.records.models()))
    print(f"{model.person_days:,} person-days learned from in {time.perf_counter() - start:.1f} s")
    rmtree(house.config.data / "person-days", ignore_errors=True)
    house.records.move_model(model.id, ModelState.CHAMPION, at=datetime.now(UTC), by="benchmark", why="")
    people = len(house.directory().people())
    scores = Scores()
    ends = [house.calendar.end_of(day) for day in (last - timedelta(days=1), last)]
    for what, end in zip(("days up to the last but one", "a new day"), ends, strict=True):
        before, start = len(house.records.findings(model.id)), time.perf_counter()
        for _ in scored(house, scores, now=end):
            pass
        took, found = time.perf_counter() - start, len(house.records.findings(model.id)) - before
        print(f"{what}: {people:,} people, {found} findings kept, in {took:.1f} s; memory {_peak():.0f} MB at most")
    print(f"a new day of {PEOPLE:,} people, by proportion: {took * PEOPLE / people:.0f} s")
    held = [file.stat().st_size for file in (house.config.data / "person-days").rglob("*.parquet")]
    print(f"{len(held):,} files of kept days, {sum(held) / 1e6:.0f} MB")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
