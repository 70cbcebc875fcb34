"""Events laid aside in files for the length of one question: sealed by nobody, gone with their folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from core.ports import EventQuery
from core.schema import SCHEMA, conform
from core.totals import whole
from store.frames import Narrow, asked_for, totalled
from store.sealed import ROW_GROUP

ROWS_IN_A_FILE = 100_000
"""So many wait in memory."""


class Aside:
    """Adapter of `core.ports.EventsAside` in a folder that somebody else makes and takes away. Memory does not grow
    with what is laid aside."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[tuple[Path, datetime, datetime]] = []
        self._held = pl.DataFrame(schema=SCHEMA)

    def add(self, events: pl.DataFrame) -> None:
        self._held = pl.concat([self._held, conform(events)])
        if self._held.height < ROWS_IN_A_FILE:
            return
        times = self._held["@timestamp"]
        first, last = times.min(), times.max()
        assert isinstance(first, datetime)  # noqa: S101
        assert isinstance(last, datetime)  # noqa: S101
        file = self._folder / f"{len(self._files)}.parquet"
        self._held.write_parquet(file, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
        self._files.append((file, first, last))
        self._held = self._held.clear()

    def read(self, query: EventQuery) -> pl.DataFrame:
        return self._scan(query, asked_for(query))

    def totals(
        self,
        query: EventQuery,
        by: Sequence[str],
        zone: str = "UTC",
        sums: Sequence[str] = (),
        *,
        times: bool = False,
    ) -> pl.DataFrame:
        wanted = totalled(query, by, zone, sums, times=times)
        return whole([self._scan(query, wanted)], by, sums, times=times)

    def _scan(self, query: EventQuery, narrow: Narrow) -> pl.DataFrame:
        files = [
            file
            for file, first, last in self._files
            if (query.start is None or last >= query.start) and (query.end is None or first < query.end)
        ]
        frames = [self._held.lazy()]
        frames += [pl.scan_parquet(files, schema=dict(SCHEMA), glob=False)] if files else []
        return narrow(pl.concat(frames)).collect()
