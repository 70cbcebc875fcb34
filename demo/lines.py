"""From intents to files: vendor lines are templates filled by columns, written a day and a kind at a time."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from demo.company import DAY, HOUR, Company
from demo.streams import Ints

CHUNK = 120_000
"""About how many intents are written at a time; it bounds memory and shows in no file."""
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a deed: the template (`$column` is filled in), how long after the deed it is written, and which
    kind of file it goes to."""

    kind: str
    template: str
    after: int = 0


@dataclass(frozen=True, slots=True)
class DayFile:
    """How the file of one kind and day is named and what stands around its lines."""

    name: str
    head: str = ""
    tail: str = ""
    between: str = "\n"
    zipped: bool = False
    stamped: bool = False
    """Whether the file carries the time of its day, for stamps that need it."""


Prepare = Callable[[pl.DataFrame], pl.DataFrame]
Name = Callable[[str, date], DayFile]


@dataclass(frozen=True, slots=True)
class Vendor:
    """How a system writes: `prepare` adds the columns the templates ask for, `stamps` those made from the moment of a
    line, `lines` are those of each deed, `name` tells the file. A file's day begins `zone` hours before that of UTC."""

    folder: str
    prepare: Prepare
    lines: Mapping[str, Sequence[Line]]
    name: Name
    stamps: Mapping[str, pl.Expr]
    zone: int = 0


def write(out: Path, company: Company, vendor: Vendor, intents: pl.DataFrame) -> int:
    """Write all intents of a system to `out/<folder>`; returns how many lines (heads are not counted)."""
    folder = out / vendor.folder
    folder.mkdir(parents=True, exist_ok=True)
    numbered = intents.with_columns(pl.int_range(pl.len()).alias("number"), file_day("at", vendor.zone).alias("day"))
    total = 0
    waiting = pl.DataFrame()
    chunks = list(_chunks(numbered))
    for place, chunk in enumerate(chunks):
        until = chunks[place + 1]["day"][0] if place + 1 < len(chunks) else None
        lines = pl.concat([waiting, _lines(vendor, _with_people(chunk, company))])
        now = lines if until is None else lines.filter(pl.col("day") < until)
        waiting = lines if until is None else lines.filter(pl.col("day") >= until)
        total += now.height
        _write_days(folder, vendor, now)
    return total


def file_day(moment: str, zone: int) -> pl.Expr:
    """Number of the day since 1970 in that zone."""
    return (pl.col(moment) + zone * HOUR) // DAY


def filled(template: str) -> pl.Expr:
    """Column expression: the template with `$name` replaced by the column of that name."""
    parts = re.split(r"\$([a-z_0-9]+)", template)
    columns = [pl.col(part).cast(pl.String) if place % 2 else pl.lit(part) for place, part in enumerate(parts) if part]
    return pl.concat_str(columns)


def moment(style: str, zone: int = 0) -> pl.Expr:
    """The moment of a line as text, in that zone."""
    return (pl.col("at") + zone * HOUR).cast(pl.Datetime("us")).dt.strftime(style)


def numbers(frame: pl.DataFrame, name: str = "number") -> Ints:
    """An integer column for arithmetic."""
    return np.asarray(frame[name].cast(pl.Int64).to_numpy())


def _chunks(intents: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Whole days, as many as make about `CHUNK` intents."""
    days = intents.group_by("day", maintain_order=True).len()
    group = (days["len"].cum_sum() - days["len"]) // CHUNK
    start = 0
    for length in (
        days.with_columns(group.alias("group")).group_by("group", maintain_order=True).agg(pl.sum("len"))["len"]
    ):
        yield intents.slice(start, length)
        start += length


def _with_people(chunk: pl.DataFrame, company: Company) -> pl.DataFrame:
    people, documents = company.staff.people, company.documents
    who, doc = chunk["who"], chunk["doc"]
    personal = people.select("email", "login", "admin_login", "sid", "sf15", "sf18", "host", "home_ip", "office_ip")
    wide = pl.concat(
        [
            chunk,
            pl.DataFrame([personal[name].gather(who) for name in personal.columns]),
            people.select(pl.col("ip").alias("lan_ip"), pl.col("name").alias("person")).select(pl.all().gather(who)),
            documents.drop("doc").select(pl.all().gather(doc)),
        ],
        how="horizontal",
    )
    at_home = (pl.col("who") * 31 + pl.col("day") * 17) % 20 < 3
    usual = pl.when(at_home).then(pl.col("home_ip")).otherwise(pl.col("office_ip"))
    return wide.with_columns(
        pl.coalesce("ip", usual).alias("ip"), pl.col("to").fill_null(""), pl.col("note").fill_null("")
    )


def _lines(vendor: Vendor, chunk: pl.DataFrame) -> pl.DataFrame:
    """The lines of a chunk: `day`, `kind`, `line`, in order of time."""
    parts = []
    for (what,), deeds in vendor.prepare(chunk).group_by("what", maintain_order=True):
        for order, line in enumerate(vendor.lines[str(what)]):
            at = (pl.col("at") + line.after).alias("at")
            shifted = deeds.with_columns(at) if line.after else deeds
            parts.append(
                shifted.with_columns(**vendor.stamps).select(
                    "at",
                    "number",
                    pl.lit(order).alias("order"),
                    file_day("at", vendor.zone).alias("day"),
                    filled(line.kind).alias("kind"),
                    filled(line.template).alias("line"),
                )
            )
    lines = pl.concat(parts).sort("at", "number", "order", maintain_order=True)
    return lines.select("day", "kind", "line")


def _write_days(folder: Path, vendor: Vendor, lines: pl.DataFrame) -> None:
    for (day, kind), part in lines.group_by("day", "kind", maintain_order=True):
        when = EPOCH + timedelta(days=int(str(day)))
        file = vendor.name(str(kind), when)
        text = file.between.join(part["line"].to_list())
        data = (file.head + text + file.tail).encode()
        path = folder / file.name
        path.write_bytes(gzip.compress(data, 1, mtime=0) if file.zipped else data)
        if file.stamped:
            written = datetime(when.year, when.month, when.day, 15, 59, 59, tzinfo=UTC).timestamp()
            os.utime(path, (written, written))
