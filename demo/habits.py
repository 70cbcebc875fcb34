"""What an ordinary working day leaves behind, by department and person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from demo.attendance import quarter_rush, trip_address
from demo.company import HOUR, OWN_FILES, Company
from demo.intents import Intents
from demo.streams import Bools, Floats, Ints, mix, stream
from demo.words import TENANT


@dataclass(frozen=True, slots=True)
class Habit:
    """Something done `per_day` times on an average working day, by department (`*`: the others). `size` is median
    and spread (of the logarithm) of what it takes; `rush` multiplies times and sizes at the end of a quarter; a
    `batch` is done many times in one go (median and spread of how many)."""

    system: str
    what: str
    per_day: Mapping[str, float]
    size: tuple[float, float] = (1.0, 0.0)
    to: str = ""
    rush: float = 1.0
    batch: tuple[float, float] | None = None
    needs_crm: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs_crm", self.system == "salesforce")


ROWS, MAIL = (90.0, 0.9), (28_000.0, 1.3)
HABITS = (
    Habit("salesforce", "login", {"*": 1.2}),
    Habit("salesforce", "login_failed", {"*": 0.03}),
    Habit("salesforce", "report_run", {"sales": 1.8, "success": 1.5, "bi": 4, "*": 0.8}, ROWS),
    Habit(
        "salesforce", "report_export", {"sales": 0.1, "success": 0.07, "marketing": 0.12, "*": 0.03}, (160, 0.9), rush=3
    ),
    Habit("salesforce", "report_export", {"bi": 2.5, "*": 0}, (14_000, 0.8)),
    Habit("salesforce", "list_view", {"sales": 3, "success": 2.5, "*": 1.2}, (45, 0.5)),
    Habit("salesforce", "api_query", {"sales": 1.2, "bi": 3, "*": 0.5}, (20, 1.0)),
    Habit("salesforce", "api_update", {"sales": 1.4, "success": 0.9, "*": 0.4}),
    Habit("salesforce", "api_delete", {"sales": 0.05, "marketing": 0.08, "*": 0.01}),
    Habit("salesforce", "rest_query", {"*": 0.8}, (12, 1.0)),
    Habit("salesforce", "rest_view", {"*": 0.7}),
    Habit("salesforce", "bulk_query", {"bi": 0.3, "*": 0}, (30_000, 0.6)),
    Habit("salesforce", "content_download", {"*": 0.3}),
    Habit("salesforce", "content_upload", {"*": 0.15}),
    Habit("m365", "login", {"*": 1.4}),
    Habit("m365", "login_failed", {"*": 0.04}),
    Habit("m365", "view", {"*": 2.6}),
    Habit("m365", "modify", {"*": 1.1}),
    Habit("m365", "download", {"*": 0.5}),
    Habit("m365", "sync_download", {"*": 0.2}),
    Habit("m365", "upload", {"*": 0.3}),
    Habit("m365", "rename", {"*": 0.05}),
    Habit("m365", "move", {"*": 0.05}),
    Habit("m365", "recycle", {"*": 0.08}),
    Habit("m365", "share", {"*": 0.07}, to="colleague"),
    Habit("m365", "company_link", {"*": 0.04}),
    Habit("m365", "invite", {"sales": 0.008, "marketing": 0.01, "success": 0.008, "*": 0.001}, to="guest"),
    Habit("m365", "anonymous_link", {"marketing": 0.012, "*": 0.0008}),
    Habit("m365", "mail_read", {"*": 1.0}, (4, 0.8)),
    Habit("m365", "mail_delete", {"*": 0.25}),
    Habit("m365", "inbox_rule", {"*": 0.004}),
    Habit("m365", "download", {"*": 0.012}, batch=(12, 0.9)),
    Habit("m365", "upload", {"*": 0.006}, batch=(15, 0.8)),
    Habit("m365", "recycle", {"*": 0.003}, batch=(10, 0.7)),
    Habit("m365", "rename", {"*": 0.002}, batch=(9, 0.7)),
    Habit("m365", "share", {"*": 0.003}, to="colleague", batch=(7, 0.6)),
    Habit(
        "m365", "invite", {"sales": 0.0006, "marketing": 0.002, "success": 0.0006, "*": 0}, to="guest", batch=(4, 0.5)
    ),
    Habit("windows", "logon", {"*": 0.8}),
    Habit("windows", "logon_failed", {"*": 0.03}),
    Habit("windows", "open_share", {"*": 0.5}),
    Habit("windows", "share_read", {"*": 1.0}),
    Habit("windows", "read", {"*": 1.3}),
    Habit("windows", "write", {"*": 0.5}),
    Habit("windows", "delete", {"*": 0.05}),
    Habit("windows", "rename", {"*": 0.03}),
    Habit("windows", "removable", {"marketing": 0.02, "it": 0.02, "*": 0.001}),
    Habit("windows", "read", {"*": 0.01}, batch=(15, 0.9)),
    Habit("windows", "write", {"*": 0.006}, batch=(12, 0.8)),
    Habit("windows", "delete", {"*": 0.002}, batch=(10, 0.7)),
    Habit("windows", "removable", {"marketing": 0.006, "it": 0.004, "*": 0.0008}, batch=(8, 0.8)),
    Habit("postfix", "mail", {"marketing": 0.01, "*": 0.0}, MAIL, "customer", batch=(30, 0.6)),
    Habit(
        "postfix", "mail", {"sales": 1.5, "success": 1.2, "support": 1.4, "marketing": 0.8, "*": 0.4}, MAIL, "customer"
    ),
    Habit("postfix", "mail", {"*": 0.5}, MAIL, "colleague"),
    Habit("postfix", "mail", {"*": 0.02}, MAIL, "private"),
    Habit("postfix", "mail_two", {"*": 0.2}, MAIL, "customer"),
    Habit("postfix", "mail_deferred", {"*": 0.02}, MAIL, "customer"),
    Habit("postfix", "mail_bounced", {"*": 0.01}, MAIL, "customer"),
    Habit("postfix", "inbound", {"sales": 0.9, "support": 0.9, "success": 0.6, "*": 0.25}, MAIL, "customer"),
    Habit("postfix", "rejected", {"*": 0.06}, MAIL, "customer"),
)
ATTACHED, WITH_FILE = 0.06, (2_200_000, 0.8)
BATCH_TIME = HOUR // 3
OFFICE_DAY = ((0.0, 0.42), (0.55, 1.0))
"""Shares of a working day before and after lunch."""


class Ordinary:
    """Adds everybody's ordinary days to the intents."""

    def __init__(self, company: Company, there: Bools, away: Ints) -> None:
        self.company, self.there, self.away = company, there, away
        self.rate = company.staff.people["rate"].to_numpy()
        self.begin = company.staff.people["starts"].to_numpy() * HOUR
        self.length = company.staff.people["hours"].to_numpy() * HOUR
        self.trip = pl.Series([None, *(trip_address(number) for number in range(1, len(company.staff) + 1))])
        self.members = {dept: np.flatnonzero(company.staff.is_in(dept)) for dept in set(company.staff.column("dept"))}

    def add(self, intents: Intents) -> None:
        """Add all habits of all people."""
        rush = quarter_rush(self.company)
        for number, habit in enumerate(HABITS):
            self._habit(habit, rush, stream(self.company.seed, "habit", number), intents)

    def _habit(self, habit: Habit, rush: Bools, rng: np.random.Generator, intents: Intents) -> None:
        staff = self.company.staff
        other = habit.per_day.get("*", 0.0)
        mean = np.array([habit.per_day.get(dept, other) for dept in staff.column("dept")]) * self.rate
        if habit.needs_crm:
            mean = mean * staff.people["crm"].to_numpy()
        times = np.where(rush, habit.rush, 1.0)
        counts = rng.poisson(mean[:, None] * self.there * times[None, :])
        who, day = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
        if not len(who):
            return
        at = self._moment(who, day, rng)
        if habit.batch:
            median, spread = habit.batch
            many = np.maximum(rng.lognormal(np.log(median), spread, len(who)), 1.0).astype(np.int64)
            who, day, at = (np.repeat(values, many) for values in (who, day, at))
            at = at + rng.integers(0, BATCH_TIME, len(at))
        intents.add(
            habit.system,
            habit.what,
            who,
            at,
            doc=self._document(who, rng),
            n=self._size(habit, len(who), rng) * times[day],
            to=self._address(habit.to, who, rng),
            ip=self.trip.gather(self.away[who, day]),
        )

    def _moment(self, who: Ints, day: Ints, rng: np.random.Generator) -> Ints:
        """In the person's working hours, fewer at lunch, now and then some time later."""
        chance = rng.random(len(who))
        (a, b), (c, d) = OFFICE_DAY
        share = np.where(chance < 0.46, a + (b - a) * chance / 0.46, c + (d - c) * (chance - 0.46) / 0.54)
        late = np.where(rng.random(len(who)) < 0.03, rng.random(len(who)) * 2 * HOUR, 0)
        jitter = (mix(who * 4096 + day, "start") % np.uint64(40 * 60_000_000)).astype(np.int64)
        moment = self.company.starts[day] + self.begin[who] + jitter + share * self.length[who] + late
        return np.asarray(moment, dtype=np.int64)

    def _document(self, who: Ints, rng: np.random.Generator) -> Ints:
        """Mostly one's own files, else a colleague's of the department; some files much more than others."""
        owner = np.where(rng.random(len(who)) < 0.6, who, self.colleague(who, rng))
        return np.asarray(owner * OWN_FILES + (rng.random(len(who)) ** 2 * OWN_FILES).astype(np.int64))

    def colleague(self, who: Ints, rng: np.random.Generator) -> Ints:
        """Somebody of the same department."""
        chosen = np.empty(len(who), dtype=np.int64)
        depts = self.company.staff.people["dept"].gather(who).to_numpy()
        for dept, members in sorted(self.members.items()):
            here = np.flatnonzero(depts == dept)
            chosen[here] = members[rng.integers(0, len(members), len(here))]
        return chosen

    def _size(self, habit: Habit, rows: int, rng: np.random.Generator) -> Floats:
        chosen = np.full((rows, 2), habit.size)
        if habit.size is MAIL:
            chosen[rng.random(rows) < ATTACHED] = WITH_FILE
        return np.maximum(rng.lognormal(np.log(chosen[:, 0]), chosen[:, 1]), 1.0)

    def _address(self, to: str, who: Ints, rng: np.random.Generator) -> pl.Series | None:
        people, customers = self.company.staff.people, self.company.customers
        if to == "colleague":
            return people["email"].gather(self.colleague(who, rng))
        if to == "private":
            return people["private"].gather(who)
        if not to:
            return None
        own = (who * 11 + (rng.random(len(who)) ** 2 * 25).astype(np.int64)) % len(customers)
        addresses = customers.gather(own)
        return guest(addresses) if to == "guest" else addresses


def guest(addresses: pl.Series) -> pl.Series:
    """How the directory names a guest with that address."""
    return addresses.str.replace("@", "_", literal=True) + f"#ext#@{TENANT}.onmicrosoft.com"
