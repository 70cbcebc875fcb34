"""Keeping columns encrypted at rest: from the first time a database is opened with a key, and by another key later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, RowMapping, Table, and_, insert, or_, select, update

from core.errors import ConfigError, Refused
from core.keyring import KeyRing
from store.records.database import Database, Row
from store.records.tables import RINGS, Encrypted, Words, at_rest_keys, metadata

JOB = "at_rest"
AT_ONCE = 2_000
"""Rows of one transaction."""


def unlock(database: Database, file: Path | None) -> None:
    """Have a database's columns encrypted by the keys of a file, made where neither has one; what is there and is not
    encrypted yet, is now. Without a file, only a database that never was. Raises `ConfigError` where its key is not in
    the file."""
    known = _known(database)
    if file is None:
        if known:
            raise ConfigError(f"the records are encrypted by key {known[-1]['key']}: name its file")
        return
    ring = KeyRing(file)
    if not known:
        if not ring.exists():
            ring.add()
        with database.writing() as connection:
            known = _rows(connection)
            if not known:
                _encrypt(connection, ring)
                now = datetime.now(UTC)
                known = [{"key": ring.current, "since": now, "done": now}]
                connection.execute(insert(at_rest_keys), known)
    needed = known[-1]["key"]
    if not ring.exists() or needed not in ring.ids():
        raise ConfigError(
            f"the records are encrypted by key {needed}, which is not in {file}: bring that file from where they were "
            "first opened, or name it in [privacy] key"
        )
    RINGS[database.engine.dialect] = ring


def keys(database: Database) -> list[Row]:
    """By which keys columns were encrypted: `key`, `since`, and `done` once nothing was left that an older one had
    encrypted; oldest first."""
    return _known(database)


def rotate(database: Database) -> Iterator[int]:
    """Make a new key and encrypt everything by it, some rows at a time; gives how many. Cut short, the next one goes on
    with the same key. Raises `Refused` where nothing is encrypted."""
    ring = RINGS.get(database.engine.dialect)
    if ring is None:
        raise Refused("nothing is encrypted here")
    with database.lock(JOB):
        latest = _known(database)[-1]
        if latest["done"] is not None:
            # A key that is in the file and not here was made by somebody who was killed then.
            key = ring.add() if ring.current == latest["key"] else ring.current
            with database.writing() as connection:
                connection.execute(insert(at_rest_keys), {"key": key, "since": datetime.now(UTC), "done": None})
        again = True
        while again:
            again = False
            for table, about in _tables():
                while rows := _encrypt_anew(database, table, about, ring):
                    again = True
                    yield rows
        with database.writing() as connection:
            this = at_rest_keys.c.key == ring.current
            connection.execute(update(at_rest_keys).where(this).values(done=datetime.now(UTC)))


def _known(database: Database) -> list[Row]:
    with database.reading() as connection:
        return _rows(connection)


def _rows(connection: Connection) -> list[Row]:
    query = select(at_rest_keys).order_by(at_rest_keys.c.since, at_rest_keys.c.key)
    return [dict(row) for row in connection.execute(query).mappings()]


def _tables() -> Iterator[tuple[Table, Mapping[str, str]]]:
    """Those with such columns, as they look without a key: what their rows are known by, and these columns, each with
    the place that its values belong to."""
    for table in metadata.sorted_tables:
        about = {one.name: one.type.about for one in table.columns if isinstance(one.type, Encrypted)}
        if about:
            known_by = (Column(one.name, one.type, primary_key=True) for one in table.primary_key)
            yield Table(table.name, MetaData(), *known_by, *(Column(name, Words) for name in about)), about


def _encrypt(connection: Connection, ring: KeyRing) -> None:
    """Everything, which nobody has encrypted yet."""
    with overwriting(connection):
        for table, about in _tables():
            for row in connection.execute(select(table)).mappings().all():
                _change(
                    connection, table, row, {name: ring.seal(row[name], about[name]) for name in about if row[name]}
                )


def _encrypt_anew(database: Database, table: Table, about: Mapping[str, str], ring: KeyRing) -> int:
    """Some rows in which another key encrypted anything; how many there were."""
    current = f"{ring.prefix()}%"
    old = or_(*(and_(table.c[name] != "", table.c[name].not_like(current)) for name in about))
    with database.writing() as connection, overwriting(connection):
        rows = connection.execute(select(table).where(old).limit(AT_ONCE)).mappings().all()
        for row in rows:
            opened = {name: ring.open(row[name], place) for name, place in about.items() if row[name]}
            _change(connection, table, row, {name: ring.seal(text, about[name]) for name, text in opened.items()})
    return len(rows)


def _change(connection: Connection, table: Table, row: RowMapping, values: Mapping[str, str]) -> None:
    """Put values in a row that nobody has changed meanwhile."""
    if values:
        same = [table.c[name] == row[name] for name in row]
        connection.execute(update(table).where(*same).values(**values))


@contextmanager
def overwriting(connection: Connection) -> Iterator[None]:
    """What is replaced does not stay behind in SQLite's file."""
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")
