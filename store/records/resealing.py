"""What lies sealed by the access key, and having it sealed by another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, select, update

from core.evidence import AuditEntry
from core.notifying import sealed_as
from core.users import totp_of
from store.records.accesstables import users
from store.records.atrest import overwriting
from store.records.audit import note_in
from store.records.database import Database, upsert
from store.records.notifytables import channels
from store.records.tables import settings


class Sealed(NamedTuple):
    """What a secret is sealed as, and how it lies there."""

    of: str
    value: str


def sealed_values(database: Database) -> list[Sealed]:
    """Secrets of second factors, and the addresses of channels."""
    with database.reading() as connection:
        return [one for _, _, one in _lying(connection)]


def reseal(
    database: Database, anew: Callable[[str, str], str], setting: tuple[str, str], noted: Callable[[int], AuditEntry]
) -> int:
    """Have everything sealed be what `anew` makes of it (value, of), and keep a setting (name, value), all in one
    transaction, noted with how many were changed; returns that."""
    changed = 0
    with database.writing() as connection, overwriting(connection):
        for column, name, one in _lying(connection):
            if (fresh := anew(one.value, one.of)) != one.value:
                as_kept = fresh.encode() if column is channels.c.sealed else fresh
                connection.execute(
                    update(column.table).where(column.table.c.name == name).values({column.name: as_kept})
                )
                changed += 1
        upsert(connection, settings, [dict(zip(("name", "value"), setting, strict=True))])
        note_in(connection, noted(changed))
    return changed


def _lying(connection: Connection) -> list[tuple[Column[Any], str, Sealed]]:
    """Everything, with the column and the name of the row where it lies."""
    factors = connection.execute(select(users.c.name, users.c.totp).where(users.c.totp != ""))
    ways = connection.execute(select(channels.c.name, channels.c.sealed))
    return [
        *((users.c.totp, name, Sealed(totp_of(name), value)) for name, value in factors),
        *((channels.c.sealed, name, Sealed(sealed_as(name), value.decode())) for name, value in ways),
    ]
