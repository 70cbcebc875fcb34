"""Notices to HR. What becomes of one is told and noted in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime

from sqlalchemy import Connection, func, insert, select, update

from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.notice import OPEN, Answer, Notice, NoticeState, RiskLevel, Step
from core.person import Stage
from store.records.audit import note_in
from store.records.database import Database, Row
from store.records.happenings import happen_in
from store.records.hrtables import notices as table

TO_HR = ("role:hr",)
DEEDS: Mapping[Kind, Deed] = {
    Kind.NOTICE_SENT: Deed.SENT_NOTICE,
    Kind.NOTICE_ANSWERED: Deed.ANSWERED_NOTICE,
    Kind.NOTICE_WITHDRAWN: Deed.WITHDREW_NOTICE,
}


class NoticeRecords:
    """Adapter of `core.notice.Notices`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def send_notice(self, notice: Notice, *, first: bool = False) -> Notice:
        with self._database.writing() as connection:
            # What followed a member's alerts here is about that member.
            known = notices_in(connection, table.c.case == notice.case, table.c.person == notice.person)
            if known and (first or any(one.state in OPEN for one in known)):
                raise Refused(f"HR has notice {known[0].number} of this case already")
            last: int | None = connection.execute(select(func.max(table.c.number))).scalar()
            sent = replace(notice, number=1 if last is None else last + 1)
            connection.execute(insert(table), _row(sent))
            _tell(connection, sent, Kind.NOTICE_SENT, by=sent.sent_by, at=sent.sent)
        return sent

    def change_notice(self, notice: Notice, *, by: str, at: datetime) -> Notice:
        kind = Kind.NOTICE_WITHDRAWN if notice.state is NoticeState.WITHDRAWN else Kind.NOTICE_ANSWERED
        with self._database.writing() as connection:
            return _change(connection, notice, kind, by=by, at=at)

    def notice(self, notice_id: str) -> Notice | None:
        with self._database.reading() as connection:
            return next(iter(notices_in(connection, table.c.id == notice_id)), None)

    def notices(
        self, *, cases: Collection[str] | None = None, states: Collection[NoticeState] | None = None
    ) -> Sequence[Notice]:
        with self._database.reading() as connection:
            found = notices_in(connection) if cases is None else notices_in(connection, table.c.case.in_(sorted(cases)))
        return [one for one in found if states is None or one.state in states]

    def remind_of(self, until: date, at: datetime) -> int:
        due = (table.c.deadline <= until) & table.c.state.in_(sorted(OPEN)) & table.c.reminded.is_(False)
        with self._database.reading() as connection:
            if not notices_in(connection, due):
                return 0
        with self._database.writing() as connection:
            found = notices_in(connection, due)
            connection.execute(update(table).where(due).values(reminded=True))
            happen_in(connection, [notice_happening(one, Kind.NOTICE_DUE, "", at) for one in found])
        return len(found)


def withdraw_resting(connection: Connection, persons: Collection[str], why: str, *, by: str, at: datetime) -> None:
    """Withdraw the open notices of these persons that rest on a resignation, in whatever transaction, as the last thing
    it does."""
    resting = table.c.state.in_(sorted(OPEN)) & table.c.resignation.is_(True)
    for one in notices_in(connection, resting):
        if one.person in persons:
            gone = replace(one, state=NoticeState.WITHDRAWN, ended=at, why=why)
            _change(connection, gone, Kind.NOTICE_WITHDRAWN, by=by, at=at)


def _change(connection: Connection, notice: Notice, kind: Kind, *, by: str, at: datetime) -> Notice:
    changed = replace(notice, version=notice.version + 1)
    same = (table.c.id == notice.id) & (table.c.version == notice.version)
    # It may have been reminded of meanwhile.
    row = {name: value for name, value in _row(changed).items() if name != "reminded"}
    if connection.execute(update(table).where(same).values(row)).rowcount != 1:
        raise Refused(f"notice {notice.number} was changed meanwhile: look at it again")
    _tell(connection, changed, kind, by=by, at=at)
    return changed


def _tell(connection: Connection, notice: Notice, kind: Kind, *, by: str, at: datetime) -> None:
    details = {"notice": notice.number, "level": notice.level.value, "state": notice.state.value}
    about = (notice.id, notice.case, notice.person)
    note_in(connection, AuditEntry(at=at, by=by, deed=DEEDS[kind], about=about, why=notice.why, details=details))
    happen_in(connection, [notice_happening(notice, kind, by, at)])


def notice_happening(notice: Notice, kind: Kind, by: str, at: datetime) -> Happening:
    sender = f"user:{notice.sent_by}"
    to = {Kind.NOTICE_ANSWERED: (sender,), Kind.NOTICE_OVERDUE: (*TO_HR, sender)}.get(kind, TO_HR)
    details = {"notice": notice.number, "level": notice.level.value, "state": notice.state.value}
    details |= {"deadline": notice.deadline.isoformat()}
    return Happening(at=at, kind=kind, subject=notice.id, person=notice.person, by=by, to=to, details=details)


def notices_in(connection: Connection, *where: object) -> list[Notice]:
    query = select(table).where(*where).order_by(table.c.number.desc())  # type: ignore[arg-type]
    return [_notice(dict(row)) for row in connection.execute(query).mappings()]


def _row(notice: Notice) -> Row:
    texts = {"steps": json.dumps([step.value for step in notice.steps])}
    texts["answers"] = json.dumps([_said(one) for one in notice.answers], ensure_ascii=False)
    values = {"stage": notice.stage.value, "level": notice.level.value, "state": notice.state.value}
    return asdict(notice) | texts | values


def _said(answer: Answer) -> Row:
    return asdict(answer) | {"step": answer.step.value, "at": answer.at.isoformat()}


def nameless_answers(answers: str, nameless: Callable[[str], str]) -> str:
    """A row's answers with what HR wrote in them made nameless."""
    kept = [{**one, "note": nameless(one["note"])} for one in json.loads(answers)]
    return json.dumps(kept, ensure_ascii=False)


def _notice(row: Row) -> Notice:
    steps = tuple(Step(step) for step in json.loads(row["steps"]))
    answers = tuple(
        Answer(**{**one, "step": Step(one["step"]), "at": datetime.fromisoformat(one["at"])})
        for one in json.loads(row["answers"])
    )
    values = {"stage": Stage(row["stage"]), "level": RiskLevel(row["level"]), "state": NoticeState(row["state"])}
    return Notice(**{**row, **values, "steps": steps, "answers": answers})
