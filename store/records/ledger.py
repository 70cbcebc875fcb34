"""The ledger of everything stored, kept in the records: appended to in the transaction that makes a batch visible."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, RowMapping, Select, select

from core.errors import Broken, ConfigError
from core.leaf import salts
from core.merkle import Node
from core.proof import SALT_BYTES, Entry, Placed, SignedHead, SigningKey, Token, TreeHead
from core.tiles import DIGESTS, WIDTH, node_of
from store.records.database import Database, upsert
from store.records.leaves import BEGUN, algorithms_of, append_leaves, begin, name_of
from store.records.tables import (
    intents,
    ledger_entries,
    ledger_heads,
    ledger_keys,
    ledger_tokens,
    ledger_trees,
    settings,
)
from store.records.tiles import read_rows

AHEAD = 16
"""Rows of leaves read at once: whoever proves goes from left to right."""
REMEMBERED = 2_000
"""Rows of the tree kept in memory."""
ENTRIES = 8
"""Entries read at once."""


class LedgerRecords:
    """Adapter of `core.proof.LedgerReader`, and what is written beside the tree."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: dict[tuple[str, int, int], list[bytes]] = {}
        self._known = 0

    def begin_ledger(self, before: Callable[[], int], algorithms: Sequence[str]) -> Sequence[str]:
        """Begin it, unless it has begun; `before` tells how many events are stored already. Returns the names of its
        hash functions; raises `ConfigError` where it has begun without one that is asked for."""
        with self._database.reading() as connection:
            kept = algorithms_of(connection)
        if not kept:
            count = before()
            with self._database.writing() as connection:
                begin(connection, count, algorithms)
                kept = algorithms_of(connection)
        if missing := sorted(set(algorithms) - set(kept)):
            raise ConfigError(
                f"the ledger has begun without {missing[0]}: [evidence] sm3 counts before the first event"
            )
        return kept

    def append_leaves(self, kind: str, ids: Sequence[str], contents: Sequence[bytes]) -> None:
        """See `store.records.leaves.append_leaves`, which whoever has a transaction open calls."""
        with self._database.writing() as connection:
            append_leaves(connection, kind, ids, contents)

    def log(self) -> str:
        """The ledger's name; empty before it begins."""
        with self._database.reading() as connection:
            begun = _begun(connection)
        return name_of(begun) if begun else ""

    def before_ledger(self) -> int:
        """How many events were stored before there was a ledger."""
        with self._database.reading() as connection:
            begun = _begun(connection)
        return int(json.loads(begun)["before"]) if begun else 0

    def algorithms(self) -> Sequence[str]:
        """The names of the hash functions."""
        with self._database.reading() as connection:
            return algorithms_of(connection)

    def size(self) -> int:
        with self._database.reading() as connection:
            return connection.execute(select(ledger_trees.c.size).limit(1)).scalar() or 0

    def placed(self, ids: Sequence[str]) -> Mapping[str, Placed]:
        return self._placed(ids, _entries())

    def placed_between(self, ids: Sequence[str], since: datetime, until: datetime) -> Mapping[str, Placed]:
        """As `placed`, but looks only where events of these times are: quicker, and misses those of other times."""
        entry = ledger_entries.c
        return self._placed(ids, _entries().where((entry.since <= until) & (entry.until >= since)))

    def node(self, node: Node, algorithm: str = "sha256") -> bytes:
        first, end = node
        if end > self._known:
            self._known = self.size()
        if not 0 <= first < end <= self._known:
            raise Broken(f"the ledger has no node over leaves {first} to {end}")
        return node_of(node, lambda level, number: self._row(algorithm, level, number), DIGESTS[algorithm])

    def root(self, size: int, algorithm: str = "sha256") -> bytes:
        """The root of the tree as it was with so many leaves."""
        return self.node((0, size), algorithm) if size else DIGESTS[algorithm](b"")

    def under_way(self) -> frozenset[str]:
        """Whose events are being stored outside of the records and may not be in the ledger yet."""
        with self._database.reading() as connection:
            return frozenset(connection.execute(select(intents.c.subject)).scalars())

    def entries(self) -> Iterator[Entry]:
        """Everything ever appended, in order, a little at a time."""
        with self._database.reading() as connection:
            for row in _streamed(connection, _entries()):
                yield Entry(**row)

    def tree_rows(self, algorithm: str = "sha256", level: int = 0) -> Iterator[tuple[int, Sequence[bytes]]]:
        """Rows of the tree with their numbers, as they are stored."""
        with self._database.reading() as connection:
            number = 0
            while rows := read_rows(connection, algorithm, level, number, WIDTH):
                yield from sorted(rows.items())
                number += WIDTH

    def heads(self) -> Sequence[SignedHead]:
        head, token = ledger_heads.c, ledger_tokens.c
        with self._database.reading() as connection:
            tokens: dict[str, list[Token]] = {}
            asked = select(ledger_tokens).order_by(token.head, token.authority)
            for row in connection.execute(asked).mappings():
                tokens.setdefault(row["head"], []).append(Token(authority=row["authority"], data=row["data"]))
            rows = connection.execute(select(ledger_heads).order_by(head.size, head.at, head.id)).mappings()
            return [_head(row, tokens.get(row["id"], ())) for row in rows]

    def save_head(self, signed: SignedHead) -> None:
        """Keep a head; one that is there already gets the time stamps that it lacks."""
        head, name = signed.head, head_id(signed.head)
        values = {
            "id": name, "log": head.log, "size": head.size, "at": head.at, "key": signed.key,
            "roots": json.dumps(dict(head.roots), sort_keys=True), "signature": signed.signature,
        }  # fmt: skip
        tokens = [{"head": name, "authority": token.authority, "data": token.data} for token in signed.tokens]
        with self._database.writing() as connection:
            upsert(connection, ledger_heads, [values])
            upsert(connection, ledger_tokens, tokens)

    def keys(self) -> Sequence[SigningKey]:
        with self._database.reading() as connection:
            rows = connection.execute(select(ledger_keys).order_by(ledger_keys.c.number)).mappings()
            return [SigningKey(**{name: row[name] for name in row if name != "number"}) for row in rows]

    def save_key(self, key: SigningKey) -> None:
        """Append a key to those that signed before it."""
        with self._database.writing() as connection:
            numbers = connection.execute(select(ledger_keys.c.number)).scalars().all()
            values = {"public": key.public, "since": key.since, "before": key.before, "signature": key.signature}
            connection.execute(ledger_keys.insert(), [values | {"number": len(numbers)}])

    def _placed(self, ids: Sequence[str], query: Select[tuple[object, ...]]) -> dict[str, Placed]:
        asked = {bytes.fromhex(one) for one in ids}
        heads = np.sort(_heads(b"".join(one[:8] for one in asked), 8))
        found: dict[str, Placed] = {}
        with self._database.reading() as connection:
            for row in _streamed(connection, query) if asked else ():
                entry = Entry(**row)
                places = _hits(entry, heads, asked) if entry.whole() else []
                own = salts(entry.salt, places[-1] + 1) if places else b""
                for place in places:
                    # An event that somebody deleted and that came again is there twice; the first time counts.
                    salt = own[place * SALT_BYTES : (place + 1) * SALT_BYTES]
                    found.setdefault(entry.id_of(place), Placed(index=entry.first + place, salt=salt))
        return found

    def _row(self, algorithm: str, level: int, number: int) -> Sequence[bytes]:
        key = (algorithm, level, number)
        if key not in self._rows:
            with self._database.reading() as connection:
                rows = read_rows(connection, algorithm, level, number, AHEAD)
            if len(self._rows) > REMEMBERED:
                self._rows.clear()
            # A row that is not full yet will grow.
            self._rows |= {(algorithm, level, one): row for one, row in rows.items() if len(row) == WIDTH}
            return rows.get(number, ())
        return self._rows[key]


def head_id(head: TreeHead) -> str:
    """What names a head: hexadecimal SHA-256 of its statement."""
    return hashlib.sha256(head.statement()).hexdigest()


def _head(row: RowMapping, tokens: Sequence[Token]) -> SignedHead:
    head = TreeHead(log=row["log"], size=row["size"], roots=json.loads(row["roots"]), at=row["at"])
    return SignedHead(head=head, key=row["key"], signature=row["signature"], tokens=tokens)


def _begun(connection: Connection) -> str | None:
    found: str | None = connection.execute(select(settings.c.value).where(settings.c.name == BEGUN)).scalar()
    return found


def _entries() -> Select[tuple[object, ...]]:
    return select(ledger_entries).order_by(ledger_entries.c.first)


def _streamed(connection: Connection, query: Select[tuple[object, ...]]) -> Iterator[RowMapping]:
    yield from connection.execution_options(stream_results=True, yield_per=ENTRIES).execute(query).mappings()


def _heads(data: bytes, width: int) -> npt.NDArray[np.uint64]:
    """The first eight bytes of each id, as numbers."""
    whole = np.frombuffer(data, np.uint8).reshape(-1, width)[:, :8]
    return np.ascontiguousarray(whole).view(">u8").reshape(-1).astype(np.uint64)


def _hits(entry: Entry, heads: npt.NDArray[np.uint64], asked: set[bytes]) -> list[int]:
    """Places of the ids that are asked for."""
    width = len(entry.ids) // entry.count
    own = _heads(entry.ids, width)
    near = np.searchsorted(heads, own)
    near[near == len(heads)] = 0
    likely: list[int] = np.flatnonzero(heads[near] == own).tolist()
    return [place for place in likely if entry.ids[place * width : (place + 1) * width] in asked]
