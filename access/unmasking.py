"""The rules of unmasking: who may ask, who grants, and when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from core.access import Caller, Depth, Permission
from core.canonical import content_id, moment_text
from core.errors import Refused
from core.unmasking import LONGEST, Purpose, Unmasking, UnmaskingState


def ask(
    caller: Caller,
    *,
    case: str,
    person: str,
    purpose: Purpose,
    reason: str,
    depth: Depth,
    lasts: timedelta,
    at: datetime,
) -> Unmasking:
    """A new one. It is granted at once where it is for the identity only and the caller may do that alone. Raises
    `Refused` where it would last for no time or for too long."""
    if not timedelta(0) < lasts <= LONGEST:
        raise Refused(f"an unmasking lasts {LONGEST.days} days at most")
    asked = Unmasking(
        id=content_id("unmasking", caller.name, case, person, moment_text(at)),
        case=case,
        person=person,
        purpose=purpose,
        reason=reason,
        depth=depth,
        lasts=lasts,
        asked_by=caller.name,
        employee=caller.person,
        asked=at,
    )
    alone = depth is Depth.IDENTITY and caller.may(Permission.UNMASK_ALONE)
    return _granted(asked, caller.name, "", at) if alone else asked


def approve(unmasking: Unmasking, caller: Caller, why: str, at: datetime) -> Unmasking:
    """Granted by a second person, from now on. Raises `Refused` where the caller is none."""
    _second(unmasking, caller)
    return _granted(unmasking, caller.name, why, at)


def refuse(unmasking: Unmasking, caller: Caller, why: str, at: datetime) -> Unmasking:
    """Refused by a second person. Raises `Refused` where the caller is none."""
    _second(unmasking, caller)
    return replace(unmasking, state=UnmaskingState.REFUSED, answered_by=caller.name, answer=why, answered=at)


def withdraw(unmasking: Unmasking, caller: Caller, at: datetime) -> Unmasking:
    """Not asked for any more. Raises `Refused` for anybody but who asked, and where it is answered already."""
    if not _same(caller.name, unmasking.asked_by):
        raise Refused("only who asked for it withdraws it")
    _waits(unmasking)
    return replace(unmasking, state=UnmaskingState.WITHDRAWN, ended_by=caller.name, ended=at)


def end(unmasking: Unmasking, caller: Caller, at: datetime) -> Unmasking:
    """Over before its time, by who asked or whoever may approve. Raises `Refused`."""
    if not (_same(caller.name, unmasking.asked_by) or caller.may(Permission.APPROVE_UNMASKING)):
        raise Refused("it is ended by who asked for it, or by somebody who may approve it")
    if unmasking.state is not UnmaskingState.GRANTED or over(unmasking, at):
        raise Refused("it is not in force")
    return replace(unmasking, state=UnmaskingState.ENDED, ended_by=caller.name, ended=at)


def over(unmasking: Unmasking, at: datetime) -> bool:
    """Whether its time is over."""
    return unmasking.until is not None and at >= unmasking.until


def depths(unmaskings: Iterable[Unmasking]) -> Mapping[str, Depth]:
    """How much of whom is shown by these, which are in force."""
    found: dict[str, Depth] = {}
    for one in unmaskings:
        if found.get(one.person) is not Depth.CONTENT:
            found[one.person] = one.depth
    return found


def _second(unmasking: Unmasking, caller: Caller) -> None:
    _waits(unmasking)
    if _same(caller.name, unmasking.asked_by) or (caller.person and caller.person == unmasking.employee):
        raise Refused("who asked for it does not decide on it: a second person has to")
    if caller.person == unmasking.person:
        raise Refused("nobody decides on what is about themselves")


def _waits(unmasking: Unmasking) -> None:
    if unmasking.state is not UnmaskingState.WAITING:
        raise Refused(f"it does not wait any more: it is {unmasking.state.value}")


def _granted(unmasking: Unmasking, by: str, why: str, at: datetime) -> Unmasking:
    until = at + unmasking.lasts
    return replace(unmasking, state=UnmaskingState.GRANTED, answered_by=by, answer=why, answered=at, until=until)


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
