"""The stage before HR knows: from several kinds of sign together, where switched on, and no longer than it lasts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import detection.judge
from access.lens import everything
from api.views import by_risk, risk_views
from app.config import Config
from app.wiring import open_house
from core.alert import Match
from core.errors import RuleError
from core.person import Filing
from detection.departing import guesses
from detection.rulebook import RuleBook
from tests.detection.conftest import EXPORT, Reader, alerts, at, book, directory, frame


def tagged(action: str) -> str:
    return EXPORT.replace("exported", action).replace("Exported", action).replace("export", action)


SIGNS = "signs: {a: {rules: [view], least: 3}, b: {rules: [send], least: 2}}"
JOINT = f"title: J\nname: joint\nlevel: low\nbehaviour: {{type: joint, {SIGNS}, kinds: 2, days: 10, lasts: 20}}\n"
SHOUT = """
title: Deleted much
name: shout
correlation: {type: event_count, rules: [delete], group-by: [person.id], timespan: 1d, condition: {gte: 1}}
level: medium
stage: {pre_departure: 2, notice: 3}
"""
RULES = book(tagged("view"), tagged("send"), tagged("delete"), JOINT, SHOUT)


def deed(when: str, action: str, times: int = 1) -> list[dict[str, Any]]:
    moment = at(when)
    return [{"@timestamp": moment + timedelta(seconds=n), "event.action": action} for n in range(times)]


SIGNED = [*deed("02T10:00", "view", 3), *deed("05T10:00", "send", 2)]


def test_two_kinds_of_sign_make_the_stage_and_its_factor() -> None:
    found = {a.rule: a for a in alerts(RULES, [*SIGNED, *deed("07T10:00", "delete")])}
    assert found["joint"].time == at("05T10:00") + timedelta(seconds=1)
    assert found["joint"].facts["signs"] == "a, b"
    assert (found["shout"].stage, found["shout"].score) == ("pre_departure", 30)


def test_one_kind_however_strong_makes_no_stage() -> None:
    found = alerts(RULES, [*deed("02T10:00", "view", 300), *deed("07T10:00", "delete")])
    assert [(a.rule, a.stage) for a in found] == [("shout", "active")]


def test_what_came_before_the_signs_and_after_they_lapsed_is_of_somebody_active() -> None:
    rows = [*SIGNED, *deed("04T10:00", "delete"), *deed("25T09:00", "delete"), *deed("27T10:00", "delete")]
    shouts = [(a.day.day, a.stage) for a in alerts(RULES, rows) if a.rule == "shout"]
    assert shouts == [(4, "active"), (25, "pre_departure"), (27, "active")]


def test_a_notice_is_stronger_than_signs() -> None:
    filed = Filing(account="mail:li.na@example.com", filed=at("06T10:00"), last_day=date(2026, 4, 30))
    found = alerts(RULES, [*SIGNED, *deed("07T10:00", "delete")], [filed])
    assert [(a.stage, a.score) for a in found if a.rule == "shout"] == [("notice", 45)]


def test_a_day_alone_and_in_slices_has_the_same_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*SIGNED, *(row for day in range(6, 28) for row in deed(f"{day:02}T10:00", "delete"))]
    whole = alerts(RULES, rows)
    assert {a.stage for a in whole} == {"active", "pre_departure"}
    for alert in whole:
        assert alert in alerts(RULES, rows, days=(alert.day, alert.day))
    monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 5)
    assert alerts(RULES, rows) == whole


def test_the_risk_of_a_person_shows_the_stage_while_it_lasts() -> None:
    rows = [*SIGNED, *deed("07T10:00", "delete")]
    found, who = alerts(RULES, rows), directory(frame(rows))

    def stage(when: datetime) -> str:
        lens = everything(who)
        return risk_views(by_risk(found, when), Reader(frame(rows)), lens, RULES, when)[0].stage

    assert (stage(at("05T11:00")), stage(at("28T10:00"))) == ("pre_departure", "active")


def test_nobody_is_looked_at_so_unless_a_purpose_is_named(tmp_path: Path) -> None:
    def speaking(purpose: str) -> tuple[set[str], str]:
        config = Config.model_validate({"data": tmp_path, "detection": {"pre_departure": purpose}})
        with open_house(config) as house:
            return {rule.name for rule in house.book.judged}, house.book.version

    off, without = speaking("")
    on, within = speaking("protect the customer list, agreed with the works council")
    assert on - off == {"about_to_leave"}
    assert without != within
    assert speaking("  ")[0] == off


def test_a_book_without_it_reaches_no_further() -> None:
    assert RULES.without_departing().reach < RULES.reach
    assert RuleBook.load().without_departing().reach <= RuleBook.load().reach


def test_signs_say_that_somebody_leaves_while_hr_has_filed_nothing() -> None:
    def sign(day: int) -> Match:
        until = f"2026-03-{day + 9:02}T10:00:00+00:00"
        return Match(rule="joint", person="li.na", day=date(2026, 3, day), time=at(f"{day:02}T10:00"),
                     facts={"until": until}, events=())  # fmt: skip

    def filing(day: str, *, withdrawn: bool = False) -> Filing:
        return Filing(account="mail:li.na@example.com", filed=at(day), withdrawn=withdrawn)

    def days(*filings: Filing) -> list[tuple[int, int]]:
        return [(one.filed.day, one.until.day) for one in guesses([sign(2), sign(15)], filings)]

    assert days() == [(2, 11), (15, 24)]
    assert days(filing("01T10:00"), filing("01T11:00", withdrawn=True)) == [(2, 11), (15, 24)]
    assert days(filing("05T10:00"), filing("06T10:00", withdrawn=True)) == [(2, 5), (15, 24)]
    assert days(filing("12T10:00"), filing("20T10:00", withdrawn=True)) == [(2, 11)]
    assert days(filing("20T10:00")) == [(2, 11), (15, 20)]


@pytest.mark.parametrize(
    "signs",
    [
        "signs: {a: {rules: [view], least: 3}}",
        "signs: {a: {rules: [view], least: 3}, b: {rules: [send], least: 0}}",
        "signs: {a: {rules: [view], least: 3}, b: {rules: [send], field: no.such, least: 1}}",
        "signs: {a: {rules: [view], least: 3}, b: {rules: [send], least: 1}}, kinds: 1",
        "signs: {a: {rules: [view], least: 3}, b: {rules: [send], least: 1}}, kinds: 3",
    ],
)
def test_signs_that_cannot_be_joint_are_refused(signs: str) -> None:
    with pytest.raises(RuleError, match=r"^2\.yml(:1)?: "):
        book(tagged("view"), tagged("send"), f"title: J\nname: j\nbehaviour: {{type: joint, {signs}}}\n")
