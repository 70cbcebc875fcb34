"""What a judgement promises, whatever order, batch or hour its events came in."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

import detection.seen
from core.alert import alert_id
from core.person import Filing
from core.ports import Mark
from detection.bench import Bench
from detection.judge import judge
from detection.marking import DECISIVE, touched
from detection.tagging import Tagger
from tests.detection.conftest import EXPORT, SURROUNDINGS, Reader, alerts, at, book, directory, frame, window

SUM = window("mass", "value_sum", "{field: data.records, gte: 10000}")
LI = "mail:li.na@example.com"


def exports(*pairs: tuple[str, int], **more: Any) -> list[dict[str, Any]]:
    return [{"@timestamp": at(when), "data.records": records, **more} for when, records in pairs]


def test_two_exports_of_a_day_add_up_at_the_moment_of_the_second() -> None:
    (found,) = alerts(book(EXPORT, SUM), exports(("02T09:00", 6000), ("02T15:00", 6000)))
    assert found.time == at("02T15:00")
    assert found.facts["observed"] == 12000
    assert found.facts["limit"] == 10000
    assert len(found.events) == 2
    assert found.id == alert_id("mass", "li.na", date(2026, 3, 2))


def test_two_people_are_not_added_together() -> None:
    rows = exports(("02T09:00", 6000)) + exports(("02T10:00", 6000), **{"user.account": "mail:wang.wei@example.com"})
    assert alerts(book(EXPORT, SUM), rows) == []


def test_a_night_between_does_not_hide_a_sum_and_does_not_repeat_it() -> None:
    rows = exports(("02T23:00", 6000), ("03T01:00", 6000), ("03T09:00", 1))
    assert [(a.day, a.time) for a in alerts(book(EXPORT, SUM), rows)] == [(date(2026, 3, 3), at("03T01:00"))]
    rows = exports(("02T20:00", 12000), ("03T08:00", 1))
    assert [a.day for a in alerts(book(EXPORT, SUM), rows)] == [date(2026, 3, 2)]
    rows = exports(("02T20:00", 12000), ("03T08:00", 12000))
    assert [a.day for a in alerts(book(EXPORT, SUM), rows)] == [date(2026, 3, 2), date(2026, 3, 3)]


def test_a_day_is_the_companys_day() -> None:
    (found,) = alerts(book(EXPORT, SUM), exports(("02T07:30", 12000)))
    assert found.day == date(2026, 3, 2), "23:30 UTC of the day before"


def test_the_order_of_arrival_changes_nothing() -> None:
    rules = book(EXPORT, SUM, window("many", "event_count", "{gte: 4}"))
    rows = [
        row | {"event.id": f"{number:032x}"}
        for number, row in enumerate(exports(*((f"{2 + n % 4:02}T{n % 24:02}:00", 900 * n) for n in range(40))))
    ]
    wanted = alerts(rules, rows)
    assert wanted
    random.Random(4).shuffle(rows)
    assert alerts(rules, rows) == wanted


def test_judging_some_days_gives_the_alerts_that_judging_all_of_them_gives() -> None:
    rules = book(EXPORT, SUM, window("drip", "value_sum", "{field: data.records, gte: 20000}").replace("1d", "7d"))
    rows = exports(*((f"{day:02}T10:00", 1500 * day) for day in range(1, 20)))
    whole = alerts(rules, rows)
    for first, last in pairwise([date(2026, 3, 1), date(2026, 3, 7), date(2026, 3, 20)]):
        some = alerts(rules, rows, days=(first, last))
        assert some == [a for a in whole if first <= a.day <= last]


def test_an_account_without_a_person_is_judged_as_itself() -> None:
    rows = exports(("02T09:00", 12000), **{"user.account": "login:svc_report"})
    (found,) = alerts(book(EXPORT, SUM), rows)
    assert found.person == "login:svc_report"


def test_every_mark_comes_back_once() -> None:
    rules = book(EXPORT, SUM)
    events = Tagger(rules, SURROUNDINGS).tag(frame(exports(("02T09:00", 12000))))
    marks = [
        Mark(subject=s, first=date(2026, 3, 1), last=date(2026, 3, 3))
        for s in (LI, "person:li.na", "mail:nobody@x.cn", "*")
    ]
    people = directory(events)
    judged = list(judge(marks, Bench(store=Reader(events), directory=people, book=rules, surroundings=SURROUNDINGS)))
    assert sorted(m.subject for one in judged for m in one.marks) == sorted(m.subject for m in marks)
    assert sum(len(one.alerts) for one in judged) == 1


def test_who_has_more_events_than_fit_is_judged_last_and_as_if_they_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = book(EXPORT, SUM)
    busy = exports(*((f"{day:02}T{hour:02}:00", 2500) for day in range(2, 12) for hour in range(1, 5)))
    rows = exports(("02T09:00", 12000), **{"user.account": "mail:wang.wei@example.com"}) + busy
    events = Tagger(rules, SURROUNDINGS).tag(frame(rows))
    marks = [Mark(subject="*", first=date(2026, 3, 1), last=date(2026, 3, 30))]
    bench = Bench(store=Reader(events), directory=directory(events), book=rules, surroundings=SURROUNDINGS)

    def judged() -> list[tuple[str, list[date]]]:
        return [
            (person, sorted(a.day for a in one.alerts if a.person == person))
            for one in judge(marks, bench)
            for person, _, _ in one.spans
        ]

    whole = judged()
    monkeypatch.setattr("detection.judge.EVENTS_AT_ONCE", 7)
    cut = judged()
    assert [person for person, _ in cut] == ["wang.wei", "li.na"]
    assert sorted(cut) == sorted(whole)
    assert len(dict(cut)["li.na"]) > 1


def test_what_one_person_is_read_of_counts_for_all_who_are_read_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    viewed = EXPORT.replace("xported", "yed").replace("export}", "view}")
    rules = book(EXPORT, SUM, viewed, window("many", "event_count", "{gte: 50}").replace("[exported]", "[eyed]"))
    wang = {"user.account": "mail:wang.wei@example.com"}
    rows = [{"@timestamp": at("02T10:00"), "event.action": "view"} for _ in range(60)]
    rows += [{**row, **wang} for row in rows[:45]] + exports(("02T09:00", 12000), **wang)
    store = Reader(Tagger(rules, SURROUNDINGS).tag(frame(rows)))
    bench = Bench(store=store, directory=directory(store.events), book=rules, surroundings=SURROUNDINGS)
    read: list[int] = []
    monkeypatch.setattr(store, "read", lambda query: (rows := Reader.read(store, query), read.append(rows.height))[0])
    judged = list(judge([Mark(subject="*", first=date(2026, 3, 1), last=date(2026, 3, 30))], bench, 70))
    assert sorted(alert.rule for one in judged for alert in one.alerts) == ["many", "mass"]
    assert sorted(read) == [1, 60], "together it would have been 106"


def test_touched_days_reach_as_far_as_the_widest_rule() -> None:
    events = frame(exports(("02T07:00", 1), ("05T09:00", 1)))
    (mark,) = touched(events, SURROUNDINGS.calendar, replace(book(EXPORT, SUM), reach=30))
    assert (mark.subject, mark.first, mark.last) == (LI, date(2026, 3, 2), date(2026, 4, 4))


def test_the_rarer_the_rarest_tag_of_an_account_the_more_urgent_its_mark() -> None:
    often, seldom, never = (["viewed"], ["exported", "viewed"], None)
    rows = [{"user.account": f"crm:{number % 50}", "rule.matched": often} for number in range(4000)]
    rows += [{"user.account": "crm:7", "rule.matched": seldom}, {"user.account": "crm:nobody", "rule.matched": never}]
    rows = [{"@timestamp": at("02T09:00"), **row} for row in rows]
    marks = {mark.subject: mark.urgent for mark in touched(frame(rows), SURROUNDINGS.calendar, book(EXPORT, SUM))}
    assert marks["crm:7"] == 11, "one of 4,002: doubled 11 times it is 2,048"
    assert marks["crm:8"] == marks["crm:nobody"] == 0
    alone = touched(frame(rows[:1]), SURROUNDINGS.calendar, book(EXPORT, SUM))
    assert [mark.urgent for mark in alone] == [9], "as if one of a thousand"


def test_an_event_that_is_enough_alone_is_the_most_urgent() -> None:
    rules = book(EXPORT, SUM, EXPORT.replace("xported", "nough").replace("level: informational", "level: high"))
    rows = [
        {"user.account": "crm:a", "rule.matched": ["exported"], "data.records": 10_000},
        {"user.account": "crm:b", "rule.matched": ["exported"], "data.records": 9_999},
        {"user.account": "crm:c", "rule.matched": ["enough"]},
        {"user.account": "crm:d", "rule.matched": None, "data.records": 99_999},
        {"user.account": None, "rule.matched": ["enough"]},
    ]
    found = touched(frame([{"@timestamp": at("02T09:00"), **row} for row in rows]), SURROUNDINGS.calendar, rules)
    assert {mark.subject for mark in found if mark.urgent >= DECISIVE} == {"crm:a", "crm:c"}


LEAVER = """
title: Leaver exports
name: leaver_exports
logsource: {product: leaverwatch}
detection: {s: {event.action: export, leaver.stage: notice}, condition: s}
level: high
lookback: 10
"""


def filing(when: str, **more: Any) -> Filing:
    return Filing(account=LI, filed=at(when), **more)


def test_before_the_notice_a_leavers_rule_is_silent_and_what_it_finds_looking_back_carries_the_notices_time() -> None:
    rows = exports(("01T10:00", 5), ("06T10:00", 5), ("09T10:00", 5))
    found = alerts(book(LEAVER), rows, [filing("08T12:00", last_day=date(2026, 3, 31))])
    assert [(a.day, a.time) for a in found] == [
        (date(2026, 3, 1), at("08T12:00")),
        (date(2026, 3, 6), at("08T12:00")),
        (date(2026, 3, 9), at("09T10:00")),
    ]
    assert alerts(book(LEAVER), rows) == []


def test_a_look_back_ends_where_the_rule_says() -> None:
    found = alerts(book(LEAVER), exports(("01T10:00", 5)), [filing("12T12:00")])
    assert found == []


def test_a_notice_withdrawn_at_once_was_never_in_force() -> None:
    filings = [filing("08T12:00"), filing("08T12:00", withdrawn=True)]
    assert alerts(book(LEAVER), exports(("06T10:00", 5), ("09T10:00", 5)), filings) == []


def test_after_a_withdrawal_the_watch_ends_and_what_was_known_before_stays() -> None:
    filings = [filing("08T12:00"), filing("10T12:00", withdrawn=True)]
    found = alerts(book(LEAVER), exports(("09T10:00", 5), ("11T10:00", 5)), filings)
    assert [a.day for a in found] == [date(2026, 3, 9)]


def test_rules_on_leavers_read_leavers_only() -> None:
    rules = book(LEAVER)
    assert rules.rules["leaver_exports"].leavers_only
    events = Tagger(rules, SURROUNDINGS).tag(
        frame(exports(("09T10:00", 5)) + exports(("09T10:00", 5), **{"user.account": "mail:wang.wei@example.com"}))
    )
    reader = Reader(events)
    people = directory(events, [filing("08T12:00")])
    marks = [Mark(subject="*", first=date(2026, 3, 1), last=date(2026, 3, 20))]
    list(judge(marks, Bench(store=reader, directory=people, book=rules, surroundings=SURROUNDINGS)))
    asked = [query.accounts for query in reader.queries if "leaver_exports" in (query.tagged or ())]
    assert asked == [frozenset({LI})]


def test_events_are_looked_through_once_however_much_is_asked_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """And those of who has filed a notice once more, as if it had been known."""
    heights: list[int] = []
    by_tag = detection.seen._by_tag

    def counted(events: pl.DataFrame) -> Any:
        heights.append(events.height)
        return by_tag(events)

    monkeypatch.setattr("detection.seen._by_tag", counted)
    others = exports(("06T10:00", 12000), ("07T10:00", 5), **{"user.account": "mail:wang.wei@example.com"})
    rows = exports(("06T10:00", 5)) + others
    assert alerts(book(EXPORT, SUM, LEAVER), rows, [filing("08T12:00")])
    assert heights == [1 + 2, 1]


def test_a_usual_raises_the_limit_and_stands_in_the_facts() -> None:
    rules = book(
        EXPORT,
        window("mass", "value_sum", "{field: data.records, gte: 100}", "usual: {times: 4, days: 30, min_days: 5}"),
    )
    past = [(f"{day:02}T10:00", 90) for day in range(2, 8)]
    (found,) = alerts(rules, exports(*past, ("09T10:00", 400)))
    assert (found.facts["own_usual"], found.facts["limit"], found.facts["observed"]) == (90, 360, 400)
    assert alerts(rules, exports(*past, ("09T10:00", 359))) == []
    few = alerts(rules, exports(*past[:4], ("09T10:00", 100)))
    assert [a.facts.get("own_usual") for a in few] == [None], "not enough history is no usual"


def test_days_after_the_notice_are_not_usual() -> None:
    rules = book(
        EXPORT,
        window("mass", "value_sum", "{field: data.records, gte: 100}", "usual: {times: 4, days: 30, min_days: 5}"),
    )
    rows = exports(*((f"{day:02}T10:00", 90) for day in range(2, 8)), ("09T10:00", 200))
    assert alerts(rules, rows) == []
    assert [a.day for a in alerts(rules, rows, [filing("01T00:00")])] == [date(2026, 3, 9)]


def test_a_person_without_tagged_events_left_has_no_alerts_and_is_still_settled() -> None:
    rules = book(EXPORT, SUM)
    people = directory(frame([{"@timestamp": at("02T09:00")}]))
    nothing = Reader(frame([{"@timestamp": at("02T09:00")}]))
    marks = [Mark(subject=LI, first=date(2026, 3, 1), last=date(2026, 3, 3))]
    (judged,) = judge(marks, Bench(store=nothing, directory=people, book=rules, surroundings=SURROUNDINGS))
    assert judged.spans == [("li.na", date(2026, 3, 1), date(2026, 3, 3))]
    assert not judged.alerts
