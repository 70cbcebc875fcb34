"""One file on its way to batches: cut, named, decoded, mapped, and every record accounted for."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from core.batch import FRAGMENT, Batch, Progress, Quarantined
from core.errors import Refused
from core.schema import conform, empty
from ingest.decode import Decoded, as_json, placed, texts_series
from ingest.encoding import Encoding
from ingest.mapping import FRAGMENT_FIELDS, MODIFIED, ROW, Mapped, RecordMapping
from ingest.pieces import Part, Piece
from ingest.splitting import Bad, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What all events of a source have in common."""

    source: str
    module: str
    dataset: str


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
    part: Part,
    *,
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
    part.context = decoded.context
    return Piece(
        parts=[part],
        records=records,
        ids=ids(records),
        frame=placed(decoded.frame, fit, len(records)),
        bad=bad,
        ignored=ignored,
        originals=placed(originals.to_frame("x"), fit, len(records))["x"],
        vendor=None if decoded.vendor is None else placed(decoded.vendor.to_frame("x"), fit, len(records))["x"],
    )


def batch_of(piece: Piece, mapping: RecordMapping, stamp: Stamp) -> Batch:
    """Map a piece and account for each of its records."""
    live = _live(piece, mapping)
    mapped = mapping.apply(live)
    bad = {**piece.bad, **mapped.bad}
    ignored = {**piece.ignored, **mapped.ignored}
    batch = Batch(
        source=stamp.source,
        read=len(piece.records),
        bytes=sum(part.bytes for part in piece.parts),
        events=_events(mapped, piece, stamp),
        fragments=_fragments(mapped, piece, stamp),
        quarantined=_quarantined(bad, piece, stamp) if bad else [],
        ignored=Counter(ignored.values()),
        files=list(_progress(piece, ignored)),
    )
    counted = batch.events.height + batch.fragments.height + len(batch.quarantined) + len(ignored)
    if counted != batch.read:
        raise AssertionError(f"{batch.read} records became {counted}")
    return batch


def _progress(piece: Piece, ignored: Mapping[int, str]) -> Iterator[Progress]:
    rows = sorted(ignored)
    start = 0
    for part in piece.parts:
        mine = rows[bisect_left(rows, start) : bisect_left(rows, start + part.records)]
        yield Progress(
            file=part.file,
            read=part.records,
            ignored=Counter(ignored[row] for row in mine),
            first=part.opens,
            last=part.ends,
        )
        start += part.records


def _live(piece: Piece, mapping: RecordMapping) -> pl.DataFrame:
    """Rows to be mapped, with every column the mapping reads."""
    absent = [pl.lit(None, pl.String).alias(name) for name in mapping.columns if name not in piece.frame.columns]
    numbered = piece.frame.with_columns(
        *absent,
        pl.int_range(len(piece.records), dtype=pl.Int64).alias(ROW),
        piece.of_part([part.modified for part in piece.parts], pl.Datetime("us", "UTC")).alias(MODIFIED),
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
        *_common(rows, piece),
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
        *_common(rows, piece),
    ).select(pl.col(name).cast(dtype) for name, dtype in FRAGMENT.items())


def _common(rows: pl.Series, piece: Piece) -> list[pl.Series]:
    files = piece.of_part([part.file for part in piece.parts], pl.String())
    return [
        pl.Series("event.id", piece.ids, dtype=pl.String).gather(rows),
        piece.sequence().gather(rows).alias("event.sequence"),
        piece.originals.gather(rows).alias("event.original"),
        files.gather(rows).alias("log.file.path"),
    ]


def _quarantined(bad: Mapping[int, str], piece: Piece, stamp: Stamp) -> list[Quarantined]:
    sequence = piece.sequence()
    owners = piece.of_part(range(len(piece.parts)), pl.Int64())
    found = []
    for row in sorted(bad):
        part = piece.parts[owners[row]]
        record = Quarantined(
            id=piece.ids[row],
            source=stamp.source,
            file=part.file,
            sequence=sequence[row],
            reason=bad[row],
            original=piece.records[row],
            context=part.context,
        )
        found.append(record)
    return found
