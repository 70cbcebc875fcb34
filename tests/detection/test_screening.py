"""A screen may let through too much, never too little."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.ports import Mark
from detection.bench import Bench
from detection.judge import judge
from detection.rulebook import RuleBook
from detection.screening import Screen
from detection.selftest import SURROUNDINGS, Found, RuleTest, departing, only, raised, told
from detection.totals import Total
from tests.detection.conftest import Reader

LONG = timedelta(days=999)

BASES = "\n---\n".join(
    f"title: {name}\nname: {name}\nlogsource: {{product: leaverwatch}}\nlevel: informational\n"
    f"detection: {{a: {{event.action: {name}}}, condition: a}}"
    for name in ("export", "rename", "share")
)
ALONE = BASES.partition("\n---\n")[0].replace("export", "print").replace("level: informational\n", "")


def screen_of(correlation: str) -> Screen:
    window = (
        f"title: Window\nname: window\nlevel: high\ncorrelation: {{group-by: [person.id], timespan: 1d, {correlation}}}"
    )
    book = RuleBook.of({"bases.yml": BASES, "window.yml": window, "alone.yml": ALONE})
    return Screen(book.judged, book.rules)


@pytest.mark.parametrize(
    ("correlation", "tagged", "expected"),
    [
        ("type: event_count, rules: [export, share], condition: {gte: 5}", {"export": 3, "share": 2}, True),
        ("type: event_count, rules: [export, share], condition: {gte: 5}", {"export": 3, "share": 1}, False),
        ("type: event_count, rules: [export], condition: {gt: 5}", {"export": 5}, False),
        ("type: event_count, rules: [export], condition: {gt: 5}", {"export": 6}, True),
        ("type: value_count, rules: [export], condition: {field: file.name, gte: 3}", {"export": 2}, False),
        ("type: value_count, rules: [export], condition: {field: file.name, gte: 3}", {"export": 3}, True),
        ("type: event_count, rules: [export], condition: {lte: 5}", {"export": 1}, True),
        ("type: value_avg, rules: [export], condition: {field: data.records, gte: 9999}", {"export": 1}, True),
        ("type: value_sum, rules: [export], condition: {field: data.records, gte: 21}", {"export": 2}, False),
        ("type: value_sum, rules: [export], condition: {field: data.records, gte: 20}", {"export": 2}, True),
        (
            "type: value_sum, rules: [export, share], condition: {field: data.records, gt: 29}",
            {"export": 2, "share": 1},
            True,
        ),
        ("type: value_sum, rules: [export], condition: {field: data.records, gte: 9999}", {"share": 9}, False),
        ("type: temporal, rules: [export, rename]", {"export": 9}, False),
        ("type: temporal, rules: [export, rename]", {"export": 1, "rename": 1}, True),
    ],
)
def test_a_window_that_cannot_be_full_is_not_looked_into(
    correlation: str, tagged: dict[str, int], expected: bool
) -> None:
    totals = {name: Total(number, {"data.records": 10.0 * number}, LONG) for name, number in tagged.items()}
    assert ("window" in screen_of(correlation).may_find(totals, leaver=False)) == expected


def test_a_rule_without_a_window_needs_one_event() -> None:
    screen = screen_of("type: event_count, rules: [export], condition: {gte: 5}")
    assert screen.may_find({"print": Total(1)}, leaver=False) == {"print"}
    assert screen.may_find({}, leaver=False) == set()


def test_a_window_over_windows_that_cannot_be_full_is_not_looked_into() -> None:
    texts = {
        "bases.yml": BASES,
        "many.yml": "title: m\nname: many\ncorrelation: {type: event_count, rules: [export], group-by: [person.id], "
        "timespan: 1d, condition: {gte: 5}}",
        "then.yml": "title: t\nname: then\ncorrelation: {type: temporal, rules: [many, share], group-by: [person.id], "
        "timespan: 1d}",
    }
    book = RuleBook.of(texts)
    screen = Screen(book.judged, book.rules)
    assert screen.may_find({"export": Total(5, {}, LONG), "share": Total(1, {}, LONG)}, leaver=False) == {"then"}
    assert screen.may_find({"export": Total(4, {}, LONG), "share": Total(1, {}, LONG)}, leaver=False) == set()


def test_nothing_is_new_to_somebody_without_a_past() -> None:
    new = ALONE + "\nfirst_seen: {field: source.ip, days: 60, min_days: 14}\n"
    book = RuleBook.of({"new.yml": new})
    screen = Screen(book.judged, book.rules)
    assert screen.may_find({"print": Total(9, {}, timedelta(days=14))}, leaver=False) == {"print"}
    assert screen.may_find({"print": Total(9, {}, timedelta(days=13, hours=23))}, leaver=False) == set()


def test_a_rule_on_leavers_looks_at_nobody_else() -> None:
    screen = Screen(OURS.judged, OURS.rules)
    exported = {"crm_export": Total(1, {"data.records": 6000}, LONG)}
    assert "export_by_leaver" in screen.may_find(exported, leaver=True)
    assert "export_by_leaver" not in screen.may_find(exported, leaver=False)


OURS = RuleBook.load()


@pytest.mark.parametrize("name", sorted(name for name, rule in OURS.rules.items() if rule.extra.tests))
def test_what_a_rule_finds_in_its_tests_the_screen_lets_through(name: str) -> None:
    book = only(OURS, name)
    book = replace(book, rules={**book.rules, name: book.rules[name].aloud()})
    for test in (RuleTest.model_validate(raw) for raw in book.rules[name].extra.tests):
        events, directory = told(book, test)
        for alert in raised(book, name, test):
            mark = Mark(subject=f"person:{alert.person}", first=alert.day, last=alert.day)
            bench = Bench(
                store=Reader(events),
                directory=directory,
                book=book,
                surroundings=SURROUNDINGS,
                findings=Found.of(test),
                departing=departing(test),
            )
            assert alert.id in {one.id for judged in judge([mark], bench) for one in judged.alerts}, test.name
