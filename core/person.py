"""Persons, the accounts linked to them, what HR filed, and the stage that follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Stage(StrEnum):
    """Where somebody stands between joining and gone. `pre_departure` comes from behaviour, without HR, and only where
    the company has switched that on."""

    ACTIVE = "active"
    PRE_DEPARTURE = "pre_departure"
    NOTICE = "notice"
    DEPARTED = "departed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An employee: one id over all systems (the employee number where there is one, else the mail address)."""

    id: str
    name: str = ""
    email: str = ""
    department: str = ""
    title: str = ""
    manager_email: str = ""
    hired: date | None = None
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An account belongs to a person from `since` (None: always) until before `until` (None: still)."""

    account: str
    person: str
    since: datetime | None = None
    until: datetime | None = None
    confidence: float = 1.0
    origin: str = "employees"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """One thing HR filed about a departure, known from `filed` on. A withdrawal ends every notice filed before it.

    `account` is how HR names the person (`mail:...` or `employee:...`); links say who that is.
    `last_day` is the last working day, in company time.
    """

    account: str
    filed: datetime
    last_day: date | None = None
    withdrawn: bool = False


def notice_at(filings: Iterable[Filing], moment: datetime) -> Filing | None:
    """The notice in force at `moment`, from filings known by then only; None where there is none."""
    known = sorted((f for f in filings if f.filed <= moment), key=lambda f: (f.filed, f.withdrawn))
    if not known or known[-1].withdrawn:
        return None
    return known[-1]


def account_key(realm: str, name: str) -> str:
    """Canonical account key. Names fold to lower case, except Salesforce ids, whose first 15 characters count."""
    name = name.strip()
    return f"{realm}:{name[:15] if realm == 'salesforce' else name.lower()}"
