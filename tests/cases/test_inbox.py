"""A person's alerts gather in one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cases.inbox import gather
from core.alert import Alert, Severity, alert_id
from core.case import CaseState, undecided
from detection.risk import score_at

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


def alert(rule: str, days: int, score: float) -> Alert:
    time = NOON + timedelta(days=days)
    return Alert(
        id=alert_id(rule, "1", time.date()),
        rule=rule,
        person="1",
        day=time.date(),
        time=time,
        severity=Severity.MEDIUM,
        score=score,
        terms=(),
        facts={},
        events=(),
        stage="active",
    )


def total(alerts: Sequence[Alert], at: datetime) -> float:
    return sum(alert.score for alert in alerts if alert.time <= at)


def test_a_case_opens_when_the_score_reaches_the_limit_and_holds_every_alert() -> None:
    alerts = [alert("c", 5, 10), alert("a", 0, 10), alert("b", 2, 20)]
    case = gather("1", alerts, total, 30)
    assert case is not None
    assert case.opened == NOON + timedelta(days=2)
    assert case.score == 40
    assert case.alerts == (alerts[1].id, alerts[2].id, alerts[0].id)
    assert gather("1", alerts[::-1], total, 30) == case


def test_below_the_limit_there_is_no_case() -> None:
    assert gather("1", [alert("a", 0, 10)], total, 30) is None
    assert gather("1", [], total, 30) is None


def test_the_next_case_of_a_person_is_another_one() -> None:
    first, second = (gather("1", [alert("a", 0, 50)], total, 30, number) for number in (0, 1))
    assert first is not None
    assert second is not None
    assert first.id != second.id


def test_the_score_of_a_moment_sees_only_what_was_raised_by_then() -> None:
    alerts = [alert("a", 0, 20), alert("b", 0, 5), alert("c", 9, 90)]
    seen: list[tuple[datetime, int]] = []

    def careless(known: Sequence[Alert], at: datetime) -> float:
        seen.append((at, len(known)))
        return sum(one.score for one in known)

    case = gather("1", alerts, careless, 25)
    assert case is not None
    assert case.opened == NOON, "two alerts of one moment count together"
    assert seen == [(NOON, 2), (NOON + timedelta(days=9), 3)]


def test_a_score_that_falls_again_still_opened_a_case_and_keeps_its_height() -> None:
    alerts = [alert("a", 0, 40), alert("b", 60, 1)]
    case = gather("1", alerts, score_at, 30)
    assert case is not None
    assert (case.opened, case.score) == (NOON, 40)
    assert score_at(alerts, NOON + timedelta(days=60)) == 11


def test_alerts_too_far_apart_do_not_add_up() -> None:
    assert gather("1", [alert("a", 0, 20), alert("b", 60, 20)], score_at, 30) is None
    together = gather("1", [alert("a", 0, 20), alert("b", 1, 20)], score_at, 30)
    assert together is not None
    assert together.opened == NOON + timedelta(days=1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.integers(0, 40)), max_size=8), st.randoms())
def test_a_later_alert_never_changes_when_a_case_opened(rows: list[tuple[str, int, int]], random: Random) -> None:
    alerts = list({one.id: one for one in (alert(rule, day, score) for rule, day, score in rows)}.values())
    whole = gather("1", alerts, score_at, 30)
    mixed = alerts.copy()
    random.shuffle(mixed)
    assert gather("1", mixed, score_at, 30) == whole
    if whole:
        by_then = [one for one in alerts if one.time <= whole.opened]
        first = gather("1", by_then, score_at, 30)
        assert first is not None
        assert first.opened == whole.opened
        assert gather("1", [one for one in alerts if one.time < whole.opened], score_at, 30) is None


def test_what_a_decided_case_answers_is_open_again_once_it_weighs_more() -> None:
    alerts = [alert("a", 0, 40), alert("b", 1, 20)]
    case = gather("1", alerts, total, 30)
    assert case is not None
    decided = [replace(case, state=CaseState.BENIGN)]
    assert undecided(alerts, decided) == []
    assert undecided([alerts[0], replace(alerts[1], score=21), alert("c", 2, 1)], decided) == [
        replace(alerts[1], score=21),
        alert("c", 2, 1),
    ]
