"""The tree of RFC 6962 over leaves: roots, proofs that a leaf is in it, proofs that a tree grew out of another.

A node is named by the leaves below it, `(first, end)`, `end` excluded. What joins two nodes is the split of RFC 6962:
the left part has the largest power of two of leaves that is smaller than all.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

from core.errors import Broken

Node = tuple[int, int]
Digest = Callable[[bytes], bytes]
"""A hash function: of bytes, its digest."""


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def leaf_hash(data: bytes, digest: Digest = sha256) -> bytes:
    return digest(b"\0" + data)


def node_hash(left: bytes, right: bytes, digest: Digest = sha256) -> bytes:
    return digest(b"\1" + left + right)


def split(node: Node) -> int:
    """Where the right part of a node of several leaves begins."""
    first, end = node
    return first + (1 << ((end - first - 1).bit_length() - 1))


class Frontier:
    """A tree to whose end leaves are added, by the roots of its perfect subtrees alone: `peaks`, the largest first."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = (), digest: Digest = sha256) -> None:
        if len(peaks) != size.bit_count():
            raise Broken(f"a tree of {size} leaves has {size.bit_count()} perfect subtrees, not {len(peaks)}")
        self.size = size
        self.peaks = list(peaks)
        self._digest = digest

    def append(self, hashes: Iterable[bytes]) -> None:
        """Add leaves, by their hashes."""
        peaks, size, digest = self.peaks, self.size, self._digest
        for peak in hashes:
            merged, below = peak, size
            while below & 1:
                merged = digest(b"\1" + peaks.pop() + merged)
                below >>= 1
            peaks.append(merged)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """Of all leaves; that of no leaves is the digest of nothing."""
        if not self.peaks:
            return self._digest(b"")
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root, self._digest)
        return root


def root(hashes: Iterable[bytes], digest: Digest = sha256) -> bytes:
    """The root over leaves of these hashes."""
    frontier = Frontier(digest=digest)
    frontier.append(hashes)
    return frontier.root()


def cover(size: int, indexes: Sequence[int]) -> list[Node]:
    """The fewest nodes that, with the leaves of these ascending indexes, make the root: from left to right. For one
    leaf these are the nodes of RFC 6962's audit path."""
    if not size:
        return []
    found: list[Node] = []
    open_nodes = [(0, size)]
    while open_nodes:
        node = open_nodes.pop()
        first, end = node
        place = bisect_left(indexes, first)
        if place == len(indexes) or indexes[place] >= end:
            found.append(node)
        elif end - first > 1:
            middle = split(node)
            open_nodes += [(middle, end), (first, middle)]
    return found


def root_from(size: int, leaves: Mapping[int, bytes], nodes: Mapping[Node, bytes], digest: Digest = sha256) -> bytes:
    """The root of a tree of which some leaves' hashes are known, and the nodes of their `cover`. Raises `Broken` where
    one is missing, or one is given that belongs elsewhere."""
    used = 0

    def fold(node: Node) -> bytes:
        nonlocal used
        known = nodes.get(node)
        if known is None and node[1] - node[0] == 1:
            known = leaves.get(node[0])
        if known is not None:
            used += 1
            return known
        if node[1] - node[0] <= 1:
            raise Broken(f"leaf {node[0]} of a tree of {size} is neither shown nor covered")
        middle = split(node)
        return node_hash(fold((node[0], middle)), fold((middle, node[1])), digest)

    found = fold((0, size)) if size else digest(b"")
    if used != len(leaves) + len(nodes):
        raise Broken(
            f"a tree of {size} leaves has no place for {len(leaves) + len(nodes) - used} of what is shown of it"
        )
    return found


def consistency(old: int, new: int) -> list[Node]:
    """The nodes of RFC 6962's proof that a tree of `old` leaves grew into one of `new`; none where either is empty or
    both are the same."""
    if not 0 < old < new:
        return []
    path: list[Node] = []
    node, whole = (0, new), True
    while node[1] != old:
        middle = split(node)
        if old <= middle:
            path.append((middle, node[1]))
            node = (node[0], middle)
        else:
            path.append((node[0], middle))
            node, whole = (middle, node[1]), False
    if not whole:
        path.append(node)
    return path[::-1]


def grew(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes], digest: Digest = sha256) -> bool:
    """Whether a proof of `consistency` shows that the tree of `old` leaves is the beginning of the other."""
    if old == new:
        return old_root == new_root and not proof
    if not old:
        return old_root == digest(b"") and not proof
    path = list(proof) if old.bit_count() > 1 else [old_root, *proof]
    if not 0 < old < new or not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = path[0]
    for step in path[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            older, newer = node_hash(step, older, digest), node_hash(step, newer, digest)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, step, digest)
        place, last = place >> 1, last >> 1
    return not last and older == old_root and newer == new_root
