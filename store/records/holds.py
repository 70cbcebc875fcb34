"""Legal holds, and what retention deleted; both are noted in the audit log, in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from core.canonical import moment_text
from core.errors import Refused
from core.evidence import AuditEntry, Deed, Hold, HoldScope
from core.retention import Due, Erased, Erasure, Stored
from store.records.audit import note_in
from store.records.begun import being_erased
from store.records.database import Database, Row, upsert
from store.records.tables import cases
from store.records.tables import erasures as erasure_table
from store.records.tables import holds as hold_table
from store.records.triagerows import CLOSED, contents_in
from store.records.triagetables import contents


class HoldRecords:
    """Adapter of `core.evidence.Holds` and `core.evidence.Erasures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_hold(self, hold: Hold) -> None:
        with self._database.writing() as connection:
            this = hold_table.c.id == hold.id
            row = connection.execute(select(hold_table).where(this)).mappings().first()
            known = _hold(dict(row)) if row else None
            if known == hold:
                return
            _check(hold, known)
            if known is None:
                _check_stays(connection, hold)
            # Where the case is found by now may have changed since the hold was read.
            hold = replace(hold, subject=known.subject) if known else hold
            upsert(connection, hold_table, [_hold_row(hold)])
            _note(connection, hold)

    def holds(self) -> Sequence[Hold]:
        with self._database.reading() as connection:
            return holds_in(connection)

    def save_erasure(self, erasure: Erasure) -> None:
        with self._database.writing() as connection:
            save_erasure_in(connection, erasure, {"held": dict(erasure.due.held)})

    def erasures(self) -> Sequence[Erasure]:
        with self._database.reading() as connection:
            query = select(erasure_table).order_by(erasure_table.c.begun, erasure_table.c.id)
            return [_erasure(dict(row)) for row in connection.execute(query).mappings()]


def save_erasure_in(connection: Connection, erasure: Erasure, details: Mapping[str, Any]) -> None:
    """Write down an erasure; of one that is done its totals and these details are noted."""
    upsert(connection, erasure_table, [erasure_row(erasure)])
    if erasure.done is not None:
        totals = {kind.value: count for kind in Stored if (count := erasure.due.count(kind))}
        told = {"erasure": erasure.id, "records": totals, **details}
        note_in(connection, AuditEntry(at=erasure.done, by=erasure.by, deed=Deed.ERASED, about=(), details=told))


def holds_in(connection: Connection) -> list[Hold]:
    """Every hold there ever was, in order."""
    query = select(hold_table).order_by(hold_table.c.placed, hold_table.c.id)
    return [_hold(dict(row)) for row in connection.execute(query).mappings()]


def check_free(connection: Connection, person: str) -> None:
    """Raises `Refused` where a hold or an open case keeps what is held about a person."""
    for hold in holds_in(connection):
        if hold.lifted is None and _concerns(connection, hold, person):
            raise Refused(f"hold {hold.id[:8]} keeps what is held about this person: {hold.reason}")
    about = select(contents.c.case).where(contents.c.person == person)
    theirs = (cases.c.person == person) | cases.c.id.in_(about)
    if connection.execute(select(cases.c.id).where(theirs, cases.c.state.not_in(CLOSED))).first():
        raise Refused("a case about this person is open: it has to be decided first")


def _concerns(connection: Connection, hold: Hold, person: str) -> bool:
    """Whether it is of everybody, or concerned the person when it was placed, or its case has come to since."""
    if hold.scope is HoldScope.RANGE or person in hold.persons:
        return True
    return hold.scope is HoldScope.CASE and person in contents_in(connection, [hold.subject])[hold.subject].persons


def _check_stays(connection: Connection, hold: Hold) -> None:
    """Raises `Refused` where a new hold would keep what is going already."""
    for person, request in being_erased(connection).items():
        if _concerns(connection, hold, person):
            raise Refused(f"somebody whom it concerns is being erased (request {request[:8]}): that is finished first")


def _check(hold: Hold, known: Hold | None) -> None:
    if known and known.lifted:
        raise Refused(f"hold {hold.id} is lifted already")
    if not hold.lifted_by:
        return
    if known is None or not known.lift_asked_by or known.lift_asked_by != hold.lift_asked_by:
        raise Refused(f"nobody has asked to lift hold {hold.id}: one person asks, another one lifts it")
    if _same(hold.lifted_by, hold.lift_asked_by):
        raise Refused(f"{hold.lifted_by} asked to lift hold {hold.id}: somebody else has to do it")


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _note(connection: Connection, hold: Hold) -> None:
    about = list(dict.fromkeys([*([hold.subject] if hold.subject else []), *hold.persons]))
    details = {"hold": hold.id, "scope": hold.scope.value}
    if hold.lifted and hold.lifted_by:
        at, by, deed, why = hold.lifted, hold.lifted_by, Deed.LIFTED, hold.lift_reason
    elif hold.lift_asked_by:
        # When is not kept beside the hold: the entry is where it stands.
        at, by, deed, why = datetime.now(hold.placed.tzinfo), hold.lift_asked_by, Deed.ASKED_TO_LIFT, hold.lift_reason
    else:
        at, by, deed, why = hold.placed, hold.placed_by, Deed.HELD, hold.reason
    note_in(connection, AuditEntry(at=at, by=by, deed=deed, about=about, why=why, details=details))


def _hold_row(hold: Hold) -> Row:
    return asdict(hold) | {"scope": hold.scope.value, "persons": json.dumps(list(hold.persons), ensure_ascii=False)}


def _hold(row: Row) -> Hold:
    return Hold(**{**row, "scope": HoldScope(row["scope"]), "persons": tuple(json.loads(row["persons"]))})


def erasure_row(erasure: Erasure) -> Row:
    erased = [
        {"kind": one.kind.value, "source": one.source, "day": one.day and one.day.isoformat(), "records": one.records}
        for one in erasure.due.erased
    ]
    lists = {
        "before": json.dumps({source: moment_text(at) for source, at in erasure.before.items()}, sort_keys=True),
        "erased": json.dumps(erased),
        "held": json.dumps(dict(erasure.due.held), sort_keys=True),
    }
    return {"id": erasure.id, "by": erasure.by, "begun": erasure.begun, "done": erasure.done} | lists


def _erasure(row: Row) -> Erasure:
    erased = tuple(
        Erased(
            kind=Stored(one["kind"]),
            source=one["source"],
            day=one["day"] and date.fromisoformat(one["day"]),
            records=one["records"],
        )
        for one in json.loads(row["erased"])
    )
    before = {source: datetime.fromisoformat(at) for source, at in json.loads(row["before"]).items()}
    return Erasure(
        id=row["id"],
        by=row["by"],
        begun=row["begun"],
        before=before,
        due=Due(erased=erased, held=json.loads(row["held"])),
        done=row["done"],
    )
