"""What is shown of persons: who they are, what an alert says of them, and events, as much as a lens shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import reduce

import polars as pl
from pydantic import JsonValue

from access.lens import Lens
from api.documents import document
from api.looks import THE_LOG
from api.shapes import IdentityView
from core.access import Depth
from core.actions import WORDLESS
from core.alert import OTHERS, SEPARATOR, Alert, Fact
from core.directory import Directory
from core.nameless import nameless as without_names
from core.schema import NEUTRAL, RAW, SCHEMA, WRITTEN

PERSON = "person.id"
ACCOUNT = "user.account"
TELLING = NEUTRAL | {"first", "last", "until", "linked", "signs", "phases", "drivers", "drivers_zh", "source"}
"""Facts in words that identify nobody; numbers never do. A new one is none of them until it is put here."""
MAIL = "email."
THING = re.compile(r"[0-9a-f]{32}")
"""What the ids of cases and alerts look like. Everything else that an entry of the audit log is about is a person."""


def identity(lens: Lens, person: str) -> IdentityView | None:
    """Who it is; none while the person is masked."""
    return identity_of(lens.directory, person) if lens.shows(person) else None


def identity_of(directory: Directory, person: str) -> IdentityView:
    """Who it is, for those who have to know."""
    known = directory.person(person)
    return IdentityView(
        id=known.id,
        name=known.name,
        email=known.email,
        department=known.department,
        title=known.title,
        country=known.country,
    )


def free_text(lens: Lens, person: str, text: str) -> str | None:
    """What somebody wrote about the person; none while they are masked, for it may name them."""
    return text if lens.shows(person) or not text else None


def nameless(lens: Lens, person: str, text: str) -> str:
    """What those wrote who know whom it is about, such as HR: while the person is masked, with the pseudonym in the
    place of their name, mail address and accounts."""
    return text if lens.shows(person) else without_names(text, person, lens.directory, lens.pseudonym(person))


def written(lens: Lens, persons: Iterable[str], by: str, text: str) -> str:
    """What somebody wrote at work on a case about these persons, as the caller is shown it: what others wrote without
    the names of those who are masked."""
    if by == lens.caller.name:
        return text
    return reduce(lambda said, person: nameless(lens, person, said), sorted(persons), text)


def subjects(about: Iterable[str], lens: Lens) -> list[str]:
    """What an entry of the audit log is about: cases and alerts by id, persons by pseudonym."""
    return [one if is_thing(one, lens) else lens.pseudonym(one) for one in about]


def is_thing(subject: str, lens: Lens) -> bool:
    """Whether the subject of an entry is no person: a case, an alert, or the audit log."""
    return subject == THE_LOG or (THING.fullmatch(subject) is not None and subject not in lens.directory.known())


def telling(alert: Alert, lens: Lens) -> Alert:
    """The alert with the facts that may be shown, others by pseudonym."""
    return replace(alert, facts=facts_told(alert, lens))


def facts_told(alert: Alert, lens: Lens) -> dict[str, Fact]:
    """These facts alone."""
    return _facts(alert, lens) | _others(alert, lens, lens.pseudonym)


def spoken(alert: Alert, lens: Lens) -> Alert:
    """The same for a sentence: others are called as persons are."""
    return replace(alert, facts=_facts(alert, lens) | _others(alert, lens, lens.name))


def _facts(alert: Alert, lens: Lens) -> dict[str, Fact]:
    shown, read = lens.shows(alert.person), lens.shows(alert.person, Depth.CONTENT)
    hidden = frozenset() if read else WRITTEN | RAW
    return {
        name: fact
        for name, fact in alert.facts.items()
        if name not in hidden and (shown or name in TELLING or not isinstance(fact, str))
    }


def _others(alert: Alert, lens: Lens, called: Callable[[str], str]) -> dict[str, Fact]:
    """The others of a crew, as far as the caller may know of them; elsewhere the fact is a number."""
    others = alert.facts.get(OTHERS)
    if not isinstance(others, str):
        return {}
    return {OTHERS: SEPARATOR.join(sorted(map(called, filter(lens.within, others.split(SEPARATOR)))))}


def shown_with(lens: Lens) -> tuple[str, ...]:
    """The stored fields that events have to be read with: what is shown of nobody stays where it is."""
    shown = lens.shown()
    read = SCHEMA.keys() if shown is None or shown else NEUTRAL | {ACCOUNT}
    return tuple(name for name in SCHEMA if name in read)


def event_views(events: pl.DataFrame, lens: Lens) -> list[dict[str, JsonValue]]:
    """Events as documents, each with the pseudonym of whoever had the account then."""
    persons = lens.directory.who(events)
    rows = zip(events.iter_rows(named=True), persons, strict=True)
    return [_event_view(row, person, lens) for row, person in rows]


def _event_view(row: Mapping[str, object], person: str | None, lens: Lens) -> dict[str, JsonValue]:
    shown = document({name: value for name, value in row.items() if _is_shown(name, row, person, lens)})
    return shown | ({PERSON: lens.pseudonym(person)} if person else {})


def _is_shown(name: str, row: Mapping[str, object], person: str | None, lens: Lens) -> bool:
    if name in NEUTRAL:
        return True
    if person is None or not lens.shows(person):
        return False
    if name not in WRITTEN | RAW or lens.shows(person, Depth.CONTENT):
        return True
    return name in RAW and wordless(row)


def wordless(row: Mapping[str, object]) -> bool:
    """Whether an event has nothing that somebody wrote to somebody, whatever its vendor puts into the record."""
    mail = any(value is not None for name, value in row.items() if name.startswith(MAIL))
    return row.get("event.action") in WORDLESS and not mail
