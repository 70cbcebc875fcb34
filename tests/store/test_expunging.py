"""Who is erased is gone from every record, whatever was written meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import sqlalchemy as sa
from storing import an_alert
from test_lapsing import freeze
from test_triage import EVER, FOREVER, NOW, a_case

from core.case import Case, CaseState
from core.retention import Due, Erasure
from core.subjects import Right, SubjectRequest
from store.records import SqlRecords
from store.records.standingtables import unranked
from store.records.tables import alerts, cases
from store.records.triagetables import contents

A, B = a_case("a"), a_case("b", 1, 2)
CREW = replace(A, alerts=(*A.alerts, *B.alerts), scores=(40.0,) * 4)
ERASURE = Erasure(id="x", by="bob", begun=NOW, before={}, due=Due(erased=(), held={}), done=NOW)


def judge(records: SqlRecords, persons: str, *opened: Case) -> None:
    made = [an_alert(person, day) for person in persons for day in (1, 2, 3)]
    records.settle((), [(person, EVER, FOREVER) for person in persons], made, opened)


def asked(records: SqlRecords, person: str) -> SubjectRequest:
    request = SubjectRequest(
        id="r" * 32, right=Right.ERASURE, person=person, pseudonym="P1", reason="letter", asked_by="ann", asked=NOW
    )
    records.ask_for_subject(request)
    return replace(request, done_by="bob")


def expunge(records: SqlRecords, request: SubjectRequest) -> SubjectRequest:
    keys = [request.person, f"mail:{request.person}"]
    return records.expunge(request, keys, ERASURE, lambda text: text.replace("nabi", "P1"))


def of(records: SqlRecords, column: sa.Column[str]) -> Sequence[str]:
    with records.database.reading() as connection:
        return sorted(connection.execute(sa.select(column)).scalars())


def test_what_a_judge_has_settled_meanwhile_goes_too(records: SqlRecords) -> None:
    judge(records, "ab", A, B)
    freeze(records)
    records.decide(A.id, CaseState.BENIGN, "known", NOW, "li")
    request = asked(records, "a")
    records.settle((), [("a", date.min, date.max)], (), ())
    judge(records, "a")
    done = expunge(records, request)
    assert done.counts["alerts"] == 3
    assert {person for column in (alerts.c.person, cases.c.person) for person in of(records, column)} == {"b"}
    assert set(of(records, contents.c.case)) == {B.id}
    assert of(records, unranked.c.person) == ["b"]
    news = {one.alert: one.now for one in records.untold(99) if one.person == "a"}
    assert len(news) == 3
    assert set(news.values()) == {None}, "copies elsewhere are taken back"
    assert all(one.now is None for one in records.unfrozen(99) if one.alert in news), "nothing is left to freeze"
