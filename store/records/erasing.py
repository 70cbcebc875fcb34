"""Deleting what the records hold of a person."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Column, Connection, delete, func, select, update

from core.evidence import FROZEN, AuditEntry, Deed
from core.retention import Erasure, Stored
from core.subjects import SubjectRequest
from store.records.audit import note_in
from store.records.database import Database, pieces, upsert
from store.records.holds import erasure_row
from store.records.hrtables import members, notices
from store.records.notifytables import actions
from store.records.standingtables import standings, unranked
from store.records.subjects import check_waits, keep_request
from store.records.subjecttables import subject_requests
from store.records.tables import (
    accounts,
    approvals,
    cases,
    erasures,
    exceptions,
    filings,
    frozen_events,
    happenings,
    incidents,
    links,
    marks,
    model_findings,
    persons,
    snapshots,
    turns,
)
from store.records.triagetables import (
    attached_files,
    attachments,
    comment_texts,
    comments,
    contents,
    splits,
    tasks,
    words,
    work,
)
from store.records.unmaskingtables import unmaskings
from store.records.watching import ended_watches

OF_PERSON = (
    persons.c.id,
    links.c.person,
    cases.c.person,
    model_findings.c.person,
    exceptions.c.person,
    turns.c.person,
    ended_watches.c.person,
    standings.c.person,
    unranked.c.person,
    contents.c.person,
    splits.c.person,
    unmaskings.c.person,
    notices.c.person,
    members.c.person,
    actions.c.person,
)
OF_CASE = (work.c.case, words.c.case, tasks.c.case, comments.c.case, attachments.c.case)
OF_ACCOUNT = (
    links.c.account,
    filings.c.account,
    accounts.c.account,
    approvals.c.account,
    incidents.c.account,
    exceptions.c.person,
    marks.c.subject,
)


class ErasingRecords:
    """Adapter of `core.subjects.SubjectRequests`: erasing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expunge(self, request: SubjectRequest, keys: Collection[str], erasure: Erasure) -> SubjectRequest:
        person = request.person
        with self._database.writing() as connection:
            check_waits(connection, request)
            gone = {kind.value: count for kind in Stored if (count := erasure.due.count(kind))}
            snapshots_gone = _frozen(connection, person, gone)
            _delete_work(connection, person, gone)
            for column in OF_PERSON:
                _delete(connection, column, [person], gone)
            for column in OF_ACCOUNT:
                _delete(connection, column, [*keys, f"person:{person}"], gone)
            # The newest stays, so that numbers never begin again: none goes, and none says who it was.
            about = happenings.c.person == person
            connection.execute(update(happenings).where(about).values(person="", subject="", details="{}"))
            done = replace(request, person="", done=datetime.now(UTC), counts=gone)
            keep_request(connection, done)
            theirs = subject_requests.c.person == person
            connection.execute(update(subject_requests).where(theirs).values(person=""))
            upsert(connection, erasures, [erasure_row(erasure)])
            entry = AuditEntry(
                at=done.done or erasure.begun,
                by=request.done_by,
                deed=Deed.ERASED,
                about=[request.pseudonym],
                # The ledger still has leaves of what was frozen: here it stands why that is gone.
                details={"request": request.id, "erasure": erasure.id, "records": gone, FROZEN: snapshots_gone},
            )
            note_in(connection, entry)
        return done


def _frozen(connection: Connection, person: str, gone: dict[str, int]) -> list[str]:
    """Delete what was frozen of the person's alerts, and the events that nobody else's rest on; the snapshots' ids."""
    found = connection.execute(select(snapshots.c.id, snapshots.c.body).where(snapshots.c.person == person)).all()
    own = {event for _, body in found for event in json.loads(body)["events"]}
    left = select(snapshots.c.body).where(snapshots.c.person != person)
    for body in connection.execution_options(yield_per=100).execute(left).scalars():
        own.difference_update(json.loads(body)["events"])
    _delete(connection, snapshots.c.id, [name for name, _ in found], gone)
    _delete(connection, frozen_events.c.id, own, gone)
    return sorted(name for name, _ in found)


def _delete_work(connection: Connection, person: str, gone: dict[str, int]) -> None:
    """Delete what was written and attached by those who worked on the person's cases."""
    own = connection.execute(select(cases.c.id).where(cases.c.person == person)).scalars().all()
    written = [
        one
        for some in pieces(own)
        for one in connection.execute(select(comments.c.id).where(comments.c.case.in_(some))).scalars()
    ]
    _delete(connection, comment_texts.c.comment, written, gone)
    for column in OF_CASE:
        _delete(connection, column, own, gone)
    attached = select(attachments.c.sha256)
    alone = connection.execute(select(attached_files.c.sha256).where(attached_files.c.sha256.not_in(attached)))
    _delete(connection, attached_files.c.sha256, alone.scalars().all(), gone)


def _delete(connection: Connection, column: Column[str], values: Iterable[str], gone: dict[str, int]) -> None:
    table = column.table
    for some in pieces(sorted(set(values))):
        count = connection.execute(select(func.count()).select_from(table).where(column.in_(some))).scalar() or 0
        if count:
            connection.execute(delete(table).where(column.in_(some)))
            gone[table.name] = gone.get(table.name, 0) + count
