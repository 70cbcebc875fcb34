"""The five published scenarios of the CERT data (scenarios.txt), and leavers who only look like them.

1: after hours, with a drive never used before, to a leak site, then gone. 2: job sites, then far more copies than ever,
then gone. 3: an administrator's key logger on the boss's machine, a mail to all in the boss's name, gone at once.
4: through another's machine, more and more often over three months, files mailed home. 5: one of a team that was
dismissed puts documents on Dropbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from demo.cert_days import CLOUD, DAY, HOUR, JOBS, LEAK, NOBODY, RIVALS, SPIES, Logs
from demo.cert_people import Staff

EARLIEST, LATEST = 0.4, 0.9
"""Between which parts of the days deeds begin."""
SHARES: Mapping[str, Mapping[str, float]] = {
    "4.2": {"1": 30 / 1000, "2": 30 / 1000, "3": 10 / 1000},
    "5.2": {"1": 29 / 2000, "2": 29 / 2000, "3": 10 / 2000, "4": 31 / 2000},
    "6.2": {"1": 1 / 4000, "2": 1 / 4000, "3": 1 / 4000, "4": 1 / 4000, "5": 1 / 4000},
}
"""Insiders per person of the published releases, by scenario; a company has at least one of each."""
EVENTS: Mapping[str, Mapping[str, object]] = {
    "logon": {"activity": "Logon"},
    "device": {"file_tree": "", "activity": "Connect"},
    "file": {
        "filename": "R:\\AAAA.doc",
        "activity": "File Copy",
        "to_removable_media": "True",
        "from_removable_media": "False",
        "content": "D0-CF-11-E0-A1-B1-1A-E1 secret",
    },
    "email": {
        "to": "", "cc": "", "bcc": "", "from": "", "activity": "Send", "size": 30_000, "files": 0, "file_sizes": 0,
        "content": "resume position salary",
    },
    "http": {"url": "", "activity": "WWW Visit", "content": "resume job"},
}  # fmt: skip
"""What an event of a log has unless told otherwise, in the order of its columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insider:
    """Who it is, in which scenario, and the number their events carry in `deed`."""

    number: int
    scenario: str
    who: int


@dataclass(slots=True)
class Plot:
    """What is done besides ordinary days, and until when people stay."""

    staff: Staff
    chance: np.random.Generator
    gone: list[int]
    insiders: list[Insider] = field(default_factory=list)
    rows: dict[str, list[dict[str, object]]] = field(default_factory=lambda: {log: [] for log in EVENTS})

    def add(self, log: str, deed: int, who: int, at: float, pc: str | None = None, **more: object) -> None:
        common = {"who": who, "at": int(at), "pc": pc or self.staff.machine[who], "deed": deed}
        self.rows[log].append(common | dict(EVENTS[log]) | more)

    def logs(self) -> Logs:
        """As `demo.cert_days.ordinary` has them."""
        keys = {"who": pl.Int64, "at": pl.Int64, "pc": pl.String, "deed": pl.Int64}
        numbers = dict.fromkeys(("size", "files", "file_sizes"), pl.Int64)
        return {
            log: pl.DataFrame(
                rows, schema=keys | {name: numbers.get(name, pl.String) for name in EVENTS[log]}, orient="row"
            )
            for log, rows in self.rows.items()
        }

    def workday(self, day: int) -> int:
        """The day itself, or the Monday after."""
        return next(number for number in range(day, day + 3) if self.staff.day(number).weekday() < 5)

    def work(self, who: int, day: int) -> float:
        """A second of the person's working hours."""
        begin, hours = float(self.staff.starts[who]), float(self.staff.hours[who])
        return day * DAY + (begin + self.chance.uniform(0.5, hours - 0.5)) * HOUR

    def copies(self, deed: int, who: int, at: float, most: int) -> None:
        self.add("device", deed, who, at, file_tree=f"R:\\;R:\\{self.staff.users[who]}")
        count = int(self.chance.integers(max(1, most // 2), most + 1))
        for number in range(count):
            name = f"R:\\{self.chance.integers(36**5):06X}.doc"
            self.add("file", deed, who, at + 20 * (number + 1), filename=name)
        self.add("device", deed, who, at + 20 * (count + 2), activity="Disconnect")

    def visit(self, deed: int, who: int, at: float, site: str, activity: str = "WWW Visit") -> None:
        self.add("http", deed, who, at, url=f"http://{site}/x/{self.chance.integers(10**6)}.htm", activity=activity)


def plotted(staff: Staff, release: str, chance: np.random.Generator) -> Plot:
    """Insiders of a release, each with their deeds, and leavers with good reasons who look for work or take what is
    theirs along."""
    plot = Plot(staff, chance, gone=[int(day) for day in staff.gone])
    free = [who for who in chance.permutation(len(staff.users)) if staff.gone[who] == staff.days]
    for scenario, part in SHARES[release].items():
        fits = FITS[scenario]
        for who in [who for who in free if fits(staff, who)][: max(1, round(part * len(staff.users)))]:
            free.remove(who)
            insider = Insider(number=len(plot.insiders), scenario=scenario, who=int(who))
            plot.insiders.append(insider)
            begin = int(chance.uniform(EARLIEST, LATEST) * staff.days)
            DEEDS[scenario](plot, insider, begin)
    for who in np.flatnonzero(staff.gone < staff.days):
        _leave_well(plot, int(who))
    return plot


def _leak(plot: Plot, insider: Insider, begin: int) -> None:
    who, deed = insider.who, insider.number
    begin = min(begin, plot.staff.days - 13)
    nights = sorted({begin + int(day) for day in plot.chance.integers(0, 12, plot.chance.integers(2, 5))})
    for night in nights:
        at = night * DAY + plot.chance.uniform(0.5, 4.5) * HOUR
        plot.add("logon", deed, who, at)
        plot.copies(deed, who, at + 600, 3)
        plot.visit(deed, who, at + 1500, LEAK, "WWW Upload")
        plot.add("logon", deed, who, at + 1800, activity="Logoff")
    plot.gone[who] = nights[-1] + int(plot.chance.integers(2, 10))


def _for_a_rival(plot: Plot, insider: Insider, begin: int) -> None:
    who, deed, chance = insider.who, insider.number, plot.chance
    weeks = int(chance.integers(3, 7))
    begin = min(begin, plot.staff.days - 7 * weeks - 14)
    for day in range(begin, begin + 7 * weeks):
        if plot.staff.day(day).weekday() < 5 and chance.random() < 0.6:
            for _ in range(chance.integers(1, 5)):
                plot.visit(deed, who, plot.work(who, day), JOBS[chance.integers(len(JOBS))])
            if chance.random() < 0.2:
                rival = f"jobs@{RIVALS[chance.integers(len(RIVALS))]}"
                own = plot.staff.emails[who]
                plot.add("email", deed, who, plot.work(who, day), to=rival, files=1, file_sizes=90_000, **{"from": own})
    last = begin + 7 * weeks + int(chance.integers(6, 14))
    for day in range(begin + 7 * weeks, last):
        if plot.staff.day(day).weekday() < 5:
            for _ in range(chance.integers(2, 6)):
                plot.copies(deed, who, plot.work(who, day), 4)
    plot.gone[who] = last


def _as_the_boss(plot: Plot, insider: Insider, begin: int) -> None:
    who, deed, staff = insider.who, insider.number, plot.staff
    boss, day = int(staff.boss[who]), plot.workday(min(begin, staff.days - 6))
    at = day * DAY + (staff.starts[who] + 2) * HOUR
    for number in range(3):
        site = SPIES[number % len(SPIES)]
        plot.visit(deed, who, at + 200 * number, site, "WWW Visit" if number else "WWW Download")
    plot.add("device", deed, who, at + 900, file_tree="R:\\")
    plot.add("file", deed, who, at + 960, filename="R:\\6UQIY0.exe", content="4D-5A-90-00-03 keylogger")
    plot.add("device", deed, who, at + 1000, activity="Disconnect")
    evening = day * DAY + 20 * HOUR
    plot.add("logon", deed, who, evening, pc=staff.machine[boss])
    plot.add("device", deed, who, evening + 60, pc=staff.machine[boss], file_tree="R:\\")
    plot.add("device", deed, who, evening + 400, pc=staff.machine[boss], activity="Disconnect")
    plot.add("logon", deed, who, evening + 500, pc=staff.machine[boss], activity="Logoff")
    follows = plot.workday(day + 1)
    at = follows * DAY + (staff.starts[who] + 1) * HOUR
    plot.add("logon", deed, who, at)
    everybody = ";".join(staff.emails[:60])
    plot.add("email", deed, boss, at + 300, pc=staff.machine[who], to=everybody, **{"from": staff.emails[boss]})
    plot.add("logon", deed, who, at + 600, activity="Logoff")
    plot.gone[who] = follows + 1


def _home_bit_by_bit(plot: Plot, insider: Insider, begin: int) -> None:
    who, deed, staff, chance = insider.who, insider.number, plot.staff, plot.chance
    begin = min(begin, staff.days - 95)
    for day in range(begin, begin + 90):
        if staff.day(day).weekday() > 4 or chance.random() > 0.1 + 0.5 * (day - begin) / 90:
            continue
        other = staff.machine[int(chance.integers(len(staff.users)))]
        at = plot.work(who, day)
        plot.add("logon", deed, who, at, pc=other)
        for number in range(chance.integers(2, 7)):
            name = f"C:\\{chance.integers(36**4):05X}\\{chance.integers(36**5):06X}.doc"
            plot.add(
                "file", deed, who, at + 30 * number, pc=other, filename=name, activity="File Open",
                to_removable_media="False",
            )  # fmt: skip
        home = {"to": staff.homes[who], "from": staff.emails[who]}
        plot.add("email", deed, who, at + 400, pc=other, files=3, file_sizes=int(chance.integers(2, 9)) * 10**6, **home)
        plot.add("logon", deed, who, at + 600, pc=other, activity="Logoff")


def _to_the_cloud(plot: Plot, insider: Insider, begin: int) -> None:
    who, deed, staff = insider.who, insider.number, plot.staff
    begin = min(begin, staff.days - 8)
    staying = {insider.who for insider in plot.insiders} | {int(staff.boss[who])}
    for mate in range(len(staff.users)):
        if staff.teams[mate] == staff.teams[who] and mate not in staying and mate % 2:
            plot.gone[mate] = min(plot.gone[mate], begin)
    day = plot.workday(begin + 5)
    at = plot.work(who, day)
    for number in range(plot.chance.integers(8, 25)):
        plot.visit(deed, who, at + 12 * number, CLOUD, "WWW Upload")


def _leave_well(plot: Plot, who: int) -> None:
    """Four in ten leavers look for work first, one in seven copies something of their own on the last days."""
    chance, last = plot.chance, plot.gone[who]
    if chance.random() < 0.4:
        for day in range(max(0, last - 40), last):
            if plot.staff.day(day).weekday() < 5 and chance.random() < 0.3:
                plot.visit(NOBODY, who, plot.work(who, day), JOBS[chance.integers(len(JOBS))])
    if chance.random() < 0.15:
        for day in range(max(0, last - 4), last):
            if plot.staff.day(day).weekday() < 5:
                plot.copies(NOBODY, who, plot.work(who, day), 3)


def _quiet(staff: Staff, who: int) -> bool:
    return bool(staff.drives[who] == 0 and staff.late[who] < 0.01 and not staff.admins[who])


DEEDS: Mapping[str, Callable[[Plot, Insider, int], None]] = {
    "1": _leak,
    "2": _for_a_rival,
    "3": _as_the_boss,
    "4": _home_bit_by_bit,
    "5": _to_the_cloud,
}
FITS: Mapping[str, Callable[[Staff, int], bool]] = {
    "1": _quiet,
    "2": lambda staff, who: not staff.admins[who],
    "3": lambda staff, who: bool(staff.admins[who]),
    "4": _quiet,
    "5": _quiet,
}
"""Whose part each scenario is."""
