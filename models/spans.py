"""Questions about the days before a day, answered for many rows at once by places in sorted columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
STRIDE = 1 << 23
"""More days than any date has, so that nobody's days reach into the next one's."""
_BASE = 1 << 21


def place(group: Ints, day: Ints) -> Ints:
    """Where a day of a group stands among all: ascending by group, then by day."""
    return np.asarray(group, dtype=np.int64) * STRIDE + day + _BASE


class Spans:
    """Some columns of whole numbers at places that ascend, to be summed between places."""

    def __init__(self, places: Ints, numbers: Ints | None = None) -> None:
        self.places = places
        self._sums = None
        if numbers is not None:
            zero = np.zeros((1, *numbers.shape[1:]), dtype=np.int64)
            self._sums = np.concatenate([zero, np.cumsum(numbers, axis=0, dtype=np.int64)])

    def count(self, first: Ints, last: Ints) -> Ints:
        """How many places there are from `first` to `last`, both included."""
        return self._to(last) - self._from(first)

    def sums(self, first: Ints, last: Ints) -> Ints:
        """What the numbers at these places add up to."""
        assert self._sums is not None  # noqa: S101
        found: Ints = self._sums[self._to(last)] - self._sums[self._from(first)]
        return found

    def _from(self, first: Ints) -> Ints:
        return np.searchsorted(self.places, first, side="left").astype(np.int64)

    def _to(self, last: Ints) -> Ints:
        return np.searchsorted(self.places, last, side="right").astype(np.int64)


def gaps(group: Ints, day: Ints) -> Ints:
    """Days since the row before, where it is of the same group; else more days than there are. Rows are sorted."""
    found = np.full(len(day), STRIDE, dtype=np.int64)
    if len(day) > 1:
        same = group[1:] == group[:-1]
        found[1:][same] = (day[1:] - day[:-1])[same]
    return found


def held(who: Ints, value: Ints, day: Ints, days: int, asked: Ints) -> Ints:
    """How many different values somebody has in the `days` days up to each place asked for. Rows are sorted by who,
    value (numbered, each its own number) and day. A value counts from its day until it would be forgotten or comes
    again."""
    until = np.full(len(day), days, dtype=np.int64)
    if len(day) > 1:
        until[:-1] = np.minimum(days, gaps(value, day)[1:])
    begins, ends = np.sort(place(who, day)), np.sort(place(who, day + until))
    found: Ints = np.searchsorted(begins, asked, side="right") - np.searchsorted(ends, asked, side="right")
    return found.astype(np.int64)
