"""A made-up company's logs in the layout of the CERT insider-threat test data, answers beside them:
`leaverwatch simulate OUT --cert 4.2`. The data itself may not be passed on; its layout and its stories are published.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from core.errors import Refused
from demo.cert_days import DAY, Logs, ordinary
from demo.cert_deeds import EVENTS, SHARES, Plot, plotted
from demo.cert_people import START, Staff, hire

RELEASES = tuple(SHARES)
LEAST_PEOPLE, LEAST_DAYS = 40, 100
MADE = "made-up"
"""Written first: a folder that has it is a simulation, and may be replaced."""
AT_ONCE = 31
"""Days in memory at a time."""
TIME = "%m/%d/%Y %H:%M:%S"
_OLD = ("id", "date", "user", "pc")
COLUMNS: dict[str, dict[str, Sequence[str]]] = {
    "logon": dict.fromkeys(RELEASES, (*_OLD, "activity")),
    "device": {"4.2": (*_OLD, "activity")} | dict.fromkeys(("5.2", "6.2"), (*_OLD, "file_tree", "activity")),
    "file": {"4.2": (*_OLD, "filename", "content")}
    | dict.fromkeys(
        ("5.2", "6.2"),
        (*_OLD, "filename", "activity", "to_removable_media", "from_removable_media", "content"),
    ),
    "email": {"4.2": (*_OLD, "to", "cc", "bcc", "from", "size", "attachments", "content")}
    | dict.fromkeys(("5.2", "6.2"), (*_OLD, "to", "cc", "bcc", "from", "activity", "size", "attachments", "content")),
    "http": dict.fromkeys(("4.2", "5.2"), (*_OLD, "url", "content")) | {"6.2": (*_OLD, "url", "activity", "content")},
}
"""Columns of each log by release, in order."""


def simulate_cert(out: Path, release: str, *, employees: int = 1000, days: int = 500, seed: int = 7) -> int:
    """Write logs, LDAP, psychometric.csv and answers of a release under `out`; returns how many insiders there are. The
    same arguments give the same bytes. Raises `Refused` where `out` holds anything else, or for too small a company."""
    if release not in RELEASES:
        raise Refused(f"there is no release {release}; there are: {', '.join(RELEASES)}")
    if employees < LEAST_PEOPLE or days < LEAST_DAYS:
        raise Refused(f"such a company has at least {LEAST_PEOPLE} employees and {LEAST_DAYS} days")
    _make_room(out)
    staff = hire(employees, days, np.random.default_rng([seed, 1]))
    plot = plotted(staff, release, np.random.default_rng([seed, 2]))
    staff = staff.with_last_days(np.array(plot.gone))
    deeds = plot.logs()
    answers = [
        _write(out, release, staff, deeds, range(start, min(start + AT_ONCE, days)), seed)
        for start in range(0, days, AT_ONCE)
    ]
    _write_answers(out / "answers", release, plot, [row for part in answers for row in part])
    _write_people(out, release, staff, np.random.default_rng([seed, 3]))
    return len(plot.insiders)


def _make_room(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        if not (out / MADE).exists():
            raise Refused(f"{out} holds something that is no simulation's; give another folder")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MADE).write_text("made up by leaverwatch; nothing of the CERT data is in it\n")


def _write(
    out: Path, release: str, staff: Staff, deeds: Logs, days: range, seed: int
) -> list[tuple[int, int, list[str]]]:
    """Append these days to the logs; returns the rows that are deeds: whose, when, and the row with its log."""
    usual = ordinary(staff, days, np.random.default_rng([seed, 10 + days.start]))
    begin, end = days.start * DAY, days.stop * DAY
    found = []
    for log in EVENTS:
        mine = deeds[log].filter(pl.col("at").is_between(begin, end, closed="left"))
        columns = ["who", "at", "pc", "deed", *EVENTS[log]]
        rows = pl.concat([usual[log].select(columns), mine.select(columns)], how="vertical_relaxed")
        rows = _named(rows.sort("at", maintain_order=True), log, staff, days.start)
        rows = rows.with_columns(_attachments(release)) if log == "email" else rows
        written = rows.select(COLUMNS[log][release])
        file = out / f"{log}.csv"
        with file.open("ab") as stream:
            written.write_csv(stream, include_header=stream.tell() == 0)
        for row, deed, at in zip(written.filter(rows["deed"] >= 0).rows(), *_of_deeds(rows), strict=True):
            found.append((deed, at, [log, *(str(cell) for cell in row)]))
    return found


def _of_deeds(rows: pl.DataFrame) -> tuple[list[int], list[int]]:
    some = rows.filter(pl.col("deed") >= 0)
    return some["deed"].to_list(), some["at"].to_list()


def _named(rows: pl.DataFrame, log: str, staff: Staff, first: int) -> pl.DataFrame:
    number = pl.int_range(pl.len()).cast(pl.String).str.zfill(8)
    start = pl.lit(np.datetime64(START.isoformat(), "us")).cast(pl.Datetime("us"))
    return rows.with_columns(
        pl.concat_str(pl.lit(f"{{{log[0].upper()}{first:03d}-"), number, pl.lit(f"-{staff.days:04d}MADE}}")).alias(
            "id"
        ),
        (start + pl.duration(seconds="at")).dt.strftime(TIME).alias("date"),
        pl.Series(staff.users).gather(rows["who"]).alias("user"),
    )


def _attachments(release: str) -> pl.Expr:
    if release == "4.2":
        return pl.col("files").alias("attachments")
    one = pl.format("C:\\{}.doc({})", pl.col("id").str.slice(6, 8), pl.col("file_sizes"))
    return pl.when(pl.col("files") > 0).then(one).otherwise(pl.lit("")).alias("attachments")


def _write_answers(out: Path, release: str, plot: Plot, rows: list[tuple[int, int, list[str]]]) -> None:
    out.mkdir()
    lines = []
    for insider in plot.insiders:
        own = sorted((at, row) for deed, at, row in rows if deed == insider.number)
        if not own:
            continue
        name = f"r{release}-{insider.scenario}-{plot.staff.users[insider.who]}.csv"
        folder = out if release == "6.2" else out / f"r{release}-{insider.scenario}"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("".join(f"{','.join(row)}\n" for _, row in own))
        start, end = (_clock(at) for at in (own[0][0], own[-1][0]))
        lines.append(f"{release},{insider.scenario},{name},{plot.staff.users[insider.who]},{start},{end}\n")
    (out / "insiders.csv").write_text("dataset,scenario,details,user,start,end\n" + "".join(lines))


def _clock(at: int) -> str:
    moment = np.datetime64(START.isoformat(), "s") + np.timedelta64(at, "s")
    return str(moment.item().strftime(TIME))


def _write_people(out: Path, release: str, staff: Staff, chance: np.random.Generator) -> None:
    folder = out / "LDAP"
    folder.mkdir()
    columns = ["employee_name", "user_id", "email", "role", "business_unit", "functional_unit", "department", "team"]
    if release != "4.2":
        columns.insert(4, "projects")
    people = pl.DataFrame(
        {
            "employee_name": staff.names,
            "user_id": staff.users,
            "email": staff.emails,
            "role": staff.roles,
            "projects": "",
            "business_unit": "1",
            "functional_unit": staff.units,
            "department": [f"{unit[:1]} - Department{unit[:1]}" for unit in staff.units],
            "team": staff.teams,
            "supervisor": [staff.names[boss] for boss in staff.boss],
            "gone": staff.gone,
        }
    )
    month = START.replace(day=1) - timedelta(days=1)
    while month <= staff.day(staff.days):
        there = people.filter(pl.col("gone") >= min((month - START).days, staff.days))
        there.select(*columns, "supervisor").write_csv(folder / f"{month:%Y-%m}.csv")
        month = _end_of_next(month)
    traits = {name: chance.integers(10, 51, len(staff.users)) for name in "OCEAN"}
    people.select("employee_name", "user_id").with_columns(**traits).write_csv(out / "psychometric.csv")


def _end_of_next(month: date) -> date:
    return ((month + timedelta(days=1)).replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
