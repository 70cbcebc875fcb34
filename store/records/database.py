"""Opening a records database, bringing it to today's shape, and the few statements that differ by dialect."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    UpdateBase,
    case,
    delete,
    event,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from core.errors import ConfigError, LeaverwatchError, Refused
from store.records.engines import engine_of, trouble
from store.records.tables import accounts, filings, links, persons, settings

HEAD = "0025"
WRITERS = 0x1EA7E2
"""PostgreSQL's advisory lock of those who write alone."""
OLDER = frozenset(f"{number:04}" for number in range(1, 25))
"""Shapes that the migrations bring up to `HEAD`."""
FORBIDDEN = "42501"
"""PostgreSQL's word for a right that is missing."""
PEOPLE_VERSION = "people_version"
"""The setting that every transaction draws anew that writes who is who."""
_PEOPLE, _WRITTEN = frozenset({persons, links, filings, accounts}), "people written"
PIECE = 500
"""Values of one statement: below every dialect's limit of parameters."""

Row = dict[str, Any]
T = TypeVar("T")


class Database:
    """A records database. Writers take turns; readers never wait. Raises `ConfigError` where it cannot be used."""

    def __init__(self, url: str) -> None:
        self.engine = engine_of(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        event.listen(self.engine, "after_execute", _watch)
        try:
            with self.reading() as connection:
                ready = shape_of(connection) == HEAD
            if not ready:
                with self.writing() as connection:
                    _bring_up(connection)
        except DBAPIError as error:
            self.close()
            raise trouble(self.engine, error) from None
        except LeaverwatchError:
            self.close()
            raise

    @contextmanager
    def writing(self, *, alone: bool = True) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start, so that what it reads stays true. Waits for its
        turn; raises `Refused` when that does not come. Who changes rows that nobody else changes need not be `alone`;
        SQLite knows no other way."""
        with self._told(), self.engine.connect().execution_options(writing=True) as connection:
            try:
                transaction = connection.begin()
                if alone and not self.is_sqlite:
                    connection.execute(select(func.pg_advisory_xact_lock(WRITERS)))
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise
                raise Refused(f"the records database is busy, try again: {error.orig}") from None
            connection.info.pop(_WRITTEN, None)
            with transaction:
                yield connection
                if connection.info.pop(_WRITTEN, None):
                    upsert(connection, settings, [{"name": PEOPLE_VERSION, "value": secrets.token_hex(16)}])

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._told(), self.engine.connect() as connection, connection.begin():
            if not self.is_sqlite:
                connection.exec_driver_sql("set transaction isolation level repeatable read")
            yield connection

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Wait until nobody else, in whatever process, does what is called so; who dies lets go of it."""
        if self.is_sqlite:
            with Path(f"{self.engine.url.database}.{name}").open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
            return
        with self._told(), self.engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("set local lock_timeout = 0")
            connection.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, WRITERS))))
            yield

    @contextmanager
    def try_lock(self, name: str) -> Iterator[bool]:
        """The same without waiting: whether nobody else did it."""
        if self.is_sqlite:
            with Path(f"{self.engine.url.database}.{name}").open("ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    yield False
                else:
                    yield True
            return
        with self._told(), self.engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("set local idle_in_transaction_session_timeout = 0")
            lock = func.pg_try_advisory_xact_lock(func.hashtextextended(name, WRITERS))
            yield bool(connection.execute(select(lock)).scalar())

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A PostgreSQL that is gone, as `Unavailable`; so is one that had to break up a tie, or does not let us."""
        try:
            yield
        except DBAPIError as error:
            forbidden = getattr(error.orig, "sqlstate", None) == FORBIDDEN
            if self.is_sqlite or not (forbidden or isinstance(error, OperationalError)):
                raise
            raise trouble(self.engine, error) from error


def _watch(connection: Connection, statement: object, *_: object) -> None:
    """Here and not where people are written, so that nobody who writes them can forget it."""
    if isinstance(statement, UpdateBase) and statement.table in _PEOPLE:
        connection.info[_WRITTEN] = True


def add_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; where the primary key is there already, the row stays as it is."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if rows:
        connection.execute(insert(table).on_conflict_do_nothing(), list(rows))


def was_missing(connection: Connection, table: Table, row: Row) -> bool:
    """Insert a row, unless its primary key is there already; whether it was inserted. Waits for whoever is about to."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).on_conflict_do_nothing().values(row).returning(*table.primary_key)
    return connection.execute(statement).first() is not None


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


def delete_in_order(connection: Connection, key: Column[str], those: ColumnElement[bool]) -> None:
    """Delete the rows of a key's table that are asked for."""
    if connection.dialect.name == "postgresql":
        # A deletion locks rows as it meets them; in the order in which they are written nobody waits in a circle.
        in_order = select(key).where(those).order_by(key.collate("C"))
        connection.execute(in_order.with_for_update()).all()
    connection.execute(delete(key.table).where(those))


def among(connection: Connection, column: Column[str], values: Collection[str]) -> set[str]:
    """Those of the values that the column has."""
    found: set[str] = set()
    for some in pieces(sorted(values)):
        found.update(connection.execute(select(column).where(column.in_(some))).scalars())
    return found


def pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in runs short enough for one statement."""
    for start in range(0, len(values), PIECE):
        yield values[start : start + PIECE]


def shape_of(connection: Connection) -> str | None:
    """The database's shape; none where there are no tables. Raises `ConfigError` where we do not know it."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    shape: str | None = connection.execute(text("select version_num from alembic_version")).scalar_one_or_none()
    if shape is None or shape == HEAD or shape in OLDER:
        return shape
    raise ConfigError(f"the records database has shape {shape}, which a newer leaverwatch made; use that one")


def _bring_up(connection: Connection) -> None:
    if shape_of(connection) != HEAD:  # or another process was quicker
        migrate(connection, HEAD)


def migrate(connection: Connection, shape: str) -> None:
    """Bring the tables to a shape, up or down; `base` is none at all."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    # The configuration expands %, also in the path of an installation.
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    (command.upgrade if shape == HEAD else command.downgrade)(config, shape)
