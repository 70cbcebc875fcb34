"""Filing, changing and withdrawing departures: what may be filed, as what, and what changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from core.directory import Directory
from core.errors import Refused
from core.person import Filing, account_key, notice_at


class Unfit(Refused):
    """It cannot be filed as it is: `code` is a word for programs. `stands` says that something filed already is in the
    way."""

    def __init__(self, code: str, text: str, *, stands: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.stands = stands


def filed(
    directory: Directory, person: str, account: str, at: datetime, last_day: date | None, now: datetime, *, again: bool
) -> list[Filing]:
    """A resignation as filings; none where the same was filed before, at that time or, with `again`, at any. Raises
    `Unfit`."""
    if at > now:
        raise Unfit("future-filing", "filed is in the future")
    if last_day and last_day < directory.calendar.day_of(at):
        raise _too_early(last_day)
    filings = directory.filings_of(person)
    if known := notice_at(filings, now):
        if (again or first_filed(filings, known) == at) and known.last_day == last_day:
            return []
        raise Unfit("already-filed", "a departure is filed: change or withdraw that one", stands=True)
    if any(one.withdrawn and one.filed >= at for one in filings):
        raise Unfit("withdrawn-since", "what was filed by then was withdrawn since", stands=True)
    return [Filing(account=account, filed=at, last_day=last_day)]


def changed(directory: Directory, person: str, last_day: date | None, now: datetime) -> list[Filing]:
    """Another last day from now on, as filings; none where it is the same. Raises `Unfit`."""
    filings = directory.filings_of(person)
    known = notice_at(filings, now)
    if known is None:
        raise Unfit("no-departure", "no departure is in force: file one", stands=True)
    if last_day and last_day < directory.calendar.day_of(first_filed(filings, known)):
        raise _too_early(last_day)
    if known.last_day == last_day:
        return []
    return [Filing(account=_account(directory, person, now), filed=now, last_day=last_day)]


def withdrawn(directory: Directory, person: str, now: datetime, *, mistake: bool) -> list[Filing]:
    """A withdrawal as filings, from now on or, by `mistake`, as if nothing had been filed; none where it was withdrawn
    already. Raises `Unfit`."""
    filings = directory.filings_of(person)
    known = notice_at(filings, now)
    if known is None:
        if any(one.withdrawn and one.filed <= now for one in filings):
            return []
        raise Unfit("no-departure", "no departure is in force yet", stands=True)
    if mistake:
        first = first_filed(filings, known)
        return [replace(one, last_day=None, withdrawn=True) for one in filings if first <= one.filed <= now]
    return [Filing(account=_account(directory, person, now), filed=now, withdrawn=True)]


def first_filed(filings: Sequence[Filing], last: Filing) -> datetime:
    """When the departure was first filed whose last filing this is: a changed last day is no new departure."""
    known = sorted((one for one in filings if one.filed <= last.filed), key=lambda one: (one.filed, one.withdrawn))
    own = known[:-1] if last.withdrawn else known
    since = max((at for at, one in enumerate(own) if one.withdrawn), default=-1) + 1
    return (own[since:] or known[-1:])[0].filed


def account_of(directory: Directory, person: str, at: datetime) -> str | None:
    """An account that was the person's at that moment, to file by; None where there was none."""
    known = directory.person(person)
    names = [account_key("employee", known.id), account_key("mail", known.email or known.id), person]
    return next((name for name in names if directory.person_at(name, at) == person), None)


def _account(directory: Directory, person: str, at: datetime) -> str:
    found = account_of(directory, person, at)
    if found is None:
        raise Unfit("unknown-person", "no account is the person's any more")
    return found


def _too_early(last_day: date) -> Unfit:
    return Unfit("last-day-before-filing", f"the last day {last_day} is before the resignation")
