"""Who has something due is reminded: once, by the rules for all that is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.config import Notify
from app.wiring import open_house
from core.access import Role
from core.case import Case, CaseState, case_id
from core.casefiles import Task
from core.happening import Kind
from core.notice import Notice, RiskLevel
from core.notice import Step as NoticeStep
from core.notifying import Address, ChannelKind, Digest, Rule, Timing
from core.person import Stage
from tests.app.told import NOW, Told, config
from tests.store.storing import an_alert

KINDS = frozenset({Kind.TASK_DUE, Kind.TASK_OVERDUE, Kind.NOTICE_OVERDUE})
EVER, FOREVER = date(1970, 1, 1), date(9999, 12, 31)
CASE = case_id("7", 0)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    mail = Notify(smtp_host="127.0.0.1", smtp_port=1, smtp_tls="none", smtp_from="watch@corp.example")
    with open_house(config(tmp_path, notify=mail)) as house:
        made = Told(house)
        alert = an_alert("7", 1)
        case = Case(
            id=CASE,
            person="7",
            number=0,
            state=CaseState.NEW,
            opened=NOW,
            score=80.0,
            alerts=(alert.id,),
            scores=(40.0,),
        )
        house.records.settle((), [("7", EVER, FOREVER)], [alert], [case])
        for name, role in (("ann", Role.ANALYST), ("bo", Role.ANALYST), ("zhao", Role.HR)):
            made.people.add(name, role, f"{name}@corp.example")
        made.channel("mail", ChannelKind.EMAIL, Address())
        made.notifier.run()
        yield made


def rule(told: Told, **given: object) -> None:
    roles = frozenset({Role.ANALYST, Role.HR})
    made = Rule(name="r", channel="mail", kinds=KINDS, roles=roles, language="en", **given)  # type: ignore[arg-type]
    told.house.records.save_rule(made, by="admin", at=NOW)


def said(told: Told) -> list[tuple[str, str]]:
    return sorted((one.recipient, one.body.partition(" (")[0]) for one in told.deliveries())


def add_task(told: Told) -> None:
    due = NOW + timedelta(days=3)
    told.house.records.add_task(Task(id="t", case=CASE, title="ask", by="bo", at=NOW, assignee="ann", due=due))


def test_a_task_is_told_of_once_a_day_before_and_once_when_it_is_overdue(told: Told) -> None:
    rule(told)
    add_task(told)
    told.later(days=2, hours=1)
    told.notifier.run()
    told.another().run()
    assert said(told) == [("ann", "[high] A task is due soon")]
    assert f"https://watch.corp/cases/{CASE}" in told.deliveries()[0].body
    told.later(days=1)
    for _ in range(2):
        told.another().run()
        told.later(hours=1)
    assert said(told) == [("ann", "[high] A task is due soon"), ("ann", "[high] A task is overdue")]


def test_what_came_to_be_due_while_nothing_ran_is_told_afterwards(told: Told) -> None:
    rule(told)
    add_task(told)
    told.later(days=9)
    told.another().run()
    assert said(told) == [("ann", "[high] A task is overdue")]


def test_a_reminder_waits_for_the_digest_as_all_else(told: Told) -> None:
    rule(told, timing=Timing(digest=Digest.HOURLY))
    add_task(told)
    told.later(days=2, minutes=1)
    told.notifier.run()
    (one,) = told.deliveries()
    assert one.due == told.now.replace(minute=0) + timedelta(hours=1)


def test_hr_and_whoever_sent_it_are_told_of_a_notice_that_is_overdue(told: Told) -> None:
    rule(told)
    notice = Notice(
        id="n1",
        case=CASE,
        person="7",
        stage=Stage.NOTICE,
        level=RiskLevel.LOW,
        steps=(NoticeStep.HANDOVER,),
        deadline=NOW.date(),
        sent=NOW,
        sent_by="bo",
    )
    told.house.records.send_notice(notice)
    told.later(hours=3)
    told.notifier.run()
    assert said(told) == [], "its last day is not over"
    told.later(days=1)
    told.notifier.run()
    assert said(told) == [("bo", "A notice for HR is overdue"), ("zhao", "A notice for HR is overdue")]
