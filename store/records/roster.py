"""Persons as an identity provider or HR system keeps them, beside what other lists say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.person import Link, Person
from core.roster import ORIGIN, Member
from store.records.audit import note_in
from store.records.database import Database, Row, upsert
from store.records.hrtables import members as table
from store.records.people import save_people
from store.records.tables import links as link_table
from store.records.tables import persons as person_table

ALWAYS_THEIRS = "employee:"
"""The number is the person: HR files by it long after every account has ended."""


class RosterRecords:
    """Adapter of `core.roster.Roster`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def members(self) -> Sequence[Member]:
        with self._database.reading() as connection:
            return _members(connection)

    def save_member(self, member: Member, links: Sequence[Link], *, by: str, at: datetime) -> Member:
        with self._database.writing() as connection:
            everybody = {one.person.id: one for one in _members(connection)}
            known = everybody.pop(member.person.id, None)
            if (known.version if known else 0) != member.version:
                raise Refused("the person was changed meanwhile: read it again")
            if any(one.user_name.lower() == member.user_name.lower() for one in everybody.values()):
                raise Refused("another person has this user name")
            if member.active and _others_have(connection, member.person.id, links):
                raise Refused("another person has one of these accounts")
            saved = replace(member, version=member.version + 1, created=(known and known.created) or at, modified=at)
            _save_links(connection, saved, links, at)
            row: Row = {"person": saved.person.id, "user_name": saved.user_name, "external_id": saved.external_id}
            row |= {"active": saved.active, "created": saved.created, "modified": at, "version": saved.version}
            upsert(connection, table, [row])
            details = {"what": "scim", "active": saved.active, "new": known is None}
            about = (saved.person.id,)
            note_in(connection, AuditEntry(at=at, by=by, deed=Deed.ENTERED, about=about, details=details))
        return saved


def _others_have(connection: Connection, person: str, links: Sequence[Link]) -> bool:
    """Whether any of these accounts is somebody else's still."""
    named = link_table.c.account.in_([link.account for link in links])
    others = named & (link_table.c.person != person) & link_table.c.until.is_(None)
    return connection.execute(select(link_table.c.number).where(others).limit(1)).first() is not None


def _save_links(connection: Connection, member: Member, links: Sequence[Link], at: datetime) -> None:
    """What other lists say of whose an account is stays as it is, unless accounts end."""
    query = select(link_table).where(link_table.c.person == member.person.id)
    own = [
        Link(**{name: value for name, value in row.items() if name != "number"})
        for row in connection.execute(query).mappings()
    ]
    if member.active:
        save_people(connection, [member.person], _going_on(own, links, at), {ORIGIN})
        return
    had = {link.account for link in own}
    numbers = [link for link in links if link.account.startswith(ALWAYS_THEIRS) and link.account not in had]
    ended = [link if link.account.startswith(ALWAYS_THEIRS) else _ended(link, at) for link in own]
    kept = [link for link in ended if not (link.since and link.until and link.until <= link.since)]
    save_people(connection, [member.person], [*kept, *numbers], {link.origin for link in own} | {ORIGIN})


def _ended(link: Link, at: datetime) -> Link:
    return link if link.until and link.until <= at else replace(link, until=at)


def _going_on(own: Sequence[Link], links: Sequence[Link], at: datetime) -> list[Link]:
    """The links of this origin: those that were keep when they began, those no longer named end now, and one that had
    ended begins again."""
    mine = [link for link in own if link.origin == ORIGIN]
    named = {link.account for link in links}
    found = [link if link.account in named or link.until else _ended(link, at) for link in mine]
    going_on = {link.account for link in own if link.until is None}
    had = {link.account for link in own}
    found += [
        replace(link, since=at) if link.account in had else link for link in links if link.account not in going_on
    ]
    return list(dict.fromkeys(found))


def _members(connection: Connection) -> list[Member]:
    """Everybody in the directory; who was never named by such a system is as other lists say."""
    rows = {row["person"]: dict(row) for row in connection.execute(select(table)).mappings()}
    persons = connection.execute(select(person_table).order_by(person_table.c.id)).mappings()
    found = []
    for person in (Person(**row) for row in persons):
        row = rows.get(person.id)
        known = {name: value for name, value in row.items() if name != "person"} if row else {}
        found.append(Member(**{"person": person, "user_name": person.email or person.id, **known}))
    return found
