"""What proves that events are as they were stored: leaves, signed heads of the tree over them, time stamps, keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
