"""Of daily series, the run of days that goes furthest beyond what the days before it let expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
RUSH = 12
"""Calendar days at the end of a quarter in which its last working days lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of thing: what there was of it on each day, the least change a day worth finding, and what colleagues
    have of it a day, the one in the middle and the busiest (not a number where that is not known)."""

    amount: Floats
    a_day: float
    peers: Floats
    busiest: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """A person's days, one after the other: on which anything was seen, which are of somebody who stays, which count,
    and on which the company works."""

    seen: Bools
    active: Bools
    counted: Bools
    working: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How long runs may be, and how long the history before them is and has to be."""

    run: int
    history: int
    min_history: int

    @property
    def reach(self) -> int:
        """Days before a day that bear on it."""
        return self.run + self.history + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Of each day the best run that ends there: its length, how far it goes beyond in all (in caps), and for each part
    what it goes beyond by itself (in caps), what the person usually has in such a run (not a number where the history
    is too short), what it may have at all, and its cap. Days without any run have -inf."""

    beyond: Floats
    length: Ints
    each: Floats
    own: Floats
    may: Floats
    cap: Floats


def best_runs(parts: Sequence[Part], days: Days, search: Search) -> Runs:
    """Of a run, each part counts sum(min(x, cap) - usual - allowance) / cap, where that is positive; the run with the
    largest sum is the best one.

    `usual` is what the days before the run held for each working day among them, or the colleagues' where that is more;
    where the own history is too short, the busiest colleague's; of days with neither, no run is known. Days off have a
    usual of their own, so that a holiday makes nobody's usual less, and whoever works on them is not found for it.
    """
    size = len(days.seen)
    base = days.active & days.counted
    totals = [_sums(np.where(base & days.working, part.amount, 0.0)) for part in parts]
    totals_off = [_sums(np.where(base & ~days.working, part.amount, 0.0)) for part in parts]
    amounts = [np.where(days.counted, part.amount, 0.0) for part in parts]
    own_days, own_off = _sums(base & days.working), _sums(base & ~days.working)
    counted, counted_off = _sums(days.counted & days.working), _sums(days.counted & ~days.working)
    index, known = np.arange(size), _first_seen(days.seen, search.reach)
    best = Runs(
        beyond=np.full(size, -np.inf),
        length=np.ones(size, np.int64),
        each=np.zeros((len(parts), size)),
        own=np.full((len(parts), size), np.nan),
        may=np.zeros((len(parts), size)),
        cap=np.ones((len(parts), size)),
    )
    for length in range(2, min(search.run, size) + 1):
        here = index[length - 1 :]
        start = here - length + 1
        since = np.minimum(np.maximum(np.maximum(start - search.history, known[here]), 0), start)
        number, off = own_days[start] - own_days[since], own_off[start] - own_off[since]
        enough = number >= search.min_history
        took, took_off = (of[start + length] - of[start] for of in (counted, counted_off))
        each, owns, mays, caps = (np.empty((len(parts), len(here))) for _ in range(4))
        for place, part in enumerate(parts):
            mean = (totals[place][start] - totals[place][since]) / np.maximum(number, 1)
            on_off = (totals_off[place][start] - totals_off[place][since]) / np.maximum(off, 1)
            usual = np.where(enough, np.fmax(mean, part.peers[here]), part.busiest[here])
            cap = np.maximum(part.a_day, 3 * usual)
            taken = np.minimum(sliding_window_view(amounts[place], length), cap[:, None]).sum(axis=1)
            may = took * (usual + _allowance(usual, part.a_day)) + took_off * 1.5 * on_off
            each[place] = (taken - may) / cap
            owns[place] = np.where(enough, took * mean + took_off * on_off, np.nan)
            mays[place], caps[place] = may, cap
        beyond = np.nan_to_num(np.maximum(each, 0.0) if len(parts) > 1 else each, nan=-np.inf).sum(axis=0)
        better = beyond > best.beyond[here]
        chosen = here[better]
        best.beyond[chosen], best.length[chosen] = beyond[better], length
        for found, values in ((best.each, each), (best.own, owns), (best.may, mays), (best.cap, caps)):
            found[:, chosen] = values[:, better]
    return best


def _allowance(usual: Floats, a_day: float) -> Floats:
    """Half the least change worth finding."""
    return np.maximum(a_day / 4, usual) / 2


def _sums(values: NDArray[Any]) -> NDArray[Any]:
    """Running totals, from nothing on."""
    return np.concatenate([[0], np.cumsum(values)])


def within(first: int, size: int) -> Bools:
    """Which of so many days from `first` (days since 1970) on are not at the end of a quarter."""
    days = [date(1970, 1, 1) + timedelta(days=first + number) for number in range(size)]
    return np.array([_left(day) >= RUSH for day in days], dtype=bool)


def _first_seen(seen: Bools, reach: int) -> Ints:
    """Of each day, the first in its reach on which anything was seen: whoever was not seen before has no history
    there."""
    size = len(seen)
    index = np.arange(size)
    later = np.minimum.accumulate(np.where(seen, index, size)[::-1])[::-1]
    found: Ints = later[np.maximum(0, index - reach + 2)]
    return found


def _left(day: date) -> int:
    """Days to the last day of the quarter."""
    year, month = (day.year + 1, 1) if day.month > 9 else (day.year, (day.month - 1) // 3 * 3 + 4)
    return (date(year, month, 1) - day).days - 1
