"""Logging in and out. Whoever is turned away learns nothing: an unknown name, a wrong password, a wrong code, a user
who is locked or disabled all take the same way and get the same answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from access.arrivals import Arrived
from access.lockout import FORGOTTEN, counted, locked, of_address, of_nobody, of_user
from access.noting import changed, login, rights
from access.passwords import Hasher, check_password
from access.roles import check_roles
from access.sealing import Sealer
from access.sessions import Lasting
from access.tokens import digest_of, new_token
from access.totp import DIGITS, recovery_digest, step_of
from core.access import Role
from core.errors import Refused
from core.evidence import Deed
from core.happening import Happening, Kind
from core.ports import Records
from core.users import GONE, Credentials, Session, User, named, totp_of

PASSWORD = "password"  # noqa: S105  # the way in, not a password
LINK = "link"


class Denied(Exception):
    """Nobody gets in. There is no more to be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new session, and the cookie it is known by, which is nowhere else."""

    session: Session
    cookie: str = field(repr=False)


def now() -> datetime:
    return datetime.now(UTC)


class Gate:
    """Lets people in. Those who have a role of `second_factor` have to have one."""

    def __init__(
        self,
        records: Records,
        sealer: Sealer,
        lasting: Lasting,
        hasher: Hasher | None = None,
        clock: Callable[[], datetime] = now,
        second_factor: frozenset[Role] = frozenset(),
    ) -> None:
        self.records = records
        self.sealer = sealer
        self.lasting = lasting
        self.hasher = hasher or Hasher()
        self.clock = clock
        self._second_factor = second_factor

    def login(self, name: str, password: str, code: str, address: str) -> Opened:
        """A session for whoever proves that they are the user. Raises `Denied`."""
        at, known = self.clock(), named(name)
        user = self.records.user(known) if known else None
        shut, locks = self._count(of_user(user.name) if user else of_nobody(name), address, at)
        if not self._proved(user, password, code, at, shut) or user is None:
            if not shut:
                self._turned_away(user, address, at, locks)
            raise Denied
        return self.open(user, PASSWORD, address, at)

    def confirm(self, user: User, password: str, address: str) -> None:
        """Have a user who is in show once more who they are. Raises `Refused`; counted as a login is."""
        at = self.clock()
        shut, locks = self._count(of_user(user.name), address, at)
        kept = self.records.credentials(user.name).password
        if not self.hasher.verify(kept, password) or shut:
            if not shut:
                self._turned_away(user, address, at, locks)
            raise Refused("the password is not right")
        self.records.forget_attempts(of_user(user.name), at - FORGOTTEN)

    def choose_password(self, token: str, password: str, code: str, address: str) -> str:
        """Another password by a link, and the code of the second factor where the user has one, so that whoever made
        the link does not come in by it; returns whose it was. Raises `Refused`; a wrong code is counted as at a
        login."""
        check_password(password, "")
        at, digest = self.clock(), digest_of(token)
        link = self.records.invitation(digest, at)
        user = self.records.user(link.user) if link else None
        if link is None or user is None:
            raise Refused(GONE)
        check_password(password, user.name)
        kept = self.records.credentials(user.name)
        if kept.second_factor:
            self._confirm_code(user, kept, code, address, at)
        noted = changed(user.name, user.name, at, "password", link_made_by=link.made_by)
        self.records.accept(digest, self.hasher.hash(password), noted)
        return user.name

    def enter(self, arrived: Arrived, address: str) -> Opened:
        """A session for whom an identity provider says it is; made a user here where they were none, with the roles
        that it gives them now. Raises `Denied` where it gives none, or an admin here shut them out."""
        at = self.clock()
        user = self.records.user_at(arrived.issuer, arrived.subject)
        by = f"provider:{arrived.provider}"
        shut_out = user is not None and user.disabled_by not in ("", by)
        if not arrived.roles or shut_out:
            if user and not shut_out:
                self.records.change_user(
                    user.name,
                    lambda one: replace(one, roles=frozenset(), disabled_by=by),
                    lambda one: changed(by, one.name, at, "no role left", **rights(one)),
                    admin_stays=False,
                )
            self.records.note(login(Deed.LOGIN_FAILED, user.name if user else "", at, way=by, address=address))
            raise Denied
        check_roles(arrived.roles)
        return self.open(self._kept(user, arrived, by, at), arrived.provider, address, at)

    def open(self, user: User, way: str, address: str, at: datetime) -> Opened:
        """A session for a user, however they have proved who they are."""
        self.records.forget_attempts(of_user(user.name), at - FORGOTTEN)
        self.records.forget_sessions(at - self.lasting.most, at - self.lasting.idle)
        if not user.person and user.email and (person := self.person_of(user.email)):
            self.records.change_user(
                user.name,
                lambda one: replace(one, person=person),
                lambda one: changed(one.name, one.name, at, "known as employee"),
            )
        cookie = new_token()
        session = Session(
            id=secrets.token_hex(8),
            digest=digest_of(cookie),
            user=user.name,
            opened=at,
            seen=at,
            way=way,
            address=address,
        )
        self.records.open_session(session, login(Deed.LOGGED_IN, user.name, at, way=way, address=address))
        return Opened(session=session, cookie=cookie)

    def caller_of(self, cookie: str) -> tuple[Session, User] | None:
        """Whose session it is, as far as it still lives."""
        found = self.records.session(digest_of(cookie))
        if found is None or found[1].disabled or not self.lasting.lives(found[0], self.clock()):
            return None
        return found

    def leave(self, cookie: str) -> None:
        """End the session of a cookie, where there is one."""
        found = self.records.session(digest_of(cookie))
        if found:
            session, at = found[0], self.clock()
            self.records.end_sessions(session.user, login(Deed.LOGGED_OUT, session.user, at), only=session.id)

    def needs_factor(self, user: User) -> bool:
        """Whether a user has to have a second factor, by one of their roles. Of those who come from a provider that is
        the provider's matter."""
        return not user.issuer and not self._second_factor.isdisjoint(user.roles)

    def lacks_factor(self, user: User) -> bool:
        """Whether a user has to set up a second factor before anything else."""
        return self.needs_factor(user) and not user.second_factor

    def second_factor_of(self, user: User) -> tuple[Credentials, str]:
        """What is kept of it, and its secret, empty where there is none."""
        kept = self.records.credentials(user.name)
        return kept, self.sealer.open(kept.totp, totp_of(user.name)) if kept.totp else ""

    def _count(self, user: str, address: str, at: datetime) -> tuple[bool, bool]:
        """Count the attempt; whether it is one too many, and whether it locks the user unless it succeeds."""
        subjects = [of_address(address), user]
        before = [self.records.attempt(subject, lambda one: counted(one, at)) for subject in subjects]
        return any(locked(one, at) for one in before), locked(counted(before[-1], at), at)

    def _proved(self, user: User | None, password: str, code: str, at: datetime, shut: bool) -> bool:
        kept = self.records.credentials(user.name if user else "")
        right = self.hasher.verify(kept.password, password)
        if not right or user is None or user.disabled or shut or not self._has_code(user, kept, code, at):
            return False
        if self.hasher.outdated(kept.password):
            self.records.set_password(user.name, self.hasher.hash(password), None)
        return True

    def _has_code(self, user: User, kept: Credentials, code: str, at: datetime) -> bool:
        if not kept.second_factor:
            return True
        if len(code) != DIGITS:
            return self.records.use_recovery(user.name, recovery_digest(code))
        step = step_of(self.sealer.open(kept.totp, totp_of(user.name)), code, at, kept.step)
        return step is not None and self.records.use_step(user.name, step)

    def _confirm_code(self, user: User, kept: Credentials, code: str, address: str, at: datetime) -> None:
        shut, locks = self._count(of_user(user.name), address, at)
        if shut or not self._has_code(user, kept, code, at):
            if not shut:
                self._turned_away(user, address, at, locks, LINK)
            raise Refused("the code of the second factor is missing or not right")
        self.records.forget_attempts(of_user(user.name), at - FORGOTTEN)

    def _turned_away(self, user: User | None, address: str, at: datetime, locks: bool, way: str = PASSWORD) -> None:
        name = user.name if user else ""
        self.records.note(login(Deed.LOGIN_FAILED, name, at, way=way, address=address))
        if locks:
            self.records.note(login(Deed.LOCKED_OUT, name, at, address=address))
            self.records.happen([Happening(at=at, kind=Kind.USER_LOCKED, subject=name)] if user else [])

    def person_of(self, email: str) -> str:
        """Which employee has this address; empty where nobody has."""
        mine = email.strip().lower()
        return next((one.id for one in self.records.persons() if mine and one.email.lower() == mine), "")

    def _kept(self, user: User | None, arrived: Arrived, by: str, at: datetime) -> User:
        if user is None:
            name = named(arrived.name)
            if name is None:
                raise Refused("the provider's name for the user is none that users have here")
            fresh = User(
                name=name,
                roles=arrived.roles,
                created=at,
                email=arrived.email,
                issuer=arrived.issuer,
                subject=arrived.subject,
            )
            self.records.add_user(fresh, changed(by, name, at, "added", **rights(fresh)))
            return fresh
        return self.records.change_user(
            user.name,
            lambda one: _as_given(one, arrived, by),
            lambda one: changed(by, one.name, at, "updated", **rights(one)),
            admin_stays=False,
        )


def _as_given(user: User, arrived: Arrived, by: str) -> User:
    """A user as their provider describes them now."""
    if user.disabled_by not in ("", by):
        raise Denied
    email = arrived.email or user.email
    # Another address may be another employee's: who that is is looked up anew.
    person = user.person if email == user.email else ""
    return replace(user, roles=arrived.roles, email=email, person=person, disabled_by="")
