"""What a person's own past says of a day: new values, hours of habit, the usual order of actions, long windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.daily import ACTIONS, COUNTED, MICRO, ONCE, Daily
from models.events import CODES, HOURS, REMEMBERED
from models.features import ENOUGH, FEATURES, STEPS
from models.hows import CLASSES, MEMORY, Held, New, NewShare, Sum
from models.spans import Ints, Spans, gaps, held, place

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
RARE = 10
"""Hours kept on fewer than one in so many days are no habit."""
MONTH = 30


@dataclass(frozen=True, slots=True)
class Rows:
    """The person-days asked for: `who` and `day`, ascending."""

    who: Ints
    day: Ints

    @property
    def place(self) -> Ints:
        return place(self.who, self.day)

    def __len__(self) -> int:
        return len(self.day)


def features(daily: Daily, rows: Rows, book: Floats) -> dict[str, Floats]:
    """Every feature by name, NaN where it cannot be known. `daily` reaches `REACH` days before the first row; `book`
    is how many customers the book of each row's month has, NaN for none."""
    days = daily.days
    active = Spans(_places(days), days.select(*COUNTED, *ONCE, "mixed").to_numpy().astype(np.int64))
    here = active.sums(rows.place, rows.place)
    found = {name: here[:, number].astype(np.float64) for number, name in enumerate([*COUNTED, *ONCE])}
    known = active.count(rows.place - MEMORY, rows.place - 1) >= ENOUGH
    found |= _windows(active, rows)
    found |= _values(daily.values, rows, known, found)
    found |= _hours(daily, rows, known, found)
    found |= _steps(daily.steps, rows, known)
    found |= _classes(daily.steps, rows)
    found["action_entropy"] = here[:, -1] / MICRO
    found["active_days_30d"] = active.count(rows.place - MONTH + 1, rows.place).astype(np.float64)
    found["book_share_30d"] = found["customers_30d"] / book
    return found


def _places(frame: pl.DataFrame) -> Ints:
    return place(frame["who"].to_numpy(), frame["day"].to_numpy())


def _windows(active: Spans, rows: Rows) -> dict[str, Floats]:
    columns = {name: number for number, name in enumerate([*COUNTED, *ONCE])}
    asked = [(f.name, f.how.days, columns[f.how.of]) for f in FEATURES if isinstance(f.how, Sum)]
    sums = {span: active.sums(rows.place - span + 1, rows.place) for span in {days for _, days, _ in asked}}
    return {name: sums[days][:, column].astype(np.float64) for name, days, column in asked}


def _values(values: pl.DataFrame, rows: Rows, known: Bools, found: Mapping[str, Floats]) -> dict[str, Floats]:
    more: dict[str, Floats] = {}
    own = {kind: values.filter(pl.col("kind") == number) for number, kind in enumerate(REMEMBERED)}
    ids = {kind: frame.select(pl.struct("who", "value").rle_id()).to_series().to_numpy() for kind, frame in own.items()}
    for feature in FEATURES:
        if isinstance(how := feature.how, New | NewShare | Held):
            frame, value = own[how.kind], ids[how.kind].astype(np.int64)
            who, day = frame["who"].to_numpy(), frame["day"].to_numpy()
            if isinstance(how, Held):
                more[feature.name] = held(who, value, day, how.days, rows.place).astype(np.float64)
                continue
            new = Spans(np.sort(place(who, day)[gaps(value, day) > MEMORY]))
            count = new.count(rows.place, rows.place).astype(np.float64)
            if isinstance(how, NewShare):
                count = count / np.maximum(found[how.kind], 1)
            more[feature.name] = np.where(known, count, np.nan)
    return more


def _hours(daily: Daily, rows: Rows, known: Bools, found: Mapping[str, Floats]) -> dict[str, Floats]:
    slots, days = daily.slots, daily.days
    who, day, slot, n = (slots[name].to_numpy() for name in ("who", "day", "slot", "n"))
    off = slot // HOURS
    then = place(who * 2 * HOURS + slot, day)
    before = Spans(then, slots["days"].to_numpy()).sums(then - MEMORY, then - 1)
    alike = Spans(np.sort(place(days["who"].to_numpy() * 2 + days["off"].to_numpy(), days["day"].to_numpy())))
    kinds = place(who * 2 + off, day)
    unusual = before * RARE < np.maximum(alike.count(kinds - MEMORY, kinds - 1), 1)
    at = place(who, day)
    order = np.lexsort((n, at))
    hours = Spans(at[order], np.where(unusual, n, 0)[order])
    whole = np.maximum(found["events"], 1)
    last = np.searchsorted(at[order], rows.place, side="right") - 1
    busy = hours.count(rows.place, rows.place)
    peak = n[order][np.maximum(last, 0)] if len(n) else np.zeros(len(rows))
    return {
        "active_hours": busy.astype(np.float64),
        "peak_hour": np.where(busy > 0, peak, 0).astype(np.float64),
        "off_hours_share": found["off_hours"] / whole,
        "off_habit_share": np.where(known, hours.sums(rows.place, rows.place) / whole, np.nan),
    }


def _steps(steps: pl.DataFrame, rows: Rows, known: Bools) -> dict[str, Floats]:
    """Each step's probability is (times taken + 1) / (times anything followed that action + actions there are)."""
    who, day, step, n = (steps[name].to_numpy() for name in ("who", "day", "step", "n"))
    taken = Spans(place(who * ACTIONS**2 + step, day), n)
    then = taken.places
    before = taken.sums(then - MEMORY, then - 1)
    of = place(who * ACTIONS + step // ACTIONS, day)
    order = np.argsort(of, kind="stable")
    followed = Spans(of[order], n[order]).sums(of - MEMORY, of - 1)
    bits = np.rint(-np.log2((before + 1) / (followed + ACTIONS)) * MICRO).astype(np.int64)
    at = place(who, day)
    order = np.argsort(at, kind="stable")
    numbers = np.stack([n, n * bits, np.where(before == 0, n, 0)], axis=1)[order]
    whole, surprise, new = Spans(at[order], numbers).sums(rows.place, rows.place).T
    some = np.maximum(whole, 1)
    return {
        "order_surprise": np.where(known, surprise / MICRO / some, np.nan),
        "new_steps_share": np.where(known, new / some, np.nan),
    }


def _classes(steps: pl.DataFrame, rows: Rows) -> dict[str, Floats]:
    """How often each class of actions follows each; steps from or to actions of no class do not count."""
    of = np.full(ACTIONS, -1)
    for number, one in enumerate(CLASSES.values()):
        of[[CODES[action] for action in one.actions]] = number
    before, after = of[steps["step"].to_numpy() // ACTIONS], of[steps["step"].to_numpy() % ACTIONS]
    at = np.searchsorted(rows.place, wanted := _places(steps))
    named = (before >= 0) & (after >= 0) & (at < len(rows))
    named[named] &= rows.place[at[named]] == wanted[named]
    found = np.zeros((len(rows), len(STEPS)))
    np.add.at(found, (at[named], before[named] * len(CLASSES) + after[named]), steps["n"].to_numpy()[named])
    return dict(zip(STEPS, found.T, strict=True))
