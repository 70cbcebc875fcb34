"""Requests of the people whom data is about: who asks for them does not carry them out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from app.pseudonyms import pseudonyms
from app.wiring import House
from core.canonical import content_id, moment_text
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.subjects import Right, SubjectRequest


def ask(house: House, person: str, right: Right, *, reason: str, by: str) -> SubjectRequest:
    """Somebody wants the file of what is held about a person, or them erased. Raises `Refused` where there is no such
    person, the same waits already, or what is to be erased has to stay."""
    if not reason.strip():
        raise Refused("it needs a reason")
    if person not in house.directory().known():
        raise Refused("nothing is held about this person")
    now = datetime.now(UTC)
    request = SubjectRequest(
        id=content_id(f"{right.value} request", person, moment_text(now)),
        right=right,
        person=person,
        pseudonym=pseudonyms(house.records)(person),
        reason=reason.strip(),
        asked_by=by,
        asked=now,
    )
    house.records.ask_for_subject(request)
    return request


def taken_up(house: House, start: str, right: Right, *, by: str, employee: str = "") -> SubjectRequest:
    """The request that waits whose id begins so, with who carries it out: a user, and the employee they are where that
    is known. Raises `Refused` where there is not one, and for who asked, by whichever of their users: that is noted."""
    waiting = [one for one in house.records.subject_requests() if one.waits and one.right is right]
    found = [one for one in waiting if one.id.startswith(start)]
    if len(found) != 1:
        raise Refused(f"{len(found)} requests that wait begin with {start}")
    request = found[0]
    asker = house.records.user(request.asked_by)
    if request.is_of(by) or (asker and employee and asker.person == employee):
        details = {"request": request.id, "right": right.value}
        tried = AuditEntry(at=datetime.now(UTC), by=by, deed=Deed.TRIED_ALONE, about=[request.person], details=details)
        house.records.note(tried)
        raise Refused(f"{by} asked for it: somebody else has to carry it out")
    return replace(request, done_by=by)
