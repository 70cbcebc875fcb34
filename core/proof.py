"""What proves that events are as they were stored: leaves, signed heads of the tree over them, time stamps, keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from core.canonical import moment_text
from core.merkle import Node

SALT_BYTES = 16


def canonical(values: Mapping[str, Any]) -> bytes:
    """JSON with sorted names and no spaces, in UTF-8: what is hashed and signed. Of values without fractions."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def leaf_of(content: bytes, salt: bytes) -> bytes:
    """The data of a leaf: one line of JSON. `content` is the JSON of what was stored; the salt keeps whoever sees a
    leaf's hash only from trying out what it might be of."""
    return b'{"content":' + content + b',"salt":"' + salt.hex().encode() + b'"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """A tree at a moment. `log` names the ledger; `roots` are hexadecimal, by the name of their hash function:
    `sha256`, and `sm3` where that is kept beside it."""

    log: str
    size: int
    roots: Mapping[str, str]
    at: datetime

    def statement(self) -> bytes:
        """What is signed and time-stamped."""
        values = {"at": moment_text(self.at), "log": self.log, "roots": dict(self.roots), "size": self.size}
        return canonical({"head": values})


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A time stamp of RFC 3161 over the SHA-256 of a head's statement, as its authority sent it (DER)."""

    authority: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A head, who signed it (the fingerprint of the key: hexadecimal SHA-256 of its 32 bytes), the Ed25519 signature
    of its statement, and its time stamps."""

    head: TreeHead
    key: str
    signature: bytes
    tokens: Sequence[Token] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key of the ledger and since when it signs. Every key but the first is signed by the one before it:
    `signature` is that one's, of `statement`."""

    public: bytes
    since: datetime
    before: str = ""
    signature: bytes = b""

    def statement(self) -> bytes:
        values = {"before": self.before, "public": self.public.hex(), "since": moment_text(self.since)}
        return canonical({"key": values})


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where in the ledger an event or another record is, and the salt of its leaf."""

    index: int
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one append brought: leaves `first` to `first + count`, ordered by id. `ids` lie one after the other; so do
    the `times` of events in microseconds (eight bytes, little end first) and the digests of their `accounts` (see
    `core.leaf`); `salt` is what the salts are made of."""

    first: int
    count: int
    kind: str
    source: str
    since: datetime | None
    until: datetime | None
    salt: bytes
    ids: bytes
    times: bytes
    accounts: bytes

    def whole(self) -> bool:
        """Whether it has something of each leaf; somebody may have changed it where it lies."""
        count = self.count
        if self.first < 0 or count <= 0 or len(self.ids) % count or not self.ids:
            return False
        return len(self.times) == len(self.accounts) == 8 * count

    def id_of(self, place: int) -> str:
        """The id of one leaf, in hexadecimal, by its place in the entry."""
        width = len(self.ids) // self.count
        return self.ids[place * width : (place + 1) * width].hex()


class LedgerReader(Protocol):
    """The ledger of everything stored, to prove from."""

    def size(self) -> int:
        """How many leaves there are."""

    def placed(self, ids: Sequence[str]) -> Mapping[str, Placed]:
        """Where these are; those that are not in the ledger are left out."""

    def node(self, node: Node, algorithm: str = "sha256") -> bytes:
        """The hash of a node that the tree, or one that it was, has."""

    def heads(self) -> Sequence[SignedHead]:
        """Ordered by (size, time)."""

    def keys(self) -> Sequence[SigningKey]:
        """Ordered as they followed each other."""


class Ledger(LedgerReader, Protocol):
    """The ledger with what is kept beside its tree."""

    def log(self) -> str:
        """Its name; empty before it begins."""

    def algorithms(self) -> Sequence[str]:
        """The names of its hash functions."""

    def before_ledger(self) -> int:
        """How many events were stored before there was a ledger."""

    def under_way(self) -> frozenset[str]:
        """Whose events are being stored outside of the records and may not be in the ledger yet."""

    def entries(self) -> Iterator[Entry]:
        """Everything ever appended, in order, a little at a time."""

    def tree_rows(self, algorithm: str = "sha256", level: int = 0) -> Iterator[tuple[int, Sequence[bytes]]]:
        """Rows of the tree (see `core.tiles`) with their numbers, as they are stored."""

    def save_head(self, signed: SignedHead) -> None:
        """Keep a head; one that is there already gets the time stamps that it lacks."""

    def save_key(self, key: SigningKey) -> None:
        """Append a key to those that signed before it."""
