"""Who logs in or calls, with what, and what is kept of that."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from core.access import Permission, Role, Scope
from core.evidence import AuditEntry

NAME = r"^[a-z0-9][a-z0-9._@-]{0,63}$"
"""What names of users look like: small letters, so that no two look alike."""

GONE = "the link does not work any more: it works once, and not for long"


def named(text: str) -> str | None:
    """The name of a user as it is kept; None where nobody can be called so."""
    name = text.strip().lower()
    return name if re.fullmatch(NAME, name) else None


def totp_of(user: str) -> str:
    """What the secret of a user's second factor is sealed as."""
    return f"totp|{user}"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who logs in, or a service that calls. The name is never given to anybody else. `person` is the employee
    they are, empty where that is not known; `issuer` and `subject` say who they are at an identity provider, empty
    where they log in with a password. `disabled_by` is who shut them out, `provider:<name>` where a provider gives them
    no role any more; empty: nobody did. `second_factor` says whether they have one that counts; `Users.set_totp` alone
    changes it."""

    name: str
    roles: frozenset[Role]
    created: datetime
    scope: Scope = field(default_factory=Scope)
    person: str = ""
    email: str = ""
    language: Literal["zh", "en"] = "en"
    disabled_by: str = ""
    issuer: str = ""
    subject: str = ""
    second_factor: bool = False

    @property
    def disabled(self) -> bool:
        return bool(self.disabled_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a user proves who they are with: the hash of a password, the sealed secret of a second factor, which counts
    once it is `confirmed`, and the last of its steps that was used."""

    password: str = field(default="", repr=False)
    totp: str = field(default="", repr=False)
    confirmed: bool = False
    step: int = -1

    @property
    def second_factor(self) -> bool:
        return bool(self.totp) and self.confirmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login that lasts. `digest` is the SHA-256 of its cookie, `id` what its owner knows it by; `way` is `password`
    or the name of a provider, `address` where it was opened from."""

    id: str
    digest: str = field(repr=False)
    user: str
    opened: datetime
    seen: datetime
    way: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a program calls with. `digest` is the SHA-256 of its secret; it may do what both its owner and `permissions`
    say; `purpose` is the owner's word for it."""

    id: str
    digest: str = field(repr=False)
    user: str
    purpose: str
    permissions: frozenset[Permission]
    created: datetime
    expires: datetime
    used: datetime | None = None
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link that works once, for choosing a password; without a user it is for making the first admin. `made_by` is
    who handed it out."""

    digest: str = field(repr=False)
    user: str
    expires: datetime
    made_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Logins that failed one after the other, of a user or from an address (`user:...`, `address:...`): until when
    nobody gets in."""

    subject: str
    failed: int = 0
    last: datetime | None = None
    until: datetime | None = None


class Users(Protocol):
    """Users and what they log in with. What changes is noted in the same transaction, by the entry that is given."""

    def users(self, after: str = "", most: int | None = None) -> Sequence[User]:
        """Ordered by name; those that come after one, so many at most."""

    def user(self, name: str) -> User | None: ...

    def user_at(self, issuer: str, subject: str) -> User | None:
        """Who that is at an identity provider."""

    def add_user(self, user: User, noted: AuditEntry) -> None:
        """Raises `Refused` where the name, or the subject at the provider, is somebody's."""

    def change_user(
        self,
        name: str,
        change: Callable[[User], User],
        noted: Callable[[User], AuditEntry],
        *,
        admin_stays: bool = True,
    ) -> User:
        """Change a user from what they are by then, so that of two changes at once none is lost; where roles, scope,
        employee or being disabled change, their sessions end. What changes nothing is not noted. Raises `Refused` where
        there is none, where `change` does, or where no admin would be left that there was, unless that may be."""

    def credentials(self, name: str) -> Credentials: ...

    def set_password(self, name: str, password: str, noted: AuditEntry | None) -> None:
        """Another hash; all sessions of the user end, links for choosing one go, and whoever had a password before is
        told, unless nothing is noted: then it is the same password."""

    def set_totp(self, name: str, sealed: str, recovery: Sequence[str], *, confirmed: bool, noted: AuditEntry) -> None:
        """Another second factor, or none; `recovery` are digests of codes that take its place once each. Whoever has
        none any more is told."""

    def use_step(self, name: str, step: int) -> bool:
        """Whether no step that late was used before; from now on it was."""

    def use_recovery(self, name: str, digest: str) -> bool:
        """Whether the code is one that was not used yet; from now on it was."""

    def invite(self, invitation: Invitation, noted: AuditEntry) -> None:
        """In the place of an earlier one of the same user, who is told where they have a password."""

    def invitation(self, digest: str, at: datetime) -> Invitation | None:
        """The link that has this digest, as long as it works."""

    def accept(self, digest: str, password: str, noted: AuditEntry) -> None:
        """Use a link for choosing a password: as `set_password`, and the user's keys end, which the entry says. Raises
        `Refused` where the link does not work any more."""

    def add_first_admin(self, user: User, password: str, digest: str, noted: AuditEntry) -> None:
        """Use the link for making the first admin. Raises `Refused` where it does not work any more, or where there are
        users."""

    def attempt(self, subject: str, after: Callable[[Attempts], Attempts]) -> Attempts:
        """Count an attempt before it is looked at, so that of many at once none is missed; returns what there was
        before."""

    def forget_attempts(self, subject: str, older: datetime) -> None:
        """Those of one subject go, and all that are older."""


class Sessions(Protocol):
    """Logins that last."""

    def open_session(self, session: Session, noted: AuditEntry) -> None: ...

    def session(self, digest: str) -> tuple[Session, User] | None: ...

    def saw_session(self, digest: str, at: datetime) -> None: ...

    def sessions(self, user: str) -> Sequence[Session]:
        """Ordered by (opened, id)."""

    def end_sessions(self, user: str, noted: AuditEntry, *, only: str | None = None, but: str | None = None) -> int:
        """End all of a user, or one, or all but one, by id; returns how many there were. Nothing is noted of none."""

    def forget_sessions(self, opened_before: datetime, seen_before: datetime) -> None:
        """Those that are over go."""


class Keys(Protocol):
    """What programs call with."""

    def add_key(self, key: Key, noted: AuditEntry) -> None: ...

    def key(self, key_id: str) -> tuple[Key, User] | None: ...

    def keys_of(self, user: str | None = None, after: str = "", most: int | None = None) -> Sequence[Key]:
        """One user's, or all; ordered by id; those that come after one, so many at most."""

    def used_key(self, key_id: str, at: datetime) -> None: ...

    def revoke_key(self, key_id: str, at: datetime, noted: AuditEntry) -> bool:
        """Whether there was one to be revoked."""
