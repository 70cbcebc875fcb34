"""Deleting what the records hold of a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, and_, select, update

from core.errors import Refused
from core.evidence import FREEZING, FROZEN, AuditEntry, Deed
from core.retention import Erasure, Stored
from core.subjects import Right, SubjectRequest
from store.records.audit import note_in
from store.records.database import Database, pieces, upsert
from store.records.deleting import delete_frozen, delete_rows, delete_writing
from store.records.followingtables import displaced, moves
from store.records.holds import check_free, erasure_row
from store.records.hrtables import members, notices
from store.records.inbox import note_changed
from store.records.notices import nameless_answers
from store.records.notifytables import actions
from store.records.standingtables import standings, unranked
from store.records.subjects import check_waits, keep_request
from store.records.subjecttables import subject_requests
from store.records.tables import (
    accounts,
    alerts,
    approvals,
    cases,
    erasures,
    exceptions,
    filings,
    happenings,
    incidents,
    links,
    marks,
    model_findings,
    persons,
    snapshots,
    turns,
)
from store.records.triagerows import save_words
from store.records.triagetables import attachments, comment_texts, comments, contents, splits, tasks, work
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
    displaced.c.person,
    displaced.c.about,
    splits.c.person,
    unmaskings.c.person,
    notices.c.person,
    members.c.person,
    actions.c.person,
)
WRITTEN_TEXTS = (
    *(comments.c.text, tasks.c.title, attachments.c.name, unmaskings.c.reason, unmaskings.c.answer),
    *(actions.c.reason, actions.c.decision, actions.c.result, notices.c.answers, notices.c.feedback, notices.c.why),
)
"""What people wrote on a case, by its id."""
FOUND_AS = {comments.name: "comment", tasks.name: "task", attachments.name: "attachment"}
"""As what texts are found by their words."""
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

    def begin_erasing(self, request: SubjectRequest) -> None:
        with self._database.writing() as connection:
            _check(connection, request)
            keep_request(connection, request)

    def expunge(
        self, request: SubjectRequest, keys: Collection[str], erasure: Erasure, nameless: Callable[[str], str]
    ) -> SubjectRequest:
        person = request.person
        # Nobody who has looked at what goes freezes it afterwards.
        with self._database.lock(FREEZING), self._database.writing() as connection:
            _check(connection, request)
            gone = Counter({kind.value: count for kind in Stored if (count := erasure.due.count(kind))})
            frozen = connection.execute(select(snapshots.c.id).where(snapshots.c.person == person)).scalars().all()
            gone += delete_frozen(connection, frozen)
            gone += _drop_alerts(connection, person)
            own = _cases_of(connection, person)
            gone += _unnamed(connection, _crews(connection, person, own), nameless)
            gone += delete_rows(connection, moves.c.target, own)
            gone += delete_writing(connection, own) + delete_rows(connection, work.c.case, own)
            _let_staff_go(connection, person)
            gone += delete_rows(connection, contents.c.case, own)
            for column in OF_PERSON:
                gone += delete_rows(connection, column, [person])
            for column in OF_ACCOUNT:
                gone += delete_rows(connection, column, [*keys, f"person:{person}"])
            # The newest stays, so that numbers never begin again: none goes, and none says who it was.
            about = happenings.c.person == person
            connection.execute(update(happenings).where(about).values(person="", subject="", details="{}"))
            done = replace(request, person="", done=datetime.now(UTC), counts=dict(gone))
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
                details={"request": request.id, "erasure": erasure.id, "records": dict(gone), FROZEN: sorted(frozen)},
            )
            note_in(connection, entry)
        return done


def _let_staff_go(connection: Connection, person: str) -> None:
    """Nobody's manager has the person's mail address any more. Addresses are encrypted: all are read."""
    email = connection.execute(select(persons.c.email).where(persons.c.id == person)).scalar()
    if not email:
        return
    known = connection.execute(select(persons.c.id, persons.c.manager_email))
    staff = sorted(one for one, manager in known if manager.casefold() == email.casefold())
    for some in pieces(staff):
        connection.execute(update(persons).where(persons.c.id.in_(some)).values(manager_email=""))


def _check(connection: Connection, request: SubjectRequest) -> None:
    """Raises `Refused` where the person cannot be erased."""
    check_waits(connection, request)
    check_free(connection, request.person)
    waits = subject_requests.c.done.is_(None) & (subject_requests.c.right == Right.ACCESS.value)
    theirs = select(subject_requests.c.id).where(subject_requests.c.person == request.person)
    if connection.execute(theirs.where(waits)).first():
        raise Refused("what is held about this person was asked for: it is handed over first")


def _drop_alerts(connection: Connection, person: str) -> Counter[str]:
    """What a judge has settled since the person's alerts were taken away."""
    if connection.dialect.name == "postgresql":
        # Alerts before cases, as whoever settles.
        connection.exec_driver_sql("lock table alerts in share row exclusive mode")
    left = connection.execute(select(alerts.c.id, alerts.c.person).where(alerts.c.person == person)).mappings().all()
    note_changed(connection, map(dict, left))
    return delete_rows(connection, alerts.c.id, [row["id"] for row in left])


def _cases_of(connection: Connection, person: str) -> list[str]:
    """The person's cases, also those that are gone while something lies with them, and of these any that had nobody
    else's alerts: no other case will ever have them."""
    there = select(cases.c.id).where(cases.c.person == person)
    gone = select(displaced.c.case).where(displaced.c.person == person)
    others = select(displaced.c.case).where(displaced.c.about != person)
    alone = select(displaced.c.case).where(displaced.c.about == person, displaced.c.case.not_in(others))
    return list(connection.execute(there.union(gone, alone)).scalars())


def _crews(connection: Connection, person: str, own: Collection[str]) -> list[str]:
    """Cases of others that the person has alerts in, or had before they were gone."""
    about = select(contents.c.case).where(contents.c.person == person)
    gone = select(displaced.c.case).where(displaced.c.about == person)
    return sorted(set(connection.execute(about.union(gone)).scalars()).difference(own))


def _unnamed(connection: Connection, among: Collection[str], nameless: Callable[[str], str]) -> Counter[str]:
    """Texts on these cases become nameless; how many of which table did. They are encrypted: all are read."""
    changed: Counter[str] = Counter()
    for case in among:
        its_comments = select(comments.c.id).where(comments.c.case == case)
        for column, these in (
            (cases.c.reason, cases.c.id == case),
            (comment_texts.c.text, comment_texts.c.comment.in_(its_comments)),
            *((column, column.table.c.case == case) for column in WRITTEN_TEXTS),
        ):
            table = column.table
            keys = list(table.primary_key)
            of = partial(nameless_answers, nameless=nameless) if column is notices.c.answers else nameless
            for row in connection.execute(select(*keys, column).where(these)).all():
                if (text := of(row[-1])) == row[-1]:
                    continue
                this = and_(*(key == value for key, value in zip(keys, row[:-1], strict=True)))
                connection.execute(update(table).where(this).values({column.name: text}))
                changed[table.name] += 1
                if table.name in FOUND_AS:
                    save_words(connection, case, f"{FOUND_AS[table.name]} {row[0]}", text)
    return changed
