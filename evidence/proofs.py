"""What proves a bundle's leaves: the tree around them, its heads, the keys that signed these, their time stamps."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from hashlib import sha256

from core.canonical import moment_text
from core.errors import Broken
from core.merkle import cover
from core.proof import LedgerReader, SignedHead, TreeHead, canonical
from evidence.bag import File, file_of

HEADS = "data/proof/heads.ndjson"


def newest(ledger: LedgerReader) -> SignedHead:
    """The head that everything is proved by. Raises `Broken` where there is none."""
    found = _ordered(ledger)
    if not found:
        raise Broken("the ledger has no signed head: nothing can be proved before there is one")
    return found[-1]


def tree(ledger: LedgerReader, head: SignedHead, indexes: Sequence[int], withheld: Sequence[int]) -> File:
    """The places of leaves in the order of their lines, and by each hash function the nodes that make the root with
    them, from left to right: those over all other leaves, and the leaves that are withheld."""
    size = head.head.size
    nodes = sorted([*cover(size, sorted([*indexes, *withheld])), *((index, index + 1) for index in withheld)])
    values = {
        "indexes": list(indexes),
        "nodes": {name: "".join(ledger.node(node, name).hex() for node in nodes) for name in head.head.roots},
        "size": size,
        "withheld": sorted(withheld),
    }
    return file_of("data/proof/tree.json", canonical(values) + b"\n")


def heads(ledger: LedgerReader, last: SignedHead, indexes: Sequence[int]) -> list[File]:
    """The heads that say from when on each of these leaves was there, and from when on each key signed, up to the last,
    with their time stamps."""
    found = [one for one in _ordered(ledger) if one.head.size < last.head.size] + [last]
    places = sorted(indexes)
    stamped = [one for one in found if one.tokens]
    of_keys = {one.key: one for one in reversed(found)}
    wanted = [*_first(found, places), *_first(stamped, places), *of_keys.values(), last]
    shown = [one for one in found if one in wanted]
    files = [
        file_of(name, token.data)
        for number, one in enumerate(shown, 1)
        for name, token in zip(_names(number, one), one.tokens, strict=True)
    ]
    return [file_of(HEADS, b"".join(_lines(ledger, shown))), *files]


def keys(ledger: LedgerReader) -> File:
    """All keys of the ledger, in the order in which they followed each other."""
    known = ledger.keys()
    values = [
        {
            "before": key.before,
            "public": key.public.hex(),
            "signature": key.signature.hex(),
            "since": moment_text(key.since),
        }
        for key in known
    ]
    return file_of("data/proof/keys.json", b"[" + b",\n".join(map(canonical, values)) + b"]\n")


def _ordered(ledger: LedgerReader) -> list[SignedHead]:
    """Heads by size, those of a key before those of the keys that followed it, whatever the clock said."""
    known = ledger.keys()
    order = [sha256(key.public).hexdigest() for key in known]
    found = [one for one in ledger.heads() if one.head.size]
    return sorted(found, key=lambda one: (one.head.size, order.index(one.key), one.head.at))


def _first(heads: Sequence[SignedHead], places: Sequence[int]) -> Iterator[SignedHead]:
    """Of each place the first of these heads whose tree has it."""
    before = 0
    for one in heads:
        upto = bisect_left(places, one.head.size)
        if upto > before:
            yield one
            before = upto


def _lines(ledger: LedgerReader, heads: Sequence[SignedHead]) -> Iterator[bytes]:
    before: TreeHead | None = None
    for number, one in enumerate(heads, 1):
        head = one.head
        values = {
            "consistency": {name: _grown(ledger, before, head, name) for name in head.roots} if before else {},
            "head": {"at": moment_text(head.at), "log": head.log, "roots": dict(head.roots), "size": head.size},
            "key": one.key,
            "signature": one.signature.hex(),
            "tokens": _names(number, one),
        }
        yield canonical(values) + b"\n"
        before = head


def _grown(ledger: LedgerReader, old: TreeHead, new: TreeHead, algorithm: str) -> list[str]:
    """What shows that a tree is the beginning of another: the hash of its last leaf, then that leaf's audit path in the
    other tree, from left to right. What of the path lies before the leaf is its path in the old tree as well."""
    last = old.size - 1
    nodes = [(last, old.size), *cover(new.size, [last])]
    return [ledger.node(node, algorithm).hex() for node in nodes]


def _names(number: int, head: SignedHead) -> list[str]:
    """The files of a head's time stamps."""
    plain = [re.sub(r"[^a-z0-9]+", "-", token.authority.lower()).strip("-")[:60] for token in head.tokens]
    return [f"data/proof/tokens/{number:04}-{place}-{name}.tsr" for place, name in enumerate(plain, 1)]
