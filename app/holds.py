"""Legal holds: placing them, lifting them by two persons, and which events they keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from app.whichcase import persons_of
from app.wiring import House
from core.canonical import content_id, moment_text
from core.directory import ALWAYS, NEVER, Directory
from core.errors import Refused
from core.evidence import Hold, HoldScope
from core.retention import Kept


def place(
    house: House,
    scope: HoldScope,
    subject: str,
    *,
    reason: str,
    by: str,
    at: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Hold:
    """A new hold. `subject` is the id of a case, or a person's; raises `Refused` where there is none such."""
    if not reason.strip():
        raise Refused("a hold needs a reason")
    if since and until and since >= until:
        raise Refused("it ends before it begins")
    if scope is HoldScope.RANGE and not (since or until):
        raise Refused("a hold of everybody needs a time: --since, --until or both")
    hold = Hold(
        id=content_id("hold", scope.value, subject, moment_text(at)),
        scope=scope,
        subject=subject,
        reason=reason.strip(),
        placed_by=by,
        placed=at,
        since=since,
        until=until,
        persons=_persons(house, scope, subject),
    )
    house.records.save_hold(hold)
    return hold


def ask_to_lift(house: House, hold: str, *, reason: str, by: str) -> Hold:
    """Somebody wants it lifted. Raises `Refused`."""
    if not reason.strip():
        raise Refused("lifting needs a reason")
    asked = replace(find(house, hold), lift_asked_by=by, lift_reason=reason.strip())
    house.records.save_hold(asked)
    return asked


def lift(house: House, hold: str, *, by: str, at: datetime) -> Hold:
    """Somebody else than who asked lifts it. Raises `Refused`."""
    lifted = replace(find(house, hold), lifted_by=by, lifted=at)
    house.records.save_hold(lifted)
    return lifted


def find(house: House, start: str) -> Hold:
    """The hold whose id begins so. Raises `Refused` where there is none, or several."""
    found = [hold for hold in house.records.holds() if hold.id.startswith(start)]
    if len(found) != 1:
        raise Refused(f"{len(found)} holds begin with {start}")
    return found[0]


def in_force(holds: Iterable[Hold]) -> list[Hold]:
    return [hold for hold in holds if hold.lifted is None]


def kept_by(hold: Hold, house: House, directory: Directory) -> Iterator[Kept]:
    """Which events a hold keeps: everybody's of its time, or those of its persons' accounts while they were theirs."""
    if hold.scope is HoldScope.RANGE:
        yield Kept(hold=hold.id, since=hold.since, until=hold.until)
        return
    for person in held_persons(hold, house):
        for account, since, until in directory.spans_of(person):
            first, last = max(since, hold.since or ALWAYS), min(until, hold.until or NEVER)
            if first < last:
                yield Kept(
                    hold=hold.id,
                    account=account,
                    since=None if first == ALWAYS else first,
                    until=None if last == NEVER else last,
                )


def held_persons(hold: Hold, house: House) -> list[str]:
    """Whom a hold concerned when it was placed, and whom its case has come to concern since."""
    found = set(hold.persons)
    if hold.scope is HoldScope.CASE:
        found.update(_of_case(house, hold.subject))
    return sorted(found)


def _persons(house: House, scope: HoldScope, subject: str) -> tuple[str, ...]:
    if scope is HoldScope.RANGE:
        return ()
    if scope is HoldScope.PERSON:
        return (subject,)
    found = _of_case(house, subject)
    if not found:
        raise Refused(f"there is no case {subject}")
    return tuple(sorted(found))


def _of_case(house: House, case_id: str) -> list[str]:
    case = house.records.case(case_id)
    return persons_of(house, case) if case else []
