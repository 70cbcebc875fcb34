"""Right of erasure: what is held about one person goes, unless a hold or an open case keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from uuid import uuid4

from api.views import cases_of
from app.holds import held_persons, in_force
from app.pseudonyms import pseudonyms
from app.wiring import House
from core.canonical import content_id, moment_text
from core.case import DECIDED
from core.directory import ALWAYS, NEVER, Directory
from core.erasing import ErasureRequest
from core.errors import Refused
from core.evidence import HoldScope
from core.grounds import keys_of
from core.nameless import nameless
from core.retention import Due, Erasure, Expiry, Span

JOB = "erase"


def ask_to_erase(house: House, person: str, *, reason: str, by: str) -> ErasureRequest:
    """Somebody wants a person erased. Raises `Refused` where there is no such person, or what is held has to stay."""
    if not reason.strip():
        raise Refused("erasing needs a reason")
    directory = house.directory()
    if person not in directory.known():
        raise Refused("nothing is held about this person")
    _check(house, person)
    now = datetime.now(UTC)
    request = ErasureRequest(
        id=content_id("erasure request", person, moment_text(now)),
        person=person,
        pseudonym=pseudonyms(house.records)(person),
        reason=reason.strip(),
        asked_by=by,
        asked=now,
    )
    house.records.ask_to_erase(request)
    return request


def erase(house: House, start: str, *, by: str) -> ErasureRequest:
    """Somebody else than who asked erases the person of the request whose id begins so. Raises `Refused`. Killed, it is
    to be done again: what is gone stays gone."""
    found = [one for one in house.records.erasure_requests() if one.id.startswith(start) and one.done is None]
    if len(found) != 1:
        raise Refused(f"{len(found)} requests that wait begin with {start}")
    request = replace(found[0], done_by=by)
    if request.asked_by.strip().casefold() == by.strip().casefold():
        raise Refused(f"{by} asked for it: somebody else has to carry it out")
    person = request.person
    with house.records.alone(JOB):
        _check(house, person)
        directory = house.directory()
        spans = _spans(directory, person)
        now = datetime.now(UTC)
        due = Due(erased=(), held={})
        if spans:
            due = house.events.expire(Expiry(before=now, only=spans, zone=house.calendar.zone))
        # Told like any alert that is gone; then whatever else there is.
        house.records.settle((), [(person, date.min, date.max)], (), ())
        erasure = Erasure(id=uuid4().hex, by=by, begun=now, before={}, due=due, done=datetime.now(UTC))
        unnamed = partial(nameless, person=person, directory=directory, instead=request.pseudonym)
        return house.records.expunge(request, _keys(house, directory, person), erasure, unnamed)


def _check(house: House, person: str) -> None:
    for hold in in_force(house.records.holds()):
        if hold.scope is HoldScope.RANGE or person in held_persons(hold, house):
            raise Refused(f"hold {hold.id[:8]} keeps what is held about this person: {hold.reason}")
    if any(case.state not in DECIDED for case in cases_of(house.records, [person])):
        raise Refused("a case about this person is open: it has to be decided first")


def _spans(directory: Directory, person: str) -> list[Span]:
    return [
        Span(account=account, since=None if since == ALWAYS else since, until=None if until == NEVER else until)
        for account, since, until in directory.spans_of(person)
    ]


def _keys(house: House, directory: Directory, person: str) -> set[str]:
    """Accounts and other keys that are this person's and never were anybody else's."""
    linked = {link.account for link in house.records.links() if link.person == person}
    others = {link.account for link in house.records.links() if link.person != person}
    seen = directory.accounts_of([f"person:{person}"])
    own = {account for account in seen if directory.persons_of(account) <= {person, account}}
    return {*own, *linked, *keys_of(person)} - others
