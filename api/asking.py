"""What may be asked of events: of whom, and by which fields, so that a search is no way round the pseudonyms."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from access.lens import Lens
from core.access import Depth, Scope
from core.actions import WORDLESS
from core.calendar import CompanyCalendar
from core.condition import All, Any, Condition, Has, Is, Not
from core.errors import Masked
from core.ports import EventQuery
from core.schema import NEUTRAL, RAW, SCHEMA, WRITTEN
from core.search import of_persons

ASKED_BY_ALL = NEUTRAL | {"person.id", "day"}
MAILS = tuple(name for name in SCHEMA if name.startswith("email."))
WITHOUT_WORDS = All(
    (Any(tuple(Is("event.action", action) for action in sorted(WORDLESS))), Not(Any(tuple(map(Has, MAILS)))))
)
"""What `api.masking.wordless` says, as a condition."""
WHY = {
    Depth.IDENTITY: "{fields} may tell who somebody is: only events of unmasked persons are searched by it, and nobody"
    " is unmasked here",
    Depth.CONTENT: "{fields} has what was written: only events of persons are searched by it who are unmasked to their"
    " content, which a second person approves",
}


class ThroughLens:
    """A directory in which persons go by pseudonym, and those whom the caller may not look at are not."""

    def __init__(self, lens: Lens) -> None:
        self._lens = lens

    @property
    def calendar(self) -> CompanyCalendar:
        return self._lens.directory.calendar

    def spans_of(self, person_id: str) -> Iterator[tuple[str, datetime, datetime]]:
        person = self._lens.person(person_id)
        return iter(()) if person is None else self._lens.directory.spans_of(person)


def bounded(query: EventQuery, fields: Collection[str], lens: Lens) -> EventQuery:
    """The query, of those only whom the caller may look at; asked by fields that identify somebody, of those only who
    are unmasked. Raises `Masked` where nobody is."""
    whole = query if lens.unbounded else _within(query, lens)
    telling = sorted(set(fields) - ASKED_BY_ALL)
    if not telling:
        return whole
    depth = Depth.IDENTITY if WRITTEN.isdisjoint(telling) else Depth.CONTENT
    if lens.shown(depth) == frozenset():
        raise Masked(WHY[depth].format(fields=", ".join(telling)))
    return _and(whole, _of(lens, depth) if RAW.isdisjoint(telling) else _readable(lens))


def _of(lens: Lens, depth: Depth) -> Condition:
    shown = lens.shown(depth)
    return All() if shown is None else of_persons(sorted(shown), lens.directory)


def _readable(lens: Lens) -> Condition:
    """Events whose record is shown as it was received."""
    return Any((_of(lens, Depth.CONTENT), All((_of(lens, Depth.IDENTITY), WITHOUT_WORDS))))


def _within(query: EventQuery, lens: Lens) -> EventQuery:
    """Events of accounts while they belonged to somebody who is within."""
    directory = lens.directory
    if lens.caller.scope == Scope():
        return _and(query, Not(of_persons(sorted(lens.never), directory)))
    people = {account: directory.persons_of(account) for account in directory.accounts_of(["*"])}
    accounts = {account for account, persons in people.items() if any(map(lens.within, persons))}
    outside = {one for account in accounts for one in people[account] if not lens.within(one)}
    return _and(replace(query, accounts=accounts), Not(of_persons(sorted(outside), directory)))


def _and(query: EventQuery, condition: Condition) -> EventQuery:
    both = condition if query.condition is None else All((query.condition, condition))
    return replace(query, condition=both)
