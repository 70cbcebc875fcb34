"""The rules we ship: every one tested inside, said in both languages, and honest about its limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from core.actions import ACTIONS
from core.schema import BY_NAME
from detection.rule import COUNTED, Correlation, Rule
from detection.rulebook import RuleBook
from detection.selftest import RuleTest, matched, run

BOOK = RuleBook.load()
SPEAKING = [rule for rule in BOOK.rules.values() if rule.alerts]
LIMITED = [rule for rule in SPEAKING if rule.correlation and rule.correlation.type in COUNTED]
TEXTS = {text["name"]: text for text in map(yaml.safe_load, BOOK.texts.values())}
FACTS = {"observed", "limit", "own_usual", "events", "example", "records", "bytes"}
FACTS |= {
    "days",
    "destination",
    "others",
    "files",
    "phases",
    "objects",
    "known",
    "share",
    "source",
    "final",
    "signs",
}  # of behaviours
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def named(rule: Rule) -> str:
    return rule.name


def inside(rule: Rule) -> list[RuleTest]:
    return [RuleTest.model_validate(raw) for raw in rule.extra.tests]


def window_of(rule: Rule) -> Correlation:
    assert rule.correlation is not None
    return rule.correlation


def failures_with(rule: Rule, changed: Rule) -> set[str]:
    """Names of the rule's own tests that a change of it makes fail."""
    book = replace(BOOK, rules={**BOOK.rules, rule.name: changed})
    return {test.name for test in inside(rule) if matched(book, rule.name, test) != sorted(test.matches)}


def values_of(node: Any, key: str) -> Iterator[str]:
    """Every value that a field is compared with, or has, anywhere in a rule's text."""
    if isinstance(node, list):
        for item in node:
            yield from values_of(item, key)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield from value if isinstance(value, list) else [value]
            else:
                yield from values_of(value, key)


def test_every_test_inside_a_rule_passes() -> None:
    results = run(BOOK)
    assert [f"{r.rule}: {r.test}: {r.detail}" for r in results if not r.passed] == []
    assert len(results) > 2 * len(SPEAKING)


def test_ids_names_and_titles_are_unique() -> None:
    assert len(TEXTS) == len(BOOK.texts) == len(BOOK.rules)
    for key in ("id", "title"):
        values = [getattr(rule, key) for rule in BOOK.rules.values()]
        assert all(values)
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("rule", BOOK.rules.values(), ids=named)
def test_every_rule_says_what_it_is_in_words_and_known_fields(rule: Rule) -> None:
    text = TEXTS[rule.name]
    assert re.fullmatch(r"[a-z][a-z0-9_]+", rule.name)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", rule.id)
    assert rule.description
    assert text["level"] == rule.level.value
    assert set(values_of(text, "event.action")) <= ACTIONS
    assert rule.fields <= BY_NAME.keys()


@pytest.mark.parametrize("rule", SPEAKING, ids=named)
def test_a_rule_that_raises_alerts_is_whole(rule: Rule) -> None:
    text = TEXTS[rule.name]
    assert any(test.matches for test in inside(rule)), "a positive test"
    assert any(not test.matches for test in inside(rule)), "a negative test"
    assert text["falsepositives"]
    assert any(tag.startswith("attack.") for tag in text["tags"])
    message = rule.extra.message
    assert message is not None
    assert CHINESE.search(message.zh)
    assert not CHINESE.search(message.en)
    for said in (message.zh, message.en):
        assert "{person}" in said
        assert set(re.findall(r"{([^}]+)}", said)) - {"person"} <= FACTS | BY_NAME.keys()


@pytest.mark.parametrize("rule", LIMITED, ids=named)
def test_the_tests_inside_a_rule_hold_its_limit_to_the_unit(rule: Rule) -> None:
    window = window_of(rule)
    higher = replace(rule, correlation=replace(window, limit=window.limit + 1))
    lower = replace(rule, correlation=replace(window, limit=window.limit - 1))
    missed = {test.name for test in inside(rule) if test.matches}
    accused = {test.name for test in inside(rule) if not test.matches}
    assert failures_with(rule, higher) & missed, "a positive test at the limit"
    assert failures_with(rule, lower) & accused, "a negative test one below it"


def test_whose_work_it_is_is_not_accused_of_volume() -> None:
    assert [rule.name for rule in LIMITED if rule.extra.usual is None] == []


def test_files_are_counted_once_however_often_a_system_reports_them() -> None:
    for rule in LIMITED:
        window = window_of(rule)
        touched = {action for base in window.rules for action in values_of(TEXTS[base], "event.action")}
        if touched & {"download", "rename", "copy_to_removable"} or rule.name in {
            "mass_delete_share",
            "mass_read_share",
        }:
            assert (window.type, window.field) in {("value_count", "file.path"), ("value_sum", "data.bytes")}, rule.name


def test_the_pack_is_as_wide_as_the_issue_asks() -> None:
    assert len(SPEAKING) >= 20
    assert {rule.kind for rule in BOOK.rules.values()} >= {
        "event",
        "event_count",
        "value_count",
        "value_sum",
        "temporal_ordered",
    }
