"""The tree of RFC 6962 in rows of 256 hashes: leaves, roots over 256 of them, over 65,536, and so on. So any node is
found in a few rows, however many leaves there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.errors import Broken
from core.merkle import Digest, Node, node_hash, sha256, split

WIDTH, BITS = 256, 8
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
