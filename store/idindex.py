"""Which ids are stored already: an exact index of 128-bit ids in sorted runs on disk, merged as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.uint64]
"""Shape (n, 2): the high and the low half of each id, ordered by the high half."""

FAN_OUT = 8
SMALLEST = 8192


def ids_of(hex_ids: Sequence[str]) -> Ids:
    """Ids of 32 hex digits as numbers, in the order given."""
    return np.frombuffer(bytes.fromhex("".join(hex_ids)), dtype=">u8").astype(np.uint64).reshape(-1, 2)


def ordered(ids: Ids) -> Ids:
    """The ids as a run wants them."""
    return ids[np.argsort(ids[:, 0], kind="stable")]


def load(file: Path) -> Ids:
    """A run as it lies on disk, mapped, not read."""
    run: Ids = np.load(file, mmap_mode="r")
    return run


def known(ids: Ids, runs: Sequence[Ids]) -> npt.NDArray[np.bool_]:
    """For each id, whether a run holds it."""
    found = np.zeros(len(ids), dtype=np.bool_)
    order = np.argsort(ids[:, 0])
    asked = ids[order]
    for run in runs:
        found[order] |= _in_run(asked, run)
    return found


def _in_run(asked: Ids, run: Ids) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(asked), dtype=np.bool_)
    places = np.searchsorted(run[:, 0], asked[:, 0])
    open_ = np.arange(len(asked))
    while len(open_):
        inside = places[open_] < len(run)
        open_ = open_[inside]
        entries = run[places[open_]]
        open_, entries = (part[entries[:, 0] == asked[open_, 0]] for part in (open_, entries))
        hit = entries[:, 1] == asked[open_, 1]
        found[open_[hit]] = True
        open_ = open_[~hit]
        places[open_] += 1
    return found


def level(rows: int) -> int:
    """Runs of one level are of like size; `FAN_OUT` of them become one of the next."""
    return int(np.emath.logn(FAN_OUT, max(1, rows / SMALLEST)))
