"""Persons as an identity provider or HR system keeps them over SCIM, beside what other lists say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.canonical import content_id
from core.person import Link, Person

ORIGIN = "scim"
"""Of the links that such a system gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person as such a system names them: `user_name` is unique among members, `external_id` is its own. Who is not
    `active` had all accounts end; what those did before stays theirs."""

    person: Person
    user_name: str
    external_id: str = ""
    active: bool = True
    created: datetime | None = None
    modified: datetime | None = None
    version: int = 0

    @property
    def id(self) -> str:
        return member_id(self.person.id)


def member_id(person: str) -> str:
    """By what such a system knows the person. Who has it cannot tell the pseudonym by it."""
    return content_id("member", person)


class Roster(Protocol):
    """Members. Whoever is in the directory is one, whichever list brought them."""

    def members(self) -> Sequence[Member]:
        """Ordered by person."""

    def save_member(self, member: Member, links: Sequence[Link], *, by: str, at: datetime) -> Member:
        """Added, or changed from the `version` it has, with the links it has from now on of this origin; where it is no
        longer active, every account but the employee number ends now. Noted in the audit log, in the same transaction.
        Raises `Refused` where another has the user name or an account, or there is a newer version."""
