"""The embedded event store: sealed Parquet segments, visible once the records database lists them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import uuid4

import numpy as np
import polars as pl

from core.batch import FRAGMENT, Appended, Batch, Quarantined
from core.errors import Refused
from core.ports import EventQuery, Mark, SourceStatus
from core.schema import SCHEMA
from store.compaction import merged
from store.frames import QUARANTINED, matching, only_new, quarantine_frame, quarantined_rows, seen_accounts
from store.idindex import FAN_OUT, Ids, ids_of, known, level, load, ordered
from store.manifest import EVENT, LINES, QUARANTINE, Manifest, Run, Segment
from store.records import SqlRecords

ROW_GROUP = 25_000
COLUMNS: Mapping[str, Mapping[str, pl.DataType]] = {EVENT: SCHEMA, LINES: FRAGMENT, QUARANTINE: QUARANTINED}


class SegmentStore:
    """Adapter of `core.ports.EventStore` in a directory. Any number of processes read; one at a time writes.

    Ids of expired events stay known, so that importing an old file again does not bring deleted data back.
    """

    def __init__(self, directory: Path, records: SqlRecords) -> None:
        self._directory = directory
        self._records = records
        self._manifest = Manifest(records)
        self._lock: IO[bytes] | None = None
        self._runs: dict[str, Ids] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def append(self, batch: Batch, marks: Sequence[Mark]) -> Appended:
        self._begin_writing()
        events, event_ids = self._new(EVENT, batch.events)
        fragments, fragment_ids = self._new(LINES, batch.fragments)
        bad, bad_ids = self._new(QUARANTINE, quarantine_frame(batch.quarantined))
        sealed = [
            *self._seal(EVENT, batch.source, events.sort("@timestamp", "event.id"), batch.rules_version),
            *self._seal(LINES, batch.source, fragments.sort("key", "@timestamp")),
            *self._seal(QUARANTINE, batch.source, bad),
        ]
        runs = [
            *self._seal_ids(EVENT, event_ids),
            *self._seal_ids(LINES, fragment_ids),
            *self._seal_ids(QUARANTINE, bad_ids),
        ]
        seen = seen_accounts(events)
        self._manifest.add(batch, sealed, runs, seen, [mark for mark in marks if mark.subject in seen])
        for kind in {run.kind for run in runs}:
            self._merge_runs(kind)
        new = events.height + fragments.height
        given = batch.events.height + batch.fragments.height + len(batch.quarantined)
        return Appended(stored=new, quarantined=bad.height, duplicate=given - new - bad.height)

    def read(self, query: EventQuery) -> pl.DataFrame:
        segments = self._between(self._manifest.segments(EVENT), query.start, query.end)
        columns = tuple(query.columns or SCHEMA)
        needed = list(dict.fromkeys([*columns, "@timestamp", "event.id"]))
        frame = self._scan(segments, EVENT, lambda lazy: lazy.filter(matching(query)).select(needed))
        frame = frame.sort("@timestamp", "event.id").select(columns)
        return frame if query.limit is None else frame.head(query.limit)

    def fragments(self, source: str, keys: Collection[str], since: datetime, until: datetime) -> pl.DataFrame:
        segments = self._between(self._manifest.segments(LINES, source), since, until)
        wanted = pl.col("key").is_in(list(keys)) & pl.col("@timestamp").is_between(since, until)
        return self._scan(segments, LINES, lambda lazy: lazy.filter(wanted)).sort(
            "@timestamp", "event.sequence", "event.id"
        )

    def quarantined(self, source: str | None = None) -> Iterator[Quarantined]:
        for segment in self._manifest.segments(QUARANTINE, source):
            yield from quarantined_rows(pl.read_parquet(self._directory / segment.file))

    def release(self, ids: Collection[str]) -> None:
        self._begin_writing()
        freed = pl.col("id").is_in(list(ids))
        for segment in self._manifest.segments(QUARANTINE):
            frame = pl.read_parquet(self._directory / segment.file)
            left = frame.filter(~freed)
            if left.height < frame.height:
                self._replace([segment], self._seal(QUARANTINE, segment.source, left))

    def retag(self, version: str, tag: Callable[[pl.DataFrame], pl.DataFrame]) -> int:
        self._begin_writing()
        tagged = 0
        for segment in self._manifest.segments(EVENT):
            if segment.rules_version != version:
                frame = tag(pl.read_parquet(self._directory / segment.file))
                self._replace([segment], self._seal(EVENT, segment.source, frame, version))
                tagged += frame.height
        return tagged

    def per_account(self, query: EventQuery) -> Mapping[str, int]:
        segments = self._between(self._manifest.segments(EVENT), query.start, query.end)
        counted = self._scan(
            segments, EVENT, lambda lazy: lazy.filter(matching(query)).group_by("user.account").agg(pl.len())
        )
        return dict(counted.drop_nulls("user.account").iter_rows())

    def count(self) -> int:
        return self._manifest.count()

    def newest(self) -> datetime | None:
        return self._manifest.newest()

    def sources(self) -> Sequence[SourceStatus]:
        events, bad = self._manifest.segments(EVENT), self._manifest.segments(QUARANTINE)
        lines = self._manifest.segments(LINES)
        ignored = self._manifest.ignored()
        accounts = self._records.account_sources()
        names = sorted({segment.source for segment in (*events, *bad, *lines)} | ignored.keys())
        return [
            SourceStatus(
                source=name,
                events=sum(s.rows for s in events if s.source == name),
                quarantined=sum(s.rows for s in bad if s.source == name),
                ignored=ignored.get(name, {}),
                waiting=self._waiting([s for s in lines if s.source == name]),
                first_event=min((s.first for s in events if s.source == name and s.first), default=None),
                last_event=max((s.last for s in events if s.source == name and s.last), default=None),
                accounts=accounts.get(name, frozenset()),
            )
            for name in names
        ]

    def problems(self) -> Sequence[str]:
        found = []
        for kind in COLUMNS:
            for segment in self._manifest.segments(kind):
                try:
                    rows = pl.scan_parquet(self._directory / segment.file).select(pl.len()).collect().item()
                except (OSError, pl.exceptions.PolarsError):
                    found.append(f"segment {segment.file} is missing or damaged")
                    continue
                if rows != segment.rows:
                    found.append(f"segment {segment.file} has {rows} rows, the manifest says {segment.rows}")
        return found

    def compact(self) -> None:
        self._begin_writing()
        for kind, order in ((EVENT, ["user.account", "@timestamp", "event.id"]), (LINES, ["key", "@timestamp"])):
            while group := merged(self._manifest.segments(kind)):
                frame = pl.concat(pl.read_parquet(self._directory / segment.file) for segment in group)
                self._replace(group, self._seal(kind, group[0].source, frame.sort(order), group[0].rules_version))

    def expire(self, before: datetime, hold: Collection[str] = ()) -> int:
        self._begin_writing()
        kept = (pl.col("@timestamp") >= before) | pl.col("user.account").is_in(list(hold))
        gone = 0
        for segment in self._manifest.segments(EVENT):
            if segment.first is not None and segment.first < before:
                frame = pl.read_parquet(self._directory / segment.file)
                left = frame.filter(kept)
                gone += frame.height - left.height
                if left.height < frame.height:
                    self._replace([segment], self._seal(EVENT, segment.source, left, segment.rules_version))
        return gone

    def _begin_writing(self) -> None:
        """Take the writer's lock, once, and clear away what a killed writer left unlisted."""
        if self._lock:
            return
        lock = (self._directory / "writer.lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Refused(f"another process is writing to {self._directory}; try again when it is done") from None
        self._lock = lock
        listed = self._manifest.files()
        for file in self._directory.iterdir():
            if file.name not in listed and file.name != "writer.lock":
                file.unlink()

    def close(self) -> None:
        """Give the writer's lock back."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def _new(self, kind: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, Ids]:
        """Rows not stored yet, and their ids."""
        if not frame.height:
            return frame, np.empty((0, 2), np.uint64)
        frame = only_new(frame)
        ids = ids_of(frame[_id_column(kind)].to_list())
        fresh = ~known(ids, [self._run(run) for run in self._manifest.runs(kind)])
        return frame.filter(pl.Series(fresh)), ordered(ids[fresh])

    def _run(self, run: Run) -> Ids:
        if run.file not in self._runs:
            self._runs[run.file] = load(self._directory / run.file)
        return self._runs[run.file]

    def _merge_runs(self, kind: str) -> None:
        """Merge runs of one size into one of the next, so that there are never many."""
        while True:
            levels: dict[int, list[Run]] = {}
            for run in self._manifest.runs(kind):
                levels.setdefault(level(run.rows), []).append(run)
            group = next((runs for runs in levels.values() if len(runs) >= FAN_OUT), None)
            if group is None:
                return
            ids = ordered(np.concatenate([self._run(run) for run in group]))
            self._manifest.replace(group, runs=self._seal_ids(kind, ids))
            for run in group:
                self._runs.pop(run.file, None)
                (self._directory / run.file).unlink()

    def _seal(self, kind: str, source: str, frame: pl.DataFrame, rules_version: str = "") -> list[Segment]:
        if not frame.height:
            return []
        name = f"{uuid4().hex}.parquet"
        self._write(
            name,
            lambda out: frame.write_parquet(out, compression="zstd", compression_level=1, row_group_size=ROW_GROUP),
        )
        times = frame["@timestamp"] if "@timestamp" in frame.columns else None
        return [
            Segment(
                file=name,
                kind=kind,
                source=source,
                rows=frame.height,
                bytes=int(frame.estimated_size()),
                first=None if times is None else _moment(times.min()),
                last=None if times is None else _moment(times.max()),
                rules_version=rules_version,
            )
        ]

    def _seal_ids(self, kind: str, ids: Ids) -> list[Run]:
        if not len(ids):
            return []
        name = f"{uuid4().hex}.npy"
        self._write(name, lambda out: np.save(out, ids))
        return [Run(file=name, kind=kind, rows=len(ids))]

    def _write(self, name: str, write: Callable[[IO[bytes]], object]) -> None:
        """A file that is whole on disk when this returns."""
        part = self._directory / f"{name}.part"
        with part.open("wb") as out:
            write(out)
            out.flush()
            os.fsync(out.fileno())
        part.rename(self._directory / name)
        folder = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _replace(self, gone: Sequence[Segment], sealed: Sequence[Segment]) -> None:
        self._manifest.replace(gone, sealed)
        for segment in gone:
            (self._directory / segment.file).unlink(missing_ok=True)

    def _between(self, segments: Sequence[Segment], start: datetime | None, end: datetime | None) -> list[Segment]:
        return [
            segment
            for segment in segments
            if (start is None or segment.last is None or segment.last >= start)
            and (end is None or segment.first is None or segment.first < end)
        ]

    def _scan(
        self, segments: Sequence[Segment], kind: str, narrowed: Callable[[pl.LazyFrame], pl.LazyFrame]
    ) -> pl.DataFrame:
        if not segments:
            return narrowed(pl.LazyFrame(schema=COLUMNS[kind])).collect()
        return narrowed(pl.scan_parquet([self._directory / s.file for s in segments])).collect()

    def _waiting(self, lines: Sequence[Segment]) -> int:
        """Lines that end an event whose other lines have not come."""
        ends = self._scan(lines, LINES, lambda lazy: lazy.filter(pl.col("kind") == "delivery").select("event.id"))
        if not ends.height:
            return 0
        ids = ids_of(ends["event.id"].to_list())
        return int((~known(ids, [load(self._directory / run.file) for run in self._manifest.runs(EVENT)])).sum())


def _id_column(kind: str) -> str:
    return "id" if kind == QUARANTINE else "event.id"


def _moment(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None
