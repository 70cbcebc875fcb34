"""Unmaskings. Whatever becomes of one is noted and told in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, select

from core.access import Depth
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.unmasking import Purpose, Unmasking, UnmaskingState
from store.records.audit import note_in
from store.records.database import Database, Row, upsert
from store.records.happenings import happen_in
from store.records.tables import cases as case_table
from store.records.unmaskingtables import unmaskings as table

_DEEDS = {
    UnmaskingState.WAITING: Deed.ASKED_TO_UNMASK,
    UnmaskingState.GRANTED: Deed.UNMASKED,
    UnmaskingState.REFUSED: Deed.REFUSED_TO_UNMASK,
    UnmaskingState.WITHDRAWN: Deed.ENDED_UNMASKING,
    UnmaskingState.ENDED: Deed.ENDED_UNMASKING,
}
_TOLD = {
    UnmaskingState.WAITING: Kind.UNMASKING_ASKED,
    UnmaskingState.GRANTED: Kind.UNMASKING_GRANTED,
}
TO_APPROVE = ("role:senior_analyst", "role:legal")
"""Who is told that one waits."""


class UnmaskingRecords:
    """Adapter of `core.unmasking.Unmaskings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_unmasking(self, unmasking: Unmasking, before: UnmaskingState | None) -> None:
        with self._database.writing() as connection:
            known = connection.execute(select(table.c.state).where(table.c.id == unmasking.id)).scalar()
            if known != (before.value if before else None):
                raise Refused(f"unmasking {unmasking.id} is {known} by now")
            upsert(connection, table, [_row(unmasking)])
            _tell(connection, unmasking)

    def unmasking(self, unmasking_id: str) -> Unmasking | None:
        found = self._found(table.c.id == unmasking_id)
        return found[0] if found else None

    def unmaskings(
        self,
        *,
        asked_by: str | None = None,
        case: str | None = None,
        person: str | None = None,
        state: UnmaskingState | None = None,
    ) -> Sequence[Unmasking]:
        asked = {"asked_by": asked_by, "case": case, "person": person, "state": state and state.value}
        return self._found(*(table.c[name] == value for name, value in asked.items() if value is not None))[::-1]

    def unmaskings_in_force(
        self, at: datetime, asked_by: str | None = None, *, case: str | None = None, person: str | None = None
    ) -> Sequence[Unmasking]:
        asked = {"asked_by": asked_by, "case": case, "person": person}
        given = {name: value for name, value in asked.items() if value is not None}
        with self._database.reading() as connection:
            rows = connection.execute(_in_force(*given), {"at": at, **given}).mappings()
            return [_unmasking(dict(row)) for row in rows]

    def _found(self, *those: ColumnElement[bool]) -> list[Unmasking]:
        query = select(table).where(*those).order_by(table.c.asked, table.c.id)
        with self._database.reading() as connection:
            return [_unmasking(dict(row)) for row in connection.execute(query).mappings()]


@cache
def _in_force(*given: str) -> Select[*tuple[Any, ...]]:
    """Every request asks this; to put it together takes longer than to answer it."""
    undecided = select(case_table.c.id).where(case_table.c.decided.is_(None))
    return (
        select(table)
        .where(
            table.c.state == UnmaskingState.GRANTED.value,
            table.c.until > bindparam("at"),
            table.c.case.in_(undecided),
            *(table.c[name] == bindparam(name) for name in given),
        )
        .order_by(table.c.asked, table.c.id)
    )


def _tell(connection: Connection, one: Unmasking) -> None:
    deed, about = _DEEDS[one.state], (one.person, one.case)
    facts = {"case": one.case, "depth": one.depth.value, "purpose": one.purpose.value}
    details: Row = {**facts, "unmasking": one.id, "state": one.state.value}
    if one.state in (UnmaskingState.WAITING, UnmaskingState.GRANTED):
        details |= {"seconds": int(one.lasts.total_seconds()), "for": one.asked_by}
    at = one.ended or one.answered or one.asked
    by = one.ended_by or one.answered_by or one.asked_by
    # Who may alone gives the reason in asking.
    why = "" if one.ended else one.answer or (one.reason if by == one.asked_by else "")
    note_in(connection, AuditEntry(at=at, by=by, deed=deed, about=about, why=why, details=details))
    if told := _TOLD.get(one.state):
        to = TO_APPROVE if one.state is UnmaskingState.WAITING else (f"user:{one.asked_by}",)
        new = Happening(at=at, kind=told, subject=one.id, person=one.person, by=by, to=to, details=facts)
        happen_in(connection, [new])


def _row(unmasking: Unmasking) -> Row:
    plain = {name: getattr(unmasking, name).value for name in ("purpose", "depth", "state")}
    return asdict(unmasking) | plain | {"lasts": int(unmasking.lasts.total_seconds())}


def _unmasking(row: Row) -> Unmasking:
    kinds = {"purpose": Purpose(row["purpose"]), "depth": Depth(row["depth"]), "state": UnmaskingState(row["state"])}
    return Unmasking(**row | kinds | {"lasts": timedelta(seconds=row["lasts"])})
