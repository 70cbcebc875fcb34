"""All rows of a records database as it is at one moment, and back into an empty one, of whichever kind."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    LargeBinary,
    MetaData,
    Table,
    func,
    select,
    type_coerce,
)
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from core.errors import Refused
from store.records.copying import LARGE
from store.records.database import HEAD, OLDER, PIECE, Database, Row, migrate
from store.records.tables import Encrypted, Moment, Words, id_runs, metadata, segments

Also = Callable[[Connection, Mapping[str, int]], None]
FULL = 8 << 20
"""Bytes after which a piece takes no more rows."""
LARGEST = 1 << 30
"""Bytes of a piece: one row may be large, as a model's file is."""
AT_MOST_TIMES = 100
"""What shrinks further is kept as it is, so that no piece unpacks to more than so many times its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some rows of a table, as JSON lines, the first of which names the columns; `packed` where it is compressed."""

    table: str
    rows: int
    data: bytes
    packed: bool


class Snapshot:
    """The records as they are at one moment. Values that are sealed stay so."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection.execution_options(stream_results=True)

    def files(self) -> list[str]:
        """The sealed files of the embedded store of events."""
        listed = (column for table in (segments, id_runs) for column in [table.c.file])
        return [str(file) for column in listed for file in self._connection.execute(select(column)).scalars()]

    def pieces(self) -> Iterator[Piece]:
        for table in metadata.sorted_tables:
            yield from self._of(table)

    def _of(self, table: Table) -> Iterator[Piece]:
        asked = select(*(_raw(column) for column in table.columns)).order_by(*table.primary_key)
        head = _line([column.name for column in table.columns])
        lines, size = [head], 0
        for rows in self._connection.execute(asked).partitions(LARGE.get(table.name, PIECE)):
            for row in rows:
                lines.append(_line(list(row)))
                size += len(lines[-1])
                if size > FULL:
                    yield _piece(table.name, lines)
                    lines, size = [head], 0
        if len(lines) > 1:
            yield _piece(table.name, lines)


@contextmanager
def snapshot(database: Database) -> Iterator[Snapshot]:
    """One consistent view for as long as the context lasts, whoever writes meanwhile."""
    with database.reading() as connection:
        connection.execute(select(segments.c.file).limit(1)).first()  # SQLite's view begins with the first look
        yield Snapshot(connection)


def load(database: Database, shape: str, pieces: Iterator[Piece], also: Also) -> None:
    """Fill an empty database with rows of a database of this shape and bring them to today's, all at once or not at
    all; `also` is done last, and told how many rows each table has. Raises `Refused` where it is not empty, or where
    they are not such rows."""
    if shape != HEAD and shape not in OLDER:
        raise Refused(f"the backup has shape {shape}, which another leaverwatch made than this one: use that one")
    rows: dict[str, int] = {}
    with database.writing() as connection:
        held = [table.name for table in metadata.sorted_tables if connection.execute(select(table).limit(1)).first()]
        if held:
            raise Refused(f"the records database is not empty ({', '.join(held)}): give an empty one")
        if shape != HEAD:
            migrate(connection, shape)
        tables = MetaData()
        for piece in pieces:
            try:
                _insert(connection, tables, piece)
            except (SQLAlchemyError, ValueError, TypeError, KeyError, RecursionError) as error:
                raise Refused(f"these are no rows of {piece.table}: {type(error).__name__}") from error
            rows[piece.table] = rows.get(piece.table, 0) + piece.rows
        _count_on(connection, tables)
        if shape != HEAD:
            migrate(connection, HEAD)
        also(connection, rows)


def unpacked(data: bytes) -> bytes:
    """A piece as it was. Raises `Refused` where it unpacks to more than pieces do."""
    most = min(LARGEST, AT_MOST_TIMES * len(data))
    whole = zlib.decompressobj(wbits=31)
    try:
        found = whole.decompress(data, most)
    except zlib.error as error:
        raise Refused(f"a piece of the records cannot be unpacked: {error}") from None
    if not whole.eof or whole.unused_data:
        raise Refused("a piece of the records unpacks to more than it may")
    return found


def lines_of(data: bytes) -> tuple[Sequence[str], list[list[Any]]]:
    """The columns and rows of a piece."""
    head, *rows = (json.loads(line) for line in data.splitlines())
    return head, rows


def _insert(connection: Connection, tables: MetaData, piece: Piece) -> None:
    if piece.table not in metadata.tables:
        raise Refused(f"no table is called {piece.table}")
    try:
        table = Table(piece.table, tables, autoload_with=connection)
    except NoSuchTableError:
        raise Refused(f"a backup of this shape has no table {piece.table}") from None
    columns, rows = lines_of(piece.data)
    for known in metadata.tables[piece.table].columns:
        if isinstance(known.type, Words) and known.name in table.columns:
            table.columns[known.name].type = Words()
    read = [_reader(table.columns[name]) for name in columns]
    made: list[Row] = [{name: one(value) for name, one, value in zip(columns, read, row, strict=True)} for row in rows]
    connection.execute(table.insert(), made)


def _count_on(connection: Connection, tables: MetaData) -> None:
    """Have PostgreSQL give the numbers that follow those that are there."""
    for table in tables.tables.values() if connection.dialect.name == "postgresql" else ():
        for column in table.primary_key:
            sequence = connection.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
            if sequence:
                connection.execute(select(func.setval(sequence, select(func.max(column)).scalar_subquery())))


def _piece(table: str, lines: Sequence[bytes]) -> Piece:
    data = b"\n".join(lines)
    packer = zlib.compressobj(wbits=31)
    small = packer.compress(data) + packer.flush()
    packed = len(small) * AT_MOST_TIMES > len(data)
    return Piece(table=table, rows=len(lines) - 1, data=small if packed else data, packed=packed)


def _raw(column: Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Moment):
        return type_coerce(column, DateTime())
    if isinstance(column.type, Encrypted):
        return type_coerce(column, Words())
    return column


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, default=_plain, separators=(",", ":")).encode()


def _plain(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    read: Callable[[Any], Any] = _same
    if isinstance(column.type, LargeBinary):
        read = b64decode
    elif isinstance(column.type, DateTime):
        read = datetime.fromisoformat
    elif isinstance(column.type, Date):
        read = date.fromisoformat
    return lambda value: None if value is None else read(value)


def _same(value: Any) -> Any:
    return value
