"""Whom it bears on what becomes known of somebody else: who their colleagues are, and how many people took a file."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from store.records.database import Row, pieces
from store.records.tables import filings, links, persons

Post = tuple[str, str]
"""Department and title: whoever has the same is a colleague."""


def post_of(person: Row) -> Post:
    return str(person["department"]), str(person["title"])


def colleagues(connection: Connection, posts: Collection[Post]) -> set[str]:
    """The subjects of everybody on these posts; whoever has no department or no title has no colleagues."""
    whole = {post for post in posts if all(post)}
    found: set[str] = set()
    for some in pieces(sorted({department for department, _ in whole})):
        rows = connection.execute(select(persons).where(persons.c.department.in_(some))).mappings()
        found.update(f"person:{row['id']}" for row in rows if post_of(dict(row)) in whole)
    return found


def colleagues_of(connection: Connection, keys: Iterable[str]) -> set[str]:
    """The subjects of everybody on the posts of those whose accounts these keys are, by whatever link."""
    posts: set[Post] = set()
    for some in pieces(sorted(set(keys))):
        whose = select(persons).where(persons.c.id == links.c.person, links.c.account.in_(some))
        posts.update(post_of(dict(row)) for row in connection.execute(whose).mappings())
    return colleagues(connection, posts)


def leavers(connection: Connection) -> set[str]:
    """The subjects of everybody of whom HR filed anything."""
    return set(connection.execute(select(filings.c.account).distinct()).scalars())


def leavers_of(connection: Connection, departments: Collection[str]) -> set[str]:
    """Of these only those of some departments."""
    found: set[str] = set()
    for some in pieces(sorted(departments)):
        of = persons.c.department.in_(some) & (persons.c.id == links.c.person)
        query = select(filings.c.account).where(of, links.c.account == filings.c.account).distinct()
        found.update(connection.execute(query).scalars())
    return found
