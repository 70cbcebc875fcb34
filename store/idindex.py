"""Which ids are stored already: an exact index of 128-bit ids in sorted runs on disk, merged as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import IO

import numpy as np
import numpy.typing as npt

from core.errors import Damaged
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
        self._mapped: dict[str, dict[str, Ids]] = {}

    def known(self, kind: str, ids: Ids) -> Known:
        """For each id, whether it is stored."""
        return known(ids, self._load(kind, self._manifest.runs(kind)))

    def seal(self, kind: str, ids: Ids) -> list[Run]:
        """A new run, on disk but not listed."""
        if not len(ids):
            return []
        file = self._folder.write("npy", lambda out: np.save(out, ordered(ids)))
        return [Run(file=file, kind=kind, rows=len(ids))]

    def without(self, kind: str, ids: Ids) -> tuple[list[Run], list[Run]]:
        """The runs to replace, and what to put in their place, for the index to forget these ids."""
        gone, left = [], []
        runs = self._manifest.runs(kind)
        for run, stored in zip(runs, self._load(kind, runs), strict=True):
            forgotten = known(stored, [ordered(ids)])
            if forgotten.any():
                gone.append(run)
                left += self.seal(kind, stored[~forgotten])
        return gone, left

    def tidy(self, kind: str) -> None:
        """Merge runs of one size into one of the next, so that there are never many."""
        while group := _of_one_level(runs := self._manifest.runs(kind)):
            mapped = dict(zip((run.file for run in runs), self._load(kind, runs), strict=True))
            file = self._folder.write("npy", partial(_write_merged, runs=[mapped[run.file] for run in group]))
            merged = Run(file=file, kind=kind, rows=sum(run.rows for run in group))
            self._manifest.replace(group, runs=[merged])
            self._folder.discard([run.file for run in group])

    def _load(self, kind: str, runs: Sequence[Run]) -> list[Ids]:
        """The runs as they lie on disk, mapped, not read. Those not listed any more are let go."""
        before = self._mapped.get(kind, {})
        mapped = {run.file: before[run.file] if run.file in before else self._map(run) for run in runs}
        self._mapped[kind] = mapped
        return list(mapped.values())

    def _map(self, run: Run) -> Ids:
        try:
            mapped: Ids = np.load(self._folder.path / run.file, mmap_mode="r")
        except FileNotFoundError:
            raise Damaged(f"id index {run.file} is missing from {self._folder.path}") from None
        except (OSError, ValueError, EOFError) as error:
            raise Damaged(f"id index {run.file} in {self._folder.path} cannot be read: {error}") from None
        if mapped.shape != (run.rows, 2):
            raise Damaged(f"id index {run.file} in {self._folder.path} does not have the {run.rows} ids it should")
        return mapped


def ids_of(hex_ids: Sequence[str]) -> Ids:
    """Ids of 32 hex digits as numbers, in the order given."""
    data = bytes.fromhex("".join(hex_ids))
    return np.frombuffer(data, dtype=">u8").astype(np.uint64).reshape(-1, 2) if data else np.empty((0, 2), np.uint64)


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
