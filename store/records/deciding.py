"""Deciding a case, and taking it back: what both change, in one transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from core.case import DECIDED, Case, CaseState
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.ports import Mark
from core.triage import FIRST_SPLIT, Change
from store.records.audit import note_in
from store.records.caserows import case_of
from store.records.database import pieces
from store.records.following import displace
from store.records.marks import add_marks
from store.records.tables import cases as case_table
from store.records.triagerows import (
    advance,
    forget,
    note_step,
    save_work,
    step_happening,
    the_case,
    touched,
    work_in,
)
from store.records.triagetables import comments, contents, tasks, work


def decide_in(
    connection: Connection, case_id: str, verdict: CaseState, reason: str, at: datetime, by: str, because: str = ""
) -> list[Happening]:
    """Decide a case and the open ones that are worked on with it; returns what is to be told. Raises `Refused`."""
    case = the_case(connection, case_id)
    own = work_in(connection, [case_id])[case_id]
    if own.lead and case.state not in DECIDED:
        raise Refused(f"the case is worked on with {own.lead}: decide that")
    group = [case, *(one for one in members_in(connection, case_id) if one.state not in DECIDED)]
    works = work_in(connection, [one.id for one in group])
    save_work(connection, touched(works.values(), because=because))
    decision = {"state": verdict.value, "reason": reason, "decided": at, "decided_by": by}
    told = {"verdict": verdict.value} | ({"because": because} if because else {})
    for one in group:
        connection.execute(update(case_table).where(case_table.c.id == one.id).values(decision))
        about = (one.person, one.id)
        note_in(connection, AuditEntry(at=at, by=by, deed=Deed.DECIDED, about=about, why=reason, details=told))
    add_marks(connection, [_mark(one) for one in group])
    return [step_happening(connection, one, Kind.CASE_DECIDED, at=at, by=by, details=told) for one in group]


def reopen_in(connection: Connection, change: Change) -> list[Happening]:
    """Take back the decision of a case and of those decided with it. Raises `Refused` or `Stale`."""
    case = the_case(connection, change.before.case)
    if case.state not in DECIDED:
        raise Refused("the case is open")
    advance(connection, change.before, change.after)
    together = [one for one in members_in(connection, case.id) if (one.decided, one.decided_by) == _when(case)]
    save_work(connection, touched(work_in(connection, [one.id for one in together]).values(), because=""))
    opened = {"state": CaseState.NEW.value, "reason": "", "decided": None, "decided_by": ""}
    for one in (case, *together):
        _give_way(connection, one)
        connection.execute(update(case_table).where(case_table.c.id == one.id).values(opened))
        before = {"before": {"verdict": one.state.value}}
        note_step(connection, one, change.step, at=change.at, by=change.by, why=change.why, details=before)
    add_marks(connection, [_mark(one) for one in (case, *together)])
    return [
        step_happening(
            connection, one, Kind.CASE_MOVED, at=change.at, by=change.by, details={"step": change.step.value}
        )
        for one in (case, *together)
    ]


def members_in(connection: Connection, lead: str) -> list[Case]:
    """The cases that are worked on with one, ordered by id."""
    with_it = select(work.c.case).where(work.c.lead == lead)
    rows = connection.execute(select(case_table).where(case_table.c.id.in_(with_it)).order_by(case_table.c.id))
    return [case_of(dict(row)) for row in rows.mappings()]


def _give_way(connection: Connection, case: Case) -> None:
    """Where judging has opened a case after this one was decided, its alerts come back to this one, and so would what
    it answers: that is fine as long as nobody has gone on from it. What else lies with it follows."""
    if case.number >= FIRST_SPLIT:
        return
    later = (case_table.c.person == case.person) & case_table.c.number.between(case.number + 1, FIRST_SPLIT - 1)
    rows = connection.execute(select(case_table).where(later)).mappings().all()
    following = [case_of(dict(row)) for row in rows]
    if any(one.state in DECIDED for one in following):
        raise Refused("a later case of the same person is decided: reopen that one first")
    ids = [one.id for one in following]
    worked_on = any(one.version for one in work_in(connection, ids).values())
    for table in (tasks, comments):
        for some in pieces(ids):
            worked_on |= bool(connection.execute(select(func.count()).where(table.c.case.in_(some))).scalar())
    if worked_on:
        raise Refused("people work on the case that followed: decide that one")
    displace(connection, rows, {})
    forget(connection, contents, "case", ids)
    connection.execute(delete(case_table).where(case_table.c.id.in_(ids)))


def _when(case: Case) -> tuple[datetime | None, str]:
    return case.decided, case.decided_by


def _mark(case: Case) -> Mark:
    day = case.opened.date()
    return Mark(subject=f"person:{case.person}", first=day, last=day)
