"""The embedded event store: sealed Parquet segments, visible once the records database lists them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import polars as pl

from core.batch import Appended, Batch, Quarantined
from core.errors import Damaged
from core.ports import EventQuery, Mark, SourceStatus
from core.retention import Due, Expiry, Stored
from core.schema import conform
from store.compaction import compact
from store.expiry import added_up, expire, look, note_expiry
from store.folder import Folder
from store.frames import (
    Narrow,
    due,
    fragments_asked_for,
    ids_column,
    only_new,
    quarantine_frame,
    quarantined_rows,
    seen_accounts,
    untagged_as_null,
)
from store.idindex import IdIndex, Ids, ids_of
from store.manifest import EVENT, LINES, QUARANTINE, Manifest, Segment, statuses
from store.records import SqlRecords
from store.scanned import Scanned
from store.sealed import COLUMNS, Sealed
from store.waiting import Waiting

IDENTITY = "event_store"
PIECE = 10_000
"""Rows of a batch that is given away."""


class SegmentStore(Scanned):
    """Adapter of `core.ports.EventStore` in a directory. Any number of processes read; one at a time writes, from its
    first change to `close`, and another one that tries is refused.

    Ids of expired events stay known, so that importing an old file again does not bring deleted data back.
    """

    def __init__(self, directory: Path, records: SqlRecords) -> None:
        self._records = records
        self._manifest = Manifest(records)
        self._folder = Folder(directory)
        self._sealed = Sealed(self._folder, self._manifest)
        self._ids = IdIndex(self._folder, self._manifest)
        self._waiting = Waiting(self._folder, self._sealed, self._ids, self._manifest)

    def append(self, batch: Batch, marks: Sequence[Mark]) -> Appended:
        self._begin_writing()
        events, event_ids = self._new(EVENT, batch.events)
        fragments, fragment_ids = self._new(LINES, batch.fragments)
        bad, bad_ids = self._new(QUARANTINE, quarantine_frame(batch.quarantined))
        ids = {EVENT: event_ids, LINES: fragment_ids, QUARANTINE: bad_ids}
        with ThreadPoolExecutor(1) as beside:
            # While files are written, the processor would wait.
            leaves = beside.submit(self._manifest.leaves, batch, events)
            hot = untagged_as_null(events).sort("@timestamp", "event.id")
            sealed = [
                *self._sealed.seal(EVENT, batch.source, hot, batch.rules_version),
                *self._sealed.seal(LINES, batch.source, fragments.sort("key", "@timestamp", "event.id")),
                *self._sealed.seal(QUARANTINE, batch.source, bad),
            ]
            runs = [run for kind, new in ids.items() for run in self._ids.seal(kind, new)]
        self._manifest.add(
            batch, sealed, runs, leaves.result(), seen_accounts(events), due(marks, batch.events, events)
        )
        for run in runs:
            self._ids.tidy(run.kind)
        new = events.height + fragments.height
        given = batch.events.height + batch.fragments.height + len(batch.quarantined)
        return Appended(stored=new, quarantined=bad.height, duplicate=given - new - bad.height)

    def catch_up(self) -> None:
        """Reads find everything at once."""

    def _scan_events(self, query: EventQuery, narrow: Narrow) -> pl.DataFrame:
        return self._sealed.scan(EVENT, narrow, start=query.start, end=query.end)

    def fragments(self, source: str, keys: Collection[str], since: datetime, until: datetime) -> pl.DataFrame:
        wanted = fragments_asked_for(keys, since, until)
        return self._sealed.scan(LINES, wanted, source=source, start=since, end=until)

    def quarantined(self, source: str | None = None) -> Iterator[Quarantined]:
        with self._folder.reading():
            for segment in self._manifest.segments(QUARANTINE, source):
                yield from quarantined_rows(self._sealed.load([segment]))

    def release(self, ids: Collection[str]) -> None:
        self._begin_writing()
        freed = pl.col("id").is_in(list(ids))
        gone, left = [], []
        for segment in self._manifest.segments(QUARANTINE):
            frame = self._sealed.load([segment])
            kept = frame.filter(~freed)
            if kept.height < frame.height:
                gone.append(segment)
                left += self._sealed.seal(QUARANTINE, segment.source, kept)
        gone_runs, runs = self._ids.without(QUARANTINE, ids_of(sorted(ids)))
        self._sealed.replace(gone, left, gone_runs, runs)

    def retag(self, version: str, tag: Callable[[pl.DataFrame], pl.DataFrame]) -> int:
        tagged = 0
        if any(segment.rules_version != version for segment in self._manifest.segments(EVENT)):
            self._begin_writing()
        for segment in self._manifest.segments(EVENT):
            if segment.rules_version != version:
                frame = untagged_as_null(conform(tag(self._sealed.load([segment]))))
                self._sealed.replace([segment], self._sealed.seal(EVENT, segment.source, frame, version))
                tagged += frame.height
        return tagged

    def stored(self) -> Iterator[pl.DataFrame | Damaged]:
        with self._folder.reading():
            for segment in self._manifest.segments(EVENT):
                try:
                    yield self._sealed.load([segment])
                except Damaged as error:
                    yield error

    def count(self) -> int:
        return sum(total.rows for total in self._manifest.totals(EVENT).values())

    def newest(self) -> datetime | None:
        return max((total.last for total in self._manifest.totals(EVENT).values() if total.last), default=None)

    def sources(self) -> Sequence[SourceStatus]:
        return statuses(
            self._manifest.totals(EVENT),
            {source: total.rows for source, total in self._manifest.totals(QUARANTINE).items()},
            self._manifest.ignored(),
            self._waiting.per_source(),
            self._records.account_sources(),
        )

    def problems(self) -> Sequence[str]:
        return [problem for kind in COLUMNS for problem in self._sealed.problems(kind)]

    def compact(self) -> None:
        self._begin_writing()
        for kind in (EVENT, LINES):
            while compact(self._sealed, self._manifest.segments(kind)):
                pass

    def due(self, expiry: Expiry) -> Due:
        with self._folder.reading():
            found = look(self._sealed, self._segments(), expiry)
            return added_up((Stored(segment.kind), segment.source, part) for segment, part in found)

    def expire(self, expiry: Expiry, witness: Callable[[Due], None] = lambda _: None) -> Due:
        self._begin_writing()
        found = list(look(self._sealed, self._segments(), expiry))
        due = added_up((Stored(segment.kind), segment.source, part) for segment, part in found)
        witness(due)
        note_expiry(self._records, expiry)
        expire(self._sealed, found)
        return due

    def pieces(self) -> Iterator[tuple[Segment, Iterator[Batch]]]:
        """Every segment with what it holds, in batches that another store can append; nobody else writes meanwhile."""
        self._begin_writing()
        for kind in COLUMNS:
            for segment in self._manifest.segments(kind):
                yield segment, self._batches(segment)

    def close(self) -> None:
        """Give the writer's lock back."""
        self._folder.end_writing()

    def _begin_writing(self) -> None:
        """Take the writer's lock, once, and clear away what a killed writer left unlisted."""
        if self._folder.writing:
            return
        self._folder.begin_writing()
        try:
            known = self._records.setting(IDENTITY)
            name = self._folder.identify(known)
            if name != known:
                self._records.set_setting(IDENTITY, name)
            self._folder.sweep(self._manifest.files())
            self._manifest.begin_ledger(self.count)
        except BaseException:
            self._folder.end_writing()
            raise

    def _segments(self) -> Iterator[Segment]:
        for kind in COLUMNS:
            yield from self._manifest.segments(kind)

    def _batches(self, segment: Segment) -> Iterator[Batch]:
        for rows in self._sealed.load([segment]).iter_slices(PIECE):
            if segment.kind == QUARANTINE:
                bad = list(quarantined_rows(rows))
                yield Batch(source=segment.source, read=rows.height, quarantined=bad, moved=True)
            elif segment.kind == LINES:
                yield Batch(source=segment.source, read=rows.height, fragments=rows, moved=True)
            else:
                # An event that was built of lines has the id of one of them.
                built = pl.Series(self._ids.known(LINES, ids_of(rows["event.id"].to_list())))
                for events, read in ((rows.filter(~built), 1), (rows.filter(built), 0)):
                    if events.height:
                        yield Batch(
                            source=segment.source,
                            read=read * events.height,
                            events=events,
                            rules_version=segment.rules_version,
                            moved=True,
                        )

    def _new(self, kind: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, Ids]:
        """Rows not stored yet, and their ids."""
        frame = only_new(frame)
        ids = ids_of(frame[ids_column(frame)].to_list())
        if not frame.height:
            return frame, ids
        fresh = ~self._ids.known(kind, ids)
        return frame.filter(pl.Series(fresh)), ids[fresh]
