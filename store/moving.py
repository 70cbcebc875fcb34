"""An embedded store into another one: segment by segment, each read back and compared before it counts as there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice

import polars as pl

from core.batch import Batch
from core.errors import Damaged
from core.ports import EventQuery, EventStore, Records
from store.frames import ids_column, quarantine_frame
from store.manifest import EVENT, LINES, QUARANTINE, Segment
from store.segments import SegmentStore

ROWS = 10_000
MOVED = "moved"
BEGIN_ANEW = 50
"""Segments after which the target may begin a new index."""
BAD_AT_ONCE = 500_000
"""Rows of a quarantine compared at once, of whole segments."""
DIGEST_BYTES = 32
MODULUS = 2 ** (8 * DIGEST_BYTES)


Piece = tuple[Segment, Iterator[Batch]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One segment in its new place. `digest` adds up over segments, however rows are spread over them: the sum of the
    digests of its rows, modulo 2 to the power of 256. Rows the target refuses lie in its quarantine."""

    source: str
    kind: str
    rows: int
    refused: int
    digest: int


class Mover:
    """Moves what is not noted as moved yet: killed and started again it goes on. The notes are a setting of the
    target's records."""

    def __init__(self, origin: SegmentStore, target: EventStore, records: Records) -> None:
        self._origin = origin
        self._target = target
        self._records = records
        self._notes: dict[str, dict[str, str]] = json.loads(records.setting(MOVED) or "{}")

    def move(self) -> Iterator[Moved]:
        """Every segment, as it is in its new place. Raises `Damaged` where what is read back is not what was given."""
        bad: dict[str, list[Piece]] = {}
        for number, (segment, batches) in enumerate(self._origin.pieces(), start=1):
            if segment.kind == QUARANTINE and segment.file not in self._notes:
                bad.setdefault(segment.source, []).append((segment, batches))
                continue
            if segment.file not in self._notes:
                self._note(segment, self._copy(segment, batches))
            if number % BEGIN_ANEW == 0:
                self._target.compact()
            yield self._moved(segment)
        for source, pieces in bad.items():
            for some in _gulps(pieces):
                whole = self._copy_bad(source, some)
                for segment, _ in some:
                    self._note(segment, (whole[segment.file], 0))
                    yield self._moved(segment)

    def _copy(self, segment: Segment, batches: Iterator[Batch]) -> tuple[int, int]:
        """The digest of what is there now, and how many rows the target refused."""
        whole = refused = 0
        for batch in batches:
            self._target.append(batch, ())
            given = rows_of(segment.kind, batch)
            found = self._found(segment, given)
            if found.height < given.height:
                given, lost = self._without_refused(segment, given, found)
                refused += lost
            if digest(given) != (there := digest(found)):
                raise Damaged(f"rows of segment {segment.file} were read back other than they were given")
            whole += there
        return whole, refused

    def _copy_bad(self, source: str, pieces: Sequence[Piece]) -> dict[str, int]:
        """The digest of what is in quarantine there now, by segment: it is read once for all of them."""
        of: dict[str, str] = {}
        given: Counter[str] = Counter()
        there: Counter[str] = Counter()
        for segment, batches in pieces:
            for batch in batches:
                self._target.append(batch, ())
                rows = rows_of(segment.kind, batch)
                given[segment.file] += digest(rows)
                of |= dict.fromkeys(rows[ids_column(rows)], segment.file)
        left = set(of)
        wanted = (one for one in self._target.quarantined(source) if one.id in of)
        while some := list(islice(wanted, ROWS)):
            rows = quarantine_frame(some)
            left.difference_update(rows["id"])
            for (file,), own in rows.group_by(pl.col("id").replace_strict(of).alias("segment")):
                there[str(file)] += digest(own)
        if left:
            raise Damaged(f"{len(left):,} rows of segment {of[min(left)]} and others are not there after moving")
        for file, whole in given.items():
            if there[file] != whole:
                raise Damaged(f"rows of segment {file} were read back other than they were given")
        return dict(there)

    def _found(self, segment: Segment, given: pl.DataFrame) -> pl.DataFrame:
        ids = given[ids_column(given)].to_list()
        if segment.kind == EVENT:
            return self._target.read(EventQuery(ids=ids))
        first, last = given.select(pl.col("@timestamp").min().alias("a"), pl.col("@timestamp").max().alias("b")).row(0)
        around = self._target.fragments(segment.source, given["key"].unique().to_list(), first, last)
        return around.filter(pl.col("event.id").is_in(ids))

    def _without_refused(self, segment: Segment, given: pl.DataFrame, found: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        missing = set(given[ids_column(given)]) - set(found[ids_column(found)])
        refused = {bad.id for bad in self._target.quarantined(segment.source) if bad.id in missing}
        if missing - refused:
            raise Damaged(f"{len(missing - refused):,} rows of segment {segment.file} are not there after moving")
        return given.filter(~pl.col(ids_column(given)).is_in(list(refused))), len(refused)

    def _note(self, segment: Segment, found: tuple[int, int]) -> None:
        whole, refused = found
        self._notes[segment.file] = {"digest": f"{whole:x}", "refused": f"{refused}"}
        self._records.set_setting(MOVED, json.dumps(self._notes))

    def _moved(self, segment: Segment) -> Moved:
        note = self._notes[segment.file]
        return Moved(
            source=segment.source,
            kind=segment.kind,
            rows=segment.rows,
            refused=int(note["refused"]),
            digest=int(note["digest"], 16) % MODULUS,
        )


def _gulps(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    some: list[Piece] = []
    for piece in pieces:
        if some and sum(segment.rows for segment, _ in (*some, piece)) > BAD_AT_ONCE:
            yield some
            some = []
        some.append(piece)
    if some:
        yield some


def rows_of(kind: str, batch: Batch) -> pl.DataFrame:
    """A batch's rows of one kind."""
    if kind == EVENT:
        return batch.events
    return batch.fragments if kind == LINES else quarantine_frame(batch.quarantined)


def digest(rows: pl.DataFrame) -> int:
    """The sum of the digests of the rows, each written as one JSON line: the order of the rows does not matter, nor
    when they were stored."""
    rows = rows.drop("at", strict=False)
    binary = [pl.col(name).bin.encode("hex") for name, dtype in rows.schema.items() if dtype == pl.Binary()]
    lines = rows.with_columns(binary).write_ndjson().encode().splitlines()
    return sum(int.from_bytes(blake2b(line, digest_size=DIGEST_BYTES).digest()) for line in lines)
