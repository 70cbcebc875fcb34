"""Files of a cache: each known by what it was made of, whole or not there, and free to go at any time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from shutil import rmtree

import polars as pl

from models.daily import Daily

DAYS, MORE, ROWS = ".days.parquet", ".more.parquet", ".rows.parquet"
SLOTS, STEPS = 100, 101
"""What stands where values have their kind, in the frame of all that is remembered of a day."""
WHOLE = pl.Int64()
LONG = {"who": pl.UInt64(), "kind": pl.Int16(), "key": pl.UInt64(), "n": WHOLE, "day": WHOLE}


class Files:
    """Files below a folder, by names that say what they were made of. Those of other versions are taken away."""

    def __init__(self, folder: Path, version: str) -> None:
        self._folder = folder / version
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for other in folder.iterdir():
            if other.name != version:
                rmtree(other, ignore_errors=True)
        self._known: dict[str, set[str]] = {}

    def has(self, place: str, name: str) -> bool:
        return name in self._names(place)

    def read(self, place: str, names: Sequence[str]) -> pl.DataFrame | None:
        """What these files hold together; None where one of them cannot be read, and then none of them is there."""
        try:
            return pl.concat(pl.read_parquet(self._folder / place / name) for name in names)
        except (OSError, pl.exceptions.PolarsError):
            for name in names:
                self._drop(place, name)
            return None

    def write(self, place: str, name: str, frame: pl.DataFrame) -> None:
        """Keep a frame; others of the same day and kind were made of something else, and go."""
        folder = self._folder / place
        folder.mkdir(mode=0o700, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=folder, prefix=".half-")
        os.close(handle)
        try:
            frame.write_parquet(made, compression="zstd", statistics=False)
            Path(made).replace(folder / name)
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise
        day, kind = day_in(name), name[name.index(".") :]
        for old in [one for one in self._names(place) if one != name and one.startswith(day) and one.endswith(kind)]:
            self._drop(place, old)
        self._names(place).add(name)

    def prune(self, before: date) -> None:
        """Take away what is of days before one."""
        for folder in self._folder.iterdir():
            for name in [one for one in self._names(folder.name) if day_in(one) < before.isoformat()]:
                self._drop(folder.name, name)

    def _drop(self, place: str, name: str) -> None:
        with suppress(OSError):
            (self._folder / place / name).unlink()
        self._names(place).discard(name)

    def _names(self, place: str) -> set[str]:
        if place not in self._known:
            folder = self._folder / place
            self._known[place] = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
        return self._known[place]


def prune_below(folder: Path, before: date) -> None:
    """Take away what is of days before one, of whatever version."""
    for file in folder.rglob("*.parquet"):
        if day_in(file.name) < before.isoformat():
            file.unlink(missing_ok=True)


def day_in(name: str) -> str:
    return name[: len("2026-03-02")]


def as_long(daily: Daily, persons: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Days with what is counted, and everything that is remembered in one frame; persons by numbers of their own."""
    who = pl.col("who").replace_strict(range(len(persons)), pl.Series(persons, dtype=pl.UInt64), return_dtype=pl.UInt64)
    remembered = [
        (daily.values, pl.col("kind"), pl.col("value"), pl.lit(1)),
        (daily.slots, pl.lit(SLOTS), pl.col("slot"), pl.col("n")),
        (daily.steps, pl.lit(STEPS), pl.col("step"), pl.col("n")),
    ]
    parts = [
        frame.select(
            who.alias("who"),
            kind.cast(pl.Int16).alias("kind"),
            key.cast(pl.UInt64).alias("key"),
            n.cast(WHOLE).alias("n"),
            "day",
        )
        for frame, kind, key, n in remembered
    ]
    return daily.days.with_columns(who.alias("who")), pl.concat(parts)


def as_daily(days: pl.DataFrame, more: pl.DataFrame, places: Mapping[int, int]) -> Daily:
    """The way back, of the persons in `places`."""
    held, remembered = _placed(days, places), _placed(more, places)

    def of(kind: pl.Expr, *columns: pl.Expr | str) -> pl.DataFrame:
        return remembered.filter(kind).select("who", "day", *columns)

    key = pl.col("key")
    part = Daily(
        days=held,
        values=of(pl.col("kind") < SLOTS, pl.col("kind").cast(WHOLE), key.alias("value")),
        slots=of(pl.col("kind") == SLOTS, key.cast(WHOLE).alias("slot"), "n"),
        steps=of(pl.col("kind") == STEPS, key.cast(WHOLE).alias("step"), "n"),
    )
    return Daily.together([part])


def _placed(frame: pl.DataFrame, places: Mapping[int, int]) -> pl.DataFrame:
    table = pl.DataFrame(
        {"who": list(places.keys()), "place": list(places.values())}, schema={"who": pl.UInt64(), "place": WHOLE}
    )
    joined = frame.join(table, on="who", how="inner")
    return joined.with_columns(pl.col("place").alias("who")).drop("place")


def runs_of(days: Iterable[date], most: int) -> list[tuple[date, date]]:
    """Runs of days without a gap, of so many at most."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and (day - found[-1][1]).days == 1 and (day - found[-1][0]).days < most:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
