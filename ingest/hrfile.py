"""HR's CSV files as rows: cells by the names used here, read as mails, days and moments; all that is wrong is noted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.calendar import CompanyCalendar
from core.errors import Refused

LARGEST = 64 << 20
FOREVER = 9999
"""The year HR systems write for "no end"."""
YEARS = range(1900, 2200)
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_MOMENT = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:(?:T|\s+|(?<=日))(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(?:(Z)|([+-])(\d{2}):?(\d{2}))?)?",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent, not read from disk."""

    data: bytes

    def __str__(self) -> str:
        return "the file"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell of one row: line as in an editor (the header is line 1), column as in the file."""

    line: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.column}: {self.text}" if self.column else f"line {self.line}: {self.text}"


@dataclass(slots=True)
class Notes:
    """What reading a file found: its rows counted, problems (the row is left out) and warnings (it is not)."""

    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `titles` gives the file's own header of each column; the first problem of a cell is the one noted."""

    line: int
    cells: Mapping[str, str]
    titles: Mapping[str, str]
    calendar: CompanyCalendar
    notes: Notes

    def text(self, name: str) -> str:
        return self.cells.get(name, "")

    def wrong(self, name: str, text: str) -> None:
        title = self.titles.get(name, name)
        own = takewhile(lambda problem: problem.line == self.line, reversed(self.notes.problems))
        if all(problem.column != title for problem in own):
            self.notes.problems.append(Problem(self.line, title, text))

    def warn(self, name: str, text: str) -> None:
        self.notes.warnings.append(Problem(self.line, self.titles.get(name, name), text))

    @property
    def good(self) -> bool:
        return not self.notes.problems or self.notes.problems[-1].line != self.line

    def mail(self, name: str) -> str:
        value = self.text(name).lower()
        if value and not is_mail(value):
            self.wrong(name, f"{value} is not a mail address")
        return value

    def moment(self, name: str) -> datetime | None:
        """The time in a cell, in UTC; None for an empty one and for the year 9999, which stands for no end."""
        value = self.text(name)
        if not value or value.startswith(str(FOREVER)):
            return None
        found = moment_of(value, self.calendar, self.zone())
        if found is None:
            self.wrong(name, f"{value} is not a date")
        return found

    def day(self, name: str) -> date | None:
        moment = self.moment(name)
        return moment and self.calendar.day_of(moment)

    def day_until_its_end(self, name: str) -> date | None:
        """The company day in which a day of the row's own zone ends: a last day in New York ends on Shanghai's next."""
        moment = self.moment(name)
        zone = self.zone()
        if moment is None or zone is None or moment.astimezone(zone).time() != time():
            return moment and self.calendar.day_of(moment)
        end = datetime.combine(moment.astimezone(zone).date() + timedelta(days=1), time(), zone)
        return self.calendar.day_of(end - timedelta(microseconds=1))

    def zone(self) -> tzinfo | None:
        """The row's own time zone, where the file has one: `America/New_York`, `+09:00`, `UTC+8`."""
        value = self.text("zone")
        if not value:
            return None
        try:
            offset = _OFFSET.fullmatch(value)
            return _zone(None, *offset.groups()) if offset else ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            self.wrong("zone", f"{value} is no time zone")
            return None


def is_mail(text: str) -> bool:
    return _MAIL.fullmatch(text) is not None


def moment_of(text: str, calendar: CompanyCalendar, own: tzinfo | None = None) -> datetime | None:
    """A date (`2026-03-02`, `2026/3/2`, `2026年3月2日`) with or without time and zone, in UTC; None where it is none.

    Without a time it is the start of that day, without a zone it is of the `own` one, else company time.
    """
    parts = _MOMENT.fullmatch(text.strip())
    if not parts or int(parts[1]) not in YEARS:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups()[:6])
        moment = datetime.combine(date(year, month, day), time(hour, minute, second))
        zone = _zone(*parts.groups()[6:]) or own
    except ValueError:
        return None
    return (moment.replace(tzinfo=zone) if zone else calendar.localize(moment)).astimezone(UTC)


def _zone(utc: str | None, sign: str | None, hours: str | None, minutes: str | None) -> timezone | None:
    if utc:
        return UTC
    if sign is None:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset)


@dataclass(frozen=True, slots=True)
class Layout:
    """What columns a kind of file may have: `headers`, lower case, that each name goes by; `needs` says what must be
    there as one of some names; `systems` allows `id:<system>` beside them."""

    headers: Mapping[str, Sequence[str]]
    needs: Mapping[str, Sequence[str]]
    systems: bool = False


def rows_of(path: Path | Upload, layout: Layout, calendar: CompanyCalendar, notes: Notes) -> Iterator[Row]:
    """The rows of a file that have the header's columns; the others are noted, and blank ones skipped.

    Raises `Refused` for what is no such file.
    """
    records = _records(_text(path))
    head_line, head = next(((line, cells) for line, cells in records if isinstance(cells, str) or any(cells)), (1, ""))
    if isinstance(head, str):
        raise Refused(f"{path}: the header cannot be read as CSV: {head}" if head else f"{path} is empty")
    names = _names(path, head, layout)
    titles = {name: cell.strip() for name, cell in zip(names, head, strict=True) if name}
    for what, either in layout.needs.items():
        if titles.keys().isdisjoint(either):
            raise Refused(f"{path} has no column for {what}")
    unknown = [cell.strip() for name, cell in zip(names, head, strict=True) if cell.strip() and not name]
    notes.warnings += [Problem(head_line, cell, "is not a column known here and is left out") for cell in unknown]
    for line, cells in records:
        if isinstance(cells, str):
            notes.rows += 1
            notes.problems.append(Problem(line, "", f"cannot be read as CSV: {cells}"))
        elif any(cell.strip() for cell in cells):
            notes.rows += 1
            if len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :]):
                notes.problems.append(Problem(line, "", f"has {len(cells)} columns, the header {len(names)}"))
                continue
            values = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
            yield Row(line, values, titles, calendar, notes)


def _records(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Every record with the line it begins in; for one that is not CSV, what is wrong with it, and on from the line
    after its first: a forgotten quote costs one row, not the rest of the file."""
    lines = io.StringIO(text, newline="").readlines()
    start = 0
    while start < len(lines):
        first = start
        reader = csv.reader(map(lines.__getitem__, range(first, len(lines))), strict=True)
        try:
            for cells in reader:
                yield start + 1, cells
                start = first + reader.line_num
        except csv.Error as error:
            yield start + 1, str(error)
            start += 1


def _names(path: Path | Upload, head: Sequence[str], layout: Layout) -> list[str]:
    known = {synonym: name for name, synonyms in layout.headers.items() for synonym in synonyms}
    names: list[str] = []
    for cell in head:
        text = cell.strip().lower()
        name = text if layout.systems and text.startswith("id:") and len(text) > 3 else known.get(text, "")
        if name and name in names:
            raise Refused(f"{path}: the column {cell.strip()} is there twice")
        names.append(name)
    return names


def _bytes(path: Path | Upload) -> bytes:
    if isinstance(path, Upload):
        return path.data
    try:
        if path.stat().st_size > LARGEST:
            raise Refused(f"{path} is larger than {LARGEST >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None


def _text(path: Path | Upload) -> str:
    data = _bytes(path)
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Refused(f"{path} is neither UTF-8 nor GB18030 text")
