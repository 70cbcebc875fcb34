"""Lets a source look at the records around a record, whatever the pieces they come in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import polars as pl

from ingest.pieces import Piece

SEQUENCE = "event.sequence"
"""Numbers the records while their neighbours are looked at; between two files lies a gap nobody looks over."""

Enrich = Callable[[pl.DataFrame, int], pl.DataFrame]


def with_context(pieces: Iterable[Piece], records: int, enrich: Enrich) -> Iterator[Piece]:
    """Let a source look `records` records back and ahead: each piece waits until those after it are there."""
    before = pl.DataFrame()
    waiting: deque[Piece] = deque()
    numbered: deque[pl.DataFrame] = deque()
    number = 0

    def ready() -> Piece:
        nonlocal before
        piece, rows = waiting.popleft(), numbered.popleft()
        enriched = enrich(_joined([before, rows, _joined(numbered).head(records)]), records)
        piece.frame = enriched.slice(before.height, rows.height).drop(SEQUENCE)
        before = _joined([before, rows]).tail(records)
        return piece

    for piece in pieces:
        numbers, number = _numbers(piece, number, records)
        waiting.append(piece)
        numbered.append(piece.frame.with_columns(numbers))
        while len(waiting) > 1 and sum(later.height for later in list(numbered)[1:]) >= records:
            yield ready()
    while waiting:
        yield ready()


def _numbers(piece: Piece, start: int, gap: int) -> tuple[pl.Series, int]:
    """Numbers of a piece's records, and the one after them."""
    runs = [np.zeros(0, np.int64)]
    for part in piece.parts:
        start += gap if part.first == 0 else 0
        runs.append(np.arange(start, start + part.records, dtype=np.int64))
        start += part.records
    return pl.Series(SEQUENCE, np.concatenate(runs)), start


def _joined(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    filled = [frame for frame in frames if frame.height]
    return pl.concat(filled, how="diagonal") if filled else pl.DataFrame(schema={SEQUENCE: pl.Int64()})
