"""What models have found, and on which days."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from core.canonical import place_of
from core.model import ModelFinding, ModelState, ScoredDay, votes_from_json, votes_to_json
from core.ports import Mark
from store.records.database import Database, Row, pieces
from store.records.marks import add_marks
from store.records.tables import model_days, models
from store.records.tables import model_findings as table

Known = dict[tuple[str, date], tuple[float, str]]
"""What was found, by person and day."""


class FindingRecords:
    """Adapter of `core.ports.Findings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_findings(self, model: str, scored: Sequence[ScoredDay], findings: Sequence[ModelFinding]) -> None:
        rows = [_row(model, finding) for finding in findings]
        with self._database.writing() as connection:
            before: Known = {}
            for one in scored:
                before |= _taken(connection, model, one)
            for some in pieces(rows):
                connection.execute(insert(table), list(some))
            for some_days in pieces([{"model": model, **_scored(one)} for one in scored]):
                connection.execute(insert(model_days), list(some_days))
            if model == champion_of(connection):
                mark_differences(connection, before, _known(rows))

    def scored_days(self, model: str) -> Sequence[ScoredDay]:
        query = select(model_days).where(model_days.c.model == model).order_by(model_days.c.day, model_days.c.first)
        with self._database.reading() as connection:
            return [
                ScoredDay(day=row.day, first=row.first, last=row.last, fingerprint=row.fingerprint)
                for row in connection.execute(query)
            ]

    def findings(self, model: str) -> Sequence[ModelFinding]:
        with self._database.reading() as connection:
            return _findings(connection, table.c.model == model, order=(table.c.day, table.c.person))

    def old_findings(self, before: date) -> Sequence[tuple[str, date, int]]:
        by = (table.c.day, table.c.person)
        query = select(table.c.person, table.c.day, func.count()).where(table.c.day < before)
        with self._database.reading() as connection:
            return [(row[0], row[1], int(row[2])) for row in connection.execute(query.group_by(*by).order_by(*by))]

    def drop_findings(self, of: Collection[tuple[str, date]]) -> None:
        by_day: dict[date, list[str]] = {}
        for person, day in sorted(of):
            by_day.setdefault(day, []).append(person)
        with self._database.writing() as connection:
            for day, persons in sorted(by_day.items()):
                for some in pieces(persons):
                    connection.execute(delete(table).where((table.c.day == day) & table.c.person.in_(some)))

    def finding_counts(self) -> Mapping[str, int]:
        query = select(table.c.model, func.count()).group_by(table.c.model).order_by(table.c.model)
        with self._database.reading() as connection:
            return {model: int(count) for model, count in connection.execute(query)}

    def champions_findings(self, persons: Collection[str], first: date, last: date) -> Sequence[ModelFinding]:
        with self._database.reading() as connection:
            champion = champion_of(connection)
            if champion is None:
                return []
            here = (table.c.model == champion) & table.c.day.between(first, last)
            found = [
                finding
                for some in pieces(sorted(persons))
                for finding in _findings(connection, here & table.c.person.in_(some))
            ]
        return sorted(found, key=lambda finding: (finding.person, finding.day))


def champion_of(connection: Connection) -> str | None:
    """The model that judges."""
    found: str | None = connection.execute(select(models.c.id).where(models.c.state == ModelState.CHAMPION)).scalar()
    return found


def findings_of(connection: Connection, model: str | None) -> Known:
    """All that a model has found."""
    rows = connection.execute(select(table).where(table.c.model == model)).mappings()
    return _known(dict(row) for row in rows)


def mark_differences(connection: Connection, before: Known, after: Known) -> None:
    """Mark the person-days of which other things are found than before."""
    differ = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    add_marks(connection, [Mark(subject=f"person:{person}", first=day, last=day) for person, day in differ])


def _taken(connection: Connection, model: str, scored: ScoredDay) -> Known:
    """Take away what a day has of these places; returns what was found there."""
    of_day = (table.c.model == model) & (table.c.day == scored.day)
    gone = delete(table).where(of_day & table.c.place.between(scored.first, scored.last)).returning(table)
    found = _known(dict(row) for row in connection.execute(gone).mappings())
    days = (model_days.c.model == model) & (model_days.c.day == scored.day)
    # Places may be divided otherwise than before.
    overlap = (model_days.c.first <= scored.last) & (model_days.c.last >= scored.first)
    connection.execute(delete(model_days).where(days & overlap))
    return found


def _known(rows: Iterable[Row]) -> Known:
    return {(row["person"], row["day"]): (row["one_in"], row["votes"]) for row in rows}


def _findings(
    connection: Connection,
    where: ColumnElement[bool],
    order: Sequence[ColumnElement[object]] = (),
) -> list[ModelFinding]:
    query = select(table.c.person, table.c.day, table.c.one_in, table.c.votes).where(where).order_by(*order)
    return [
        ModelFinding(person=row.person, day=row.day, one_in=row.one_in, votes=votes_from_json(row.votes))
        for row in connection.execute(query)
    ]


def _row(model: str, finding: ModelFinding) -> Row:
    return {
        "model": model,
        "person": finding.person,
        "day": finding.day,
        "place": place_of(finding.person),
        "one_in": finding.one_in,
        "votes": votes_to_json(finding.votes),
    }


def _scored(day: ScoredDay) -> Row:
    return {"day": day.day, "first": day.first, "last": day.last, "fingerprint": day.fingerprint}
