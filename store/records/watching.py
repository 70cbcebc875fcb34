"""Watches that are over, each noted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Column, Table, insert, select

from core.canonical import moment_text
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.watching import Ended, Watch
from store.records.audit import note_in
from store.records.database import Database
from store.records.happenings import happen_in
from store.records.tables import Moment, Words, metadata

ITSELF = "leaverwatch"
ended_watches = Table(
    "ended_watches",
    metadata,
    Column("person", Words, primary_key=True),
    Column("since", Moment, primary_key=True),
    Column("until", Moment, primary_key=True),
    Column("ended", Words, nullable=False),
)


class WatchRecords:
    """Adapter of `core.watching.EndedWatches`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def end_watch(self, watch: Watch, at: datetime) -> bool:
        table = ended_watches.c
        this = (table.person == watch.person) & (table.since == watch.since) & (table.until == watch.until)
        with self._database.writing() as connection:
            if connection.execute(select(table.person).where(this)).first() or watch.ended is None:
                return False
            connection.execute(insert(ended_watches), asdict(watch) | {"ended": watch.ended.value})
            details = {"since": moment_text(watch.since), "until": moment_text(watch.until or at)}
            details["ended"] = watch.ended.value
            entry = AuditEntry(at=at, by=ITSELF, deed=Deed.STOPPED_WATCHING, about=[watch.person], details=details)
            note_in(connection, entry)
            happened = Happening(
                at=at,
                kind=Kind.WATCHING_ENDED,
                subject=watch.person,
                person=watch.person,
                by=ITSELF,
                details={"ended": watch.ended.value},
            )
            happen_in(connection, [happened])
        return True

    def ended_watches(self) -> Sequence[Watch]:
        query = select(ended_watches).order_by(ended_watches.c.until, ended_watches.c.person, ended_watches.c.since)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [Watch(**{**row, "ended": Ended(row["ended"])}) for row in rows]
