"""Logins that last, and the keys that programs call with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Column, Select, Table, bindparam, delete, insert, select, update

from core.access import Permission
from core.evidence import AuditEntry
from core.users import Key, Session, User
from store.records.accesstables import api_keys, user_sessions
from store.records.accesstables import users as user_table
from store.records.audit import note_in
from store.records.database import Database, Row
from store.records.users import user_of


class SessionRecords:
    """Adapter of `core.users.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_session(self, session: Session, noted: AuditEntry) -> None:
        with self._database.writing(alone=False) as connection:
            connection.execute(insert(user_sessions), asdict(session))
            note_in(connection, noted)

    def session(self, digest: str) -> tuple[Session, User] | None:
        found = _with_user(self._database, user_sessions, user_sessions.c.digest, digest)
        return (Session(**found[0]), found[1]) if found else None

    def saw_session(self, digest: str, at: datetime) -> None:
        with self._database.writing(alone=False) as connection:
            connection.execute(update(user_sessions).where(user_sessions.c.digest == digest).values(seen=at))

    def sessions(self, user: str) -> Sequence[Session]:
        query = select(user_sessions).where(user_sessions.c.user == user)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(user_sessions.c.opened, user_sessions.c.id)).mappings()
            return [Session(**row) for row in rows]

    def end_sessions(self, user: str, noted: AuditEntry, *, only: str | None = None, but: str | None = None) -> int:
        these = user_sessions.c.user == user
        if only is not None:
            these &= user_sessions.c.id == only
        if but is not None:
            these &= user_sessions.c.id != but
        with self._database.writing(alone=False) as connection:
            ended = connection.execute(delete(user_sessions).where(these)).rowcount
            if ended:
                note_in(connection, noted)
            return ended

    def forget_sessions(self, opened_before: datetime, seen_before: datetime) -> None:
        over = (user_sessions.c.opened < opened_before) | (user_sessions.c.seen < seen_before)
        with self._database.writing(alone=False) as connection:
            connection.execute(delete(user_sessions).where(over))


class KeyRecords:
    """Adapter of `core.users.Keys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_key(self, key: Key, noted: AuditEntry) -> None:
        with self._database.writing(alone=False) as connection:
            connection.execute(insert(api_keys), asdict(key) | {"permissions": json.dumps(sorted(key.permissions))})
            note_in(connection, noted)

    def key(self, key_id: str) -> tuple[Key, User] | None:
        found = _with_user(self._database, api_keys, api_keys.c.id, key_id)
        return (_key(found[0]), found[1]) if found else None

    def keys_of(self, user: str | None = None, after: str = "", most: int | None = None) -> Sequence[Key]:
        query = select(api_keys).where(api_keys.c.id > after).order_by(api_keys.c.id).limit(most)
        if user is not None:
            query = query.where(api_keys.c.user == user)
        with self._database.reading() as connection:
            return [_key(dict(row)) for row in connection.execute(query).mappings()]

    def used_key(self, key_id: str, at: datetime) -> None:
        with self._database.writing(alone=False) as connection:
            connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(used=at))

    def revoke_key(self, key_id: str, at: datetime, noted: AuditEntry) -> bool:
        this = (api_keys.c.id == key_id) & api_keys.c.revoked.is_(None)
        with self._database.writing(alone=False) as connection:
            if connection.execute(update(api_keys).where(this).values(revoked=at)).rowcount != 1:
                return False
            note_in(connection, noted)
            return True


@cache
def _joined(table: Table, key: Column[str]) -> Select[*tuple[Any, ...]]:
    """Every request asks this; to put it together takes longer than to answer it."""
    query = select(table, *(column.label(f"users.{column.name}") for column in user_table.c))
    return query.join(user_table, user_table.c.name == table.c.user).where(key == bindparam("this"))


def _with_user(database: Database, table: Table, key: Column[str], this: str) -> tuple[Row, User] | None:
    """A row of a table and the user it belongs to, in one question."""
    with database.reading() as connection:
        row = connection.execute(_joined(table, key), {"this": this}).mappings().first()
    if row is None:
        return None
    own = {column.name: row[column.name] for column in table.c}
    return own, user_of({column.name: row[f"users.{column.name}"] for column in user_table.c})


def _key(row: Row) -> Key:
    return Key(**{**row, "permissions": frozenset(map(Permission, json.loads(row["permissions"])))})
