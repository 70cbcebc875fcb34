"""Requests for the file of what is held about a person, and to erase one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, select

from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.subjects import Right, SubjectRequest
from store.records.audit import note_in
from store.records.begun import being_erased
from store.records.database import Database, Row, upsert
from store.records.followingtables import displaced
from store.records.holds import check_free
from store.records.subjecttables import subject_requests as table
from store.records.tables import snapshots

_ASKED = {Right.ACCESS: Deed.ASKED_FOR_ACCESS, Right.ERASURE: Deed.ASKED_TO_ERASE}


class SubjectRecords:
    """Adapter of `core.subjects.SubjectRequests`, but for erasing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask_for_subject(self, request: SubjectRequest) -> None:
        same = (table.c.person == request.person) & (table.c.right == request.right.value)
        with self._database.writing() as connection:
            if request.right is Right.ERASURE:
                check_free(connection, request.person)
            if connection.execute(select(table.c.id).where(same, table.c.done.is_(None))).first():
                raise Refused("somebody has asked for that already: another person may carry it out")
            if request.person in being_erased(connection):
                raise Refused("this person is being erased")
            keep_request(connection, request)
            entry = AuditEntry(
                at=request.asked,
                by=request.asked_by,
                deed=_ASKED[request.right],
                about=[request.person],
                why=request.reason,
                details={"request": request.id},
            )
            note_in(connection, entry)

    def subject_requests(self) -> Sequence[SubjectRequest]:
        query = select(table).order_by(table.c.asked, table.c.id)
        with self._database.reading() as connection:
            return [_request(dict(row)) for row in connection.execute(query).mappings()]

    def answered_subject(self, request: SubjectRequest) -> None:
        if request.done is None:
            raise ValueError("a request that is not done")
        details = {"what": request.right.value, "request": request.id, **request.counts}
        with self._database.writing() as connection:
            check_waits(connection, request)
            keep_request(connection, request)
            entry = AuditEntry(
                at=request.done, by=request.done_by, deed=Deed.ANSWERED, about=[request.person], details=details
            )
            note_in(connection, entry)

    def frozen_alerts_of(self, person: str) -> Sequence[str]:
        query = select(snapshots.c.alert).where(snapshots.c.person == person).distinct()
        with self._database.reading() as connection:
            return sorted(connection.execute(query).scalars())

    def displaced_of(self, person: str) -> Sequence[str]:
        of = (displaced.c.person == person) | (displaced.c.about == person)
        with self._database.reading() as connection:
            return sorted(connection.execute(select(displaced.c.case).where(of).distinct()).scalars())


def check_waits(connection: Connection, request: SubjectRequest) -> None:
    """Raises `Refused` where the request does not wait, or whoever carries it out is who asked."""
    row = connection.execute(select(table).where(table.c.id == request.id)).mappings().first()
    if row is None or not (kept := _request(dict(row))).waits or kept.right is not request.right:
        raise Refused("nobody has asked for that, or it is done already")
    if kept.is_of(request.done_by):
        raise Refused(f"{request.done_by} asked for it: somebody else has to carry it out")


def keep_request(connection: Connection, request: SubjectRequest) -> None:
    """Add it, or change it where its id agrees."""
    counts = json.dumps(dict(request.counts), sort_keys=True)
    upsert(connection, table, [asdict(request) | {"right": request.right.value, "counts": counts}])


def _request(row: Row) -> SubjectRequest:
    return SubjectRequest(**{**row, "right": Right(row["right"]), "counts": json.loads(row["counts"])})
