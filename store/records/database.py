"""Opening a records database, bringing it to today's shape, and the few statements that differ by dialect."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Table, case, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from core.errors import ConfigError, Refused

HEAD = "0001"
OLDER: frozenset[str] = frozenset()
"""Shapes that the migrations bring up to `HEAD`."""
BUSY_SECONDS = 60
PIECE = 500
"""Values of one statement: below every dialect's limit of parameters."""

Row = dict[str, Any]
T = TypeVar("T")


class Database:
    """A records database. Writers take turns; readers never wait. Raises `ConfigError` where it cannot be used."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        try:
            with self.reading() as connection:
                ready = _is_ready(connection)
            if not ready:
                with self.writing() as connection:
                    _bring_up(connection)
        except DatabaseError as error:
            raise ConfigError(f"the records database {url} cannot be used: {error.orig}") from None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start, so that what it reads stays true. Waits for its
        turn; raises `Refused` when that does not come."""
        with self.engine.connect().execution_options(writing=True) as connection:
            try:
                transaction = connection.begin()
            except OperationalError as error:
                raise Refused(f"the records database is busy, try again: {error.orig}") from None
            with transaction:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    *,
    least: Collection[str] = (),
    most: Collection[str] = (),
) -> None:
    """Insert rows; where the primary key is there already, the row becomes the new one, but keeps the smaller value
    of columns `least` and the larger one of columns `most`."""
    keys = [column.name for column in table.primary_key]
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    changed: dict[str, ColumnElement[Any]] = {}
    for column in table.columns:
        new = statement.excluded[column.name]
        if column.name in least:
            changed[column.name] = case((column < new, column), else_=new)
        elif column.name in most:
            changed[column.name] = case((column > new, column), else_=new)
        elif column.name not in keys:
            changed[column.name] = new
    statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    if rows:
        connection.execute(statement, list(rows))


def pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in runs short enough for one statement."""
    for start in range(0, len(values), PIECE):
        yield values[start : start + PIECE]


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _is_ready(connection: Connection) -> bool:
    """Whether the database has today's shape. Raises `ConfigError` where it has one we do not know."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    shape = connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()
    if shape is None or shape == HEAD or shape in OLDER:
        return shape == HEAD
    raise ConfigError(f"the records database has shape {shape}, which a newer leaverwatch made; use that one")


def _bring_up(connection: Connection) -> None:
    if _is_ready(connection):  # another process was quicker
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    # The configuration expands %, also in the path of an installation.
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
