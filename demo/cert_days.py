"""Ordinary days in the layout of the CERT data: logons, web pages, mail, thumb drives and the files on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from core.calendar import CompanyCalendar
from demo.cert_people import Staff
from demo.streams import Bools, Floats, Ints

HOUR = 3600
DAY = 24 * HOUR
SITES = 400
JOBS = ("monster.com", "careerbuilder.com", "indeed.com", "craigslist.org", "simplyhired.com")
LEAK, CLOUD = "wikileaks.org", "dropbox.com"
SPIES = ("refog.com", "softactivity.com", "best-spy-soft.com")
RIVALS = ("lockheedmartin.com", "northropgrumman.com", "raytheon.com", "harris.com")
OUTSIDE = ("verizon.net", "earthlink.net", "netzero.com", *RIVALS)
WORDS = pl.Series(
    "word", ("plan", "budget", "report", "review", "history", "music", "travel", "garden", "market", "engine")
)
ENDINGS = pl.Series("ending", ("doc", "pdf", "zip", "jpg", "txt", "exe"))
CALENDAR = CompanyCalendar(zone="UTC", country="US")
NOBODY = -1
"""Whose deed an ordinary event is."""

Logs = Mapping[str, pl.DataFrame]
"""By log, a frame with `who`, `at` (seconds since the first midnight), `pc`, `deed` and what the log has besides."""


@dataclass(frozen=True, slots=True)
class Present:
    """Who is there on which day, from when to when, and who comes back late: one row a person and day."""

    who: Ints
    begin: Floats
    end: Floats
    late: Bools

    def __len__(self) -> int:
        return len(self.who)


def ordinary(staff: Staff, days: range, chance: np.random.Generator) -> Logs:
    """What everybody does on these days (by number)."""
    there = _present(staff, days, chance)
    machine = pl.Series("pc", staff.machine)
    drives = _drives(staff, there, chance)
    return {
        "logon": _logons(staff, there, machine, chance),
        "device": drives.select("who", "at", "pc", "file_tree", "activity", "deed"),
        "file": _files(drives.filter(pl.col("activity") == "Connect"), chance),
        "email": _mails(staff, there, machine, chance),
        "http": _pages(staff, there, machine, chance),
    }


def _present(staff: Staff, days: range, chance: np.random.Generator) -> Present:
    dates = {number: staff.day(number) for number in days}
    working = CALENDAR.working_days(dates.values())
    number = np.repeat(np.array(days), len(staff.users))
    who = np.tile(np.arange(len(staff.users)), len(days))
    weekday = np.array([dates[day] in working for day in days])[number - days.start]
    keep = (chance.random(len(who)) < np.where(weekday, 0.94, 0.03)) & (number < staff.gone[who])
    number, who = number[keep], who[keep]
    begin = number * DAY + (staff.starts[who] + chance.normal(0, 0.25, len(who))) * HOUR
    end = begin + (staff.hours[who] + chance.normal(0, 0.4, len(who))) * HOUR
    return Present(who, begin, end, chance.random(len(who)) < staff.late[who])


def _times(there: Present, counts: Ints, chance: np.random.Generator) -> tuple[Ints, Ints]:
    """Person and second of so many events of each row, within its hours; one in eight of those who come back late is in
    their late hours."""
    row = np.repeat(np.arange(len(there)), counts)
    at = there.begin[row] + chance.random(len(row)) * (there.end[row] - there.begin[row])
    back = there.late[row] & (chance.random(len(row)) < 0.125)
    at = np.where(back, there.end[row] + chance.uniform(2, 4, len(row)) * HOUR, at)
    return there.who[row], at.astype(np.int64)


def _frame(who: Ints, at: Ints, machine: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"who": who, "at": at}).with_columns(
        machine.gather(who).alias("pc"), pl.lit(NOBODY, pl.Int64).alias("deed")
    )


def _logons(staff: Staff, there: Present, machine: pl.Series, chance: np.random.Generator) -> pl.DataFrame:
    unlocked = _times(there, chance.poisson(1.2, len(there)), chance)
    back = there.late
    evening = there.end + 1.9 * HOUR
    parts = [
        (there.who, there.begin, "Logon"),
        (there.who, there.end, "Logoff"),
        (unlocked[0], unlocked[1], "Logon"),
        (there.who[back], evening[back], "Logon"),
        (there.who[back], evening[back] + 2.2 * HOUR, "Logoff"),
    ]
    # Administrators go from machine to machine, others now and then to somebody else's.
    visits = chance.poisson(np.where(staff.admins[there.who], 2.0, 0.01))
    who, at = _times(there, visits, chance)
    elsewhere = _frame(who, at, machine).with_columns(
        machine.gather(chance.integers(0, len(machine), len(who))).alias("pc"), pl.lit("Logon").alias("activity")
    )
    own = [_frame(a, np.asarray(b).astype(np.int64), machine).with_columns(activity=pl.lit(c)) for a, b, c in parts]
    return pl.concat([*own, elsewhere])


def _drives(staff: Staff, there: Present, chance: np.random.Generator) -> pl.DataFrame:
    who, at = _times(there, chance.poisson(staff.drives[there.who]), chance)
    users = pl.Series("user", staff.users)
    machine = pl.Series("pc", staff.machine)
    tree = pl.concat_str(pl.lit("R:\\;R:\\"), pl.col("user"))
    on = _frame(who, at, machine).with_columns(users.gather(who)).with_columns(tree.alias("file_tree"))
    off = on.with_columns(pl.col("at") + chance.integers(60, 1800, on.height), file_tree=pl.lit("")).filter(
        pl.Series(chance.random(on.height) < 0.95)
    )
    return pl.concat([on.with_columns(activity=pl.lit("Connect")), off.with_columns(activity=pl.lit("Disconnect"))])


def _files(connected: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    row = np.repeat(np.arange(connected.height), chance.poisson(1.1, connected.height))
    taken = connected.select("who", "at", "pc", "deed")[row]
    kind = chance.random(len(row))
    return taken.with_columns(
        pl.col("at") + chance.integers(1, 600, len(row)),
        filename(len(row), chance),
        pl.Series("activity", np.where(kind < 0.5, "File Copy", np.where(kind < 0.8, "File Open", "File Write"))),
        pl.Series("to_removable_media", np.where((kind < 0.5) | (kind >= 0.8), "True", "False")),
        pl.Series("from_removable_media", np.where((kind >= 0.5) & (kind < 0.8), "True", "False")),
        content=pl.lit("D0-CF-11-E0-A1-B1-1A-E1 plan budget report"),
    )


def filename(count: int, chance: np.random.Generator) -> pl.Series:
    number = pl.Series("number", chance.integers(0, 36**6, count))
    ending = ENDINGS.gather(chance.choice(len(ENDINGS), count, p=(0.45, 0.25, 0.12, 0.1, 0.07, 0.01)))
    frame = pl.DataFrame([number, ending])
    return frame.select(pl.format("R:\\{}.{}", "number", "ending").alias("filename")).to_series()


def _mails(staff: Staff, there: Present, machine: pl.Series, chance: np.random.Generator) -> pl.DataFrame:
    who, at = _times(there, chance.poisson(staff.mails[there.who]), chance)
    emails, homes = pl.Series("email", staff.emails), pl.Series("home", staff.homes)
    # Friends are those with near numbers; one mail in seven goes outside, some people's to their own homes.
    friend = (who + chance.integers(-12, 13, len(who))) % len(staff.users)
    other = chance.integers(0, 400, len(who))
    outside = pl.Series([f"Sam_{number}@{OUTSIDE[number % len(OUTSIDE)]}" for number in range(400)]).gather(other)
    kind = chance.random(len(who))
    home = kind > 1 - staff.home_mail[who]
    to = (
        pl.when(pl.Series(home))
        .then(homes.gather(who))
        .when(pl.Series(kind < 0.14))
        .then(outside)
        .otherwise(emails.gather(friend))
    )
    attached = chance.poisson(0.4, len(who))
    return _frame(who, at, machine).with_columns(
        to.alias("to"),
        cc=pl.lit(""),
        bcc=pl.lit(""),
        **{"from": emails.gather(who)},
        activity=pl.lit("Send"),
        size=pl.Series(chance.lognormal(10.2, 0.4, len(who)).astype(np.int64)),
        files=pl.Series(attached),
        file_sizes=pl.Series((attached * chance.lognormal(12.5, 0.8, len(who))).astype(np.int64)),
        content=pl.lit("plan budget report"),
    )


def _pages(staff: Staff, there: Present, machine: pl.Series, chance: np.random.Generator) -> pl.DataFrame:
    who, at = _times(there, chance.poisson(staff.pages[there.who]), chance)
    # Half of the pages are on sites that everybody knows, the others on a person's own dozen.
    common = (SITES * chance.power(3, len(who))).astype(np.int64)
    own = (who * 7 + chance.integers(0, 12, len(who))) % SITES
    site = pl.Series([f"site{number}.com" for number in range(SITES)]).gather(
        np.where(chance.random(len(who)) < 0.5, SITES - 1 - common, own)
    )
    kind = chance.random(len(who))
    looking = kind < staff.searching[who]
    jobs = pl.Series(JOBS).gather(chance.integers(0, len(JOBS), len(who)))
    cloud, leak = kind > 0.997, (kind > 0.9966) & (kind <= 0.997)
    domain = (
        pl.when(pl.Series(looking)).then(jobs).when(pl.Series(cloud)).then(pl.lit(CLOUD))
        .when(pl.Series(leak)).then(pl.lit(LEAK)).otherwise(site)
    )  # fmt: skip
    doing = chance.random(len(who))
    return _frame(who, at, machine).with_columns(
        page(domain, chance.integers(0, 10**6, len(who)), len(who)).alias("url"),
        pl.Series(
            "activity", np.where(doing < 0.93, "WWW Visit", np.where(doing < 0.98, "WWW Download", "WWW Upload"))
        ),
        content=pl.lit("plan budget report"),
    )


def page(domain: pl.Expr, number: Ints, count: int) -> pl.Expr:
    word = WORDS.gather(number % len(WORDS)) if count else pl.Series("word", [], dtype=pl.String)
    return pl.concat_str(
        pl.lit("http://"), domain, pl.lit("/"), word, pl.lit("/"), pl.Series(number).cast(pl.String), pl.lit(".htm")
    )
