"""Counts, for each record of a file, the equal records before it: what tells two equal lines apart in their ids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.canonical import record_ids

BLOCK = 2**25
_MERGE_UP_TO = 2**22

Hashes = npt.NDArray[np.uint64]


class RecordIds:
    """Ids of the records of one file, in order, whatever the sizes of the pieces they come in.

    Equal records are told by the first 64 bits of their id; two different records that share them (never seen) would
    only get another, equally stable, id. Memory: 8 bytes a record of the current block of 2^25, in sorted runs.
    """

    def __init__(self, source: str, block: int = BLOCK) -> None:
        self._source = source
        self._size = block
        self._block = 0
        self._filled = 0
        self._runs: list[Hashes] = []

    def take(self, records: Sequence[bytes]) -> list[str]:
        """The ids of the next records of the file."""
        ids: list[str] = []
        while len(ids) < len(records):
            room = self._size - self._filled
            ids += self._within_block(records[len(ids) : len(ids) + room])
        return ids

    def _within_block(self, records: Sequence[bytes]) -> list[str]:
        ids = record_ids(self._source, records, [0] * len(records))
        hashes = np.frombuffer(bytes.fromhex("".join(ids)), dtype=">u8")[::2].astype(np.uint64)
        occurrences = self._count(hashes) + self._block * self._size
        again = np.flatnonzero(occurrences).tolist()
        counts = occurrences[again].tolist()
        for row, new in zip(again, record_ids(self._source, [records[row] for row in again], counts), strict=True):
            ids[row] = new
        self._filled += len(records)
        if self._filled == self._size:
            self._block, self._filled, self._runs = self._block + 1, 0, []
        return ids

    def _count(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """Equal hashes before each, in this piece and in the runs of this block; then remembers the piece."""
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        position = np.arange(len(ordered))
        first = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(ordered) else np.zeros(0, dtype=bool)
        counts = position - np.maximum.accumulate(np.where(first, position, 0))
        for run in self._runs:
            counts += np.searchsorted(run, ordered, "right") - np.searchsorted(run, ordered, "left")
        self._remember(ordered)
        result = np.empty(len(ordered), dtype=np.int64)
        result[order] = counts
        return result

    def _remember(self, run: Hashes) -> None:
        """Merge runs of like size, as a log-structured tree does; big ones stay, so that merging needs little room."""
        while self._runs and len(self._runs[-1]) <= 2 * len(run) and len(run) < _MERGE_UP_TO:
            run = np.sort(np.concatenate((self._runs.pop(), run)), kind="stable")
        self._runs.append(run)
