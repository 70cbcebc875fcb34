"""The share of the book, and who falls silent: judged day by day as all at once, and never by what came later."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import detection.judge
from core.errors import RuleError
from tests.detection.conftest import EXPORT, alerts, book

BEGIN = datetime(2026, 3, 2, 2, tzinfo=UTC)
WANG = {"user.account": "mail:wang.wei@example.com"}
COVER = book(
    EXPORT,
    "title: C\nname: coverage\nlevel: high\n"
    "behaviour: {type: coverage, rules: [exported], least: 3, share: 0.5, days: 10, book: 60}\n",
)


def touch(day: int, *records: str, **more: Any) -> list[dict[str, Any]]:
    moment = BEGIN + timedelta(days=day)
    return [
        {"@timestamp": moment + timedelta(minutes=n), "crm.record_id": record, **more}
        for n, record in enumerate(records)
    ]


KNOWN = touch(-10, *"abcdefgh", **WANG)


def test_half_of_what_the_company_touched_before_the_month() -> None:
    (alert,) = [
        a for a in alerts(COVER, [*KNOWN, *touch(1, "a", "b"), *touch(3, "c", "d", "e")]) if a.person == "li.na"
    ]
    assert alert.time == BEGIN + timedelta(days=3, minutes=1)
    assert (alert.facts["observed"], alert.facts["known"], alert.facts["share"]) == (4, 8, 50)


def test_the_same_customers_again_are_no_more() -> None:
    assert [a for a in alerts(COVER, [*KNOWN, *touch(1, *"abc"), *touch(2, *"abc")]) if a.person == "li.na"] == []


def test_whose_customers_they_are_is_told_where_the_log_says() -> None:
    rows = touch(1, "a", "b", **{"data.owner": "u1", "user.id": "u1"}) + touch(
        2, "c", "d", **{"data.owner": "u2", "user.id": "u1"}
    )
    (alert,) = [a for a in alerts(COVER, [*KNOWN, *rows]) if a.person == "li.na"]
    assert alert.facts["others"] == 2


def test_a_share_is_judged_alike_alone_and_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*KNOWN, *(row for day in range(0, 60, 2) for row in touch(day, *(f"{day % 14}/{n}" for n in range(3))))]
    whole = alerts(COVER, rows)
    mine = [a for a in whole if a.person == "li.na"]
    assert mine
    for alert in mine:
        assert alert in alerts(COVER, rows, days=(alert.day, alert.day))
    monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 20)
    assert alerts(COVER, rows) == whole


def login(place: str) -> str:
    return (
        EXPORT.replace("exported", place)
        .replace("Exported", place)
        .replace("event.action: export", f"event.action: login, event.module: {place}")
    )


SILENT = book(
    login("windows"),
    login("m365"),
    "title: S\nname: silent\nlevel: low\nbehaviour: {type: silence, sources: {endpoint: [windows], cloud: [m365]},"
    " gap: 5, present: 3, before: 20, least: 16}\n",
)


def seen(module: str, first: int, last: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"@timestamp": BEGIN + timedelta(days=day), "event.action": "login", "event.module": module, **more}
        for day in range(first, last)
    ]


OTHERS = seen("windows", 0, 120, **WANG)


def test_each_silence_is_told_once_and_on_the_day_it_can_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*OTHERS, *seen("windows", 0, 40), *seen("windows", 60, 100), *seen("m365", 0, 120)]
    whole = [a for a in alerts(SILENT, rows) if a.person == "li.na"]
    assert len(whole) == 2
    assert whole[0].day == date(2026, 4, 17)  # the fifth working day after Friday, 10 April
    for alert in whole:
        assert alert in alerts(SILENT, rows, days=(alert.day, alert.day))
        for day in (alert.day + timedelta(days=number) for number in range(1, 12)):
            assert [a for a in alerts(SILENT, rows, days=(day, day)) if a.person == "li.na" and a not in whole] == []
    monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 30)
    assert [a for a in alerts(SILENT, rows) if a.person == "li.na"] == whole


def test_a_system_that_is_silent_for_everybody_accuses_nobody() -> None:
    rows = [*seen("windows", 0, 40, **WANG), *seen("windows", 0, 40), *seen("m365", 0, 120)]
    assert alerts(SILENT, rows) == []


def test_a_holiday_is_no_silence() -> None:
    # 1 to 5 May are days off; the four working days around them are too few.
    rows = [*OTHERS, *seen("windows", 0, 59), *seen("windows", 68, 120), *seen("m365", 0, 120)]
    assert [a for a in alerts(SILENT, rows) if a.person == "li.na"] == []


@pytest.mark.parametrize(
    "behaviour",
    [
        "{type: coverage, rules: [exported], share: 1.5}",
        "{type: coverage, rules: [exported], share: 0.5, field: data.records}",
        "{type: coverage, rules: [exported], share: 0.5, days: 1000}",
        "{type: silence, sources: {a: [exported]}}",
        "{type: silence, sources: {a: [exported], b: []}}",
        "{type: silence, sources: {a: [exported], b: [exported]}, gap: 3, present: 4}",
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_file(behaviour: str) -> None:
    with pytest.raises(RuleError, match=r"^1\.yml(:1)?: "):
        book(EXPORT, f"title: C\nname: c\nbehaviour: {behaviour}\n")
