"""Evidence that is frozen: snapshots of alerts, their events, rules and models. Nothing of it is changed or deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, select

from core.alert import Outcome
from core.evidence import SNAPSHOT, Evidence, Snapshot, Unfrozen
from core.proof import canonical
from store.records.alertrows import alert_of, digest_of
from store.records.database import Database, add_missing, delete_in_order, pieces
from store.records.leaves import append_leaves
from store.records.tables import alerts as alert_table
from store.records.tables import frozen_events, frozen_texts, snapshots, unfrozen

AT_ONCE = 500
_SNAPSHOT = [column for column in snapshots.columns if column.name != "digest"]


class FrozenRecords:
    """Adapter of `core.evidence.Freezer`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snapshots(self, alerts: Sequence[str]) -> Sequence[Snapshot]:
        query = select(*_SNAPSHOT).order_by(snapshots.c.alert, snapshots.c.at, snapshots.c.id)
        with self._database.reading() as connection:
            return [
                Snapshot(**row)
                for some in pieces(sorted(set(alerts)))
                for row in connection.execute(query.where(snapshots.c.alert.in_(some))).mappings()
            ]

    def every_snapshot(self) -> Iterator[Snapshot]:
        return (Snapshot(**row) for row in self._every(_SNAPSHOT))

    def every_frozen_event(self) -> Iterator[tuple[str, bytes]]:
        return ((row["id"], row["content"]) for row in self._every(frozen_events.columns))

    def every_frozen_text(self) -> Iterator[tuple[str, bytes]]:
        return ((row["sha256"], row["text"]) for row in self._every(frozen_texts.columns))

    def last_snapshot(self) -> Snapshot | None:
        with self._database.reading() as connection:
            query = select(*_SNAPSHOT).order_by(snapshots.c.at.desc(), snapshots.c.id.desc()).limit(1)
            row = connection.execute(query).mappings().first()
        return Snapshot(**row) if row else None

    def frozen_events(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for some in pieces(sorted(set(ids))):
            query = select(frozen_events).where(frozen_events.c.id.in_(some)).order_by(frozen_events.c.id)
            with self._database.reading() as connection:
                found = [(row.id, row.content) for row in connection.execute(query)]
            yield from found

    def frozen_text(self, sha256: str) -> bytes | None:
        with self._database.reading() as connection:
            query = select(frozen_texts.c.text).where(frozen_texts.c.sha256 == sha256)
            found: bytes | None = connection.execute(query).scalar()
        return found

    def unfrozen(self, most: int) -> Sequence[Unfrozen]:
        noted = unfrozen.outerjoin(alert_table, unfrozen.c.alert == alert_table.c.id)
        query = select(unfrozen.c.alert, unfrozen.c.stamp, *alert_table.columns).select_from(noted)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(alert_table.c.time, unfrozen.c.alert).limit(most)).mappings().all()
            known = _last_digests(connection, [row["alert"] for row in rows])
        found = []
        for row in rows:
            now = alert_of(dict(row)) if row["outcome"] == Outcome.ALERT.value else None
            same = now is not None and known.get(now.id) == digest_of(now)
            found.append(Unfrozen(alert=row["alert"], now=now, same=same, stamp=row["stamp"]))
        return found

    def not_frozen(self, ids: Sequence[str]) -> Sequence[str]:
        known: set[str] = set()
        with self._database.reading() as connection:
            for some in pieces(ids):
                query = select(frozen_events.c.id).where(frozen_events.c.id.in_(some))
                known.update(connection.execute(query).scalars())
        return [one for one in ids if one not in known]

    def freeze(self, evidence: Evidence, done: Sequence[Unfrozen]) -> None:
        digests = {one.alert: digest_of(one.now) for one in done if one.now}
        rows = [asdict(snapshot) | {"digest": digests[snapshot.alert]} for snapshot in evidence.snapshots]
        events = [{"id": one, "content": evidence.events[one]} for one in sorted(evidence.events)]
        texts = {hashlib.sha256(text).hexdigest(): text for text in evidence.texts}
        with self._database.writing() as connection:
            add_missing(connection, frozen_texts, [{"sha256": name, "text": texts[name]} for name in sorted(texts)])
            add_missing(connection, frozen_events, events)
            _to_ledger(connection, evidence.snapshots)
            add_missing(connection, snapshots, rows)
            _strike_off(connection, done)

    def _every(self, columns: Iterable[Column[Any]]) -> Iterator[RowMapping]:
        """Rows in the order of their first column, which names them, some at a time."""
        names = list(columns)
        key, last = names[0], ""
        while True:
            query = select(*names).where(key > last).order_by(key).limit(AT_ONCE)
            with self._database.reading() as connection:
                rows = connection.execute(query).mappings().all()
            yield from rows
            if len(rows) < AT_ONCE:
                return
            last = rows[-1][key.name]


def _to_ledger(connection: Connection, made: Sequence[Snapshot]) -> None:
    """Snapshots that are not frozen yet become leaves of the ledger."""
    known: set[str] = set()
    for some in pieces([one.id for one in made]):
        known.update(connection.execute(select(snapshots.c.id).where(snapshots.c.id.in_(some))).scalars())
    new = {one.id: canonical({"alert": one.alert, "snapshot": one.id}) for one in made if one.id not in known}
    if new:
        append_leaves(connection, SNAPSHOT, list(new), list(new.values()))


def _last_digests(connection: Connection, alerts: Sequence[str]) -> Mapping[str, str]:
    """By alert the digest of what was frozen of it last."""
    found: dict[str, str] = {}
    for some in pieces(alerts):
        query = select(snapshots.c.alert, snapshots.c.digest).where(snapshots.c.alert.in_(some))
        rows = connection.execute(query.order_by(snapshots.c.at, snapshots.c.id))
        found |= {row.alert: row.digest for row in rows}
    return found


def _strike_off(connection: Connection, done: Sequence[Unfrozen]) -> None:
    for some in pieces(sorted(done, key=lambda one: one.alert)):
        alerts = unfrozen.c.alert.in_([one.alert for one in some])
        # A stamp is one note's alone, but for the first that a migration made.
        delete_in_order(connection, unfrozen.c.alert, alerts & unfrozen.c.stamp.in_([one.stamp for one in some]))
