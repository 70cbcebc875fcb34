"""One file on its way to batches: cut, named, decoded, mapped, and every record accounted for."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from core.batch import FRAGMENT, Batch, Quarantined
from core.errors import Refused
from core.schema import conform, empty
from ingest.decode import Decoded, as_json, nothing, texts_series
from ingest.encoding import Encoding
from ingest.mapping import FRAGMENT_FIELDS, ROW, Mapped, RecordMapping
from ingest.splitting import Bad, Item

SEQUENCE = "event.sequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What the events of a file have in common."""

    source: str
    module: str
    dataset: str
    file: str
    modified: datetime


@dataclass(slots=True, kw_only=True)
class Piece:
    """A run of records of a file, decoded. Rows are numbers in `records`; `frame` has one row per record."""

    first: int
    records: Sequence[bytes]
    ids: Sequence[str]
    frame: pl.DataFrame
    bad: dict[int, str] = field(default_factory=dict)
    ignored: dict[int, str] = field(default_factory=dict)
    originals: pl.Series
    vendor: pl.Series | None
    context: str


class UntilRefused:
    """Items up to where reading them is refused; the error is kept, so that what came before it is kept too."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = items
        self.error: Refused | None = None

    def __iter__(self) -> Iterator[Item]:
        try:
            yield from self._items
        except Refused as error:
            self.error = error


@dataclass(slots=True)
class Group:
    """Consecutive records of a file; `bad` maps the numbers of those that cannot be records to the reason."""

    records: list[bytes] = field(default_factory=list)
    bad: dict[int, str] = field(default_factory=dict)


def grouped(items: Iterable[Item], batch_bytes: int) -> Iterator[Group]:
    """Records in groups of about `batch_bytes`; the last group may be empty."""
    group = Group()
    size = 0
    for item in items:
        run = item if isinstance(item, list) else [item.original if isinstance(item, Bad) else item]
        if isinstance(item, Bad):
            group.bad[len(group.records)] = item.reason
        for part in _portions(run, batch_bytes):
            group.records += part
            size += sum(map(len, part)) + len(part)
            if size >= batch_bytes:
                yield group
                group, size = Group(), 0
    yield group


def _portions(run: list[bytes], batch_bytes: int) -> Iterable[list[bytes]]:
    """The run itself, or its records one by one where it is more than a batch."""
    return [run] if sum(map(len, run)) < batch_bytes else ([record] for record in run)


def decode_piece(
    group: Group,
    *,
    first: int,
    ids: Callable[[Sequence[bytes]], Sequence[str]],
    decode: Callable[[Sequence[bytes]], Decoded],
    encoding: Encoding | None,
) -> Piece:
    """Decode records; blank ones are ignored, those that cannot be text are bad. `encoding` None: binary records."""
    records, bad = group.records, dict(group.bad)
    ignored = {
        row: "blank line" for row, record in enumerate(records) if (not record or record.isspace()) and row not in bad
    }
    fit: Sequence[int] = range(len(records))
    if bad or ignored:
        fit = [row for row in fit if row not in bad and row not in ignored]
    texts: Sequence[bytes] = records if len(fit) == len(records) else [records[row] for row in fit]
    if encoding is not None:
        texts, undecodable = encoding.texts(texts)
        if undecodable:
            bad.update((fit[row], reason) for row, reason in undecodable.items())
            texts = [text for row, text in enumerate(texts) if row not in undecodable]
            fit = [row for row in fit if row not in bad]
    decoded = decode(texts)
    bad.update((fit[row], reason) for row, reason in decoded.bad.items())
    ignored.update((fit[row], reason) for row, reason in decoded.ignored.items())
    originals = texts_series(texts) if decoded.original is None else pl.Series(decoded.original, dtype=pl.String)
    at = pl.Series(fit, dtype=pl.Int64)
    return Piece(
        first=first,
        records=records,
        ids=ids(records),
        frame=_placed(decoded.frame, at, len(records)),
        bad=bad,
        ignored=ignored,
        originals=_placed(originals.to_frame("x"), at, len(records))["x"],
        vendor=None if decoded.vendor is None else _placed(decoded.vendor.to_frame("x"), at, len(records))["x"],
        context=decoded.context,
    )


def _placed(frame: pl.DataFrame, rows: pl.Series, height: int) -> pl.DataFrame:
    """Rows put at their numbers among `height` rows; the others are null."""
    if frame.height == height:
        return frame
    if not frame.width:
        return nothing(height, ["\0none"])
    numbers = pl.DataFrame({ROW: pl.int_range(height, dtype=pl.Int64, eager=True)})
    placed = frame.with_columns(rows.alias(ROW))
    return numbers.join(placed, on=ROW, how="left", maintain_order="left").drop(ROW)


def with_context(
    pieces: Iterable[Piece], records: int, enrich: Callable[[pl.DataFrame, int], pl.DataFrame]
) -> Iterator[Piece]:
    """Let a source look `records` records back and ahead: each piece waits until those after it are there."""
    before = pl.DataFrame()
    waiting: deque[Piece] = deque()
    for piece in pieces:
        waiting.append(piece)
        while len(waiting) > 1 and sum(later.frame.height for later in list(waiting)[1:]) >= records:
            ready = waiting.popleft()
            raw = _numbered(ready)
            ready.frame = _looked_around(before, raw, waiting, records, enrich)
            before = _joined([before, raw]).tail(records)
            yield ready
    while waiting:
        ready = waiting.popleft()
        raw = _numbered(ready)
        ready.frame = _looked_around(before, raw, waiting, records, enrich)
        before = _joined([before, raw]).tail(records)
        yield ready


def _looked_around(
    before: pl.DataFrame,
    rows: pl.DataFrame,
    later: Iterable[Piece],
    records: int,
    enrich: Callable[[pl.DataFrame, int], pl.DataFrame],
) -> pl.DataFrame:
    after = _joined([_numbered(piece) for piece in later]).head(records)
    enriched = enrich(_joined([before, rows, after]), records)
    return enriched.slice(before.height, rows.height).drop(SEQUENCE)


def _numbered(piece: Piece) -> pl.DataFrame:
    numbers = pl.int_range(piece.first, piece.first + piece.frame.height, dtype=pl.Int64)
    return piece.frame.with_columns(numbers.alias(SEQUENCE))


def _joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    filled = [frame for frame in frames if frame.height]
    return pl.concat(filled, how="diagonal") if filled else pl.DataFrame(schema={SEQUENCE: pl.Int64()})


def batch_of(piece: Piece, mapping: RecordMapping, stamp: Stamp) -> Batch:
    """Map a piece and account for each of its records."""
    live = _live(piece, mapping)
    mapped = mapping.apply(live, stamp.modified)
    bad = {**piece.bad, **mapped.bad}
    ignored = Counter([*piece.ignored.values(), *mapped.ignored.values()])
    batch = Batch(
        source=stamp.source,
        file=stamp.file,
        read=len(piece.records),
        events=_events(mapped, piece, stamp),
        fragments=_fragments(mapped, piece, stamp),
        quarantined=[_quarantined(row, bad[row], piece, stamp) for row in sorted(bad)],
        ignored=dict(ignored),
    )
    counted = batch.events.height + batch.fragments.height + len(batch.quarantined) + ignored.total()
    if counted != batch.read:
        raise AssertionError(f"{batch.read} records became {counted}")
    return batch


def _live(piece: Piece, mapping: RecordMapping) -> pl.DataFrame:
    """Rows to be mapped, with every column the mapping reads."""
    absent = [pl.lit(None, pl.String).alias(name) for name in mapping.columns if name not in piece.frame.columns]
    numbered = piece.frame.with_columns(
        *absent,
        pl.int_range(len(piece.records), dtype=pl.Int64).alias(ROW),
    )
    gone = [*piece.bad, *piece.ignored]
    if not gone:
        return numbered
    return numbered.filter(~pl.col(ROW).is_in(pl.Series(gone, dtype=pl.Int64).implode()))


def _events(mapped: Mapped, piece: Piece, stamp: Stamp) -> pl.DataFrame:
    if not mapped.events.height:
        return empty()
    rows = mapped.events[ROW]
    common = [
        *_common(rows, piece, stamp),
        pl.repeat(stamp.module, len(rows), dtype=pl.String, eager=True).alias("event.module"),
    ]
    if piece.vendor is not None:
        common.append(piece.vendor.gather(rows).alias("vendor"))
    events = mapped.events.drop(ROW).with_columns(common)
    dataset = pl.lit(stamp.dataset)
    if "event.dataset" in events.columns:
        dataset = pl.coalesce("event.dataset", dataset)
    return conform(events.with_columns(dataset.alias("event.dataset")))


def _fragments(mapped: Mapped, piece: Piece, stamp: Stamp) -> pl.DataFrame:
    if not mapped.fragments.height:
        return pl.DataFrame(schema=FRAGMENT)
    rows = mapped.fragments[ROW]
    fields = mapped.fragments.drop(ROW, "@timestamp", *FRAGMENT_FIELDS)
    return mapped.fragments.select(
        pl.col("@timestamp"),
        pl.col("fragment.key").alias("key"),
        pl.col("fragment.kind").alias("kind"),
        pl.lit(stamp.source).alias("source"),
        as_json(fields).alias("fields"),
        *_common(rows, piece, stamp),
    ).select(pl.col(name).cast(dtype) for name, dtype in FRAGMENT.items())


def _common(rows: pl.Series, piece: Piece, stamp: Stamp) -> list[pl.Series]:
    return [
        pl.Series("event.id", piece.ids, dtype=pl.String).gather(rows),
        (rows + piece.first).alias(SEQUENCE),
        piece.originals.gather(rows).alias("event.original"),
        pl.repeat(stamp.file, len(rows), dtype=pl.String, eager=True).alias("log.file.path"),
    ]


def _quarantined(row: int, reason: str, piece: Piece, stamp: Stamp) -> Quarantined:
    return Quarantined(
        id=piece.ids[row],
        source=stamp.source,
        file=stamp.file,
        sequence=piece.first + row,
        reason=reason,
        original=piece.records[row],
        context=piece.context,
    )
