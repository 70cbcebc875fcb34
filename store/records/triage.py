"""Work on cases: where it stands, and every step of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, insert, or_, select, update

from core.case import DECIDED, Case, case_id
from core.errors import Refused, Stale
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.ports import Mark
from core.triage import FIRST_SPLIT, Change, Contents, Counts, Decision, Split, Step, Work, WorkState, contents_of
from store.records.alertrows import as_json
from store.records.audit import entry_of
from store.records.database import Database, Row, pieces, upsert
from store.records.deciding import decide_in, members_in, reopen_in
from store.records.following import moved_from
from store.records.happenings import happen_in
from store.records.marks import add_marks
from store.records.tables import audit, audit_subjects
from store.records.tables import cases as case_table
from store.records.triagerows import (
    advance,
    contents_in,
    differences,
    note_step,
    save_contents,
    save_work,
    step_happening,
    the_case,
    touched,
    work_in,
)
from store.records.triagetables import attachments, comments, splits, tasks, work

DEEDS = (Deed.WORKED.value, Deed.DECIDED.value)


class TriageRecords:
    """Adapter of `core.triage.Triage`, but for its list (see `store.records.worklist`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def work(self, cases: Collection[str]) -> Mapping[str, Work]:
        with self._database.reading() as connection:
            return work_in(connection, cases)

    def joined(self, leads: Collection[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        with self._database.reading() as connection:
            for some in pieces(sorted(leads)):
                query = select(work.c.lead, work.c.case).join(case_table, case_table.c.id == work.c.case)
                for row in connection.execute(query.where(work.c.lead.in_(some)).order_by(work.c.case)):
                    found.setdefault(row.lead, []).append(row.case)
        return found

    def contents(self, cases: Collection[str]) -> Mapping[str, Contents]:
        with self._database.reading() as connection:
            return contents_in(connection, cases)

    def counts(self, cases: Collection[str]) -> Mapping[str, Counts]:
        found: dict[str, dict[str, int]] = {case: {} for case in cases}
        asked = {
            "tasks": (tasks, tasks.c.case.is_not(None)),
            "tasks_open": (tasks, tasks.c.done.is_(None)),
            "comments": (comments, comments.c.withdrawn.is_(False)),
            "attachments": (attachments, attachments.c.case.is_not(None)),
        }
        with self._database.reading() as connection:
            for some in pieces(sorted(found)):
                for name, (table, these) in asked.items():
                    query = select(table.c.case, func.count()).where(table.c.case.in_(some), these)
                    for case, count in connection.execute(query.group_by(table.c.case)):
                        found[case][name] = count
        return {case: Counts(**counted) for case, counted in found.items()}

    def handed_over(self, cases: Collection[str]) -> frozenset[str]:
        with self._database.reading() as connection:
            own = work_in(connection, cases)
            leads = work_in(connection, {one.lead for one in own.values() if one.lead})
        given = {case for case, one in (own | leads).items() if one.handed_over}
        return frozenset(case for case, one in own.items() if case in given or one.lead in given)

    def change(self, changes: Sequence[Change]) -> None:
        with self._database.writing() as connection:
            told: list[Happening] = []
            for change in changes:
                case = the_case(connection, change.before.case)
                if case.state in DECIDED:
                    raise Refused("the case is decided")
                advance(connection, change.before, change.after)
                changed = differences(change.before, change.after)
                note_step(connection, case, change.step, at=change.at, by=change.by, why=change.why, details=changed)
                kind = Kind.CASE_ASSIGNED if change.step is Step.ASSIGNED else Kind.CASE_MOVED
                details = {"step": change.step.value, **changed}
                to = _to(change)
                told.append(step_happening(connection, case, kind, at=change.at, by=change.by, to=to, details=details))
            happen_in(connection, told)

    def decide_all(self, decisions: Sequence[Decision]) -> None:
        with self._database.writing() as connection:
            told: list[Happening] = []
            for one in decisions:
                case = the_case(connection, one.case)
                if case.state in DECIDED:
                    raise Refused("the case is decided")
                if work_in(connection, [one.case])[one.case].version != one.version:
                    raise Stale(f"somebody has changed case {one.case} meanwhile: look at it again")
                if contents_of(case) != one.contents:
                    raise Stale(f"the alerts of case {one.case} have changed meanwhile: look at it again")
                told += decide_in(connection, one.case, one.verdict, one.reason, one.at, one.by, one.because)
            happen_in(connection, told)

    def reopen(self, change: Change) -> None:
        with self._database.writing() as connection:
            happen_in(connection, reopen_in(connection, change))

    def join(self, change: Change, members: Sequence[str]) -> None:
        lead = change.before.case
        with self._database.writing() as connection:
            wanted = sorted(set(members) - {lead})
            works = work_in(connection, wanted)
            for one in (the_case(connection, case) for case in (lead, *wanted)):
                if one.state in DECIDED:
                    raise Refused(f"case {one.id} is decided")
                if (has := works.get(one.id)) and has.lead not in ("", lead):
                    raise Refused(f"case {one.id} is worked on with {has.lead}")
            along = [one.id for case in wanted for one in members_in(connection, case)]
            save_work(connection, touched(work_in(connection, {*wanted, *along}).values(), lead=lead))
            happen_in(connection, _joined(connection, change, wanted))

    def part(self, change: Change, members: Sequence[str]) -> None:
        with self._database.writing() as connection:
            works = work_in(connection, members)
            if strange := sorted(case for case, one in works.items() if one.lead != change.before.case):
                raise Refused(f"case {strange[0]} is not worked on with this one")
            if any(the_case(connection, case).state in DECIDED for case in works):
                raise Refused("what was decided together stays together")
            save_work(connection, touched(works.values(), lead=""))
            happen_in(connection, _joined(connection, change, sorted(works)))

    def split(self, change: Change, rest: Case, apart: Case) -> Case:
        with self._database.writing() as connection:
            case = the_case(connection, rest.id)
            if case.state in DECIDED or {*rest.alerts, *apart.alerts} != {*case.alerts}:
                raise Stale("the alerts of the case have changed meanwhile: look at it again")
            advance(connection, change.before, change.after)
            last: int | None = connection.execute(select(func.max(splits.c.number))).scalar()
            number = FIRST_SPLIT if last is None else last + 1
            made = replace(apart, id=case_id(case.person, number), number=number, state=case.state)
            connection.execute(update(case_table).where(case_table.c.id == rest.id).values(_gathered(rest)))
            connection.execute(insert(case_table).values(_row(made)))
            known = {row.alert: row.origin for row in connection.execute(select(splits))}
            rows = [
                {"alert": one, "person": case.person, "number": number, "origin": known.get(one, case.number)}
                for one in sorted(made.alerts)
            ]
            upsert(connection, splits, rows)
            save_contents(connection, [rest, made])
            for one, other in ((case, made), (made, case)):
                alerts = list(made.alerts)
                details = {"other": other.id, "alerts": alerts}
                note_step(connection, one, Step.SPLIT, at=change.at, by=change.by, why=change.why, details=details)
            day = min(rest.opened, made.opened).date()
            add_marks(connection, [Mark(subject=f"person:{case.person}", first=day, last=day)])
            at, by = change.at, change.by
            told: dict[str, object] = {"score": made.score, "alerts": len(rows)}
            opened = step_happening(connection, made, Kind.CASE_OPENED, at=at, by=by, details=told)
            told = {"step": Step.SPLIT.value, "other": made.id}
            moved = step_happening(connection, rest, Kind.CASE_MOVED, at=at, by=by, details=told)
            happen_in(connection, [opened, moved])
        return made

    def splits(self) -> Mapping[str, Split]:
        with self._database.reading() as connection:
            return {row["alert"]: Split(**row) for row in connection.execute(select(splits)).mappings()}

    def history(self, case: str, after: int = -1, most: int | None = None) -> Sequence[AuditEntry]:
        subject = audit_subjects.c.subject
        with self._database.reading() as connection:
            numbers = select(audit_subjects.c.number)
            moved = moved_from(connection, case).items()
            earlier = (audit.c.number.in_(numbers.where(subject == one)) & (audit.c.at <= at) for one, at in moved)
            about = or_(audit.c.number.in_(numbers.where(subject == case)), *earlier)
            these = about & audit.c.deed.in_(DEEDS) & (audit.c.number > after)
            rows = connection.execute(select(audit).where(these).order_by(audit.c.number).limit(most)).mappings()
            return [entry_of(dict(row)) for row in rows]


def _to(change: Change) -> list[str]:
    """Whom a change is meant for."""
    if change.step is Step.ASSIGNED:
        return [f"user:{change.after.assignee}"] if change.after.assignee else []
    legal = change.after.state is WorkState.TO_LEGAL and change.before.state is not WorkState.TO_LEGAL
    return ["role:legal"] if legal else []


def _joined(connection: Connection, change: Change, members: Sequence[str]) -> list[Happening]:
    """Note on every case concerned what was joined or parted; returns what is to be told."""
    advance(connection, change.before, change.after)
    lead = the_case(connection, change.before.case)
    note_step(
        connection, lead, change.step, at=change.at, by=change.by, why=change.why, details={"others": list(members)}
    )
    for one in (the_case(connection, case) for case in members):
        note_step(
            connection, one, change.step, at=change.at, by=change.by, why=change.why, details={"others": [lead.id]}
        )
    details = {"step": change.step.value, "others": list(members)}
    return [step_happening(connection, lead, Kind.CASE_MOVED, at=change.at, by=change.by, details=details)]


def _gathered(case: Case) -> Row:
    lists = {"alerts": as_json(list(case.alerts)), "scores": as_json(list(case.scores))}
    return {"opened": case.opened, "score": case.score} | lists


def _row(case: Case) -> Row:
    return _gathered(case) | {"id": case.id, "person": case.person, "number": case.number, "state": case.state.value}
