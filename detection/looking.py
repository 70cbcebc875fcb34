"""How an engine looks at batches: stored events by columns, vendors' records by their JSON."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import orjson
import polars as pl

from detection.engine import Engine, Events, Mask, Rows
from detection.node import Leaf
from detection.predicate import Pattern, Same, fold

Records = Sequence[bytes]


class Values(Protocol):
    """The values of some events, for tests that need more than one field of an event."""

    def of(self, row: int, field: str) -> Sequence[str]: ...

    def all(self, row: int) -> Sequence[str]:
        """Every text of the event, for keywords."""

    def likely(self, needles: str, rows: Rows | None) -> Mask:
        """Which of some events (of all) have text that fits an expression, or that may be written in another way."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Conditions that hold of some records, by number, with the rows; and the rows that are no JSON objects."""

    hits: list[tuple[int, Rows]]
    bad: list[int]


def judged(engine: Engine, records: Records) -> Judged:
    """All conditions put to vendors' records."""
    with engine.lock:
        events, bad = look_at_records(engine, records)
        found = Judged(list(engine.matches(events)), bad)
        engine.passed.tidy()
        return found


def look_at_columns(engine: Engine, frame: pl.DataFrame, text: Callable[[str], pl.Expr]) -> Events:
    """A frame of columns; `text` makes a field text, or a list of texts."""
    found: defaultdict[int, list[Rows]] = defaultdict(list)
    passed = engine.passed
    for field in engine.matchers:
        column = frame.select(text(field).alias("value")).with_row_index("row")
        if isinstance(column.schema["value"], pl.List):
            column = column.explode("value", empty_as_null=True, keep_nulls=True)
        groups = column.drop_nulls("value").group_by("value").agg(pl.col("row").cast(pl.Int64))
        values, known = groups["value"].to_list(), passed.known[field]
        new = [value for value in values if value not in known]
        numbers = known | passed.learn(field, dict(zip(new, new, strict=True))) if new else known
        groups = groups.select("row", number=pl.Series([numbers[value] for value in values], dtype=pl.Int64))
        hit = groups.filter(pl.col("number") != 0).explode("row", empty_as_null=True, keep_nulls=True)
        for (number,), part in hit.partition_by("number", as_dict=True).items():
            _share(found, passed.answers[number], part["row"].to_numpy())
    return Events(frame.height, found, _late(engine, _Columns(frame, text)))


def look_at_records(engine: Engine, records: Records) -> tuple[Events, list[int]]:
    """JSON objects, and the rows of those that are none. A nested value has the dotted name of its place; what lies in
    an event log's System and EventData also goes by its plain name."""
    rows, numbers, new, bad = _cells(engine, records)
    passed = engine.passed
    by_field: defaultdict[str, dict[object, str]] = defaultdict(dict)
    for _, field, value in new:
        by_field[field][_key(value)] = text_of(value)
    learnt = {field: passed.learn(field, values) for field, values in by_field.items()}
    for row, field, value in new:
        rows.append(row)
        numbers.append(learnt[field][_key(value)])
    found: defaultdict[int, list[Rows]] = defaultdict(list)
    what, where = np.array(numbers, np.int64), np.array(rows, np.int64)
    order = np.argsort(what, kind="stable")
    what, where = what[order], where[order]
    starts = np.flatnonzero(np.diff(what, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(what)], strict=False):
        _share(found, passed.answers[what[start]], where[start:end])
    return Events(len(records), found, _late(engine, _Parsed(records)), bad), bad


def _cells(engine: Engine, records: Records) -> tuple[list[int], list[int], list[tuple[int, str, object]], list[int]]:
    """Rows and answers of the values known already, values not known yet, and rows that are no JSON objects.

    A loop over cells, because it beats columns here (7 against 20 µs a record of 120 fields): a cell whose value was
    seen before costs two look-ups, and few columns hold anything in a given row.
    """
    known: dict[str, dict[object, int]] = dict(engine.passed.known)
    for answers in known.values():
        answers[None] = 0
    # An object where a value is looked for, or values within it, cannot be looked up: such a record goes the long way.
    look = {**{parent: _NO_KEY for field in known for parent in _parents(field)}, **_SECTIONS, **known}
    rows: list[int] = []
    numbers: list[int] = []
    new: list[tuple[int, str, object]] = []
    bad: list[int] = []
    loads, answers_of, add_row, add_number = orjson.loads, look.get, rows.append, numbers.append
    for row, record in enumerate(records):
        try:
            value = loads(record)
        except orjson.JSONDecodeError:
            bad.append(row)
            continue
        if type(value) is not dict:
            bad.append(row)
            continue
        length, unknown = len(rows), len(new)
        # True and 1 are one key of a dictionary, but two texts.
        if not (b":true" in record or b":false" in record or b": true" in record or b": false" in record):
            try:
                for field, cell in value.items():
                    answers_ = answers_of(field)
                    if answers_ is not None:
                        number = answers_.get(cell)
                        if number:
                            add_row(row)
                            add_number(number)
                        elif number is None:
                            new.append((row, field, cell))
                continue
            except TypeError:
                del rows[length:], numbers[length:], new[unknown:]
        for field, cell in flattened(value):
            if field in known:
                number = known[field].get(_key(cell))
                if number:
                    add_row(row)
                    add_number(number)
                elif number is None:
                    new.append((row, field, cell))
    return rows, numbers, new, bad


class _NoKey(dict[object, int]):
    """Stands for the fields inside an object."""

    def get(self, key: object, default: object = None) -> int:  # noqa: ARG002
        if key is None:
            return 0
        raise TypeError


_NO_KEY = _NoKey()
_SECTIONS: dict[str, dict[object, int]] = dict.fromkeys(("Event", "winlog", "event_data"), _NO_KEY)
_PLAIN = ("Event.System.", "Event.EventData.", "winlog.event_data.", "winlog.", "event_data.")
DEEPEST = 64
FEW = 64
SHORTEST = 3
_NUMBERED = r"\\u[0-9a-fA-F]{4}"
"""A letter written as its number."""


def flattened(record: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Name and value of every cell, nothing nested; of a list each element. What lies in an event log's sections comes
    by its plain name as well, an attribute as `Provider_Name`."""
    for name, value in _flat("", record, 0):
        yield name, value
        for place in _PLAIN:
            if name.startswith(place):
                yield name.removeprefix(place), value
                break
        else:
            if name.startswith("Event.UserData."):
                yield name.rpartition(".")[2], value


def _flat(prefix: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and depth < DEEPEST:
        for key, below in value.items():
            if key == "#text":
                yield from _flat(prefix, below, depth + 1)
            elif key == "#attributes" and isinstance(below, dict):
                for attribute, text in below.items():
                    yield from _flat(f"{prefix}_{attribute}", text, depth + 1)
            else:
                yield from _flat(f"{prefix}.{key}" if prefix else key, below, depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for below in value:
            yield from _flat(prefix, below, depth + 1)
    elif value is not None and not isinstance(value, dict | list):
        yield prefix, value


def text_of(value: object) -> str:
    """A JSON value as the text that tests are put to."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _key(value: object) -> object:
    return text_of(value) if isinstance(value, bool) else value


def _parents(field: str) -> Iterator[str]:
    if "." in field:
        yield field.partition(".")[0]


def _share(found: defaultdict[int, list[Rows]], tests: Sequence[int], rows: Rows) -> None:
    for test in tests:
        found[test].append(rows)


class _Columns:
    """Values out of a frame."""

    def __init__(self, frame: pl.DataFrame, text: Callable[[str], pl.Expr]) -> None:
        self._frame = frame
        self._text = text
        self._columns: dict[str, pl.Series] = {}

    def of(self, row: int, field: str) -> Sequence[str]:
        if field not in self._columns:
            self._columns[field] = self._frame.select(self._text(field).alias("value"))["value"]
        value = self._columns[field][row]
        return () if value is None else (value,) if isinstance(value, str) else tuple(value)

    def all(self, row: int) -> Sequence[str]:
        return self.of(row, "event.original")

    def likely(self, needles: str, rows: Rows | None) -> Mask:  # noqa: ARG002
        return np.ones(self._frame.height if rows is None else len(rows), np.bool_)


class _Parsed:
    """Values out of records, each parsed again when asked for: few are."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._last: tuple[int, list[tuple[str, str]]] = (-1, [])
        self._text: pl.Series | None = None
        self._numbered = pl.Series(dtype=pl.Boolean)

    def of(self, row: int, field: str) -> Sequence[str]:
        return [text for name, text in self._cells(row) if name == field]

    def all(self, row: int) -> Sequence[str]:
        return list(dict.fromkeys(text for _, text in self._cells(row)))

    def likely(self, needles: str, rows: Rows | None) -> Mask:
        if self._text is None:
            self._text = pl.Series(self._records, dtype=pl.Binary).cast(pl.String, strict=False)
            self._numbered = self._text.str.contains(_NUMBERED).fill_null(True)
        text, numbered = self._text, self._numbered
        if rows is not None:
            text, numbered = text.gather(rows), numbered.gather(rows)
        return (text.str.contains(needles).fill_null(True) | numbered).to_numpy().copy()

    def _cells(self, row: int) -> list[tuple[str, str]]:
        if self._last[0] != row:
            cells = [(name, text_of(value)) for name, value in flattened(orjson.loads(self._records[row]))]
            self._last = (row, cells)
        return self._last[1]


def _late(engine: Engine, values: Values) -> Callable[[Sequence[Leaf], Rows], Mask]:
    known: dict[int, frozenset[int]] = {}
    common = {engine.words[leaf] for leaf in engine.common_words}
    likely: list[Mask] = []

    def said(row: int) -> frozenset[int]:
        if row not in known:
            known[row] = frozenset().union(*engine.word_matcher.answers(values.all(row)))
        return known[row]

    def late(some: Sequence[Leaf], rows: Rows) -> Mask:
        test, field = some[0].test, str(some[0].field)
        if isinstance(test, Same):
            passed = [_same(test, values.of(row, field), values.of(row, test.field)) for row in rows.tolist()]
            return np.array(passed, np.bool_)
        wanted = {engine.words[leaf] for leaf in some}
        maybe = np.ones(len(rows), np.bool_)
        if len(rows) > FEW and wanted <= common and (needles := _needles(engine.common_words)):
            if not likely:
                likely.append(values.likely(needles, None))
            maybe &= likely[0][rows]
        if maybe.sum() > FEW and (needles := _needles(tuple(some))):
            maybe[maybe] = values.likely(needles, rows[maybe])
        maybe[maybe] = [not wanted.isdisjoint(said(row)) for row in rows[maybe].tolist()]
        return maybe

    return late


@lru_cache(maxsize=4096)
def _needles(words: tuple[Leaf, ...]) -> str:
    """An expression that finds every record, as JSON text, in which some keyword may be; empty where there is none."""
    found = []
    for leaf in words:
        parts = leaf.test.parts if isinstance(leaf.test, Pattern) else ()
        runs = [run for part in parts if isinstance(part, str) for run in re.findall(r"[\x20-\x7e]+", part)]
        longest = max(runs, key=len, default="")
        if len(longest) < SHORTEST:
            return ""
        found.append(re.escape(orjson.dumps(longest)[1:-1].decode()).replace("/", r"\\?/"))
    return f"(?i){'|'.join(dict.fromkeys(found))}" if found else ""


def _same(test: Same, ones: Sequence[str], others: Sequence[str]) -> bool:
    return any(_pair(test, fold(one), fold(other)) for one in ones for other in others)


def _pair(test: Same, one: str, other: str) -> bool:
    if test.starts:
        return one.startswith(other)
    return one.endswith(other) if test.ends else one == other
