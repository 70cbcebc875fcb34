"""Folders of the CERT insider-threat test data: which logs lie there, who was employed when, and what the answers say.

Layout: https://doi.org/10.1184/R1/12841247 and the readme.txt of each release.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from core.errors import Refused

LOGS = ("logon", "device", "file", "email", "http")
"""Each is `<name>.csv`, and read by the source `cert_<name>`."""
BESIDE = ("LDAP", "answers")
LARGEST_LIST = 64 << 20
"""Bytes of a list of people or answers; real ones have a fiftieth of it."""
LONGEST = 1000
"""Days that somebody may be named for; a release has half as many."""
_RELEASE = re.compile(r"r?(\d+(?:\.\d+)?)", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_TIME = "%m/%d/%Y %H:%M:%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A folder with logs. `name` is that of the release, `4.2`; empty where the folder's name does not tell."""

    folder: Path
    name: str
    logs: Mapping[str, Path]
    answers: Path | None

    @property
    def absent(self) -> tuple[str, ...]:
        """What of a release is not there, by its names in the data."""
        there = {"LDAP": (self.folder / "LDAP").is_dir(), "answers": self.answers is not None}
        return (
            *(f"{name}.csv" for name in LOGS if name not in self.logs),
            *(name for name in BESIDE if not there[name]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Employee:
    """As listed in the first month that has them. `gone` is the first month that has them no more, None where the last
    month still has."""

    user: str
    name: str
    email: str
    department: str
    role: str
    supervisor: str
    gone: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Insider:
    """Whom the answers name. `days` are those on which they did something of it themselves: those of the list of
    events, where there is one (`listed`), else all from start to end. `used` are accounts of others used for it."""

    scenario: str
    user: str
    days: frozenset[date]
    used: Mapping[str, frozenset[date]]
    listed: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """Insiders of a release, and what of the answers could not be read."""

    release: str
    insiders: Sequence[Insider]
    problems: Sequence[str]


def releases(folder: Path) -> list[Release]:
    """The release in the folder, or those in the folders below it. Raises `Refused` where there is none."""
    if not folder.is_dir():
        raise Refused(f"{folder} is not a folder")
    candidates = [folder, *sorted(item for item in folder.iterdir() if item.is_dir())]
    found = [release for item in candidates if (release := _release(item)).logs]
    if not found:
        names = ", ".join(f"{name}.csv" for name in LOGS)
        raise Refused(f"{folder} is no CERT data: neither it nor a folder in it has one of {names}")
    return [found[0]] if found[0].folder == folder else found


def _release(folder: Path) -> Release:
    told = _RELEASE.fullmatch(folder.resolve().name)
    logs = {name: path for name in LOGS if (path := _log(folder, name))}
    places = (folder / "answers", folder.resolve().parent / "answers")
    answers = next((place for place in places if (place / "insiders.csv").is_file()), None)
    return Release(folder=folder, name=told[1] if told else "", logs=logs, answers=answers)


def _log(folder: Path, name: str) -> Path | None:
    return next((path for end in ("", ".gz") if (path := folder / f"{name}.csv{end}").is_file()), None)


def employees(folder: Path) -> list[Employee]:
    """Everybody in the monthly lists `LDAP/YYYY-MM.csv`, by user id. A list names who was there when the month ended:
    whoever left is missing first in the month of the last day."""
    lists = {date(int(month[1]), int(month[2]), 1): path for path, month in _months(folder / "LDAP")}
    months = {month: {_upper(row.get("user_id", "")): row for row in _rows(lists[month])} for month in sorted(lists)}
    found: dict[str, Employee] = {}
    for user, row in ((user, row) for rows in months.values() for user, row in rows.items()):
        if user and user not in found:
            last = max(month for month, rows in months.items() if user in rows)
            gone = min((month for month in months if month > last), default=None)
            found[user] = Employee(
                user=user,
                name=row.get("employee_name", ""),
                email=row.get("email", "").lower(),
                department=row.get("department", "") or row.get("functional_unit", ""),
                role=row.get("role", ""),
                supervisor=row.get("supervisor", ""),
                gone=gone,
            )
    return sorted(found.values(), key=lambda one: one.user)


TRAITS = "OCEAN"
"""Columns of `psychometric.csv`: openness, conscientiousness, extraversion, agreeableness, neuroticism."""


def traits(folder: Path) -> dict[str, dict[str, float]]:
    """The traits of each user in `psychometric.csv`, by their letters; nothing where there is no such file. Rows
    without a number for each are left out."""
    found = {}
    for row in _listed(folder / "psychometric.csv"):
        try:
            found[_upper(row.get("user_id", ""))] = {name: float(row[name.lower()]) for name in TRAITS}
        except (KeyError, ValueError):
            continue
    return found


def decoys(folder: Path) -> frozenset[tuple[str, str]]:
    """Files that were planted, by path and machine in lower case, of `decoy_file.csv`; none where there is no such
    file."""
    rows = _listed(folder / "decoy_file.csv")
    return frozenset(
        (row["decoy_filename"].lower(), row["pc"].lower()) for row in rows if {"decoy_filename", "pc"} <= row.keys()
    )


def _listed(path: Path) -> Iterator[dict[str, str]]:
    return _rows(path) if path.is_file() else iter(())


def _months(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    for path in sorted(folder.glob("*.csv")):
        if (month := _MONTH.fullmatch(path.stem)) and 1 <= int(month[2]) <= 12:
            yield path, month


def answers(folder: Path, release: str) -> Answers:
    """Whom the answers name in a release; of all releases where no other is named. Raises `Refused` where several are
    and `release` is empty."""
    rows = list(_rows(folder / "insiders.csv"))
    if not release:
        named = {row.get("dataset", "") for row in rows}
        if len(named) > 1:
            raise Refused(
                f"{folder / 'insiders.csv'} names releases {', '.join(sorted(named))}: "
                "call the folder of the logs as its release is called, such as r4.2"
            )
        release = next(iter(named), "")
    insiders, problems = [], []
    for row in (row for row in rows if row.get("dataset", "") == release):
        user, scenario = _upper(row.get("user", "")), row.get("scenario", "")
        details = _details(folder, release, scenario, row.get("details", ""))
        used = _events(details) if details else {}
        listed = used.pop(user, frozenset())
        days = listed or _span(row.get("start", ""), row.get("end", ""))
        if not user or not days:
            problems.append(f"insiders.csv names {user or 'nobody'} in scenario {scenario} without a time or an event")
            continue
        insiders.append(Insider(scenario=scenario, user=user, days=days, used=used, listed=bool(listed)))
    return Answers(release, insiders, problems)


def _details(folder: Path, release: str, scenario: str, name: str) -> Path | None:
    # Only its last part: a list may not lead out of the folder.
    own = Path(name.replace("\\", "/")).name
    places = (folder / f"r{release}-{Path(scenario).name}" / own, folder / own)
    return next((place for place in places if own and place.is_file()), None)


def _events(path: Path) -> dict[str, frozenset[date]]:
    """On which days each user did something that a list of events names: kind, id, time, user and more a row."""
    found: dict[str, set[date]] = {}
    for cells in _cells(path):
        if len(cells) > 3 and (moment := _moment(cells[2])):
            found.setdefault(_upper(cells[3]), set()).add(moment.date())
    return {user: frozenset(days) for user, days in found.items()}


def _span(start: str, end: str) -> frozenset[date]:
    first, last = _moment(start), _moment(end)
    if not first or not last or not 0 <= (last - first).days <= LONGEST:
        return frozenset()
    days = range(first.toordinal(), last.toordinal() + 1)
    return frozenset(date.fromordinal(day) for day in days)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), _TIME)  # noqa: DTZ007  (local, without a zone, as in the logs)
    except ValueError:
        return None


def _upper(user: str) -> str:
    return re.sub(r"(?i)^DTAA/", "", user.strip()).upper()


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows by the header, names in lower case; what a row has too little of is empty."""
    cells = _cells(path)
    header = [name.strip().lower() for name in next(cells, [])]
    for row in cells:
        yield dict(zip(header, (cell.strip() for cell in row), strict=False))


def _cells(path: Path) -> Iterator[list[str]]:
    if path.stat().st_size > LARGEST_LIST:
        raise Refused(f"{path} is larger than {LARGEST_LIST >> 20} MiB, too large for a list of people or answers")
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        reader = csv.reader(line.replace("\0", "") for line in lines)
        while True:
            try:
                row = next(reader, None)
            except csv.Error:
                continue
            if row is None:
                return
            if row:
                yield row
