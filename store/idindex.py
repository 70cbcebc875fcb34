"""Which ids are stored already: an exact index of 128-bit ids in sorted runs on disk, merged as they grow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import IO

import numpy as np
import numpy.typing as npt

from store.folder import Folder
from store.manifest import Manifest, Run

Ids = npt.NDArray[np.uint64]
"""Shape (n, 2): the high and the low half of each id, ordered by the high half."""
Known = npt.NDArray[np.bool_]

FAN_OUT = 8
SMALLEST = 8192
SLICE = 1 << 20
"""About how many ids a merge holds in memory at once."""


class IdIndex:
    """The ids of each kind of record. Memory follows what is asked, not what is stored."""

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._open: dict[str, Ids] = {}

    def known(self, kind: str, ids: Ids) -> Known:
        """For each id, whether it is stored."""
        return known(ids, [self._load(run) for run in self._manifest.runs(kind)])

    def seal(self, kind: str, ids: Ids) -> list[Run]:
        """A new run, on disk but not listed."""
        if not len(ids):
            return []
        file = self._folder.write("npy", lambda out: np.save(out, ordered(ids)))
        return [Run(file=file, kind=kind, rows=len(ids))]

    def without(self, kind: str, ids: Ids) -> tuple[list[Run], list[Run]]:
        """The runs to replace, and what to put in their place, for the index to forget these ids."""
        gone, left = [], []
        for run in self._manifest.runs(kind):
            stored = self._load(run)
            forgotten = known(stored, [ordered(ids)])
            if forgotten.any():
                gone.append(run)
                left += self.seal(kind, stored[~forgotten])
        return gone, left

    def tidy(self, kind: str) -> None:
        """Merge runs of one size into one of the next, so that there are never many."""
        while group := _of_one_level(self._manifest.runs(kind)):
            runs = [self._load(run) for run in group]
            rows = sum(len(run) for run in runs)
            file = self._folder.write("npy", lambda out, runs=runs: _write_merged(out, runs))
            self.forget(group)
            self._manifest.replace(group, runs=[Run(file=file, kind=kind, rows=rows)])
            self._folder.discard([run.file for run in group])

    def forget(self, runs: Collection[Run]) -> None:
        """Let go of the files of these runs."""
        for run in runs:
            self._open.pop(run.file, None)

    def _load(self, run: Run) -> Ids:
        if run.file not in self._open:
            mapped: Ids = np.load(self._folder.path / run.file, mmap_mode="r")
            self._open[run.file] = mapped
        return self._open[run.file]


def ids_of(hex_ids: Sequence[str]) -> Ids:
    """Ids of 32 hex digits as numbers, in the order given."""
    return np.frombuffer(bytes.fromhex("".join(hex_ids)), dtype=">u8").astype(np.uint64).reshape(-1, 2)


def ordered(ids: Ids) -> Ids:
    """The ids as a run wants them."""
    return ids[np.argsort(ids[:, 0], kind="stable")]


def known(ids: Ids, runs: Sequence[Ids]) -> Known:
    """For each id, whether a run holds it."""
    found = np.zeros(len(ids), dtype=np.bool_)
    order = np.argsort(ids[:, 0])
    asked = ids[order]
    for run in runs:
        found[order] |= _in_run(asked, run)
    return found


def _in_run(asked: Ids, run: Ids) -> Known:
    found = np.zeros(len(asked), dtype=np.bool_)
    places = np.searchsorted(run[:, 0], asked[:, 0])
    open_ = np.arange(len(asked))
    while len(open_):
        open_ = open_[places[open_] < len(run)]
        entries = run[places[open_]]
        open_, entries = (part[entries[:, 0] == asked[open_, 0]] for part in (open_, entries))
        hit = entries[:, 1] == asked[open_, 1]
        found[open_[hit]] = True
        open_ = open_[~hit]
        places[open_] += 1
    return found


def _of_one_level(runs: Sequence[Run]) -> list[Run]:
    """`FAN_OUT` runs of like size, if there are so many."""
    levels: dict[int, list[Run]] = {}
    for run in runs:
        level = int(np.emath.logn(FAN_OUT, max(1, run.rows / SMALLEST)))
        levels.setdefault(level, []).append(run)
        if len(levels[level]) == FAN_OUT:
            return levels[level]
    return []


def _write_merged(out: IO[bytes], runs: Sequence[Ids]) -> None:
    """One run of many, a slice of the id space at a time: ids are hashes, so slices are of like size."""
    rows = sum(len(run) for run in runs)
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint64)), "fortran_order": False, "shape": (rows, 2)}
    np.lib.format.write_array_header_1_0(out, header)
    slices = rows // SLICE + 1
    bounds = np.array([(1 << 64) * number // slices for number in range(1, slices)], np.uint64)
    edges = [[0, *np.searchsorted(run[:, 0], bounds).tolist(), len(run)] for run in runs]
    for number in range(slices):
        parts = [run[edge[number] : edge[number + 1]] for run, edge in zip(runs, edges, strict=True)]
        out.write(ordered(np.concatenate(parts)).tobytes())
