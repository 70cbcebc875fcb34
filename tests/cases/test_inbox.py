"""A person's alerts gather in one case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cases.inbox import gather
from core.alert import Alert, Severity, alert_id

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
