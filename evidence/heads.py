"""Signed heads of the ledger: made as it grows, proved to have grown out of each other, written to where nobody here
can change them."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from core.canonical import moment_text
from core.errors import Refused, Unavailable
from core.merkle import consistency
from core.proof import Ledger, LedgerReader, SignedHead, SigningKey, Token, TreeHead, canonical
from evidence.signing import Signer, fingerprint, following
from evidence.timestamps import Authority, stamp

OWED_FOR = timedelta(days=30)
"""So long a head waits for the time stamp of an authority that was away."""
AT_ONCE = 20
"""Time stamps asked of an authority at one time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a file or folder of heads holds."""

    heads: Sequence[SignedHead]
    keys: Sequence[SigningKey]


def enrol(ledger: Ledger, signer: Signer, at: datetime) -> None:
    """The first key of a ledger is whoever's signs first. Raises `Refused` where another key signs by now."""
    keys = ledger.keys()
    if not keys:
        ledger.save_key(following(signer, keys, at))
    elif keys[-1].public != signer.public():
        raise Refused(
            f"the ledger's heads are signed by {fingerprint(keys[-1].public)}, here is {fingerprint(signer.public())}: "
            "another key takes over by `evidence keys rotate`"
        )


def make_head(ledger: Ledger, signer: Signer, at: datetime) -> SignedHead | None:
    """A new head, kept and not stamped yet; None where nothing was added since the last one."""
    size, heads = ledger.size(), ledger.heads()
    if not size or (heads and heads[-1].head.size == size):
        return None
    roots = {name: ledger.node((0, size), name).hex() for name in ledger.algorithms()}
    head = TreeHead(log=ledger.log(), size=size, roots=roots, at=at)
    signed = SignedHead(head=head, key=fingerprint(signer.public()), signature=signer.sign(head.statement()))
    ledger.save_head(signed)
    return signed


def stamp_owed(ledger: Ledger, authorities: Sequence[Authority], at: datetime) -> list[str]:
    """Have heads stamped that lack an authority's time stamp, the newest first. Returns why some could not be had; they
    are asked for again next time."""
    heads = [signed for signed in ledger.heads() if at - signed.head.at < OWED_FOR]
    troubles = []
    for authority in authorities:
        owed = [one for one in heads if authority.name not in {token.authority for token in one.tokens}]
        for signed in owed[: -AT_ONCE - 1 : -1]:
            try:
                token = stamp(signed.head.statement(), authority)
            except Unavailable as error:
                troubles.append(str(error))
                break
            ledger.save_head(replace(signed, tokens=[token]))
    return troubles


def prove(ledger: LedgerReader, old: int, new: int, algorithm: str = "sha256") -> list[bytes]:
    """The proof of RFC 6962 that the tree of `new` leaves grew out of that of `old`."""
    return [ledger.node(node, algorithm) for node in consistency(old, new)]


def earlier_than_before(heads: Sequence[SignedHead]) -> list[SignedHead]:
    """Heads that are dated before a smaller one: some clock was wrong."""
    latest, found = None, []
    for signed in heads:
        if latest is not None and signed.head.at < latest:
            found.append(signed)
        latest = signed.head.at if latest is None else max(latest, signed.head.at)
    return found


def head_values(signed: SignedHead) -> dict[str, Any]:
    """A head as it is written."""
    head: dict[str, Any] = json.loads(signed.head.statement())
    tokens = [{"authority": one.authority, "data": base64.b64encode(one.data).decode()} for one in signed.tokens]
    return head | {"key": signed.key, "signature": signed.signature.hex(), "tokens": tokens}


def key_values(key: SigningKey) -> dict[str, Any]:
    """A key as it is written."""
    before = {"before": key.before, "signature": key.signature.hex()}
    return {"public": key.public.hex(), "since": moment_text(key.since)} | before


def lines(heads: Iterable[SignedHead], keys: Iterable[SigningKey]) -> Iterable[bytes]:
    """Keys and heads, a line of JSON each."""
    yield from (_line(key_values(key)) for key in keys)
    yield from (_line(head_values(signed)) for signed in heads)


def export(heads: Sequence[SignedHead], keys: Sequence[SigningKey], folder: Path) -> int:
    """Write what is not in a folder yet, a file each; nothing there is ever written again. Returns how many were
    new; raises `Refused` where the folder takes nothing."""
    try:
        there = {file.name for file in folder.iterdir()}
        new = 0
        for name, content in _files(heads, keys):
            if name not in there:
                new += _write(folder / name, content())
    except OSError as error:
        raise Refused(f"heads cannot be written to {folder}: {error.strerror}") from None
    return new


def read_exported(path: Path) -> Exported:
    """The heads and keys in a file that `lines` made, or a folder of `export`. Raises `Refused` where it is neither."""
    heads: list[SignedHead] = []
    keys: dict[bytes, SigningKey] = {}
    try:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        for file in files:
            for number, line in enumerate(file.read_bytes().splitlines(), start=1):
                _take(line, f"{file.name}, line {number}", heads, keys)
    except OSError as error:
        raise Refused(f"heads cannot be read from {path}: {error.strerror}") from None
    heads.sort(key=lambda signed: (signed.head.size, signed.head.at))
    return Exported(heads=heads, keys=list(keys.values()))


def _take(line: bytes, where: str, heads: list[SignedHead], keys: dict[bytes, SigningKey]) -> None:
    try:
        values = json.loads(line)
        if "head" in values:
            heads.append(_head(values))
        else:
            key = SigningKey(
                public=bytes.fromhex(values["public"]),
                since=datetime.fromisoformat(values["since"]),
                before=values["before"],
                signature=bytes.fromhex(values["signature"]),
            )
            keys.setdefault(key.public, key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise Refused(f"{where} is no head of a ledger and no key") from None


def _head(values: dict[str, Any]) -> SignedHead:
    told = values["head"]
    head = TreeHead(
        log=str(told["log"]),
        size=int(told["size"]),
        roots={str(name): str(root) for name, root in told["roots"].items()},
        at=datetime.fromisoformat(told["at"]),
    )
    tokens = [
        Token(authority=str(one["authority"]), data=base64.b64decode(one["data"], validate=True))
        for one in values["tokens"]
    ]
    return SignedHead(head=head, key=str(values["key"]), signature=bytes.fromhex(values["signature"]), tokens=tokens)


def _files(heads: Sequence[SignedHead], keys: Sequence[SigningKey]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Names, and what is to be in files of these names."""
    for number, key in enumerate(keys):
        yield f"key-{number:04}-{fingerprint(key.public)[:16]}.json", partial(_line, key_values(key))
    for signed in heads:
        name = f"head-{signed.head.size:012}-{signed.head.at:%Y%m%dT%H%M%S%f}"
        yield f"{name}.json", partial(_line, head_values(replace(signed, tokens=())))
        for token in signed.tokens:
            yield f"{name}-{token.authority}.tsr", partial(bytes, token.data)


def _line(values: Mapping[str, Any]) -> bytes:
    return canonical(values) + b"\n"


def _write(file: Path, content: bytes) -> int:
    with suppress(FileExistsError), file.open("xb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
        return 1
    return 0
