"""Who works at the made-up company whose logs have the layout of the CERT insider-threat test data, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from demo.streams import Bools, Floats, Ints

START = date(2010, 1, 2)
"""The first day of the published releases."""
DOMAIN = "dtaa.com"
FIRST = ("Ann", "Bea", "Carl", "Dina", "Emil", "Fay", "Gus", "Hanna", "Ivan", "Jane", "Karl", "Lena", "Max", "Nora")
LAST = (
    "Adler",
    "Brook",
    "Cole",
    "Dunn",
    "Ernst",
    "Ford",
    "Gray",
    "Holt",
    "Ives",
    "Jung",
    "Kern",
    "Lowe",
    "Moss",
    "Nash",
)
HOMES = ("gmail.com", "yahoo.com", "hotmail.com", "comcast.net", "cox.net", "aol.com")
UNITS = (
    "1 - Administration",
    "2 - ResearchAndEngineering",
    "3 - Manufacturing",
    "4 - Finance",
    "5 - SalesAndMarketing",
)
ROLES = (
    ("AdministrativeAssistant", "HumanResourceSpecialist"),
    ("ComputerProgrammer", "SoftwareEngineer", "ElectricalEngineer", "Mathematician"),
    ("ProductionLineWorker", "Technician"),
    ("Accountant", "PurchasingClerk"),
    ("Salesman", "FieldServiceEngineer"),
)
ADMIN = "ITAdmin"
TEAM = 20
"""People with one supervisor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Everybody by number, their habits, and until before which day (counted from the first) each is there."""

    users: list[str]
    names: list[str]
    emails: list[str]
    homes: list[str]
    roles: list[str]
    units: list[str]
    teams: list[str]
    boss: Ints
    machine: list[str]
    starts: Floats
    hours: Floats
    pages: Floats
    mails: Floats
    drives: Floats
    late: Floats
    home_mail: Floats
    searching: Floats
    gone: Ints
    days: int

    @property
    def admins(self) -> Bools:
        return np.array([role == ADMIN for role in self.roles])

    def day(self, number: int) -> date:
        return START + timedelta(days=number)

    def with_last_days(self, gone: Ints) -> Staff:
        values = {name: getattr(self, name) for name in self.__slots__}
        return Staff(**values | {"gone": gone})


def hire(count: int, days: int, chance: np.random.Generator) -> Staff:
    """So many people, of whom one in twelve leaves for good reasons; what the readme of release 4.2 says of the people
    there: one in four uses a thumb drive, few work after hours, some are administrators."""
    numbers = np.arange(count)
    unit = chance.choice(len(UNITS), count, p=(0.12, 0.35, 0.25, 0.1, 0.18))
    letters = chance.integers(65, 91, (count, 3))
    users = ["".join(map(chr, three)) + f"{number:04d}" for number, three in zip(numbers, letters, strict=True)]
    first, last = chance.integers(0, len(FIRST), count), chance.integers(0, len(LAST), count)
    names = [f"{FIRST[a]} M{number} {LAST[b]}" for number, a, b in zip(numbers, first, last, strict=True)]
    admins = np.isin(numbers, chance.choice(count, max(4, count * 3 // 100), replace=False))
    # Teams are of one unit each, supervised by their first member.
    order = np.argsort(unit, kind="stable")
    boss = np.empty(count, dtype=np.int64)
    team = np.empty(count, dtype=np.int64)
    for number, start in enumerate(range(0, count, TEAM)):
        boss[order[start : start + TEAM]] = order[start]
        team[order[start : start + TEAM]] = number
    admins[np.unique(boss)] = False
    uses = chance.random(count) < 0.26
    leaves = (chance.random(count) < 1 / 12) & (boss != numbers) & ~admins
    return Staff(
        users=users,
        names=names,
        emails=[f"{name.replace(' ', '.')}@{DOMAIN}" for name in names],
        homes=[f"{name.split()[0]}_{number}@{HOMES[number % len(HOMES)]}" for number, name in enumerate(names)],
        roles=[ADMIN if admins[one] else ROLES[unit[one]][one % len(ROLES[unit[one]])] for one in numbers],
        units=[UNITS[one] for one in unit],
        teams=[f"{one} - Team{one}" for one in team],
        boss=boss,
        machine=[f"PC-{number:04d}" for number in chance.permutation(count) + 1000],
        starts=chance.normal(8.0, 0.6, count),
        hours=chance.normal(9.0, 0.7, count).clip(6, 11),
        pages=chance.lognormal(2.3, 0.5, count),
        mails=chance.lognormal(1.1, 0.6, count),
        drives=np.where(uses, chance.lognormal(0.3, 0.7, count), 0.0),
        late=np.where(chance.random(count) < 0.15, chance.uniform(0.05, 0.4, count), 0.002),
        home_mail=np.where(chance.random(count) < 0.2, chance.uniform(0.02, 0.2, count), 0.002),
        searching=np.where(chance.random(count) < 0.1, chance.uniform(0.02, 0.15, count), 0.003),
        gone=np.where(leaves, chance.integers(days // 4, days, count), days),
        days=days,
    )
