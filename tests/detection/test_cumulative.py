"""A little every day is found; a lot on one day, a quarter's end and a job that grows are not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest

import detection.judge
from core.alert import Alert
from core.errors import RuleError
from core.person import Filing
from detection.rulebook import RuleBook
from tests.detection.conftest import EXPORT, alerts, book

OFF = {date(2026, 2, 15) + timedelta(days=day) for day in range(9)}
START = datetime(2026, 1, 5, 2, tzinfo=UTC)


def drip(more: str = "") -> RuleBook:
    window = f"{{type: cumulative, rules: [exported], field: data.records, a_day: 100, limit: 300{more}}}"
    return book(EXPORT, f"title: Drip\nname: drip\nlevel: high\nbehaviour: {window}\n")


def rows(amounts: Iterable[float], begin: datetime = START) -> list[dict[str, object]]:
    """An export a day; none where the amount is 0."""
    days = ((begin + timedelta(days=number), int(amount)) for number, amount in enumerate(amounts))
    return [{"@timestamp": when, "data.records": amount} for when, amount in days if amount]


def raised(rules: RuleBook, amounts: Iterable[float], begin: datetime = START) -> list[Alert]:
    return alerts(rules, rows(amounts, begin))


def test_a_tenth_of_a_limit_every_day_for_a_month_is_found_within_it() -> None:
    found = raised(drip(), [5] * 30 + [60] * 30)
    assert found
    assert (found[0].day - START.date()).days < 30 + 10
    assert found[0].facts["days"] <= 10
    assert found[0].facts["own_usual"] == 5 * found[0].facts["days"]


def test_a_holiday_makes_nobodys_usual_less() -> None:
    """The spring festival of 2026 lasts from 15 to 23 February."""
    begin = datetime(2026, 2, 9, 2, tzinfo=UTC)
    working = [100 if begin.date() + timedelta(days=day) not in OFF else 0 for day in range(35)]
    assert raised(drip(), working, begin) == []


def test_whoever_works_on_days_off_is_not_found_for_a_holiday() -> None:
    assert raised(drip(), [1000] * 60) == []


def test_one_day_however_large_and_two_of_them_are_another_rules_business() -> None:
    assert raised(drip(), [5] * 30 + [100_000, 100_000] + [5] * 20) == []


def test_weekends_do_not_hide_it() -> None:
    week = [90, 90, 90, 90, 90, 0, 0]
    assert raised(drip(), [5] * 28 + week * 2)


def test_a_job_that_grows_by_a_twentieth_a_week_is_usual() -> None:
    assert raised(drip(), [2000 * 1.05 ** (day / 7) for day in range(150)]) == []


def test_whoever_always_does_much_is_held_to_more() -> None:
    assert raised(drip(), [1000] * 40 + [1500] * 30) == []
    assert raised(drip(), [1000] * 40 + [4000] * 10)


def test_the_end_of_a_quarter_is_left_out_where_the_rule_says_so() -> None:
    begin = datetime(2026, 2, 2, 2, tzinfo=UTC)
    amounts = [5] * 47 + [400] * 11  # to the last of March
    assert raised(drip(), amounts, begin)
    assert raised(drip(", quarter_end: false"), amounts, begin) == []


def test_without_a_history_nothing_is_said() -> None:
    assert raised(drip(), [400] * 30) == []


def test_days_after_the_notice_are_not_usual() -> None:
    filed = Filing(account="employee:li.na", filed=START + timedelta(days=31), last_day=date(2026, 6, 30))
    amounts = [5] * 31 + [150] * 25
    before = {alert.day for alert in alerts(drip(), rows(amounts))}
    assert before <= {alert.day for alert in alerts(drip(), rows(amounts), [filed])}


def test_a_day_alone_has_the_alerts_that_it_has_among_others() -> None:
    amounts = ([5] * 40 + [120] * 12) * 3
    whole = alerts(drip(), rows(amounts))
    assert len(whole) > 1
    for alert in whole:
        assert alerts(drip(), rows(amounts), days=(alert.day, alert.day)) == [alert]
        day = alert.day + timedelta(days=1)
        assert alerts(drip(), rows(amounts), days=(day, day)) == [a for a in whole if a.day == day]


def test_whoever_has_more_events_than_fit_gets_the_same_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    amounts = ([5] * 40 + [120] * 12) * 3
    whole = alerts(drip(), rows(amounts))
    monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 20)
    assert alerts(drip(), rows(amounts)) == whole


def test_the_moment_is_when_the_day_reached_it() -> None:
    usual = rows([5] * 40)
    taken = [
        {"@timestamp": START + timedelta(days=40 + day, hours=hour), "data.records": 50}
        for day in range(6)
        for hour in range(4)
    ]
    (first, *_) = alerts(drip(), usual + taken)
    same = [row for row in taken if row["@timestamp"] <= first.time]
    assert alerts(drip(), usual + same) == [first] or alerts(drip(), usual + same)[0].time == first.time
    assert alerts(drip(), usual + same[:-1]) == []


@pytest.mark.parametrize(
    "behaviour",
    [
        "{type: cumulative, rules: [exported], field: data.records, a_day: 100, limit: 150}",
        "{type: cumulative, rules: [exported], field: no.field, a_day: 100, limit: 300}",
        "{type: cumulative, rules: [exported], field: rule.matched, a_day: 100, limit: 300}",
        "{type: crew, rules: [exported], each: 5}\nlookback: 30",
        "{type: cumulative, rules: [nobody], a_day: 100, limit: 300}",
        "{type: cumulative, rules: [], a_day: 100, limit: 300}",
        "{type: cumulative, rules: [exported], a_day: .nan, limit: 300}",
        "{type: cumulative, rules: [exported], a_day: 100, limit: .inf}",
        "{type: cumulative, rules: [exported], a_day: 100, limit: 300, more: 1}",
        "{type: strange}",
        "{type: [cumulative]}",
        "[]",
        "null",
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_file(behaviour: str) -> None:
    with pytest.raises(RuleError, match=r"^1\.yml(:1)?: "):
        book(EXPORT, f"title: Drip\nname: drip\nbehaviour: {behaviour}\n")
