"""Work follows the alerts. Judging makes cases anew: where a crew comes, grows or falls apart, its alerts may lie in
the case of another member. What people did on a case that is gone so goes to the one that has its alerts now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from core.case import DECIDED, Case
from core.errors import Refused
from core.happening import Happening, Kind
from core.triage import Step, Work, WorkState
from store.records.caserows import case_of
from store.records.database import Database, Row, pieces, upsert
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
_CLOSED = sorted(state.value for state in DECIDED)


class FollowingRecords:
    """Adapter of `core.triage.Following`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def follow(self) -> int:
        with self._database.reading() as connection:
            if not connection.execute(select(displaced.c.case).limit(1)).first():
                return 0
        told: list[Happening] = []
        with self._database.writing() as connection:
            _forget_returned(connection)
            waiting: dict[str, dict[str, str]] = {}
            for row in connection.execute(select(displaced).order_by(displaced.c.case)):
                waiting.setdefault(row.case, {})[row.alert] = row.about
            for case, alerts in waiting.items():
                if target := _home(connection, alerts):
                    told.append(_move(connection, case, target))
            # Last, for whoever settles waits for it with rows that were waited for above.
            happen_in(connection, told)
        return len(told)


def displace(connection: Connection, gone: Sequence[Row | RowMapping], cleared: Mapping[str, Row]) -> None:
    """Remember the alerts of cases that are gone, where something lies with them, with whose they are: what was cleared
    is not stored any more."""
    rows = {row["id"]: row for row in gone}
    lying: set[str] = set()
    for column in (*LYING, work_table.c.case):
        for some in pieces(sorted(rows)):
            lying.update(connection.execute(select(column).where(column.in_(some))).scalars())
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


def _forget_returned(connection: Connection) -> None:
    """Cases that are there again have what lies with them."""
    there = select(displaced.c.case).join(case_table, case_table.c.id == displaced.c.case).distinct()
    forget(connection, displaced, "case", connection.execute(there).scalars().all())


def _home(connection: Connection, alerts: Mapping[str, str]) -> Case | None:
    """The open case that has the most of these alerts, with the person of each; of several the first by id. It is about
    all these persons: nobody is to read of one who may only look at another."""
    persons = set(alerts.values())
    about = select(contents.c.case).where(contents.c.person.in_(sorted(persons)))
    query = select(case_table).where(case_table.c.id.in_(about), case_table.c.state.not_in(_CLOSED))
    found = [case_of(dict(row)) for row in connection.execute(query).mappings()]
    contents_of = contents_in(connection, [case.id for case in found])
    shares = [
        (-len(alerts.keys() & set(case.alerts)), case.id) for case in found if persons <= contents_of[case.id].persons
    ]
    most, target = min(shares, default=(0, ""))
    try:
        # A judge may have taken it away meanwhile: then there is another time.
        return the_case(connection, target) if most else None
    except Refused:
        return None


def _move(connection: Connection, origin: str, target: Case) -> Happening:
    now = datetime.now(UTC)
    for column in LYING:
        connection.execute(update(column.table).where(column == origin).values({column.name: target.id}))
    works = work_in(connection, [origin, target.id])
    save_work(connection, [_together(works[target.id], works[origin])])
    connection.execute(delete(work_table).where(work_table.c.case == origin))
    lead = work_table.c.lead
    # Nothing is worked on with itself.
    connection.execute(update(work_table).where(lead == origin, work_table.c.case == target.id).values(lead=""))
    connection.execute(update(work_table).where(lead == origin).values(lead=target.id))
    connection.execute(update(moves).where(moves.c.target == origin).values(target=target.id))
    connection.execute(delete(moves).where(moves.c.case.in_([origin, target.id])))
    connection.execute(insert(moves).values(case=origin, target=target.id, at=now))
    forget(connection, displaced, "case", [origin])
    details = {"others": [origin]}
    note_step(connection, target, Step.FOLLOWED, at=now, by=ITSELF, details=details)
    told = {"step": Step.FOLLOWED.value, **details}
    return step_happening(connection, target, Kind.CASE_MOVED, at=now, by=ITSELF, details=told)


def _together(work: Work, other: Work) -> Work:
    """The work on a case with what another one brings: what it has of its own stays, and the further of both states."""
    return replace(
        work,
        version=max(work.version, other.version) + 1,
        state=max(work.state, other.state, key=_ORDER.index),
        assignee=work.assignee or other.assignee,
        due=min((at for at in (work.due, other.due) if at), default=None),
        handed_over=min((at for at in (work.handed_over, other.handed_over) if at), default=None),
        lead=work.lead or (other.lead if other.lead != work.case else ""),
    )
