"""The tree of the ledger in rows of 256 hashes: leaves, roots over 256 of them, over 65,536, and so on. So any node is
found by reading a few rows, however many leaves there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select

from core.errors import Broken
from core.merkle import Digest, Node, node_hash, sha256, split
from store.records.database import upsert
from store.records.tables import ledger_tiles

WIDTH, BITS = 256, 8
HASH = 32
"""Bytes of a hash, of SHA-256 as of SM3."""
Row = Callable[[int, int], Sequence[bytes]]
"""Of a level and a number, the hashes of that row."""


def sm3(data: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes

    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


DIGESTS: dict[str, Digest] = {"sha256": sha256, "sm3": sm3}


def perfect(hashes: Sequence[bytes], digest: Digest) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [digest(b"\1" + left + right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


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


def node_of(node: Node, row: Row, digest: Digest) -> bytes:
    """A node of the tree, out of its rows."""
    first, end = node
    span = end - first
    if span & (span - 1) or first % span:
        middle = split(node)
        return node_hash(node_of((first, middle), row, digest), node_of((middle, end), row, digest), digest)
    level = (span.bit_length() - 1) // BITS
    unit = WIDTH**level
    place, count = first // unit, span // unit
    hashes = row(level, place // WIDTH)[place % WIDTH :][:count]
    if len(hashes) < count:
        raise Broken(f"the ledger has lost part of row {place // WIDTH} of level {level} of its tree")
    return perfect(hashes, digest)


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
