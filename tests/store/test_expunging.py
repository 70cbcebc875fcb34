"""Who is erased is gone from every record, whatever was written meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from storing import an_alert
from test_lapsing import freeze, hold
from test_triage import EVER, FOREVER, NOW, a_case

from core.case import Case, CaseState
from core.casefiles import Comment
from core.errors import Refused
from core.evidence import HoldScope
from core.retention import Due, Erasure
from core.subjects import Right, SubjectRequest
from store.records import SqlRecords
from store.records.followingtables import displaced
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
    return records.expunge(request, keys, ERASURE, lambda text: text.replace("Nabi", "P1"))


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


HOLDS = {HoldScope.PERSON: ("a", ["a"]), HoldScope.CASE: (CREW.id, []), HoldScope.RANGE: ("", [])}


@pytest.mark.parametrize("scope", HOLDS)
def test_what_is_held_by_now_is_not_erased(records: SqlRecords, scope: HoldScope) -> None:
    """A case has come to concern them since it was held, too."""
    judge(records, "ab", CREW)
    records.decide(A.id, CaseState.BENIGN, "known", NOW, "li")
    request = asked(records, "a")
    subject, persons = HOLDS[scope]
    hold(records, scope, subject, persons)
    for attempt in (lambda: records.begin_erasing(request), lambda: expunge(records, request)):
        with pytest.raises(Refused, match="keeps what is held"):
            attempt()
    assert len(of(records, alerts.c.id)) == 6


@pytest.mark.parametrize("scope", HOLDS)
def test_nothing_new_keeps_what_is_going(records: SqlRecords, scope: HoldScope) -> None:
    judge(records, "ab", CREW)
    records.decide(A.id, CaseState.BENIGN, "known", NOW, "li")
    request = asked(records, "a")
    records.begin_erasing(request)
    subject, persons = HOLDS[scope]
    with pytest.raises(Refused, match=f"being erased .request {request.id[:8]}."):
        hold(records, scope, subject, persons)
    with pytest.raises(Refused, match="being erased"):
        records.ask_for_subject(replace(request, id="s" * 32, right=Right.ACCESS))
    assert [one.waits for one in records.subject_requests()] == [True]
    again = replace(request, done_by="carl")
    records.begin_erasing(again)
    assert expunge(records, again).done_by == "carl", "whoever dies in between, another one goes on"
    hold(records, scope, subject, persons)


def test_neither_an_open_case_nor_what_is_to_be_handed_over_goes(records: SqlRecords) -> None:
    judge(records, "ab")
    request = asked(records, "a")
    access = replace(request, id="s" * 32, right=Right.ACCESS, done_by="")
    records.ask_for_subject(access)
    with pytest.raises(Refused, match="handed over first"):
        expunge(records, request)
    records.answered_subject(replace(access, done_by="bob", done=NOW))
    judge(records, "ab", replace(B, alerts=CREW.alerts, scores=CREW.scores))
    with pytest.raises(Refused, match="open"):
        expunge(records, request)
    records.decide(B.id, CaseState.BENIGN, "known", NOW, "li")
    expunge(records, request)
    assert set(of(records, alerts.c.person)) == {"b"}


def test_where_a_crews_case_is_gone_its_writing_is_nameless_and_goes_on(records: SqlRecords) -> None:
    judge(records, "ab", CREW)
    records.add_comment(Comment(id="c", case=A.id, text="Nabi did it", by="li", at=NOW))
    judge(records, "ab")
    expunge(records, asked(records, "b"))
    assert set(of(records, displaced.c.about)) == {"a"}
    other = replace(A, id="other")
    judge(records, "a", other)
    assert records.follow() == 1
    assert [one.text for one in records.comments(other.id)] == ["P1 did it"]


def test_what_lies_with_a_case_of_their_alerts_alone_goes(records: SqlRecords) -> None:
    judge(records, "ab", replace(A, alerts=B.alerts))
    records.add_comment(Comment(id="c", case=A.id, text="Nabi did it", by="li", at=NOW))
    judge(records, "ab")
    expunge(records, asked(records, "b"))
    assert (of(records, displaced.c.case), records.comments(A.id)) == ([], [])
