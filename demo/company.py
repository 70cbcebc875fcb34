"""The company as a whole: staff, days, documents, customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from core.calendar import CompanyCalendar
from demo.people import Staff, hire
from demo.streams import Bools, Ints, stream
from demo.words import (
    CONTACTS,
    CUSTOMER_FIRST,
    CUSTOMER_FOLDERS,
    CUSTOMER_LAST,
    CUSTOMER_TOPICS,
    EXTENSION_SHARES,
    EXTENSIONS,
    FOLDERS,
    PRIVATE_MAIL,
    TENANT,
    TOPICS,
)

OWN_FILES = 40
FEWEST_FILES = 8_000
HOUR = 3_600_000_000
DAY = 24 * HOUR
"""Times are microseconds since 1970 in UTC until they are written."""


@dataclass(frozen=True, slots=True)
class Company:
    """Documents `OWN_FILES * who` up to the next person's are the person's own; those after the last person's are
    the archive. `starts` are the first moments of the days."""

    staff: Staff
    calendar: CompanyCalendar
    days: tuple[date, ...]
    starts: Ints
    working: Bools
    documents: pl.DataFrame
    customers: pl.Series
    seed: int

    @property
    def working_days(self) -> Ints:
        """Numbers of the working days, or of all days where none is one."""
        numbers = np.flatnonzero(self.working)
        return numbers if len(numbers) else np.arange(len(self.days))

    @property
    def customer_files(self) -> Ints:
        """Documents about customers."""
        return np.flatnonzero(self.documents["customer"].to_numpy())

    def own_files(self, who: int) -> Ints:
        """The person's own documents."""
        return np.arange(who * OWN_FILES, (who + 1) * OWN_FILES)


def found(employees: int, days: int, seed: int, end: date) -> Company:
    """The company of this seed."""
    calendar = CompanyCalendar()
    dates = tuple(end - timedelta(days=back) for back in range(days - 1, -1, -1))
    staff = hire(employees, dates[0], seed)
    return Company(
        staff=staff,
        calendar=calendar,
        days=dates,
        starts=np.array([int(calendar.start_of(day).timestamp()) * 1_000_000 for day in dates]),
        working=np.array([calendar.is_working_day(day) for day in dates]),
        documents=_documents(staff, seed),
        customers=_customers(max(40, employees), seed),
        seed=seed,
    )


def _customers(count: int, seed: int) -> pl.Series:
    """Mail addresses of customers' contacts; every eighth is a small shop with a mailbox of a public provider."""
    rng = stream(seed, "customers")
    first, second, last, contact = (
        rng.choice(words, count) for words in (CUSTOMER_FIRST, CUSTOMER_FIRST, CUSTOMER_LAST, CONTACTS)
    )
    public = rng.choice(PRIVATE_MAIL, count)
    return pl.Series(
        [
            f"{a}{b}.{d}{n}@{p}" if n % 8 == 0 else f"{d}@{a}{b}-{c}.example"
            for n, (a, b, c, d, p) in enumerate(zip(first, second, last, contact, public, strict=True))
        ]
    )


def _documents(staff: Staff, seed: int) -> pl.DataFrame:
    rng = stream(seed, "documents")
    count = max(FEWEST_FILES, len(staff) * OWN_FILES * 5 // 4)
    archived = np.arange(count) >= len(staff) * OWN_FILES
    owner = np.where(archived, np.arange(count) % len(staff), np.arange(count) // OWN_FILES)
    depts = np.array(staff.column("dept"))[owner]
    chance = rng.random(count)
    folders = [FOLDERS[dept][int(c * len(FOLDERS[dept]))] for dept, c in zip(depts, chance, strict=True)]
    customer = np.array([folder in CUSTOMER_FOLDERS for folder in folders])
    topic = np.where(customer, rng.choice(CUSTOMER_TOPICS, count), rng.choice(TOPICS, count))
    of_whom = rng.choice(CUSTOMER_FIRST, count)
    names = [
        f"{a}{b}-{t}" if c else f"{t}"
        for a, b, t, c in zip(of_whom, rng.choice(CUSTOMER_LAST, count), topic, customer, strict=True)
    ]
    return pl.DataFrame(
        {
            "doc": np.arange(count, dtype=np.int32),
            "dept": depts,
            "folder": [f"归档/{f}" if old else f for f, old in zip(folders, archived, strict=True)],
            "stem": [f"{name}-{number}" for number, name in enumerate(names)],
            "ext": rng.choice(EXTENSIONS, count, p=EXTENSION_SHARES),
            "bytes": rng.lognormal(11.5, 1.6, count).astype(np.int64) + 700,
            "customer": customer,
        }
    ).with_columns(
        (pl.col("stem") + "." + pl.col("ext")).alias("file"),
        ("https://" + pl.lit(TENANT) + ".sharepoint.com/sites/" + pl.col("dept") + "/").alias("site"),
        ("Shared Documents/" + pl.col("folder")).alias("relative"),
        pl.concat_str(
            pl.lit("E:\\Shares\\"), "dept", pl.lit("\\"), pl.col("folder").str.replace("/", "\\", literal=True)
        ).alias("dir"),
    )
