"""Incidents of the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from core.label import Incident, IncidentKind
from store.records.database import Database, upsert
from store.records.tables import incidents as incident_table


class IncidentRecords:
    """Adapter of `core.ports.Incidents`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_incidents(self, incidents: Sequence[Incident]) -> int:
        latest = {(one.account, one.first): one for one in incidents}
        with self._database.writing() as connection:
            known = {(one.account, one.first): one for one in _incidents(connection)}
            changed = [one for key, one in latest.items() if known.get(key) != one]
            set_here = {"filed": datetime.now(UTC)}
            rows = [asdict(one) | {"kind": one.kind.value} | set_here for one in changed]
            upsert(connection, incident_table, rows)
        return len(changed)

    def incidents(self) -> Sequence[Incident]:
        with self._database.reading() as connection:
            return _incidents(connection)


def _incidents(connection: Connection) -> list[Incident]:
    query = select(incident_table).order_by(incident_table.c.first, incident_table.c.account)
    rows = connection.execute(query).mappings()
    return [Incident(**{**row, "kind": IncidentKind(row["kind"])}) for row in rows]
