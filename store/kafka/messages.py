"""A batch as messages and back: each message has rows of one kind whose accounts share a partition."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import orjson
import polars as pl

from core.batch import FRAGMENT, Batch, Progress, Quarantined
from core.canonical import content_id
from core.schema import SCHEMA, conform, empty
from store.frames import QUARANTINED, quarantine_frame, quarantined_rows
from store.kafka.connection import EVENTS, QUARANTINE

SCHEMA_VERSION = b"1"
ROWS = 2_000
"""Rows of one message at most."""
ROW_BYTES = 4 << 20
"""Bytes in memory of one message's rows, unless one row alone has more."""
COLUMNS: Mapping[str, Mapping[str, pl.DataType]] = {"event": SCHEMA, "line": FRAGMENT, "quarantine": QUARANTINED}
KEYS = {"event": "user.account", "line": "key", "quarantine": "id"}
BROKEN = (ValueError, KeyError, TypeError, OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


class Poison(Exception):
    """A message that is none of ours; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What lies in one partition: `slot` says which, modulo how many there are."""

    topic: str
    slot: int
    kind: str
    source: str
    value: bytes

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        return [("schema", SCHEMA_VERSION), ("kind", self.kind.encode()), ("source", self.source.encode())]


def messages_of(batch: Batch, partitions: int) -> Iterator[Message]:
    """The batch's rows, those of one account (the lines of one mail) always in the same partition; and how far its
    files are read."""
    frames = {"event": batch.events, "line": batch.fragments, "quarantine": quarantine_frame(batch.quarantined)}
    for kind, frame in frames.items():
        topic = QUARANTINE if kind == "quarantine" else EVENTS
        for slot, rows in _by_slot(frame, KEYS[kind], partitions):
            for piece in _pieces(rows):
                yield Message(topic=topic, slot=slot, kind=kind, source=batch.source, value=_packed(piece))
    for part in batch.files:
        value = orjson.dumps(asdict(part))
        yield Message(
            topic=EVENTS, slot=slot_of(part.file, partitions), kind="progress", source=batch.source, value=value
        )


def batch_from(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Batch:
    """The batch of one message, its progress counted from the beginning of the file. Raises `Poison`."""
    named = dict(headers)
    if named.get("schema") != SCHEMA_VERSION:
        raise Poison(f"its schema is {named.get('schema')!r}, not {SCHEMA_VERSION!r}")
    try:
        kind, source = (named[name] or b"" for name in ("kind", "source"))
        return _batch(kind.decode(), source.decode(), value or b"")
    except BROKEN as error:
        raise Poison(" ".join(f"it cannot be read: {error}".split())[:300]) from None


def poisoned(topic: str, partition: int, offset: int, value: bytes | None, reason: str) -> Batch:
    """The message in quarantine, with its place."""
    bad = Quarantined(
        id=content_id("message", topic, str(partition), str(offset)),
        source="kafka",
        file=f"{topic}/{partition}",
        sequence=offset,
        reason=reason,
        original=value or b"",
    )
    return Batch(source="kafka", read=1, quarantined=[bad])


def together(batches: Sequence[Batch]) -> list[Batch]:
    """One batch for each source, its rows in the order they came."""
    by_source: dict[str, list[Batch]] = {}
    for batch in batches:
        by_source.setdefault(batch.source, []).append(batch)
    return [
        Batch(
            source=source,
            read=sum(batch.read for batch in own),
            events=pl.concat([empty(), *(batch.events for batch in own)]),
            fragments=pl.concat([pl.DataFrame(schema=FRAGMENT), *(batch.fragments for batch in own)]),
            quarantined=[bad for batch in own for bad in batch.quarantined],
            files=[part for batch in own for part in batch.files],
        )
        for source, own in by_source.items()
    ]


def _batch(kind: str, source: str, value: bytes) -> Batch:
    if kind == "progress":
        return Batch(source=source, read=0, files=[Progress(**orjson.loads(value))])
    rows = pl.read_ipc(io.BytesIO(value))
    if kind == "event" and rows.schema.items() <= SCHEMA.items():
        # Of before fields were added: readers are brought up to date first.
        return Batch(source=source, read=rows.height, events=conform(rows))
    if dict(rows.schema) != dict(COLUMNS[kind]):
        raise ValueError(f"its columns are not those of schema {SCHEMA_VERSION.decode()}")
    if kind == "line":
        return Batch(source=source, read=rows.height, fragments=rows)
    return Batch(source=source, read=rows.height, quarantined=list(quarantined_rows(rows)))


def _by_slot(frame: pl.DataFrame, key: str, partitions: int) -> Iterator[tuple[int, pl.DataFrame]]:
    if not frame.height:
        return
    slots = {value: slot_of(value or "", partitions) for value in frame[key].unique()}
    slot = frame[key].replace_strict(slots, return_dtype=pl.Int64)
    for number in sorted(set(slots.values())):
        yield number, frame.filter(slot == number)


def slot_of(key: str, partitions: int) -> int:
    """Where everything of one key goes."""
    return zlib.crc32(key.encode()) % partitions


def _pieces(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    heavy = rows.height > 1 and rows.estimated_size() > ROW_BYTES
    if rows.height > ROWS or heavy:
        middle = rows.height // 2
        yield from _pieces(rows[:middle])
        yield from _pieces(rows[middle:])
    else:
        yield rows


def _packed(rows: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    rows.rechunk().write_ipc(out, compression="zstd")
    return out.getvalue()
