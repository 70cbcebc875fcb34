"""What HR may know of a case, and what becomes of a notice."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from itertools import product

import pytest

from cases.notices import Known, acknowledge, answer, deadline_of, draft, level_of, steps_of, wanted, withdraw
from cases.noticewords import text_of
from core.alert import Severity
from core.calendar import CompanyCalendar
from core.case import Case, CaseState
from core.errors import Refused
from core.notice import Answer, Notice, NoticeState, RiskLevel, Step
from core.person import Stage

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
CALENDAR = CompanyCalendar()
CASE = Case(id="c1", person="7", number=0, state=CaseState.NEW, opened=NOW, score=40.0, alerts=["a1"], reason="secret")
KNOWN = Known(
    case=CASE,
    severities=[Severity.HIGH],
    stage=Stage.NOTICE,
    last_day=date(2026, 3, 31),
    resignation=True,
    opens_at=30.0,
)


def drafted(known: Known = KNOWN, **changes: object) -> Notice:
    return replace(draft(known, by="an", at=NOW, calendar=CALENDAR), **changes)  # type: ignore[arg-type]


def said(step: Step, done: bool = True) -> Answer:
    return Answer(step=step, done=done, note="", by="hr", at=NOW)


@pytest.mark.parametrize(
    ("severity", "score", "level"),
    [
        (Severity.LOW, 40, RiskLevel.LOW),
        (Severity.MEDIUM, 59.9, RiskLevel.LOW),
        (Severity.MEDIUM, 60, RiskLevel.MEDIUM),
        (Severity.HIGH, 40, RiskLevel.MEDIUM),
        (Severity.HIGH, 60, RiskLevel.HIGH),
        (Severity.CRITICAL, 31, RiskLevel.HIGH),
    ],
)
def test_the_level_follows_the_most_severe_alert_and_the_score(
    severity: Severity, score: float, level: RiskLevel
) -> None:
    known = replace(KNOWN, severities=[Severity.INFORMATIONAL, severity], case=replace(CASE, score=score))
    assert level_of(known) is level


def test_every_stage_and_level_has_something_to_do_and_words_in_both_languages() -> None:
    for stage, level in product(Stage, RiskLevel):
        steps = steps_of(stage, level)
        assert steps == sorted(steps, key=list(Step).index)
        text = text_of(drafted(stage=stage, level=level, steps=steps))
        parts = [text.stage, text.level, text.when, text.presumed, *(words for _, words in text.steps)]
        assert all(part["zh"] and part["en"] for part in parts)
        assert len(text.steps) == len(steps) > 1


def test_a_high_risk_asks_for_at_least_what_a_low_one_does() -> None:
    for stage in Stage:
        assert set(steps_of(stage, RiskLevel.LOW)) <= set(steps_of(stage, RiskLevel.HIGH))


def test_a_notice_has_no_place_for_what_was_seen() -> None:
    assert {one.name for one in fields(Notice)}.isdisjoint({"alerts", "score", "facts", "events", "reason", "rule"})
    assert "secret" not in repr(drafted())
    assert "40" not in repr(text_of(drafted()))


def test_deadlines_count_working_days_and_end_with_the_last_day() -> None:
    friday = date(2026, 3, 6)
    assert deadline_of(RiskLevel.HIGH, friday, None, CALENDAR) == date(2026, 3, 9)
    assert deadline_of(RiskLevel.MEDIUM, friday, None, CALENDAR) == date(2026, 3, 11)
    assert deadline_of(RiskLevel.LOW, friday, date(2026, 3, 10), CALENDAR) == date(2026, 3, 10)
    assert deadline_of(RiskLevel.LOW, friday, date(2026, 1, 1), CALENDAR) == friday, "gone already: today"


def test_what_was_decided_to_be_harmless_is_no_reason_for_a_notice() -> None:
    for state in (CaseState.BENIGN, CaseState.INSUFFICIENT):
        with pytest.raises(Refused):
            drafted(replace(KNOWN, case=replace(CASE, state=state)))
    assert drafted(replace(KNOWN, case=replace(CASE, state=CaseState.CONFIRMED))).case == "c1"


def test_notices_are_suggested_of_open_cases_from_a_level_on() -> None:
    assert wanted(KNOWN, RiskLevel.MEDIUM)
    assert not wanted(KNOWN, RiskLevel.HIGH)
    assert not wanted(replace(KNOWN, withdrawn=True), RiskLevel.LOW)
    for state in (CaseState.OVERFLOW, CaseState.CONFIRMED):
        assert not wanted(replace(KNOWN, case=replace(CASE, state=state)), RiskLevel.LOW)


def test_a_notice_is_done_once_every_step_is_answered() -> None:
    notice = drafted(steps=[Step.HANDOVER, Step.EXIT_INTERVIEW])
    some = answer(notice, [said(Step.HANDOVER)], "she was friendly", "hr", NOW)
    assert (some.state, some.acknowledged_by, some.feedback) == (NoticeState.ACKNOWLEDGED, "hr", "she was friendly")
    rest = answer(some, [said(Step.EXIT_INTERVIEW, False), said(Step.HANDOVER, False)], None, "hr", NOW)
    assert (rest.state, rest.ended, rest.feedback) == (NoticeState.DONE, NOW, "she was friendly")
    assert [one.done for one in rest.answers] == [False, False]
    for change in (lambda: acknowledge(rest, "hr", NOW), lambda: withdraw(rest, "", NOW)):
        with pytest.raises(Refused, match="done already"):
            change()


def test_only_what_was_asked_for_is_answered() -> None:
    with pytest.raises(Refused, match="does not ask for legal_consultation"):
        answer(drafted(steps=[Step.HANDOVER]), [said(Step.LEGAL_CONSULTATION)], None, "hr", NOW)


def test_acknowledging_twice_is_acknowledging_once() -> None:
    once = acknowledge(drafted(), "hr", NOW)
    assert acknowledge(once, "another", NOW) is once
