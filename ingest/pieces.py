"""Runs of decoded records on their way to batches; those of small files are put together, to be mapped at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from ingest.decode import nothing

MOST_RECORDS = 20_000
"""Records after which a piece is worth a batch of its own: mapping one costs as much as thousands of records."""


@dataclass(slots=True, kw_only=True)
class Part:
    """What a piece holds of one file: `records` of them from number `first` on, which took `bytes` of the file on disk.

    `opens` and `ends` say whether the file begins and ends with it, `modified` when the file was last written, and
    `context` what else of the file is needed to read a record alone.
    """

    file: str
    modified: datetime
    first: int
    records: int
    context: str = ""
    bytes: int = 0
    opens: bool = False
    ends: bool = False


@dataclass(slots=True, kw_only=True)
class Piece:
    """Decoded records of one or more files. Rows are numbers in `records`; `frame` has one row per record."""

    parts: Sequence[Part]
    records: Sequence[bytes] = ()
    ids: Sequence[str] = ()
    frame: pl.DataFrame = field(default_factory=lambda: nothing(0, ["\0none"]))
    bad: dict[int, str] = field(default_factory=dict)
    ignored: dict[int, str] = field(default_factory=dict)
    originals: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    vendor: pl.Series | None = None

    @property
    def size(self) -> int:
        return sum(map(len, self.records))

    def sequence(self) -> pl.Series:
        """Each record's number in its file."""
        runs = (np.arange(part.first, part.first + part.records, dtype=np.int64) for part in self.parts)
        return pl.Series(np.concatenate([np.zeros(0, np.int64), *runs]))

    def of_part(self, values: Sequence[object], dtype: pl.DataType) -> pl.Series:
        """A value per part, for each of its records."""
        rows = np.repeat(np.arange(len(self.parts)), [part.records for part in self.parts])
        return pl.Series(values, dtype=dtype).gather(rows)


def gathered(pieces: Iterable[Piece], batch_bytes: int) -> Iterator[Piece]:
    """Small pieces put together until there are `batch_bytes` of records or `MOST_RECORDS` of them."""
    waiting: list[Piece] = []
    size = records = 0
    for piece in pieces:
        waiting.append(piece)
        size += piece.size
        records += len(piece.records)
        if size >= batch_bytes or records >= MOST_RECORDS:
            yield joined(waiting)
            waiting, size, records = [], 0, 0
    if waiting:
        yield joined(waiting)


def joined(pieces: Sequence[Piece]) -> Piece:
    """Pieces of one source as one."""
    if len(pieces) == 1:
        return pieces[0]
    filled = [piece for piece in pieces if piece.records]
    starts = np.cumsum([0, *(len(piece.records) for piece in filled)]).tolist()
    both = list(zip(starts, filled, strict=False))
    return Piece(
        parts=[part for piece in pieces for part in piece.parts],
        records=[record for piece in filled for record in piece.records],
        ids=[name for piece in filled for name in piece.ids],
        frame=pl.concat((piece.frame for piece in filled), how="diagonal") if filled else pieces[0].frame,
        bad={start + row: reason for start, piece in both for row, reason in piece.bad.items()},
        ignored={start + row: reason for start, piece in both for row, reason in piece.ignored.items()},
        originals=pl.concat([pieces[0].originals.clear(), *(piece.originals for piece in filled)]),
        vendor=_vendors(filled),
    )


def _vendors(pieces: Sequence[Piece]) -> pl.Series | None:
    if all(piece.vendor is None for piece in pieces):
        return None
    absent = pl.Series([None], dtype=pl.String)
    return pl.concat(
        piece.vendor if piece.vendor is not None else absent.new_from_index(0, len(piece.records)) for piece in pieces
    )
