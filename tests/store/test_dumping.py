"""Rows of one database into another of either kind: all of them, at one moment, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from storing import an_alert

from core.errors import Refused
from core.person import Link, Person
from store.records import SqlRecords
from store.records.database import HEAD, OLDER, migrate
from store.records.dumping import Piece, Snapshot, load, snapshot, unpacked
from store.records.tables import ledger_tiles, metadata


@pytest.fixture
def old(tmp_path: Path) -> Iterator[SqlRecords]:
    with closing(SqlRecords(f"sqlite:///{tmp_path / 'old.db'}")) as opened:
        fill(opened)
        yield opened


def fill(records: SqlRecords) -> None:
    links = [Link(account=f"login:{name}", person="e1") for name in ("a", "b\0", "c\x1a1")]
    records.save_persons([Person(id="e1", name="李娜", email="li.na@x")], links)
    records.settle((), (), [an_alert("e1", 2)], ())
    records.set_setting("odd", "\x1a0 '\"\\ \u2028 😀")
    with records.database.writing() as connection:
        row = {"algorithm": "sha256", "level": 0, "number": 0, "hashes": bytes(range(256)) * 40}
        connection.execute(ledger_tiles.insert(), row)


def everything(of: SqlRecords) -> dict[str, list[Any]]:
    with of.database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def whole(piece: Piece) -> Piece:
    data = unpacked(piece.data) if piece.packed else piece.data
    return Piece(table=piece.table, rows=piece.rows, data=data, packed=False)


def pieces(taken: Snapshot) -> list[Piece]:
    return [whole(piece) for piece in taken.pieces()]


def nothing(*_: object) -> None: ...


def test_rows_go_from_either_kind_of_database_into_the_other(
    old: SqlRecords, records: SqlRecords, tmp_path: Path
) -> None:
    with snapshot(old.database) as taken:
        load(records.database, HEAD, iter(pieces(taken)), nothing)
    assert everything(records) == everything(old)
    records.save_persons([Person(id="e2", name="王伟")], [Link(account="login:z", person="e2")])
    with snapshot(records.database) as taken, closing(SqlRecords(f"sqlite:///{tmp_path / 'new.db'}")) as new:
        load(new.database, HEAD, iter(pieces(taken)), nothing)
        assert everything(new) == everything(records)


def test_a_snapshot_is_of_one_moment(records: SqlRecords) -> None:
    fill(records)
    with snapshot(records.database) as taken:
        before = len(everything(records)["persons"])
        records.save_persons([Person(id=f"n{number}") for number in range(3)], [])
        assert sum(piece.rows for piece in taken.pieces() if piece.table == "persons") == before


def test_what_does_not_go_in_leaves_the_database_as_it_was(old: SqlRecords, records: SqlRecords) -> None:
    with snapshot(old.database) as taken:
        good = pieces(taken)
    bad = Piece(table="links", rows=1, data=b'["account"]\n["x"]', packed=False)
    with pytest.raises(Refused, match="no rows of links"):
        load(records.database, HEAD, iter([*good, bad]), nothing)
    assert not any(everything(records).values())
    with pytest.raises(Refused, match="another leaverwatch"):
        load(records.database, "9999", iter(good), nothing)
    happened = Piece(table="happenings", rows=0, data=b"[]", packed=False)
    with pytest.raises(Refused, match="no table"):
        load(records.database, min(OLDER), iter([happened]), nothing)
    fill(records)
    with pytest.raises(Refused, match="not empty"):
        load(records.database, HEAD, iter(good), nothing)


def test_rows_of_an_older_shape_are_brought_to_todays(old: SqlRecords, records: SqlRecords) -> None:
    shape = "0011"
    with snapshot(old.database) as taken:
        today = pieces(taken)
    wanted = everything(old)
    with old.database.writing() as connection:
        migrate(connection, shape)
        inspected = sa.inspect(connection)
        known = {
            table: {column["name"] for column in inspected.get_columns(table)} for table in inspected.get_table_names()
        }
    load(records.database, shape, (cut(piece, known[piece.table]) for piece in today if piece.table in known), nothing)
    assert {table: rows for table, rows in everything(records).items() if table in known} == {
        table: rows for table, rows in wanted.items() if table in known
    }


def cut(piece: Piece, columns: set[str]) -> Piece:
    """The piece as it was when there were these columns only."""
    head, *rows = [json.loads(line) for line in piece.data.splitlines()]
    places = [place for place, name in enumerate(head) if name in columns]
    lines = [json.dumps([line[place] for place in places]).encode() for line in (head, *rows)]
    return Piece(table=piece.table, rows=piece.rows, data=b"\n".join(lines), packed=False)


def test_no_piece_unpacks_to_more_than_a_hundred_times_its_size(records: SqlRecords) -> None:
    records.set_setting("long", "x" * 1_000_000)
    with snapshot(records.database) as taken:
        (piece,) = (piece for piece in taken.pieces() if piece.table == "settings")
    assert not piece.packed
    assert len(piece.data) > 1_000_000
