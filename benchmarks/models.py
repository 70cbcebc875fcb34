"""Models on a stored company: how fast rows of features are made of its events, what training takes, and what a new day
costs a model that judges, once the days before are kept."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import orjson
import polars as pl

from app.config import Config
from app.files import inputs_below
from app.hr import import_folder
from app.modelling import train
from app.pipeline import ingest
from app.scoring import Scores, scored
from app.wiring import House, open_house
from benchmarks.company import logs
from benchmarks.copies import copy
from benchmarks.memory import peak_of
from core.model import ModelState
from core.ports import EventReader
from models.features import NAMES
from models.person_days import person_days

FEATURES, MODELS = "features", "models"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print rates and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=300)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--copies", type=int, default=1, help="of the company in the store, itself among them")
    parser.add_argument("--only", nargs="+", default=[FEATURES, MODELS], choices=[FEATURES, MODELS])
    size = parser.parse_args(arguments)
    with _company(size) as (house, first, last):
        people = len(house.directory().people())
        print(f"{house.events.count():,} events of {people:,} people in {(last - first).days + 1} days")
        if FEATURES in size.only:
            _features(house, first, last)
        if MODELS in size.only:
            _new_day(house, _training(house, first, last), last)


@contextmanager
def _company(size: argparse.Namespace) -> Iterator[tuple[House, date, date]]:
    """A company, imported once and kept between runs; its first and last day."""
    folder = logs(size)
    name = f"leaverwatch-models-{size.employees}-{size.days}-{size.seed}-{size.copies}"
    with open_house(Config(data=Path(tempfile.gettempdir()) / name)) as house:
        truth = orjson.loads((folder / "truth.json").read_bytes())
        first, last = (date.fromisoformat(truth[name]) for name in ("start", "end"))
        if house.records.setting("models") is None:
            import_folder(house, folder / "hr")
            ingest(house, inputs_below(house.sources, folder)[0])
            copy(house, first, last, range(1, size.copies), judged=False)
            house.records.set_setting("models", "imported")
        yield house, first, last


def _features(house: House, first: date, last: date) -> None:
    reader = Timed(house.events)
    with peak_of("rows of features"):
        start = time.perf_counter()
        rows = sum(frame.height for frame in person_days(reader, house.directory(), first, last))
        took = time.perf_counter() - start
    print(f"{rows:,} rows of {len(NAMES)} features in {took:.1f} s, {reader.seconds:.1f} of them in the store: "
          f"{rows / took:,.0f} rows/s")  # fmt: skip


def _training(house: House, first: date, last: date) -> str:
    """From events to a model that judges; its id."""
    reader, events = Timed(house.events), house.events
    house.events = reader  # type: ignore[assignment]
    with peak_of("training"):
        start, worked = time.perf_counter(), time.process_time()
        model = train(house, first, last, by="benchmark", seed=len(house.records.models()))
        took, worked = time.perf_counter() - start, time.process_time() - worked
    house.events = events
    house.records.move_model(model.id, ModelState.CHAMPION, at=datetime.now(UTC), by="benchmark", why="")
    print(f"{model.person_days:,} person-days learned from in {took:.1f} s ({worked:.1f} s of processor time), "
          f"{reader.seconds:.1f} of them in the store: {model.person_days / took:,.0f} person-days/s")  # fmt: skip
    return model.id


def _new_day(house: House, model: str, last: date) -> None:
    """All days but the last with nothing kept, then that one alone, as the service scores it."""
    people, events = len(house.directory().people()), house.events
    rmtree(house.config.data / "person-days", ignore_errors=True)
    scores = Scores()
    for what, day in (("days up to the last but one", last - timedelta(days=1)), ("a new day", last)):
        before = len(house.records.findings(model))
        house.events = reader = Timed(events)  # type: ignore[assignment]
        with peak_of(what):
            start, worked = time.perf_counter(), time.process_time()
            for _ in scored(house, scores, now=house.calendar.end_of(day)):
                pass
            took, worked = time.perf_counter() - start, time.process_time() - worked
        house.events = events
        found = len(house.records.findings(model)) - before
        print(f"{what}: {people:,} people, {found:,} findings kept, in {took:.1f} s ({worked:.1f} s of processor time),"
              f" {reader.seconds:.1f} of them in the store")  # fmt: skip
    held = [file.stat().st_size for file in (house.config.data / "person-days").rglob("*.parquet")]
    print(f"{len(held):,} files of kept days, {sum(held) / 1e6:.0f} MB")


class Timed:
    """A store, and how many seconds it took to answer."""

    def __init__(self, store: EventReader) -> None:
        self._store = store
        self.seconds = 0.0

    def read(self, *asked: Any, **more: Any) -> pl.DataFrame:
        return self._timed(self._store.read, *asked, **more)

    def totals(self, *asked: Any, **more: Any) -> pl.DataFrame:
        return self._timed(self._store.totals, *asked, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _timed(self, answer: Any, *asked: Any, **more: Any) -> pl.DataFrame:
        start = time.perf_counter()
        try:
            found: pl.DataFrame = answer(*asked, **more)
            return found
        finally:
            self.seconds += time.perf_counter() - start


if __name__ == "__main__":
    main()
