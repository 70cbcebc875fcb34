"""An event store in memory, for tests and trials: the same promises, gone with the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from core.batch import Appended, Batch, Quarantined
from core.errors import Damaged
from core.ports import EventQuery, Mark, SourceStatus
from core.retention import Due, Expiry, Stored
from core.schema import conform
from store.expiry import Going, added_up, going
from store.frames import (
    ENDING,
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
from store.manifest import EVENT, LINES, QUARANTINE, Manifest, Total, statuses
from store.records import SqlRecords
from store.scanned import Scanned
from store.sealed import COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one batch brought of one kind."""

    source: str
    rules_version: str
    rows: pl.DataFrame


class MemoryStore(Scanned):
    """Adapter of `core.ports.EventStore` over frames; accounts, progress and marks go to the records."""

    def __init__(self, records: SqlRecords) -> None:
        self._records = records
        self._manifest = Manifest(records)
        self._parts: dict[str, list[Part]] = {kind: [] for kind in COLUMNS}
        self._ids: dict[str, set[str]] = {kind: set() for kind in COLUMNS}

    def append(self, batch: Batch, marks: Sequence[Mark]) -> Appended:
        given = {EVENT: batch.events, LINES: batch.fragments, QUARANTINE: quarantine_frame(batch.quarantined)}
        new = {kind: self._new(kind, frame) for kind, frame in given.items()}
        self._manifest.begin_ledger(self.count)
        events = new[EVENT]
        leaves = self._manifest.leaves(batch, events)
        self._manifest.add(batch, (), (), leaves, seen_accounts(events), due(marks, batch.events, events))
        for kind, rows in new.items():
            self._parts[kind].append(Part(source=batch.source, rules_version=batch.rules_version, rows=rows))
            self._ids[kind].update(rows[ids_column(rows)])
        stored, bad = new[EVENT].height + new[LINES].height, new[QUARANTINE].height
        return Appended(stored=stored, quarantined=bad, duplicate=sum(f.height for f in given.values()) - stored - bad)

    def catch_up(self) -> None:
        """Reads find everything at once."""

    def _scan_events(self, query: EventQuery, narrow: Narrow) -> pl.DataFrame:  # noqa: ARG002
        return self._scan(EVENT, narrow)

    def fragments(self, source: str, keys: Collection[str], since: datetime, until: datetime) -> pl.DataFrame:
        return self._scan(LINES, fragments_asked_for(keys, since, until), source)

    def quarantined(self, source: str | None = None) -> Iterator[Quarantined]:
        return quarantined_rows(self._scan(QUARANTINE, lambda lazy: lazy, source))

    def release(self, ids: Collection[str]) -> None:
        self._keep(QUARANTINE, ~pl.col("id").is_in(list(ids)))
        self._ids[QUARANTINE].difference_update(ids)

    def retag(self, version: str, tag: Callable[[pl.DataFrame], pl.DataFrame]) -> int:
        parts, tagged = [], 0
        for part in self._parts[EVENT]:
            if part.rules_version != version:
                tagged += part.rows.height
                rows = untagged_as_null(conform(tag(part.rows)))
                part = replace(part, rules_version=version, rows=rows)
            parts.append(part)
        self._parts[EVENT] = parts
        return tagged

    def stored(self) -> Iterator[pl.DataFrame | Damaged]:
        return (part.rows for part in self._parts[EVENT])

    def count(self) -> int:
        return sum(total.rows for total in self._totals().values())

    def newest(self) -> datetime | None:
        return max((total.last for total in self._totals().values() if total.last), default=None)

    def sources(self) -> Sequence[SourceStatus]:
        waiting: Counter[str] = Counter()
        for part in self._parts[LINES]:
            ending = part.rows.filter(pl.col("kind") == ENDING)["event.id"]
            waiting[part.source] += len(set(ending) - self._ids[EVENT])
        quarantined: Counter[str] = Counter()
        for part in self._parts[QUARANTINE]:
            quarantined[part.source] += part.rows.height
        accounts = self._records.account_sources()
        return statuses(self._totals(), quarantined, self._manifest.ignored(), waiting, accounts)

    def problems(self) -> Sequence[str]:
        return ()

    def compact(self) -> None:
        """Nothing lies in files here."""

    def due(self, expiry: Expiry) -> Due:
        return added_up((kind, part.source, gone) for kind, part, gone in self._going(expiry))

    def expire(self, expiry: Expiry, witness: Callable[[Due], None] = lambda _: None) -> Due:
        due = self.due(expiry)
        witness(due)
        left: dict[str, list[Part]] = {kind: [] for kind in COLUMNS}
        for kind, part, found in self._going(expiry):
            left[kind].append(replace(part, rows=part.rows.filter(~found.gone)))
        self._parts = left
        return due

    def close(self) -> None:
        """Nothing is held."""

    def _new(self, kind: str, frame: pl.DataFrame) -> pl.DataFrame:
        frame = only_new(frame)
        rows = frame.filter([one not in self._ids[kind] for one in frame[ids_column(frame)]])
        return untagged_as_null(rows) if kind == EVENT else rows

    def _scan(self, kind: str, narrow: Narrow, source: str | None = None) -> pl.DataFrame:
        frames = [part.rows for part in self._parts[kind] if source in (None, part.source)]
        return narrow(pl.concat([pl.DataFrame(schema=COLUMNS[kind]), *frames]).lazy()).collect()

    def _keep(self, kind: str, kept: pl.Expr) -> None:
        self._parts[kind] = [replace(part, rows=part.rows.filter(kept)) for part in self._parts[kind]]

    def _going(self, expiry: Expiry) -> Iterator[tuple[Stored, Part, Going]]:
        for kind in Stored:
            for part in self._parts.get(kind, ()):
                yield kind, part, going(part.rows, kind, part.source, expiry)

    def _totals(self) -> dict[str, Total]:
        rows: dict[str, list[pl.Series]] = {}
        for part in self._parts[EVENT]:
            if part.rows.height:
                rows.setdefault(part.source, []).append(part.rows["@timestamp"])
        times = {source: pl.concat(parts).sort().to_list() for source, parts in rows.items()}
        return {source: Total(rows=len(own), first=own[0], last=own[-1]) for source, own in times.items()}
