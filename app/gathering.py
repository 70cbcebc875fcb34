"""Records that correlations look at, gathered from a file in bounded memory: what is many waits on disk and is read
back some time at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl

from core.canonical import content_id
from core.errors import RuleError
from core.schema import TIME as TIME_TYPE
from detection.bursts import Span, reach
from detection.filerules import NUMBER
from detection.predicate import number_of
from detection.rule import Rule
from detection.windows import LARGEST, TIME
from ingest.times import read_times

ROWS_AT_ONCE = 500_000
MOST_AT_ONCE = 4 * ROWS_AT_ONCE
NAMED = 3
TAGS = "rule.matched"
LONGEST = 200
"""A longer text goes by its beginning and a digest of all of it."""
TIMES = (
    "UtcTime",
    "TimeCreated_SystemTime",
    "@timestamp",
    "CreationTime",
    "EventTime",
    "published",
    "eventTime",
    "id.time",
    "createdDateTime",
    "timestamp",
    "time",
    "ts",
    "TimeGenerated",
)
"""Where a record says when it was, the first that there is."""
FORMS = ("iso", "epoch_s", "epoch_ms", "slash", "us", "compact")
Cells = Mapping[str, str]


def time_in(cells: Cells) -> str | None:
    """When a record says it was, in its words."""
    return next((cells[name] for name in TIMES if name in cells), None)


class Gathered:
    """Records with their times and the `columns` that windows look at, each by the names of its field in records.
    `undated` are the numbers of the first few that do not say when they were, `left_out` counts these."""

    def __init__(self, columns: Mapping[str, Sequence[str]], folder: Path) -> None:
        self._columns = columns
        self._folder = folder
        self._schema: dict[str, pl.DataType] = {"event.id": pl.Int64(), "time": pl.String(), TAGS: pl.List(pl.String())}
        self._schema |= {name: pl.Float64() if name.startswith(NUMBER) else pl.String() for name in columns}
        self._held: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self.undated: list[int] = []
        self.left_out = 0

    def add(self, records: Sequence[tuple[int, Sequence[str], Cells]]) -> None:
        """Some records by their numbers, with the rules that match each."""
        rows = [(number, time_in(cells), rules, *self._values(cells)) for number, rules, cells in records]
        frame = pl.DataFrame(rows, schema=self._schema, orient="row")
        modified = pl.Series([None], dtype=TIME_TYPE)
        frame = frame.with_columns(read_times(frame["time"], FORMS, "UTC", modified).alias(TIME)).drop("time")
        undated = frame.filter(pl.col(TIME).is_null())["event.id"]
        self.left_out += len(undated)
        self.undated += undated.head(NAMED - len(self.undated)).to_list()
        self._held.append(frame.filter(pl.col(TIME).is_not_null()))
        if sum(one.height for one in self._held) >= ROWS_AT_ONCE:
            self._files.append(self._folder / f"{len(self._files)}.parquet")
            pl.concat(self._held).write_parquet(self._files[-1])
            self._held = []

    def spans(self, rule: Rule) -> Iterator[Span]:
        """The records that bear on a correlation, with the columns that its windows look at and its tags, some time at
        once. Raises `RuleError` where its windows hold more than memory does."""
        rows = self._of(rule)
        minutes = rows.group_by(pl.col(TIME).dt.truncate("1m")).len().sort(TIME).collect()
        edges = list(_edges(minutes))
        for since, until in pairwise(edges):
            records = (
                rows.filter(pl.col(TIME) > since - reach(rule), pl.col(TIME) < until).head(MOST_AT_ONCE + 1).collect()
            )
            if records.height > MOST_AT_ONCE:
                raise RuleError(f"{rule.name}: more than {MOST_AT_ONCE} records bear on its windows at once")
            yield Span(since, until, records)

    def _of(self, rule: Rule) -> pl.LazyFrame:
        parts = [pl.scan_parquet(file) for file in self._files] + [frame.lazy() for frame in self._held]
        empty = pl.LazyFrame(schema={**self._schema, TIME: TIME_TYPE}).drop("time")
        own = pl.col(TAGS).list.set_intersection(sorted(rule.leaves))
        asked = [name for name in self._columns if name in rule.fields]
        return pl.concat([empty, *parts]).select("event.id", TIME, own, *asked).filter(pl.col(TAGS).list.len() > 0)

    def _values(self, cells: Cells) -> Iterator[str | float | None]:
        for column, names in self._columns.items():
            text = next((cells[name] for name in names if name in cells), None)
            if column.startswith(NUMBER):
                number = None if text is None else number_of(text)
                yield number if number is not None and abs(number) < LARGEST else None
            else:
                yield text if text is None or len(text) <= LONGEST else text[:LONGEST] + content_id(text)


def _edges(minutes: pl.DataFrame) -> Iterator[datetime]:
    """Times between which records are few enough to be judged at once, as far as a minute's are."""
    held = 0
    for minute, count in minutes.iter_rows():
        if not held or held + count > ROWS_AT_ONCE:
            yield minute
            held = 0
        held += count
    if held:
        yield minutes[TIME][-1] + timedelta(minutes=1)
