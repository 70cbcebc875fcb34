"""The ledger's leaves laid aside in files, so that each is found by its id, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.leaf import salts
from core.proof import SALT_BYTES, Ledger
from core.tiles import WIDTH

EVENT_ID_BYTES = 16
LEAF = np.dtype([("hash", "u1", 32), ("salt", "u1", SALT_BYTES)])
PLACE = np.dtype([("high", ">u8"), ("low", ">u8"), ("index", "<i8")])
LEAVES_OF_A_BUCKET = 1 << 20

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


class Copied:
    """What the ledger was at one moment: `size` leaves, and which of them are of events. Takes 72 bytes of a folder for
    each."""

    def __init__(self, ledger: Ledger, folder: Path, algorithm: str = "sha256") -> None:
        self.size = ledger.size()
        self.twins: dict[int, list[int]] = {}
        """Further leaves of an event that came again after it was deleted, by the first one."""
        self.is_event: Flags = np.zeros(self.size, np.bool_)
        self._folder = folder
        self._leaves = np.memmap(folder / "leaves", LEAF, "w+", shape=self.size) if self.size else np.empty(0, LEAF)
        self._buckets = self.size // LEAVES_OF_A_BUCKET + 1
        self._places: dict[int, npt.NDArray[np.void]] = {}
        self._copy_hashes(ledger, algorithm)
        self._copy_entries(ledger)
        self._sort()

    def find(self, ids: Bytes) -> Numbers:
        """The first leaf of each event, by ids of 16 bytes a row; -1 where there is none."""
        asked = _places(ids, 0)
        found = np.full(len(ids), -1, np.int64)
        bucket = self._bucket(asked["high"])
        for number in np.unique(bucket).tolist():
            rows = np.flatnonzero(bucket == number)
            found[rows] = _look_up(self._places[number], asked[rows])
        return found

    def hashes(self, indexes: Numbers) -> Bytes:
        return np.asarray(self._leaves["hash"][indexes])

    def salts(self, indexes: Numbers) -> bytes:
        """One after the other."""
        return np.ascontiguousarray(self._leaves["salt"][indexes]).tobytes()

    def _copy_hashes(self, ledger: Ledger, algorithm: str) -> None:
        for number, row in ledger.tree_rows(algorithm):
            first = number * WIDTH
            row = row[: max(0, self.size - first)]
            data = b"".join(row)
            if data and len(data) == 32 * len(row):
                whole = np.frombuffer(data, np.uint8).reshape(-1, 32)
                self._leaves["hash"][first : first + len(row)] = whole

    def _copy_entries(self, ledger: Ledger) -> None:
        files = [(self._folder / f"ids-{number}").open("wb") for number in range(self._buckets)]
        try:
            for entry in ledger.entries():
                first, count = entry.first, min(entry.count, self.size - entry.first)
                if count <= 0 or not entry.whole():
                    continue
                seeded = np.frombuffer(salts(entry.salt, count), np.uint8).reshape(-1, SALT_BYTES)
                self._leaves["salt"][first : first + count] = seeded
                if len(entry.ids) != EVENT_ID_BYTES * entry.count:
                    continue
                self.is_event[first : first + count] = True
                ids = np.frombuffer(entry.ids, np.uint8).reshape(-1, EVENT_ID_BYTES)[:count]
                places = _places(ids, first)
                bucket = self._bucket(places["high"])
                for number in np.unique(bucket).tolist():
                    files[number].write(places[bucket == number].tobytes())
        finally:
            for file in files:
                file.close()

    def _sort(self) -> None:
        for number in range(self._buckets):
            file = self._folder / f"ids-{number}"
            places = np.fromfile(file, PLACE)
            places = places[np.lexsort((places["index"], places["low"], places["high"]))]
            one, other = places[1:], places[:-1]
            again = np.flatnonzero((one["high"] == other["high"]) & (one["low"] == other["low"]))
            for place in again.tolist():
                first = int(_look_up(places, places[place + 1 : place + 2])[0])
                self.twins.setdefault(first, []).append(int(places["index"][place + 1]))
            places.tofile(file)
            self._places[number] = np.memmap(file, PLACE, "r") if len(places) else places

    def _bucket(self, high: npt.NDArray[np.uint64]) -> Numbers:
        # Ids are hashes, so buckets are of like size.
        return (high.astype(np.uint64) % np.uint64(self._buckets)).astype(np.int64)


def _places(ids: Bytes, first: int) -> npt.NDArray[np.void]:
    halves = np.ascontiguousarray(ids).view(">u8")
    places = np.empty(len(ids), PLACE)
    places["high"], places["low"] = halves[:, 0], halves[:, 1]
    places["index"] = np.arange(first, first + len(ids))
    return places


def _look_up(places: npt.NDArray[np.void], asked: npt.NDArray[np.void]) -> Numbers:
    """The first of the sorted places with each id; -1 for none."""
    found = np.full(len(asked), -1, np.int64)
    high = places["high"]
    at = np.searchsorted(high, asked["high"])
    left = np.arange(len(asked))
    while len(left):
        left = left[at[left] < len(places)]
        near = places[at[left]]
        left, near = (part[near["high"] == asked["high"][left]] for part in (left, near))
        hit = near["low"] == asked["low"][left]
        found[left[hit]] = near["index"][hit]
        left = left[~hit]
        at[left] += 1
    return found
