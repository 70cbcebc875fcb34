"""Segments on disk: sealing, reading many at once, saying which one is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from core.batch import FRAGMENT
from core.errors import Damaged
from core.schema import SCHEMA
from store.folder import Folder
from store.frames import QUARANTINED, Narrow
from store.manifest import EVENT, LINES, QUARANTINE, Manifest, Run, Segment

ROW_GROUP = 10_000
COLUMNS: Mapping[str, Mapping[str, pl.DataType]] = {EVENT: SCHEMA, LINES: FRAGMENT, QUARANTINE: QUARANTINED}
BROKEN = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def all_rows(lazy: pl.LazyFrame) -> pl.LazyFrame:
    return lazy


class Sealed:
    """The segments of a store. One kind has one set of columns; older segments may lack columns added since."""

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest

    def seal(self, kind: str, source: str, frame: pl.DataFrame, rules_version: str = "") -> list[Segment]:
        """A new segment, on disk but not listed; none for no rows."""
        if not frame.height:
            return []
        file = self._folder.write(
            "parquet",
            lambda out: frame.write_parquet(out, compression="zstd", compression_level=1, row_group_size=ROW_GROUP),
        )
        times = frame["@timestamp"] if "@timestamp" in frame.columns else None
        return [
            Segment(
                file=file,
                kind=kind,
                source=source,
                rows=frame.height,
                bytes=int(frame.estimated_size()),
                first=None if times is None else _moment(times.min()),
                last=None if times is None else _moment(times.max()),
                rules_version=rules_version,
            )
        ]

    def load(self, segments: Sequence[Segment], narrow: Narrow = all_rows) -> pl.DataFrame:
        """What `narrow` leaves of these segments of one kind, in their order. For the writer, who alone replaces
        them, and within `Folder.reading`."""
        return self._collect(segments, segments[0].kind, narrow)

    def scan(
        self,
        kind: str,
        narrow: Narrow,
        *,
        source: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        """What `narrow` leaves of the segments visible now, seen all at once, that reach into `start` to `end`."""
        with self._folder.reading():
            return self._collect(self._manifest.segments(kind, source, start, end), kind, narrow)

    def replace(
        self,
        gone: Sequence[Segment],
        sealed: Sequence[Segment],
        gone_runs: Sequence[Run] = (),
        runs: Sequence[Run] = (),
    ) -> None:
        """Put segments and runs in the place of others, at one moment for everybody."""
        replaced: list[Segment | Run] = [*gone, *gone_runs]
        self._manifest.replace(replaced, sealed, runs)
        self._folder.discard([item.file for item in replaced])

    def problems(self, kind: str) -> list[str]:
        """What is wrong with each segment, every byte read."""
        found = []
        with self._folder.reading():
            for segment in self._manifest.segments(kind):
                try:
                    rows = self.load([segment]).height
                except Damaged as error:
                    found.append(str(error))
                    continue
                if rows != segment.rows:
                    found.append(f"segment {segment.file} has {rows} rows, the records say {segment.rows}")
        return found

    def _collect(self, segments: Sequence[Segment], kind: str, narrow: Narrow) -> pl.DataFrame:
        try:
            return narrow(self._lazy(segments, kind)).collect()
        except BROKEN:
            for segment in segments:
                self._prove(segment, kind, narrow)
            raise

    def _prove(self, segment: Segment, kind: str, narrow: Narrow) -> None:
        try:
            narrow(self._lazy([segment], kind)).collect()
        except FileNotFoundError:
            raise Damaged(f"segment {segment.file} is missing from {self._folder.path}") from None
        except BROKEN as error:
            raise Damaged(f"segment {segment.file} in {self._folder.path} cannot be read: {error}") from None

    def _lazy(self, segments: Sequence[Segment], kind: str) -> pl.LazyFrame:
        if not segments:
            return pl.LazyFrame(schema=COLUMNS[kind])
        files = [self._folder.path / segment.file for segment in segments]
        return pl.scan_parquet(files, schema=dict(COLUMNS[kind]), missing_columns="insert", glob=False)


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
