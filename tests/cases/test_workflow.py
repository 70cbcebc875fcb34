"""Which step may follow which on a case, who may take it, and what it needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cases.mentions import mentions
from cases.workflow import FOLLOWS, assign, check_decision, joining, move, set_due, undo
from core.case import Case, CaseState
from core.errors import BadQuery, Refused
from core.evidence import AuditEntry, Deed
from core.triage import Because, Change, Step, Work, WorkState

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CASE = Case(id="c", person="7", number=0, state=CaseState.NEW, opened=NOW, score=50, alerts=("a",), scores=(50,))
WORK = Work(case="c")
W = WorkState


def moved(work: Work, to: WorkState, why: str = "look", senior: bool = False, case: Case = CASE) -> Work:
    return move(case, work, to, why=why, by="li", senior=senior, at=NOW).after


@pytest.mark.parametrize("start", FOLLOWS)
@pytest.mark.parametrize("to", list(WorkState))
def test_only_what_may_follow_follows(start: WorkState, to: WorkState) -> None:
    work = replace(WORK, state=start, version=3)
    if to in FOLLOWS[start]:
        after = moved(work, to, senior=True)
        assert (after.state, after.version) == (to, 4)
        assert (after.handed_over is not None) == (to is W.TO_LEGAL)
    else:
        with pytest.raises(Refused):
            moved(work, to, senior=True)


def test_whoever_takes_a_case_into_review_has_it_until_it_is_put_back() -> None:
    taken = moved(WORK, W.IN_REVIEW, why="")
    assert taken.assignee == "li"
    assert moved(replace(taken, assignee="wang"), W.TO_HR).assignee == "wang"
    assert moved(taken, W.NEW, why="").assignee == ""


def test_handing_over_and_taking_back_need_a_reason() -> None:
    with pytest.raises(BadQuery, match="reason"):
        moved(WORK, W.TO_LEGAL, why="")
    with pytest.raises(BadQuery, match="reason"):
        moved(moved(WORK, W.TO_HR), W.IN_REVIEW, why="")


def test_what_legal_has_only_a_senior_takes_back_joins_or_decides() -> None:
    given = moved(WORK, W.TO_LEGAL)
    with pytest.raises(Refused, match="senior"):
        moved(given, W.IN_REVIEW)
    with pytest.raises(Refused, match="senior"):
        check_decision(CASE, given, CaseState.CONFIRMED, None, senior=False)
    with pytest.raises(Refused, match="senior"):
        joining(CASE, given, Step.SPLIT, by="li", why="x", senior=False, at=NOW)
    assert moved(given, W.IN_REVIEW, senior=True).handed_over is None
    check_decision(CASE, given, CaseState.CONFIRMED, None, senior=True)


def test_a_benign_case_and_no_other_says_why_in_one_of_our_words() -> None:
    check_decision(CASE, WORK, CaseState.BENIGN, Because.APPROVED, senior=False)
    for verdict, because in ((CaseState.BENIGN, None), (CaseState.CONFIRMED, Because.OTHER), (CaseState.NEW, None)):
        with pytest.raises(BadQuery):
            check_decision(CASE, WORK, verdict, because, senior=True)


def test_nothing_is_done_with_a_decided_case_nor_with_one_that_another_leads() -> None:
    decided, led = replace(CASE, state=CaseState.BENIGN), replace(WORK, lead="d")
    for case, work in ((decided, WORK), (CASE, led)):
        with pytest.raises(Refused):
            moved(work, W.IN_REVIEW, case=case)
        with pytest.raises(Refused):
            assign(case, work, "wang", by="li", at=NOW)
        with pytest.raises(Refused):
            set_due(case, work, NOW, by="li", at=NOW)
        with pytest.raises(Refused):
            check_decision(case, work, CaseState.CONFIRMED, None, senior=True)
    with pytest.raises(Refused, match="so already"):
        assign(CASE, WORK, "", by="li", at=NOW)


def entry(step: Step, by: str = "li", ago: timedelta = timedelta(), **before: object) -> AuditEntry:
    details = {"step": step.value, "before": before}
    return AuditEntry(at=NOW - ago, by=by, deed=Deed.WORKED, about=("7", "c"), details=details)


def undone(work: Work, *history: AuditEntry, by: str = "li", senior: bool = False, case: Case = CASE) -> Change:
    return undo(case, work, history, by=by, senior=senior, at=NOW)


def test_the_last_step_is_undone_whatever_was_written_since() -> None:
    work = replace(WORK, version=2, state=W.TO_LEGAL, assignee="wang", handed_over=NOW)
    history = entry(Step.ASSIGNED), entry(Step.MOVED, state="in_review"), entry(Step.COMMENTED)
    change = undone(work, *history)
    assert (change.step, change.after.state, change.after.handed_over) == (Step.UNDONE, W.IN_REVIEW, None)
    assert change.after.assignee == "wang"
    due = undone(replace(WORK, due=NOW), entry(Step.DUE_SET, due="2026-03-01T00:00:00.000000Z")).after.due
    assert due == datetime(2026, 3, 1, tzinfo=UTC)


def test_others_steps_are_undone_by_a_senior_alone_and_old_ones_by_nobody() -> None:
    theirs = entry(Step.ASSIGNED, by="wang", assignee="")
    with pytest.raises(Refused, match="senior"):
        undone(WORK, theirs)
    assert undone(WORK, theirs, senior=True).after.assignee == ""
    with pytest.raises(Refused, match="too long ago"):
        undone(WORK, entry(Step.ASSIGNED, ago=timedelta(minutes=16), assignee=""), senior=True)
    for nothing in ([], [entry(Step.COMMENTED)], [entry(Step.JOINED)], [entry(Step.UNDONE)]):
        with pytest.raises(Refused):
            undone(WORK, *nothing, senior=True)


def test_a_decision_is_undone_for_a_week() -> None:
    decided = replace(CASE, state=CaseState.CONFIRMED)
    since = AuditEntry(at=NOW - timedelta(days=6), by="li", deed=Deed.DECIDED, about=(), details={})
    assert undone(WORK, since, case=decided).step is Step.REOPENED
    with pytest.raises(Refused):
        undone(WORK, replace(since, at=NOW - timedelta(days=8)), case=decided)
    with pytest.raises(Refused, match="open"):
        undone(WORK, since)


def test_who_is_named_in_a_text() -> None:
    assert mentions("@li.na, see @wang-wei. mail me@corp.example @李娜") == {"li.na", "wang-wei", "李娜"}
    assert mentions("nobody @ all") == frozenset()
    assert len(mentions(" ".join(f"@u{number}" for number in range(500)))) == 50
