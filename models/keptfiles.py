"""Files of a cache: each known by what it was made of, whole or not there, and free to go at any time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from shutil import rmtree

import polars as pl

BROKEN = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
DAYS_AT_ONCE = 31

Narrow = Callable[[pl.LazyFrame], pl.LazyFrame]


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

    def gathered(
        self,
        place: str,
        names: Mapping[date, str],
        make: Callable[[Sequence[date]], object],
        narrow: Narrow = pl.LazyFrame.lazy,
    ) -> pl.DataFrame:
        """What `narrow` leaves of these files together, one at least, in their order; `make` writes those of days that
        are missing. Raises `OSError` where files vanish as soon as they are written."""
        for _ in range(2):
            if missing := [day for day, name in names.items() if not self.has(place, name)]:
                make(missing)
            if (found := self._read(place, list(names.values()), narrow)) is not None:
                return found
        raise OSError("kept days vanish as soon as they are written")

    def _read(self, place: str, names: Sequence[str], narrow: Narrow) -> pl.DataFrame | None:
        """None where one of them cannot be read, and then none of them is there."""
        try:
            return narrow(pl.scan_parquet([self._folder / place / name for name in names], glob=False)).collect()
        except BROKEN:
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

    def prune(self, place: str, before: date) -> None:
        """Take away what a place has of days before one."""
        for name in [one for one in self._names(place) if day_in(one) < before.isoformat()]:
            self._drop(place, name)

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


def runs_of(days: Iterable[date], most: int) -> list[tuple[date, date]]:
    """Runs of days without a gap, of so many at most."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and (day - found[-1][1]).days == 1 and (day - found[-1][0]).days < most:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
