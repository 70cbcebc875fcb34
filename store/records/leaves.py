"""Leaves on their way into the ledger: what a batch brings, hashed before the transaction that appends it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from sqlalchemy import Connection, select, update

from core.canonical import content_id
from core.leaf import ACCOUNT_BYTES, UNTIMED, account_digest, leaf_hashes, salts
from core.leaf import contents as contents_of
from core.proof import SALT_BYTES, canonical
from store.records.database import upsert
from store.records.tables import ledger_entries, ledger_trees, settings
from store.records.tiles import grow

EVENT, CONTENT = "event", "content"
BEGUN = "ledger"
"""The setting that tells of the ledger's beginning; the ledger's name is made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """Some leaves in the order in which they are appended, which is that of their ids. `times` are those of the
    events, in microseconds; `accounts` short digests of whose they are (see `account_digest`)."""

    kind: str
    source: str
    salt: bytes
    ids: bytes
    count: int
    times: bytes
    accounts: bytes
    since: datetime | None
    until: datetime | None
    hashes: Mapping[str, Sequence[bytes]]


def leaves_of(source: str, events: pl.DataFrame, algorithms: Sequence[str]) -> Leaves:
    """The leaves of new events of one source."""
    seed = secrets.token_bytes(SALT_BYTES)
    columns = events.select("event.id", "@timestamp", "user.account").with_columns(contents_of(events).alias(CONTENT))
    ids, times, whose, content = columns.sort("event.id").get_columns()
    since, until = times.min(), times.max()
    known = {account: account_digest(account, seed) for account in whose.unique().drop_nulls()}
    accounts = whose.replace_strict(known, default=bytes(ACCOUNT_BYTES), return_dtype=pl.Binary)
    return Leaves(
        kind=EVENT,
        source=source,
        salt=seed,
        ids=bytes.fromhex("".join(ids)),
        count=events.height,
        times=times.to_physical().fill_null(UNTIMED).to_numpy().astype("<i8").tobytes(),
        accounts=b"".join(accounts),
        since=since if isinstance(since, datetime) else None,
        until=until if isinstance(until, datetime) else None,
        hashes=_hashes(content, seed, algorithms),
    )


def begin(connection: Connection, before: int = 0, algorithms: Sequence[str] = ("sha256",)) -> None:
    """Begin the ledger, unless it has begun: with so many events stored before it, of which it knows nothing."""
    if connection.execute(select(ledger_trees.c.size).limit(1)).first():
        return
    upsert(connection, ledger_trees, [{"algorithm": algorithm, "size": 0} for algorithm in algorithms])
    begun = json.dumps({"before": before, "nonce": secrets.token_hex(16)}, sort_keys=True)
    upsert(connection, settings, [{"name": BEGUN, "value": begun}])


def name_of(begun: str) -> str:
    """The ledger's name: whoever signs it signs how many events there were before."""
    return content_id(canonical(json.loads(begun)).decode())


def algorithms_of(connection: Connection) -> Sequence[str]:
    """The hash functions of the ledger; settled when it begins."""
    return connection.execute(select(ledger_trees.c.algorithm).order_by(ledger_trees.c.algorithm)).scalars().all()


def add_leaves(connection: Connection, leaves: Leaves) -> None:
    """Append leaves, within a transaction that writes."""
    begin(connection, algorithms=sorted(leaves.hashes))
    # Whoever appends next waits here until this transaction is over.
    trees = connection.execute(select(ledger_trees).order_by(ledger_trees.c.algorithm).with_for_update()).all()
    first = 0
    for algorithm, first in trees:
        grow(connection, algorithm, first, leaves.hashes[algorithm])
    connection.execute(update(ledger_trees).values(size=first + leaves.count))
    names = ("count", "kind", "source", "since", "until", "salt", "ids", "times", "accounts")
    connection.execute(ledger_entries.insert(), [{"first": first} | {name: getattr(leaves, name) for name in names}])


def append_leaves(connection: Connection, kind: str, ids: Sequence[str], contents: Sequence[bytes]) -> None:
    """Append leaves of other things than events, within a transaction that writes; ids in hexadecimal, all as long."""
    if not ids:
        return
    begin(connection)
    pairs = sorted(zip(ids, contents, strict=True))
    seed = secrets.token_bytes(SALT_BYTES)
    texts = pl.Series([content.decode() for _, content in pairs], dtype=pl.String)
    add_leaves(
        connection,
        Leaves(
            kind=kind,
            source="",
            salt=seed,
            ids=bytes.fromhex("".join(one for one, _ in pairs)),
            count=len(pairs),
            times=np.full(len(pairs), UNTIMED, "<i8").tobytes(),
            accounts=bytes(ACCOUNT_BYTES * len(pairs)),
            since=None,
            until=None,
            hashes=_hashes(texts, seed, algorithms_of(connection)),
        ),
    )


def _hashes(contents: pl.Series, seed: bytes, algorithms: Sequence[str]) -> dict[str, Sequence[bytes]]:
    own = salts(seed, len(contents))
    return {algorithm: leaf_hashes(contents, own, algorithm) for algorithm in algorithms}
