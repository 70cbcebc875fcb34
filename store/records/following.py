"""Work follows the alerts. Judging makes cases anew: where a crew comes, grows or falls apart, its alerts may lie in
the case of another member. What people did on a case that is gone so goes to the one that has its alerts now."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from core.case import DECIDED, Case
from core.errors import Refused
from core.happening import Happening, Kind
from core.triage import Step, Work, WorkState
from store.records.caserows import case_of
from store.records.database import Database, Row, among, pieces, upsert
from store.records.followingtables import displaced, moves
from store.records.happenings import happen_in
from store.records.hrtables import notices
from store.records.notifytables import actions
from store.records.tables import alerts as alert_table
from store.records.tables import cases as case_table
from store.records.tables import holds
from store.records.triagerows import contents_in, forget, note_step, save_work, step_happening, the_case, work_in
from store.records.triagetables import attachments, comments, contents, tasks, words
from store.records.triagetables import work as work_table
from store.records.unmaskingtables import unmaskings

ITSELF = "leaverwatch"
LYING = (
    *(tasks.c.case, comments.c.case, attachments.c.case, words.c.case),
    *(notices.c.case, unmaskings.c.case, actions.c.case, holds.c.subject),
)
"""What lies with a case, by its id; besides the work itself."""
_ORDER = list(WorkState)


class FollowingRecords:
    """Adapter of `core.triage.Following`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def follow(self) -> int:
        with self._database.reading() as connection:
            waiting = _waiting(connection)
            if not (_returned(connection) or any(_home(connection, alerts) for alerts in waiting.values())):
                return 0
        told: list[Happening] = []
        with self._database.writing() as connection:
            forget(connection, displaced, "case", _returned(connection))
            for case, alerts in _waiting(connection).items():
                target = _home(connection, alerts)
                try:
                    if target:
                        told.append(_move(connection, case, the_case(connection, target), set(alerts.values())))
                except Refused:  # a judge has taken it away meanwhile: then there is another time
                    continue
            # Last, for whoever settles waits for it with rows that were waited for above.
            happen_in(connection, told)
        return len(told)


def displace(connection: Connection, gone: Sequence[Row | RowMapping], cleared: Mapping[str, Row]) -> None:
    """Remember the alerts of cases that are gone, where something lies with them, with whose they are: what was cleared
    is not stored any more."""
    rows = {row["id"]: row for row in gone}
    lying = {case for column in (*LYING, work_table.c.case) for case in among(connection, column, rows)}
    alerts = {case: sorted(set(json.loads(rows[case]["alerts"]))) for case in sorted(lying)}
    whose = {one: str(row["person"]) for one, row in cleared.items()}
    for some in pieces(sorted({one for own in alerts.values() for one in own})):
        query = select(alert_table.c.id, alert_table.c.person).where(alert_table.c.id.in_(some))
        whose |= {row.id: row.person for row in connection.execute(query)}
    noted = [
        {"case": case, "alert": one, "person": rows[case]["person"], "about": whose.get(one, rows[case]["person"])}
        for case, own in alerts.items()
        for one in own
    ]
    upsert(connection, displaced, noted)


def moved_to(connection: Connection, case: str) -> str | None:
    """By which case one that is gone is found."""
    target: str | None = connection.execute(select(moves.c.target).where(moves.c.case == case)).scalar()
    return target


def moved_from(connection: Connection, case: str) -> Mapping[str, datetime]:
    """The cases whose work this one has, and since when."""
    rows = connection.execute(select(moves).where(moves.c.target == case))
    return {row.case: row.at for row in rows}


def _waiting(connection: Connection) -> dict[str, dict[str, str]]:
    """The cases that are gone while something lies with them: the alerts of each, with whose they are."""
    waiting: dict[str, dict[str, str]] = {}
    for row in connection.execute(select(displaced).order_by(displaced.c.case)):
        waiting.setdefault(row.case, {})[row.alert] = row.about
    return waiting


def _returned(connection: Connection) -> Sequence[str]:
    """Those of them that are there again, and have what lies with them."""
    there = select(displaced.c.case).join(case_table, case_table.c.id == displaced.c.case).distinct()
    return connection.execute(there).scalars().all()


def _home(connection: Connection, alerts: Mapping[str, str]) -> str:
    """The case that has the most of these alerts, with the person of each: an open one before one that is decided, of
    several the first by id. It is about all these persons: nobody is to read of one who may only look at another."""
    persons = set(alerts.values())
    about = select(contents.c.case).where(contents.c.person.in_(sorted(persons)))
    rows = connection.execute(select(case_table).where(case_table.c.id.in_(about))).mappings()
    found = [case_of(dict(row)) for row in rows]
    contents_of = contents_in(connection, [case.id for case in found])
    homes = [
        (case.state in DECIDED, -len(shared), case.id)
        for case in found
        if (shared := alerts.keys() & set(case.alerts)) and persons <= contents_of[case.id].persons
    ]
    return min(homes, default=(False, 0, ""))[-1]


def _move(connection: Connection, origin: str, target: Case, whose: Collection[str]) -> Happening:
    """What lies with a case that is gone, about these persons, lies with another one from now on."""
    now = datetime.now(UTC)
    for column in LYING:
        connection.execute(update(column.table).where(column == origin).values({column.name: target.id}))
    works = work_in(connection, [origin, target.id])
    own, other = works[target.id], works[origin]
    if target.state not in DECIDED:
        persons = contents_in(connection, [target.id])[target.id].persons
        own = _together(own, other, same=persons == frozenset(whose))
        save_work(connection, [own])
    connection.execute(delete(work_table).where(work_table.c.case == origin))
    lead = work_table.c.lead
    # Nothing is worked on with itself, nor with what is worked on with another one.
    connection.execute(update(work_table).where(lead == origin, work_table.c.case == target.id).values(lead=""))
    connection.execute(update(work_table).where(lead.in_([origin, target.id])).values(lead=own.lead or target.id))
    connection.execute(update(moves).where(moves.c.target == origin).values(target=target.id))
    connection.execute(delete(moves).where(moves.c.case.in_([origin, target.id])))
    connection.execute(insert(moves).values(case=origin, target=target.id, at=now))
    forget(connection, displaced, "case", [origin])
    # What legal was given is given anew by somebody, where it has become a part of what they were not given.
    taken_back = other.handed_over is not None and own.handed_over is None
    details = {"others": [origin], **({"taken_back": True} if taken_back else {})}
    note_step(connection, target, Step.FOLLOWED, at=now, by=ITSELF, details=details)
    told = {"step": Step.FOLLOWED.value, **details}
    return step_happening(connection, target, Kind.CASE_MOVED, at=now, by=ITSELF, details=told)


def _together(work: Work, other: Work, *, same: bool) -> Work:
    """The work on a case with what another one brings: what it has of its own stays, and the further of both states.
    Only where both are about the `same` persons has it the other's assignee, and legal what it was given: whoever may
    look at one of them may not at all."""
    further = other.state
    if other.handed_over and not (same or work.handed_over):
        further = WorkState.IN_REVIEW
    return replace(
        work,
        version=max(work.version, other.version) + 1,
        state=max(work.state, further, key=_ORDER.index),
        assignee=work.assignee or (other.assignee if same else ""),
        due=min((at for at in (work.due, other.due) if at), default=None),
        handed_over=work.handed_over or (other.handed_over if same else None),
        lead=next((one for one in (work.lead, other.lead) if one not in ("", work.case, other.case)), ""),
    )
