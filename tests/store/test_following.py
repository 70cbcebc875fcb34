"""Work follows the alerts: what people did on a case that is gone lies with the one that has its alerts now."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from storing import an_alert
from test_hr_records import a_notice
from test_lapsing import hold, write
from test_triage import EVER, FOREVER, NOW, a_case, decision, step, steps, told, work

from core.case import Case, CaseState
from core.casefiles import Attachment
from core.errors import Refused
from core.evidence import HoldScope
from core.happening import Kind
from core.triage import Step, WorkState
from store.records import SqlRecords

A, B = a_case("a"), a_case("b", 1, 2)
CREW = replace(A, alerts=(*A.alerts, *B.alerts), scores=(40.0,) * 4)


def judge(records: SqlRecords, persons: str, *cases: Case) -> None:
    """Judge these persons, whose open cases are these from now on."""
    alerts = [an_alert(person, day) for person in persons for day in (1, 2, 3)]
    records.settle((), [(person, EVER, FOREVER) for person in persons], alerts, cases)


@pytest.fixture
def worked(records: SqlRecords) -> SqlRecords:
    """Both have a case; people work on b's."""
    judge(records, "ab", A, B)
    write(records, B)
    records.change([step(work(records, B), state=WorkState.IN_REVIEW, assignee="li", due=NOW)])
    records.send_notice(a_notice(B.id, "b"))
    hold(records, HoldScope.CASE, B.id, ["b"])
    return records


@pytest.mark.parametrize("order", ["lead first", "member first", "together"])
def test_where_two_become_one_the_work_of_both_lies_together(worked: SqlRecords, order: str) -> None:
    worked.change([step(work(worked, A), assignee="wang", due=NOW + timedelta(days=1))])
    turns = {"lead first": [("a", CREW), ("b", None)], "member first": [("b", None), ("a", CREW)]}
    for persons, case in turns.get(order, [("ab", CREW)]):
        judge(worked, persons, *([case] if case else []))
        worked.follow()
    assert [case.id for case in worked.cases()] == [A.id]
    own = work(worked, A)
    assert (own.assignee, own.due, own.state, own.version) == ("wang", NOW, WorkState.IN_REVIEW, 2)
    assert work(worked, B).version == 0
    lies = (worked.comments(A.id), worked.tasks(A.id), worked.attachments(A.id), worked.notices(cases=[A.id]))
    assert [len(some) for some in lies] == [1, 1, 1, 1]
    assert [one.case for one in worked.unmaskings(person="b")] == [A.id]
    assert worked.holds()[0].subject == A.id
    assert worked.comments(A.id)[0].earlier == ("李娜 said so",), "with what it said before"
    assert worked.follow() == 0


def test_the_move_is_noted_and_told_and_its_history_goes_along(worked: SqlRecords) -> None:
    before = steps(worked, B)
    judge(worked, "ab", CREW)
    assert worked.follow() == 1
    assert steps(worked, A) == [*before, "followed"]
    last = worked.history(A.id)[-1]
    assert (last.by, last.about, last.details["others"]) == ("leaverwatch", ("a", A.id), [B.id])
    assert told(worked, Kind.CASE_MOVED)[-1] == (A.id, ())


def test_by_its_old_id_the_new_case_is_found(worked: SqlRecords) -> None:
    judge(worked, "ab", CREW)
    worked.follow()
    found = worked.case(B.id)
    assert found is not None
    assert found.id == A.id
    third = replace(a_case("0"), alerts=CREW.alerts, scores=CREW.scores)
    judge(worked, "ab0", third)
    worked.follow()
    assert [one.id for old in (A.id, B.id) if (one := worked.case(old))] == [third.id] * 2, "however often it moved"
    assert len(worked.comments(third.id)) == 1
    assert steps(worked, third)[-2:] == ["followed", "followed"]
    judge(worked, "ab0", A, B)
    back = worked.case(B.id)
    assert back is not None
    assert back.id == B.id, "what is there again is meant itself"


def test_what_has_nowhere_to_go_waits_for_its_case(worked: SqlRecords) -> None:
    judge(worked, "b")
    assert worked.follow() == 0
    assert worked.case(B.id) is None
    judge(worked, "b", B)
    judge(worked, "a", CREW)
    assert worked.follow() == 0, "its case is there"
    assert len(worked.comments(B.id)) == 1
    judge(worked, "b")
    assert worked.follow() == 1
    assert len(worked.comments(A.id)) == 1


def test_nobody_reads_of_others_because_their_crew_fell_apart(records: SqlRecords) -> None:
    """What was written on a case of both may name either: it waits for a case of both."""
    judge(records, "ab", CREW)
    write(records, CREW)
    judge(records, "ab", B)
    assert records.follow() == 0
    assert records.comments(B.id) == []
    judge(records, "ab", replace(B, alerts=CREW.alerts, scores=CREW.scores))
    assert records.follow() == 1
    assert len(records.comments(B.id)) == 1


def test_what_lies_with_a_later_case_follows_when_the_one_before_is_opened_again(records: SqlRecords) -> None:
    whole, first, later = a_case("a", 1, 2, 3), a_case("a"), a_case("a", 3, number=1)
    judge(records, "a", first)
    records.decide(first.id, CaseState.BENIGN, "known", NOW, "li")
    judge(records, "a", later)
    attached = Attachment(
        id="x", case=later.id, name="x.txt", kind="text/plain", size=1, sha256="0" * 64, by="li", at=NOW
    )
    records.attach(attached, b"x", 999)
    records.send_notice(a_notice(later.id, "a"))
    hold(records, HoldScope.CASE, later.id, ["a"])
    records.reopen(step(work(records, first), Step.REOPENED))
    assert [case.id for case in records.cases()] == [first.id]
    judge(records, "a", whole)
    records.follow()
    assert len(records.attachments(first.id)) == len(records.notices(cases=[first.id])) == 1
    assert records.holds()[0].subject == first.id
    found = records.case(later.id)
    assert found is not None
    assert found.id == first.id


def test_of_each_member_of_a_crew_hr_may_have_a_notice(worked: SqlRecords) -> None:
    judge(worked, "ab", CREW)
    worked.follow()
    worked.send_notice(a_notice(A.id, "a", id="n2"), first=True)
    assert {one.person for one in worked.notices(cases=[A.id])} == {"a", "b"}
    with pytest.raises(Refused, match="already"):
        worked.send_notice(a_notice(A.id, "a", id="n3"))


def test_nothing_follows_a_case_that_nobody_touched(records: SqlRecords) -> None:
    judge(records, "ab", A, B)
    judge(records, "ab", CREW)
    assert records.follow() == 0
    assert (records.case(B.id), steps(records, A)) == (None, [])


def test_what_a_decided_case_answers_lies_with_it_and_the_decision_stays(worked: SqlRecords) -> None:
    judge(worked, "a", CREW)
    worked.decide_all([decision(worked, CREW)])
    before = work(worked, A)
    judge(worked, "b")
    assert worked.follow() == 1
    assert (len(worked.comments(A.id)), work(worked, A)) == (1, before)
    found = worked.case(B.id)
    assert found is not None
    assert (found.id, found.state) == (A.id, CaseState.BENIGN)


def test_an_open_case_takes_it_before_a_decided_one(worked: SqlRecords) -> None:
    judge(worked, "a", CREW)
    worked.decide_all([decision(worked, CREW)])
    again = replace(CREW, id=a_case("a", 1, number=1).id, number=1)
    judge(worked, "ab", again)
    assert worked.follow() == 1
    assert len(worked.comments(again.id)) == 1


@pytest.mark.parametrize("grown", [True, False])
def test_what_legal_has_grows_by_nobody_without_being_given_anew(worked: SqlRecords, grown: bool) -> None:
    given = step(work(worked, B), state=WorkState.TO_LEGAL, handed_over=NOW, why="a contract")
    worked.change([given])
    lead = CREW if grown else replace(A, alerts=B.alerts, scores=B.scores)
    judge(worked, "ab", lead)
    worked.follow()
    own, last = work(worked, A), worked.history(A.id)[-1]
    if grown:
        assert (own.state, own.handed_over, own.assignee) == (WorkState.IN_REVIEW, None, ""), "nor whoever had it"
    else:
        assert (own.state, own.handed_over, own.assignee) == (WorkState.TO_LEGAL, NOW, "li")
    assert last.details.get("taken_back", False) is grown
    assert worked.handed_over([A.id]) == (frozenset() if grown else {A.id})


def test_a_lift_that_was_read_before_the_move_does_not_undo_it(worked: SqlRecords) -> None:
    (held,) = worked.holds()
    judge(worked, "ab", CREW)
    worked.follow()
    worked.save_hold(replace(held, lift_asked_by="ann", lift_reason="settled"))
    assert (worked.holds()[0].subject, worked.holds()[0].lift_asked_by) == (A.id, "ann")


def test_cases_that_are_worked_on_together_stay_so(worked: SqlRecords) -> None:
    other = a_case("c")
    judge(worked, "c", other)
    worked.join(step(work(worked, B), Step.JOINED), [other.id])
    judge(worked, "ab", CREW)
    worked.follow()
    assert dict(worked.joined([A.id])) == {A.id: [other.id]}
    with pytest.raises(Refused, match="worked on with"):
        worked.decide_all([decision(worked, other)])
    worked.join(step(work(worked, A), Step.JOINED), [other.id])
    judge(worked, "c")
    judge(worked, "abc", replace(CREW, alerts=(*CREW.alerts, *other.alerts), scores=(40.0,) * 6))
    worked.follow()
    assert work(worked, A).lead == "", "nothing is worked on with itself"


def test_leads_are_no_chains(worked: SqlRecords) -> None:
    other, last = a_case("c"), a_case("d")
    judge(worked, "cd", other, last)
    worked.join(step(work(worked, A), Step.JOINED), [other.id])
    worked.join(step(work(worked, last), Step.JOINED), [B.id])
    judge(worked, "ab", CREW)
    worked.follow()
    assert dict(worked.joined([A.id, B.id, last.id])) == {last.id: sorted([A.id, other.id])}


def test_a_decision_is_found_by_everybody_it_answers(records: SqlRecords) -> None:
    judge(records, "ab", CREW)
    records.decide(A.id, CaseState.BENIGN, "known", NOW, "li")
    assert [case.id for case in records.decided_about(["b"])] == [A.id]
    assert [case.id for case in records.decided_about(["a"])] == [A.id]
    judge(records, "a", a_case("a", 3, number=1))
    assert [case.id for case in records.decided_about(["b", "a"])] == [A.id]
    assert records.decided_about(["c"]) == []
    assert records.decided_about([]) == []
    assert date(2026, 3, 1) in {alert.day for alert in records.alerts(persons=["b"])}
