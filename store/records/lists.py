"""Alerts and cases a page at a time."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Text, and_, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from core.alert import Alert, Outcome
from core.case import Case, CaseState
from core.listing import AlertQuery, CaseQuery, Place, Whose
from store.records.alertrows import alert_of
from store.records.caserows import case_of
from store.records.database import Database, pieces
from store.records.following import moved_to
from store.records.tables import Words
from store.records.tables import alerts as alert_table
from store.records.tables import cases as case_table
from store.records.triagetables import contents, work

FEW = 20
"""So many persons are looked up one by one; of more, rows are looked through in order until a page is full."""


class ListRecords:
    """Adapter of `core.listing.Lists`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def alert_page(self, query: AlertQuery) -> Sequence[Alert]:
        table = alert_table.c
        where = [table.outcome == query.outcome.value, *_between(table.time, query.since, query.until)]
        where += [table.severity.in_(sorted(query.severities))] if query.severities else []
        where += [table.rule == query.rule] if query.rule is not None else []
        where += [table.stage == query.stage] if query.stage is not None else []
        asked = _page(table.time, table.id, query.newest, query.after, query.limit).where(*where)
        with self._database.reading() as connection:
            found = [*_of(connection, asked, table.person, query.whose)]
            ids = _first([(row[0], row[1]) for row in found], query.newest, query.limit)
            alerts = {one.id: one for one in _alerts(connection, ids)}
        return [alerts[one] for one in ids]

    def case_page(self, query: CaseQuery) -> Sequence[Case]:
        table = case_table.c
        where = [*_between(table.opened, query.since, query.until)]
        where += [table.state.in_(sorted(query.states))] if query.states else []
        if query.about is not None:
            about = select(contents.c.case).where(contents.c.person == query.about)
            where.append(table.id.in_(about) | (table.person == query.about))
        if query.handed_over:
            given = select(work.c.case).where(work.c.handed_over.is_not(None))
            with_it = select(work.c.case).where(work.c.lead.in_(given))
            where.append(table.id.in_(given) | table.id.in_(with_it))
        asked = _page(table.opened, table.id, query.newest, query.after, query.limit).where(*where)
        with self._database.reading() as connection:
            found = [*_of(connection, asked, table.person, query.whose)]
            ids = _first([(row[0], row[1]) for row in found], query.newest, query.limit)
            rows = [
                dict(row)
                for some in pieces(ids)
                for row in connection.execute(select(case_table).where(table.id.in_(some))).mappings()
            ]
        cases = {row["id"]: case_of(row) for row in rows}
        return [cases[one] for one in ids]

    def case(self, case_id: str) -> Case | None:
        query = select(case_table)
        with self._database.reading() as connection:
            row = connection.execute(query.where(case_table.c.id == case_id)).mappings().first()
            if row is None and (target := moved_to(connection, case_id)):
                row = connection.execute(query.where(case_table.c.id == target)).mappings().first()
        return case_of(dict(row)) if row else None

    def alerts_among(self, ids: Collection[str], after: Place | None, most: int) -> Sequence[Alert]:
        places: list[Place] = []
        with self._database.reading() as connection:
            for some in pieces(sorted(ids)):
                named = select(alert_table.c.time, alert_table.c.id).where(alert_table.c.id.in_(some))
                places += [(row[0], row[1]) for row in connection.execute(named)]
            following = (one for one in places if after is None or one > after)
            shown = _first(list(following), newest=False, limit=most)
            alerts = {one.id: one for one in _alerts(connection, shown)}
        return [alerts[one] for one in shown]

    def case_counts(self) -> Mapping[CaseState, int]:
        query = select(case_table.c.state, func.count()).group_by(case_table.c.state)
        with self._database.reading() as connection:
            counted = {CaseState(row[0]): int(row[1]) for row in connection.execute(query)}
        return {state: counted.get(state, 0) for state in CaseState}

    def newest_alert(self) -> datetime | None:
        query = select(func.max(alert_table.c.time)).where(alert_table.c.outcome == Outcome.ALERT.value)
        with self._database.reading() as connection:
            found: datetime | None = connection.execute(query).scalar()
        return found


def restricted(connection: Connection, person: Column[str], whose: Whose) -> list[ColumnElement[bool]]:
    """Whose a row has to be, however many persons there are, for rows that are looked through in another order."""
    where: list[ColumnElement[bool]] = [person.not_in(sorted(whose.never))] if whose.never else []
    if whose.only is not None:
        where.append(_one_of(connection, person, whose.only))
    return where


def _page(
    time: Column[datetime], key: Column[str], newest: bool, after: Place | None, limit: int
) -> Select[datetime, str]:
    """Times and ids of a page, by which no row is read that is not shown."""
    found: Select[datetime, str] = select(time, key).limit(limit)
    found = found.order_by(time.desc(), key.desc()) if newest else found.order_by(time, key)
    if after is None:
        return found
    moment, last = literal(after[0], time.type), literal(after[1], key.type)
    # The first half says where to begin in the index, the second half where exactly.
    if newest:
        return found.where(time <= moment, or_(time < moment, and_(time == moment, key < last)))
    return found.where(time >= moment, or_(time > moment, and_(time == moment, key > last)))


def _of(
    connection: Connection, asked: Select[datetime, str], person: Column[str], whose: Whose
) -> Iterable[Sequence[Any]]:
    """Rows of those who may be asked for: a page's, or of a few persons a page's of each."""
    if whose.only is None or len(whose.only) > FEW:
        yield from connection.execute(asked.where(*restricted(connection, person, whose)))
        return
    for one in sorted(whose.only - whose.never):
        yield from connection.execute(asked.where(person == one))


def _one_of(connection: Connection, column: Column[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Whether a column has one of any number of values, in one parameter. It is no way to find rows by: who looks rows
    through in order is not to be led away from that."""
    words, dialect = Words(), connection.dialect
    listed = [words.process_bind_param(value, dialect) for value in values]
    plain = func.coalesce(column, "")
    if dialect.name == "postgresql":
        return plain.in_(select(func.unnest(cast(literal(listed, ARRAY(Text)), ARRAY(Text)))))
    return plain.in_(select(func.json_each(json.dumps(listed)).table_valued("value").c.value))


def _between(time: Column[datetime], since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    return ([time >= since] if since else []) + ([time < until] if until else [])


def _first(found: Iterable[Place], newest: bool, limit: int) -> list[str]:
    return [key for _, key in sorted(found, reverse=newest)[:limit]]


def _alerts(connection: Connection, ids: Sequence[str]) -> list[Alert]:
    return [
        alert_of(dict(row))
        for some in pieces(ids)
        for row in connection.execute(select(alert_table).where(alert_table.c.id.in_(some))).mappings()
    ]
