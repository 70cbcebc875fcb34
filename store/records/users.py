"""Users and what they log in with. What changes is noted in the audit log, in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from core.access import Role, Scope
from core.errors import Refused
from core.evidence import AuditEntry
from core.happening import Happening, Kind
from core.users import GONE, Attempts, Credentials, Invitation, User
from store.records.accesstables import api_keys, invitations, recovery_codes, user_sessions
from store.records.accesstables import attempts as attempt_table
from store.records.accesstables import users as user_table
from store.records.audit import note_in
from store.records.database import Database, Row, add_missing, upsert
from store.records.happenings import happen_in

_CREDENTIALS = ("password", "totp", "confirmed", "step")


class UserRecords:
    """Adapter of `core.users.Users`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def users(self, after: str = "", most: int | None = None) -> Sequence[User]:
        query = select(user_table).where(user_table.c.name > after).order_by(user_table.c.name).limit(most)
        with self._database.reading() as connection:
            return [user_of(dict(row)) for row in connection.execute(query).mappings()]

    def user(self, name: str) -> User | None:
        with self._database.reading() as connection:
            return _user(connection, name)

    def user_at(self, issuer: str, subject: str) -> User | None:
        with self._database.reading() as connection:
            return _at(connection, issuer, subject)

    def add_user(self, user: User, noted: AuditEntry) -> None:
        with self._database.writing() as connection:
            if _user(connection, user.name):
                raise Refused(f"there is a user {user.name} already")
            if user.issuer and _at(connection, user.issuer, user.subject):
                raise Refused("the provider's user is a user here already")
            connection.execute(insert(user_table), _row(user))
            note_in(connection, noted)

    def change_user(
        self,
        name: str,
        change: Callable[[User], User],
        noted: Callable[[User], AuditEntry],
        *,
        admin_stays: bool = True,
    ) -> User:
        with self._database.writing() as connection:
            before = _user(connection, name)
            if before is None:
                raise Refused(f"there is no user {name}")
            user = change(before)
            if user == before:
                return user
            connection.execute(update(user_table).where(user_table.c.name == name).values(_row(user)))
            if admin_stays and _leads(before) and not _leads(user) and not _any_admin(connection):
                raise Refused(f"{name} is the last admin: make somebody else one first")
            if _seen(before) != _seen(user):
                connection.execute(delete(user_sessions).where(user_sessions.c.user == name))
            note_in(connection, noted(user))
            return user

    def credentials(self, name: str) -> Credentials:
        query = select(*(user_table.c[column] for column in _CREDENTIALS)).where(user_table.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return Credentials(**row) if row else Credentials()

    def set_password(self, name: str, password: str, noted: AuditEntry | None) -> None:
        with self._database.writing() as connection:
            had = _password(connection, name)
            _set_password(connection, name, password, anew=noted is not None)
            if noted:
                note_in(connection, noted)
                _tell(connection, Kind.ACCOUNT_PASSWORD_CHANGED, name, noted, had)

    def set_totp(self, name: str, sealed: str, recovery: Sequence[str], *, confirmed: bool, noted: AuditEntry) -> None:
        with self._database.writing() as connection:
            this = (user_table.c.name == name) & user_table.c.confirmed
            had = bool(connection.execute(select(user_table.c.totp).where(this)).scalar())
            values = {"totp": sealed, "confirmed": confirmed}
            connection.execute(update(user_table).where(user_table.c.name == name).values(values))
            connection.execute(delete(recovery_codes).where(recovery_codes.c.user == name))
            if recovery:
                connection.execute(insert(recovery_codes), [{"user": name, "digest": one} for one in recovery])
            note_in(connection, noted)
            _tell(connection, Kind.ACCOUNT_FACTOR_REMOVED, name, noted, had and not confirmed)

    def use_step(self, name: str, step: int) -> bool:
        this = (user_table.c.name == name) & (user_table.c.step < step)
        with self._database.writing(alone=False) as connection:
            return connection.execute(update(user_table).where(this).values(step=step)).rowcount == 1

    def use_recovery(self, name: str, digest: str) -> bool:
        this = (recovery_codes.c.user == name) & (recovery_codes.c.digest == digest)
        with self._database.writing(alone=False) as connection:
            return connection.execute(delete(recovery_codes).where(this)).rowcount == 1

    def invite(self, invitation: Invitation, noted: AuditEntry) -> None:
        with self._database.writing() as connection:
            upsert(connection, invitations, [asdict(invitation)])
            note_in(connection, noted)
            has = _password(connection, invitation.user)
            _tell(connection, Kind.ACCOUNT_LINK_MADE, invitation.user, noted, has)

    def invitation(self, digest: str, at: datetime) -> Invitation | None:
        query = select(invitations).where(invitations.c.digest == digest, invitations.c.expires > at)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return Invitation(**row) if row else None

    def accept(self, digest: str, password: str, noted: AuditEntry) -> None:
        with self._database.writing() as connection:
            name = _take(connection, digest, noted.at)
            if not name:
                raise Refused(GONE)
            had = _password(connection, name)
            _set_password(connection, name, password, anew=True)
            theirs = (api_keys.c.user == name) & api_keys.c.revoked.is_(None)
            ended = connection.execute(update(api_keys).where(theirs).values(revoked=noted.at).returning(api_keys.c.id))
            noted = replace(noted, details={**noted.details, "keys_revoked": sorted(ended.scalars())})
            note_in(connection, noted)
            _tell(connection, Kind.ACCOUNT_PASSWORD_CHANGED, name, noted, had)

    def add_first_admin(self, user: User, password: str, digest: str, noted: AuditEntry) -> None:
        with self._database.writing() as connection:
            if _take(connection, digest, noted.at) != "" or _user(connection):
                raise Refused(GONE)
            connection.execute(insert(user_table), _row(user) | {"password": password})
            note_in(connection, noted)

    def attempt(self, subject: str, after: Callable[[Attempts], Attempts]) -> Attempts:
        this = attempt_table.c.subject == subject
        with self._database.writing(alone=False) as connection:
            add_missing(connection, attempt_table, [{"subject": subject, "failed": 0}])
            row = connection.execute(select(attempt_table).where(this).with_for_update()).mappings().one()
            before = Attempts(**row)
            connection.execute(update(attempt_table).where(this).values(asdict(after(before))))
            return before

    def forget_attempts(self, subject: str, older: datetime) -> None:
        these = (attempt_table.c.subject == subject) | (attempt_table.c.last < older)
        with self._database.writing(alone=False) as connection:
            connection.execute(delete(attempt_table).where(these))


def user_of(row: Row) -> User:
    """A user of a row of the table."""
    plain = {name: row[name] for name in ("name", "created", "person", "email", "language", "disabled_by")}
    scope = Scope(
        departments=frozenset(json.loads(row["departments"])), countries=frozenset(json.loads(row["countries"]))
    )
    roles = frozenset(Role(role) for role in json.loads(row["roles"]))
    credentials = Credentials(**{name: row[name] for name in _CREDENTIALS})
    return User(
        **plain,
        issuer=row["issuer"],
        subject=row["subject"],
        roles=roles,
        scope=scope,
        second_factor=credentials.second_factor,
    )


def _row(user: User) -> Row:
    plain = {name: getattr(user, name) for name in ("name", "created", "person", "email", "language", "disabled_by")}
    lists = {"roles": user.roles, "departments": user.scope.departments, "countries": user.scope.countries}
    texts = {name: json.dumps(sorted(values), ensure_ascii=False) for name, values in lists.items()}
    return plain | {"issuer": user.issuer, "subject": user.subject} | texts


def _user(connection: Connection, name: str | None = None) -> User | None:
    """One by name, or any."""
    query = select(user_table).limit(1)
    row = connection.execute(query if name is None else query.where(user_table.c.name == name)).mappings().first()
    return user_of(dict(row)) if row else None


def _at(connection: Connection, issuer: str, subject: str) -> User | None:
    this = (user_table.c.issuer == issuer) & (user_table.c.subject == subject)
    row = connection.execute(select(user_table).where(this)).mappings().first()
    return user_of(dict(row)) if row else None


def _seen(user: User) -> tuple[object, ...]:
    """What decides what a user may see and do."""
    return user.roles, user.scope, user.person, user.disabled


def _leads(user: User) -> bool:
    return Role.ADMIN in user.roles and not user.disabled


def _any_admin(connection: Connection) -> bool:
    rows = connection.execute(select(user_table).where(user_table.c.disabled_by == "")).mappings()
    return any(_leads(user_of(dict(row))) for row in rows)


def _set_password(connection: Connection, name: str, password: str, *, anew: bool) -> None:
    done = connection.execute(update(user_table).where(user_table.c.name == name).values(password=password))
    if done.rowcount != 1:
        raise Refused(f"there is no user {name}")
    if anew:
        connection.execute(delete(user_sessions).where(user_sessions.c.user == name))
        connection.execute(delete(invitations).where(invitations.c.user == name))


def _password(connection: Connection, name: str) -> bool:
    """Whether a user has one."""
    return bool(connection.execute(select(user_table.c.password).where(user_table.c.name == name)).scalar())


def _tell(connection: Connection, kind: Kind, name: str, noted: AuditEntry, really: bool) -> None:
    """Tell a user what became of their account, where it did."""
    told = Happening(at=noted.at, kind=kind, subject=name, by=noted.by, to=(f"user:{name}",))
    happen_in(connection, [told] if really else [])


def _take(connection: Connection, digest: str, at: datetime) -> str | None:
    """Whose link it was, which is gone now; empty: that of the first admin."""
    this = (invitations.c.digest == digest) & (invitations.c.expires > at)
    taken: str | None = connection.execute(delete(invitations).where(this).returning(invitations.c.user)).scalar()
    return taken
