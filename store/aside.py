"""Events laid aside in files for the length of one question: sealed by nobody, gone with their folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from core.ports import EventQuery
from core.schema import SCHEMA, conform
from store.frames import Narrow
from store.scanned import Scanned
from store.sealed import ROW_GROUP

ROWS_IN_A_FILE = 100_000
"""So many wait in memory."""


class Aside(Scanned):
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
        time = pl.col("@timestamp")
        first, last = self._held.select(time.min().alias("first"), time.max().alias("last")).row(0)
        file = self._folder / f"{len(self._files)}.parquet"
        self._held.write_parquet(file, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
        self._files.append((file, first, last))
        self._held = self._held.clear()

    def _scan_events(self, query: EventQuery, narrow: Narrow) -> pl.DataFrame:
        files = [
            file
            for file, first, last in self._files
            if (query.start is None or last >= query.start) and (query.end is None or first < query.end)
        ]
        frames = [self._held.lazy()]
        frames += [pl.scan_parquet(files, schema=dict(SCHEMA), glob=False)] if files else []
        return narrow(pl.concat(frames)).collect()
