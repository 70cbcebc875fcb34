"""CERT data into a store of its own that is thrown away: events with what features need of them, people, last days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from app.config import Company, Config
from app.wiring import House, open_house
from core.batch import Batch
from core.errors import Refused
from core.person import Filing, Link, Person, account_key
from core.ports import EventQuery
from core.schema import SCHEMA
from ingest.cert import Employee, Release, decoys, employees
from models.events import COLUMNS

DOMAIN = "dtaa.com"
COMPANY = Company(zone="UTC", country="US", starts=time(7), ends=time(19), domains=frozenset({DOMAIN}))
"""Times have no zone: read as UTC, no hour is missing or twice. Its working hours are nowhere stated."""
SMALL_SEGMENTS = 32
PLANTED = "restricted"
"""How a file is labelled that was planted for whoever looks where they should not."""
_DROPPED = [pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in {*COLUMNS, "rule.matched"}]


@dataclass(slots=True)
class Log:
    """What became of a log: read = stored + duplicate + unreadable + ignored."""

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    unreadable: int = 0
    ignored: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    refused: str = ""

    def add(self, batch: Batch, stored: int, duplicate: int) -> None:
        self.read += batch.read
        self.stored += stored
        self.duplicate += duplicate
        self.unreadable += len(batch.quarantined)
        self.ignored += sum(batch.ignored.values())
        # Reasons end in what was found; that is left out, so that they are few.
        self.reasons.update(bad.reason.partition(":")[0] for bad in batch.quarantined)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A release in a house of its own: what became of its logs, from which day to which it goes, and the last days of
    those who left, as LDAP has it."""

    house: House
    logs: dict[str, Log]
    first: date
    last: date
    leavers: dict[str, date]


@contextmanager
def imported(release: Release, data: Path, progress: Callable[[str, Batch], None]) -> Iterator[Imported]:
    """Bring a release in, below `data`; all of it is deleted in the end. Raises `Refused` where no event is read."""
    data.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=data, prefix="cert-") as folder,
        open_house(Config(data=Path(folder), company=COMPANY)) as house,
    ):
        planted = decoys(release.folder)
        logs = {name: _log(house, name, path, planted, progress) for name, path in release.logs.items()}
        house.events.compact()
        seen = house.events.totals(EventQuery(), ["user.account"], times=True).drop_nulls("user.account")
        if not seen.height:
            raise Refused(f"{release.folder} has no event that can be read")
        last_seen = dict(seen.select("user.account", "until").iter_rows())
        leavers = _people(house, employees(release.folder), last_seen)
        first, last = (house.calendar.day_of(_moment(end)) for end in (seen["since"].min(), seen["until"].max()))
        yield Imported(house=house, logs=logs, first=first, last=last, leavers=leavers)


def _log(
    house: House, name: str, path: Path, planted: frozenset[tuple[str, str]], progress: Callable[[str, Batch], None]
) -> Log:
    log = Log()
    source = house.sources[f"cert_{name}"]
    try:
        for number, batch in enumerate(source.batches(path), start=1):
            # What nothing asks for is not kept: a release is up to 90 GB, most of it made-up text.
            events = batch.events.with_columns(_DROPPED).with_columns(_site(), _label(planted))
            slim = replace(batch, events=events, quarantined=())
            appended = house.events.append(slim, ())
            log.add(batch, appended.stored, appended.duplicate)
            progress(name, batch)
            if number % SMALL_SEGMENTS == 0:
                house.events.compact()
    except Refused as error:
        log.refused = str(error)
    return log


def _site() -> pl.Expr:
    """Of an address what comes before the page: that is what features need."""
    return pl.col("url.full").str.extract(r"^([A-Za-z][A-Za-z0-9+.-]*://[^/?#]+)")


def _label(planted: frozenset[tuple[str, str]]) -> pl.Expr:
    file = pl.concat_str(pl.col("file.path").str.to_lowercase(), pl.lit("\0"), pl.col("host.name"))
    names = pl.Series([f"{path}\0{pc}" for path, pc in sorted(planted)], dtype=pl.String)
    there = file.is_in(names.implode()).fill_null(False)
    return pl.when(there).then(pl.lit(PLANTED)).otherwise("data.sensitivity").alias("data.sensitivity")


def _people(house: House, listed: Sequence[Employee], last_seen: dict[str, datetime]) -> dict[str, date]:
    """Everybody listed, and whoever is only seen; returns the last days of those who are listed no more. That somebody
    has left is known from the end of that day on, not before."""
    mails = {one.name: one.email for one in listed}
    persons = {
        one.user: Person(
            id=one.user,
            name=one.name,
            email=one.email,
            department=one.department,
            title=one.role,
            manager_email=mails.get(one.supervisor, ""),
        )
        for one in listed
    }
    links = [Link(account=_login(user), person=user) for user in persons]
    links += [Link(account=account_key("mail", one.email), person=one.user) for one in listed if one.email]
    for account in last_seen.keys() - {link.account for link in links}:
        realm, _, name = account.partition(":")
        if realm == "login" or name.endswith(f"@{DOMAIN}"):
            user = name.upper() if realm == "login" else name
            persons.setdefault(user, Person(id=user))
            links.append(Link(account=account, person=user))
    house.records.save_persons(list(persons.values()), links)
    leavers = {one.user: _last_day(house, one, last_seen) for one in listed if one.gone}
    filings = [
        Filing(account=_login(user), filed=house.calendar.end_of(day), last_day=day) for user, day in leavers.items()
    ]
    house.records.save_filings(filings, 1)
    return leavers


def _last_day(house: House, one: Employee, last_seen: dict[str, datetime]) -> date:
    """The day of the last event; of whom nothing was seen, the day before the month that does not list them."""
    assert one.gone is not None  # noqa: S101
    seen = [last_seen[key] for key in (_login(one.user), account_key("mail", one.email)) if key in last_seen]
    return house.calendar.day_of(_moment(max(seen))) if seen else one.gone - timedelta(days=1)


def _login(user: str) -> str:
    return account_key("login", user)


def _moment(value: object) -> datetime:
    assert isinstance(value, datetime)  # noqa: S101
    return value
