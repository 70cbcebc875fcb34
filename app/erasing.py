"""Right of erasure: what is held about one person goes, unless a hold or an open case keeps it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from time import sleep
from uuid import uuid4

from app.subjects import taken_up
from app.wiring import House
from core.directory import ALWAYS, NEVER, Directory
from core.grounds import keys_of
from core.nameless import nameless
from core.retention import Due, Erasure, Expiry, Span
from core.subjects import Right, SubjectRequest

JOB = "erase"
A_LOOK = 0.2
"""Seconds until it is asked again whether somebody judges a person still."""


def erase(house: House, start: str, *, by: str, employee: str = "") -> SubjectRequest:
    """Somebody else than who asked erases the person of the request whose id begins so. Raises `Refused`, also while
    what is held is still to be handed over to them. Killed, it is to be done again: what is gone stays gone."""
    request = taken_up(house, start, Right.ERASURE, by=by, employee=employee)
    person = request.person
    with house.records.alone(JOB):
        # A judge who has read what goes settles before, and who comes later finds nothing.
        with _turn_of(house, person):
            # From here on no hold is placed on them.
            house.records.begin_erasing(request)
            directory = house.directory()
            spans = _spans(directory, person)
            now = datetime.now(UTC)
            due = Due(erased=(), held={})
            if spans:
                # No hold keeps any of it: at any time an account is one person's.
                due = house.events.expire(Expiry(before=now, only=spans, zone=house.calendar.zone))
            # Told like any alert that is gone; then whatever else there is.
            house.records.settle((), [(person, date.min, date.max)], (), ())
        erasure = Erasure(id=uuid4().hex, by=by, begun=now, before={}, due=due, done=datetime.now(UTC))
        unnamed = partial(nameless, person=person, directory=directory, instead=request.pseudonym)
        return house.records.expunge(request, _keys(house, directory, person), erasure, unnamed)


@contextmanager
def _turn_of(house: House, person: str) -> Iterator[None]:
    """Within it nobody judges this person; waits for who does."""
    while True:
        with house.records.take([person], 1) as mine:
            if mine:
                yield
                return
        sleep(A_LOOK)


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
    named = {one.person for one in house.records.exceptions() if one.person}
    texts = {text for text in named if _stands_for(directory, text, person, own)}
    return {*own, *linked, *keys_of(person), *texts} - others


def _stands_for(directory: Directory, text: str, person: str, own: Collection[str]) -> bool:
    """Whether a text means this person, who has accounts of their `own`, and nobody else."""
    called, nobody = directory.called(text), set(keys_of(text)) - directory.known()
    return person in called and called <= {person, *own, *nobody}
