"""Alerts and cases."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, select, update

from core.alert import Alert, Outcome
from core.case import DECIDED, Case, CaseState
from core.errors import Unbalanced
from core.happening import Kind
from core.ports import Mark, News
from store.records.alertrows import alert_of, alert_row
from store.records.caserows import case_of, case_row
from store.records.database import Database, Row, pieces, upsert
from store.records.deciding import decide_in
from store.records.following import displace
from store.records.happenings import alert_happening, case_opened, happen_in
from store.records.marks import settle_marks
from store.records.standings import note_unranked
from store.records.tables import alerts as alert_table
from store.records.tables import cases as case_table
from store.records.tables import unfrozen, untold
from store.records.triagerows import save_contents
from store.records.triagetables import contents

_OPEN = sorted(state.value for state in CaseState if state not in DECIDED)


class InboxRecords:
    """Adapter of `core.ports.Inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def settle(
        self,
        marks: Sequence[Mark],
        judged: Collection[tuple[str, date, date]],
        alerts: Sequence[Alert],
        cases: Sequence[Case],
    ) -> None:
        with self._database.writing(alone=False) as connection:
            cleared, taken = _clear(connection, judged)
            known_cases = frozenset(row["id"] for row in taken)
            before = _stored(connection, [alert.id for alert in alerts]) | cleared
            fresh = {"detected_at": datetime.now(UTC)}
            after = {a.id: before.get(a.id, fresh) | alert_row(a) for a in alerts}
            upsert(connection, alert_table, list(after.values()))
            decided = _decided(connection, [case.id for case in cases])
            written = [case for case in cases if case.id not in decided]
            upsert(connection, case_table, [case_row(case) for case in written])
            save_contents(connection, written, known_cases)
            again = {case.id for case in written}
            displace(connection, [row for row in taken if row["id"] not in again], cleared)
            changed = [row for one, row in (before | after).items() if _told(before.get(one)) != _told(after.get(one))]
            note_changed(connection, changed)
            settle_marks(connection, marks)
            now = datetime.now(UTC)
            news = [alert_happening(row, _became(before.get(row["id"]), after.get(row["id"])), now) for row in changed]
            opened = [case for case in cases if case.id not in decided | known_cases]
            happen_in(connection, [*news, *(case_opened(case, after, now) for case in opened)])

    def alerts(
        self,
        *,
        persons: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        outcome: Outcome | None = Outcome.ALERT,
        rules: Collection[str] | None = None,
    ) -> Sequence[Alert]:
        where = [alert_table.c.time >= since] if since else []
        where += [alert_table.c.time < until] if until else []
        where += [alert_table.c.outcome == outcome.value] if outcome else []
        where += [alert_table.c.rule.in_(sorted(rules))] if rules is not None else []
        with self._database.reading() as connection:
            if persons is None:
                return _alerts(connection, *where)
            found = [
                a
                for some in pieces(sorted(persons))
                for a in _alerts(connection, *where, alert_table.c.person.in_(some))
            ]
        return sorted(found, key=lambda alert: (alert.time, alert.id))

    def alert(self, alert_id: str) -> Alert | None:
        with self._database.reading() as connection:
            return next(iter(_alerts(connection, alert_table.c.id == alert_id)), None)

    def alerts_named(self, ids: Collection[str]) -> Sequence[Alert]:
        with self._database.reading() as connection:
            found = [a for some in pieces(sorted(ids)) for a in _alerts(connection, alert_table.c.id.in_(some))]
        return sorted(found, key=lambda alert: (alert.time, alert.id))

    def alert_persons(self, ids: Collection[str]) -> Mapping[str, str]:
        query = select(alert_table.c.id, alert_table.c.person)
        with self._database.reading() as connection:
            return {
                str(alert): str(person)
                for some in pieces(sorted(ids))
                for alert, person in connection.execute(query.where(alert_table.c.id.in_(some)))
            }

    def cases(self, *, persons: Collection[str] | None = None) -> Sequence[Case]:
        query = select(case_table).order_by(case_table.c.opened, case_table.c.id)
        with self._database.reading() as connection:
            if persons is None:
                return [case_of(dict(row)) for row in connection.execute(query).mappings()]
            rows = [
                dict(row)
                for some in pieces(sorted(persons))
                for row in connection.execute(query.where(case_table.c.person.in_(some))).mappings()
            ]
        return sorted((case_of(row) for row in rows), key=lambda case: (case.opened, case.id))

    def decided_about(self, persons: Collection[str]) -> Sequence[Case]:
        closed = case_table.c.state.not_in(_OPEN)
        found: dict[str, Case] = {}
        with self._database.reading() as connection:
            for some in pieces(sorted(persons)):
                about = select(contents.c.case).where(contents.c.person.in_(some))
                these = closed & (case_table.c.person.in_(some) | case_table.c.id.in_(about))
                rows = connection.execute(select(case_table).where(these)).mappings()
                found |= {row["id"]: case_of(dict(row)) for row in rows}
        return sorted(found.values(), key=lambda case: (case.opened, case.id))

    def decide(self, case_id: str, state: CaseState, reason: str, at: datetime, by: str = "") -> None:
        with self._database.writing() as connection:
            happen_in(connection, decide_in(connection, case_id, state, reason, at, by))

    def divide(self, overflow: Collection[str]) -> None:
        with self._database.writing() as connection:
            if not overflow and not _left_out(connection):
                return
            if not self._database.is_sqlite:
                # Alerts before cases, as whoever settles.
                connection.exec_driver_sql("lock table alerts in share row exclusive mode")
            before, known = _tally(connection), _left_out(connection)
            left_out: set[str] = set()
            query = select(case_table.c.id, case_table.c.state, case_table.c.alerts)
            for row in connection.execute(query.where(case_table.c.state.in_(_OPEN)).order_by(case_table.c.id)).all():
                state = CaseState.OVERFLOW if row.id in overflow else CaseState.NEW
                if row.id in overflow:
                    left_out.update(json.loads(row.alerts))
                if row.state != state.value:
                    connection.execute(update(case_table).where(case_table.c.id == row.id).values(state=state.value))
            _move(connection, sorted(known - left_out), Outcome.OVERFLOW, Outcome.ALERT)
            _move(connection, sorted(left_out - known), Outcome.ALERT, Outcome.OVERFLOW)
            after = _tally(connection)
            apart = before[Outcome.SUPPRESSED] != after[Outcome.SUPPRESSED]
            if apart or sum(before.values()) != sum(after.values()):
                raise Unbalanced(f"the alert budget made {after} of {before}")

    def tally(self) -> Mapping[Outcome, int]:
        with self._database.reading() as connection:
            return _tally(connection)

    def detected_at(self, alert_ids: Collection[str]) -> Mapping[str, datetime]:
        query = select(alert_table.c.id, alert_table.c.detected_at)
        found: dict[str, datetime] = {}
        with self._database.reading() as connection:
            for some in pieces(sorted(alert_ids)):
                rows = connection.execute(query.where(alert_table.c.id.in_(some))).all()
                found |= {row.id: row.detected_at for row in rows}
        return found

    def untold(self, most: int) -> Sequence[News]:
        query = select(untold).order_by(untold.c.person, untold.c.alert).limit(most)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            stored = _stored(connection, [row.alert for row in rows])
        return [
            News(
                alert=row.alert,
                person=row.person,
                now=alert_of(stored[row.alert]) if _told(stored.get(row.alert)) else None,
                stamp=row.stamp,
            )
            for row in rows
        ]

    def told(self, news: Sequence[News]) -> None:
        with self._database.writing(alone=False) as connection:
            for some in pieces(sorted(one.stamp for one in news)):
                connection.execute(delete(untold).where(untold.c.stamp.in_(some)))


def _clear(
    connection: Connection, judged: Collection[tuple[str, date, date]]
) -> tuple[dict[str, Row], list[RowMapping]]:
    """Take away the alerts of the judged days, and return them by id, and the open cases of the judged persons, and
    return of each its id, its person and its alerts."""
    cleared: dict[str, Row] = {}
    cases: list[RowMapping] = []
    told = (case_table.c.id, case_table.c.person, case_table.c.alerts)
    of: dict[tuple[date, date], list[str]] = {}
    for person, first, last in sorted(judged):
        of.setdefault((first, last), []).append(person)
    for (first, last), persons in of.items():
        for some in pieces(persons):
            its_days = alert_table.c.person.in_(some) & alert_table.c.day.between(first, last)
            rows = connection.execute(delete(alert_table).where(its_days).returning(alert_table)).mappings()
            cleared |= {row["id"]: dict(row) for row in rows}
    for some in pieces(sorted({person for person, _, _ in judged})):
        open_ones = case_table.c.person.in_(some) & case_table.c.state.in_(_OPEN)
        cases += connection.execute(delete(case_table).where(open_ones).returning(*told)).mappings()
    return cleared, cases


def _left_out(connection: Connection) -> set[str]:
    """The alerts that are overflow; every overflow case has some."""
    query = select(alert_table.c.id).where(alert_table.c.outcome == Outcome.OVERFLOW.value)
    return set(connection.execute(query).scalars())


def _tally(connection: Connection) -> dict[Outcome, int]:
    query = select(alert_table.c.outcome, func.count()).group_by(alert_table.c.outcome)
    counted = {Outcome(row[0]): int(row[1]) for row in connection.execute(query)}
    return {outcome: counted.get(outcome, 0) for outcome in Outcome}


def _decided(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the cases that somebody has decided meanwhile."""
    closed = case_table.c.state.not_in(_OPEN)
    found: set[str] = set()
    for some in pieces(ids):
        found.update(connection.execute(select(case_table.c.id).where(case_table.c.id.in_(some) & closed)).scalars())
    return found


def _move(connection: Connection, ids: Sequence[str], origin: Outcome, target: Outcome) -> None:
    """Those of the alerts that have the one outcome get the other, which is news."""
    for some in pieces(ids):
        these = alert_table.c.id.in_(some) & (alert_table.c.outcome == origin.value)
        moved = update(alert_table).where(these).values(outcome=target.value)
        rows = [dict(row) for row in connection.execute(moved.returning(alert_table)).mappings()]
        note_changed(connection, rows)
        kind, now = Kind.ALERT_RAISED if target is Outcome.ALERT else Kind.ALERT_GONE, datetime.now(UTC)
        happen_in(connection, [alert_happening(row, kind, now) for row in rows])


def _told(row: Row | None) -> Row | None:
    """What the world outside is told of a row: nothing of a match that is no alert."""
    return row if row and row["outcome"] == Outcome.ALERT.value else None


def _became(before: Row | None, after: Row | None) -> Kind:
    """What an alert that changed has become for the world outside."""
    if not _told(after):
        return Kind.ALERT_GONE
    return Kind.ALERT_CHANGED if _told(before) else Kind.ALERT_RAISED


def _stored(connection: Connection, ids: Sequence[str]) -> dict[str, Row]:
    """The rows of these alerts, by id."""
    found: dict[str, Row] = {}
    for some in pieces(ids):
        rows = connection.execute(select(alert_table).where(alert_table.c.id.in_(some))).mappings()
        found |= {row["id"]: dict(row) for row in rows}
    return found


def _alerts(connection: Connection, *where: ColumnElement[bool]) -> list[Alert]:
    query = select(alert_table).where(*where).order_by(alert_table.c.time, alert_table.c.id)
    return [alert_of(dict(row)) for row in connection.execute(query).mappings()]


def note_changed(connection: Connection, alerts: Iterable[Row]) -> None:
    """Note alerts that the world outside is to be told of, and whose evidence is to be frozen, and who stands elsewhere
    by risk for it. Stamps are drawn, not counted, as a mark's; in one order, so that two writers wait for each other
    instead of in a circle."""
    rows = [
        {"alert": alert["id"], "person": alert["person"], "stamp": secrets.randbits(62)}
        for alert in sorted(alerts, key=lambda alert: str(alert["id"]))
    ]
    upsert(connection, untold, rows)
    upsert(connection, unfrozen, [{"alert": row["alert"], "stamp": row["stamp"]} for row in rows])
    note_unranked(connection, [row["person"] for row in rows])
