"""Records from one database into another, empty one: all at once or not at all."""

from __future__ import annotations

from sqlalchemy import Connection, Table, select

from core.errors import Refused
from store.records.database import PIECE, Database, upsert
from store.records.tables import at_rest_keys, id_runs, intents, metadata, segments, settings, turns

LEFT = frozenset({segments, id_runs, intents, turns, at_rest_keys})
"""What belongs to the store of events beside the old database, or to whoever is at work there."""
NUMBERED = {"links": "number", "model_changes": "number"}
"""Columns that each database counts for itself."""
LARGE = {"ledger_entries": 16, "model_files": 1, "attached_files": 1}
"""How many rows, where they are large, are held at once."""


def copy_records(origin: Database, target: Database, done: str) -> int:
    """Copy everything; returns how many rows. The setting `done` of the target says that it was done before: then
    nothing is. Raises `Refused` where the target has records of its own."""
    tables = [table for table in metadata.sorted_tables if table not in LEFT]
    with origin.reading() as source, target.writing() as connection:
        if connection.execute(select(settings.c.name).where(settings.c.name == done)).first():
            return 0
        held = [table.name for table in tables if connection.execute(select(table).limit(1)).first()]
        if held:
            raise Refused(f"the records database to move to is not empty ({', '.join(held)}): give an empty one")
        copied = sum(_copy(source, connection, table) for table in tables)
        upsert(connection, settings, [{"name": done, "value": "{}"}])
        return copied


def _copy(source: Connection, target: Connection, table: Table) -> int:
    columns = [column for column in table.columns if column.name != NUMBERED.get(table.name)]
    asked = select(*columns).order_by(*table.primary_key)
    some_at_a_time = source.execution_options(stream_results=True)
    copied = 0
    for rows in some_at_a_time.execute(asked).mappings().partitions(LARGE.get(table.name, PIECE)):
        target.execute(table.insert(), [dict(row) for row in rows])
        copied += len(rows)
    return copied
