"""Sets of rows as long integers, a bit for each: joined in one step each, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Bits = int
Rows = npt.NDArray[np.int64]


def bits_of(rows: Rows, height: int) -> Bits:
    """The set of some rows of `height`."""
    mask = np.zeros(height, np.bool_)
    mask[rows] = True
    return int.from_bytes(np.packbits(mask, bitorder="little").tobytes(), "little")


def rows_of(bits: Bits) -> Rows:
    """The rows of a set, in order."""
    if not bits:
        return np.zeros(0, np.int64)
    raw = np.frombuffer(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), np.uint8)
    return np.flatnonzero(np.unpackbits(raw, bitorder="little"))


def each(bits: Bits) -> Iterator[int]:
    """The rows of a small set, in order."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
