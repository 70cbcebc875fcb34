"""What lies sealed: segments and id runs as the records database lists them; one transaction adds to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl
from sqlalchemy import Connection, delete, func, or_, select

from core.batch import Batch, Progress
from core.ports import Mark, SourceStatus
from store.records import SqlRecords
from store.records.database import pieces, upsert
from store.records.intents import done, intend
from store.records.leaves import Leaves, add_leaves, leaves_of
from store.records.marks import add_marks
from store.records.people import see_accounts
from store.records.tables import id_runs, progress, segments

EVENT, LINES, QUARANTINE = "event", "fragment", "quarantine"
REMEMBERED = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sealed file: its rows, their size in memory, and the times they span."""

    file: str
    kind: str
    source: str
    rows: int
    bytes: int
    first: datetime | None
    last: datetime | None
    rules_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A sealed run of ids of one kind."""

    file: str
    kind: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What lies sealed of one source and kind."""

    rows: int
    first: datetime | None
    last: datetime | None


class Manifest:
    """The list of what is visible. A file not on it does not exist for anybody."""

    def __init__(self, records: SqlRecords) -> None:
        self._records = records
        self._database = records.database
        self._algorithms: Sequence[str] = ()
        self._accounts: set[tuple[str, str, tuple[str, ...]]] = set()

    def begin_ledger(self, before: Callable[[], int]) -> None:
        """To be called before events are stored; `before` tells how many are already."""
        if not self._algorithms:
            self._algorithms = self._records.begin_ledger(before, self._records.hashes)

    def leaves(self, batch: Batch, events: pl.DataFrame) -> Leaves | None:
        """The leaves of the new events of a batch; none of events whose leaves lie in the ledger."""
        return leaves_of(batch.source, events, self._algorithms) if events.height and not batch.moved else None

    def segments(
        self, kind: str, source: str | None = None, start: datetime | None = None, end: datetime | None = None
    ) -> list[Segment]:
        """Those of a kind, and of a source, that reach into `start` to `end`; one without times reaches everywhere."""
        first, last = segments.c.first, segments.c.last
        query = select(segments).where(segments.c.kind == kind).order_by(first, segments.c.file)
        if source is not None:
            query = query.where(segments.c.source == source)
        if start is not None:
            query = query.where(or_(last.is_(None), last >= start))
        if end is not None:
            query = query.where(or_(first.is_(None), first <= end))
        with self._database.reading() as connection:
            return [Segment(**row) for row in connection.execute(query).mappings()]

    def runs(self, kind: str) -> list[Run]:
        query = select(id_runs).where(id_runs.c.kind == kind).order_by(id_runs.c.file)
        with self._database.reading() as connection:
            return [Run(**row) for row in connection.execute(query).mappings()]

    def files(self) -> set[str]:
        with self._database.reading() as connection:
            return {*connection.execute(select(segments.c.file)).scalars()} | {
                *connection.execute(select(id_runs.c.file)).scalars()
            }

    def add(
        self,
        batch: Batch,
        sealed: Sequence[Segment],
        runs: Sequence[Run],
        leaves: Leaves | None,
        seen: Mapping[str, Sequence[str]],
        marks: Sequence[Mark],
        append: str = "",
    ) -> None:
        """Make a batch visible: its segments, ids, leaves, accounts, progress and marks, or nothing. `append` names
        what was intended, where its events lie elsewhere already."""
        keyed = {(batch.source, account, tuple(keys)) for account, keys in seen.items()}
        new = {account: keys for _, account, keys in keyed - self._accounts}
        with self._database.writing() as connection:
            _insert(connection, sealed, runs)
            if leaves:
                add_leaves(connection, leaves)
            see_accounts(connection, batch.source, new)
            for part in batch.files:
                _note_progress(connection, batch.source, part)
            add_marks(connection, marks)
            if append:
                done(connection, append)
        # What is noted stays noted, so it need not be looked up for every batch.
        if len(self._accounts) > REMEMBERED:
            self._accounts.clear()
        self._accounts |= keyed

    def intend(self, append: str, marks: Sequence[Mark]) -> set[str]:
        """Before events are stored elsewhere: whom they touch. See `store.records.intents`."""
        return intend(self._database, append, marks)

    def replace(self, gone: Sequence[Segment | Run], sealed: Sequence[Segment] = (), runs: Sequence[Run] = ()) -> None:
        """Put other files in the place of some, all at once."""
        with self._database.writing() as connection:
            for piece in pieces([item.file for item in gone]):
                connection.execute(delete(segments).where(segments.c.file.in_(piece)))
                connection.execute(delete(id_runs).where(id_runs.c.file.in_(piece)))
            _insert(connection, sealed, runs)

    def ignored(self) -> dict[str, dict[str, int]]:
        """Records left out, by source and reason."""
        totals: dict[str, dict[str, int]] = {}
        with self._database.reading() as connection:
            for source, reasons in connection.execute(select(progress.c.source, progress.c.ignored)):
                total = totals.setdefault(source, {})
                for reason, count in json.loads(reasons).items():
                    total[reason] = total.get(reason, 0) + count
        return totals

    def totals(self, kind: str) -> dict[str, Total]:
        """What lies sealed, by source."""
        columns = (segments.c.source, func.sum(segments.c.rows), func.min(segments.c.first), func.max(segments.c.last))
        query = select(*columns).where(segments.c.kind == kind).group_by(segments.c.source)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {source: Total(rows=int(count), first=first, last=last) for source, count, first, last in rows}


def statuses(
    events: Mapping[str, Total],
    quarantined: Mapping[str, int],
    ignored: Mapping[str, Mapping[str, int]],
    waiting: Mapping[str, int],
    accounts: Mapping[str, frozenset[str]],
) -> list[SourceStatus]:
    """What has arrived, by source, put together."""
    nothing = Total(rows=0, first=None, last=None)
    return [
        SourceStatus(
            source=source,
            events=events.get(source, nothing).rows,
            quarantined=quarantined.get(source, 0),
            ignored=ignored.get(source, {}),
            waiting=waiting.get(source, 0),
            first_event=events.get(source, nothing).first,
            last_event=events.get(source, nothing).last,
            accounts=accounts.get(source, frozenset()),
        )
        for source in sorted({*events, *quarantined, *ignored, *waiting})
    ]


def _insert(connection: Connection, sealed: Sequence[Segment], runs: Sequence[Run]) -> None:
    if sealed:
        connection.execute(segments.insert(), [asdict(segment) for segment in sealed])
    if runs:
        connection.execute(id_runs.insert(), [asdict(run) for run in runs])


def _note_progress(connection: Connection, source: str, part: Progress) -> None:
    """Add to what was read of a file; a file read again starts over."""
    if not part.read:
        return
    where = (progress.c.source == source) & (progress.c.file == part.file)
    row = connection.execute(select(progress).where(where)).mappings().one_or_none()
    going_on = row is not None and not part.first
    ignored = dict(json.loads(row["ignored"])) if row is not None and going_on else {}
    for reason, count in part.ignored.items():
        ignored[reason] = ignored.get(reason, 0) + count
    read = part.read + (row["read"] if row is not None and going_on else 0)
    values = {"read": read, "ignored": json.dumps(ignored, sort_keys=True), "finished": part.last}
    upsert(connection, progress, [{"source": source, "file": part.file} | values])
