"""The rows of the ledger's tree in the records. See `core.tiles`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from core.errors import Broken
from core.tiles import DIGESTS, WIDTH, perfect
from store.records.database import upsert
from store.records.tables import ledger_tiles

HASH = 32
"""Bytes of a hash, of SHA-256 as of SM3."""


def grow(connection: Connection, algorithm: str, size: int, hashes: Sequence[bytes]) -> None:
    """Add leaves to the end of a tree of so many, by their hashes."""
    level = 0
    while hashes:
        start = size - size % WIDTH
        begun = _stored(connection, algorithm, level, size // WIDTH) if size % WIDTH else b""
        if len(begun) != (size - start) * HASH:
            raise Broken(f"the ledger has lost part of row {size // WIDTH} of level {level} of its tree")
        row = [*_cut(begun), *hashes]
        rows = [row[at : at + WIDTH] for at in range(0, len(row), WIDTH)]
        upsert(
            connection,
            ledger_tiles,
            [
                {"algorithm": algorithm, "level": level, "number": start // WIDTH + number, "hashes": b"".join(some)}
                for number, some in enumerate(rows)
            ],
        )
        hashes = [perfect(some, DIGESTS[algorithm]) for some in rows if len(some) == WIDTH]
        size, level = start // WIDTH, level + 1


def read_rows(connection: Connection, algorithm: str, level: int, number: int, count: int) -> dict[int, list[bytes]]:
    """So many rows of a level, by number."""
    tile = ledger_tiles.c
    wanted = (tile.algorithm == algorithm) & (tile.level == level) & tile.number.between(number, number + count - 1)
    found = connection.execute(select(tile.number, tile.hashes).where(wanted)).all()
    return {place: _cut(hashes) for place, hashes in found}


def _stored(connection: Connection, algorithm: str, level: int, number: int) -> bytes:
    tile = ledger_tiles.c
    wanted = (tile.algorithm == algorithm) & (tile.level == level) & (tile.number == number)
    found: bytes | None = connection.execute(select(tile.hashes).where(wanted)).scalar()
    return found or b""


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
