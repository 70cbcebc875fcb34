"""Who steals, who merely leaves, and when: the parts of the play, before anybody acts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from demo.company import Company
from demo.streams import Ints, stream
from demo.words import words

KINDS = words("burst delete forward disguise ghost mass_download mail_to_self removable drip reassign night_owl crew")
NEEDS_CRM = frozenset({"burst", "reassign", "reader", "early_bird", "asker"})
LEAST_DAYS = {"drip": 20, "ghost": 8, "forward": 2, "night_owl": 5, "crew": 4}
SHARE, SMALL_SHARE, CREW = 0.02, 1 / 6, 3
LEAVERS_PER_THIEF, MOST_LEAVERS = 3, 1 / 4
NEVER_FILES, WITHDRAWS = 0.15, 0.12
DRIP_DAYS, STAYS = 24, 10_000
RAMP, RAMP_DAYS = "ramp", 60
"""A kind only where asked for, and over how many days it grows."""
SLOW = words("reader early_bird courier shuttle snipper asker confidant")
"""Kinds of `demo.unforeseen` that take weeks."""
ENDS_AFTER = {"drip": 40, RAMP: RAMP_DAYS + 2} | dict.fromkeys(SLOW, 24)
"""Days from the first act to the last day at least, where those are not 12."""


@dataclass(frozen=True, slots=True)
class Part:
    """One person's part. Days are day numbers from the start of the simulation and may lie outside it: `act` is the
    first day of acting, `filed` and `last` those of the notice (`None`, `STAYS`: none), `withdrawn` that of taking it
    back."""

    who: int
    kind: str
    act: int
    filed: int | None = None
    last: int = STAYS
    withdrawn: int | None = None
    crew: int | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """All parts; everybody else is ordinary."""

    thieves: tuple[Part, ...]
    leavers: tuple[Part, ...]

    def last_days(self, people: int) -> Ints:
        """Day number of each person's last day."""
        last = np.full(people, STAYS)
        for part in (*self.thieves, *self.leavers):
            last[part.who] = part.last
        return last


def cast(company: Company, kinds: Sequence[str] = (), since: int = 0) -> Cast:
    """Choose thieves and honest leavers: about two in a hundred steal; three times as many leave in peace. With `kinds`
    exactly these steal, from day `since` on; a ramp that goes on then has begun up to 45 days before."""
    rng = stream(company.seed, "cast")
    free = _Candidates(company, rng)
    asked: Iterable[str] = kinds or _kinds(company, rng)
    thieves: list[Part] = []
    for number, kind in enumerate(asked):
        if kind == "crew":
            thieves += _crew(company, free, number, rng, since)
        elif (who := free.take(kind in NEEDS_CRM)) is not None:
            thieves.append(_thief(company, who, kind, rng, since))
    employees = company.staff.employees
    wanted = min(LEAVERS_PER_THIEF * len(thieves), int(employees * MOST_LEAVERS))
    leavers = (_leaver(company, who, rng) for who in free.several(wanted))
    return Cast(tuple(thieves), tuple(leavers))


def moment_of(company: Company, day: int, who: int) -> datetime:
    """When HR files something about the person: on that or the next working day, in office hours, to the minute."""
    while not company.calendar.is_working_day(date_of(company, day)):
        day += 1
    minutes = int(stream(company.seed, "filing", who, day).integers(9 * 60, 17 * 60))
    start = datetime.combine(date_of(company, day), datetime.min.time(), ZoneInfo(company.calendar.zone))
    return start + timedelta(minutes=minutes)


def date_of(company: Company, day: int) -> date:
    """The date of a day number."""
    return company.days[0] + timedelta(days=day)


class _Candidates:
    """Employees in a chance order; nobody is taken twice. Heads of teams, administrators and analysts stay honest."""

    def __init__(self, company: Company, rng: np.random.Generator) -> None:
        staff = company.staff
        leads = np.zeros(len(staff), dtype=bool)
        leads[staff.people["manager"].to_numpy()] = True
        fit = ~(leads | staff.is_role("admin", "analyst", "night", "service", "contractor"))
        if not fit[: staff.employees].any():
            fit = np.ones(len(staff), dtype=bool)
        self._crm = staff.people["crm"].to_list()
        self._teams = staff.people["team"].to_list()
        self._free = [int(who) for who in rng.permutation(staff.employees) if fit[who]]

    def take(self, crm: bool) -> int | None:
        found = next((who for who in self._free if self._crm[who] or not crm), None)
        if found is not None:
            self._free.remove(found)
        return found

    def team(self, size: int) -> list[int]:
        for first in self._free:
            mates = [who for who in self._free if self._teams[who] == self._teams[first] and self._crm[who]]
            if len(mates) >= size:
                self._free = [who for who in self._free if who not in mates[:size]]
                return mates[:size]
        return []

    def several(self, count: int) -> list[int]:
        taken, self._free = self._free[:count], self._free[count:]
        return taken


def _kinds(company: Company, rng: np.random.Generator) -> Iterator[str]:
    """Kinds for as many thieves as the company has room for: each once, then by chance."""
    employees = company.staff.employees
    every = len(KINDS) - 1 + CREW
    room = max(1, round(employees * SHARE), min(every, int(employees * SMALL_SHARE)))
    possible = [kind for kind in KINDS if len(company.days) >= LEAST_DAYS.get(kind, 1)]
    chosen = 0
    while room > 0:
        kind = possible[chosen] if chosen < len(possible) else str(rng.choice(KINDS[:11]))
        chosen += 1
        size = CREW + (room > 2 * CREW) if kind == "crew" else 1
        if kind not in possible or size > room:
            if chosen > 50 * len(KINDS):
                return
            continue
        room -= size
        yield kind


def _thief(company: Company, who: int, kind: str, rng: np.random.Generator, since: int) -> Part:
    working, days = company.working_days, len(company.days)
    if kind == "ghost":
        last = int(rng.integers(max(days // 5, since), days - 4))
        filed = last - int(rng.integers(14, 32))
        return Part(who, kind, last + 1 + int(rng.integers(0, min(8, days - last - 2))), filed, last)
    latest = len(working) - DRIP_DAYS if kind == "drip" else int(len(working) * 0.88)
    earliest = max(len(working) // 6, int(np.searchsorted(working, since)))
    act = int(working[rng.integers(min(earliest, max(0, latest - 1)), max(1, latest))])
    if kind == RAMP:
        act = int(rng.integers(max(0, since - 45), max(1, days - RAMP_DAYS - 8)))
    if rng.random() < NEVER_FILES:
        return Part(who, kind, act)
    filed = act + (RAMP_DAYS - 20 if kind == RAMP else 0) + int(rng.integers(-14, 19))
    last = max(filed + int(rng.integers(18, 35)), act + ENDS_AFTER.get(kind, 12))
    return Part(who, kind, act, filed, last)


def _crew(company: Company, free: _Candidates, number: int, rng: np.random.Generator, since: int) -> list[Part]:
    mates = free.team(CREW + int(company.staff.employees >= 500 and rng.random() < 0.5)) or free.team(CREW)
    if not mates:
        return []
    lead = _thief(company, mates[0], "crew", rng, since)
    filed = lead.act + int(rng.integers(3, 16))
    parts = []
    for who in mates:
        own = filed + int(rng.integers(0, 6))
        act = lead.act + int(rng.integers(0, 3))
        parts.append(replace(lead, who=who, act=act, filed=own, last=own + int(rng.integers(20, 32)), crew=number))
    return parts


def _leaver(company: Company, who: int, rng: np.random.Generator) -> Part:
    days = len(company.days)
    filed = int(rng.integers(-12, max(1, days - 2)))
    part = Part(who, "leaver", max(0, filed + 1), filed, filed + int(rng.integers(16, 36)))
    if rng.random() < WITHDRAWS:
        back = filed + int(rng.integers(2, 14))
        return replace(part, kind="withdrawn", withdrawn=back, last=STAYS)
    chance = rng.random()
    return replace(part, kind="handover" if chance < 0.45 else "clean_up" if chance < 0.7 else "leaver")
