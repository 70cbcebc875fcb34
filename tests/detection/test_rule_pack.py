"""The rules we ship: every one tested inside, said in both languages, and honest about its limits."""

from __future__ import annotations

import re

import pytest

from core.schema import BY_NAME
from detection.rulebook import RuleBook
from detection.selftest import RuleTest, run

BOOK = RuleBook.load()
SPEAKING = [rule for rule in BOOK.rules.values() if rule.alerts]


def test_every_test_inside_a_rule_passes() -> None:
    results = run(BOOK)
    assert [f"{r.rule}: {r.test}: {r.detail}" for r in results if not r.passed] == []
    assert len(results) > 2 * len(SPEAKING)


def test_ids_and_titles_are_unique() -> None:
    for key in ("id", "title"):
        values = [getattr(rule, key) for rule in BOOK.rules.values()]
        assert all(values)
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("rule", SPEAKING, ids=lambda rule: rule.name)
def test_a_rule_that_raises_alerts_is_whole(rule: object) -> None:
    found = BOOK.rules[rule.name]  # type: ignore[attr-defined]
    tests = [RuleTest.model_validate(raw) for raw in found.extra.tests]
    assert any(test.matches for test in tests), "a positive test"
    assert any(not test.matches for test in tests), "a negative test"
    assert found.description
    assert found.extra.message is not None
    assert re.search(r"[\u4e00-\u9fff]", found.extra.message.zh)
    assert not re.search(r"[\u4e00-\u9fff]", found.extra.message.en)
    for text in (found.extra.message.zh, found.extra.message.en):
        assert "{person}" in text
        named = set(re.findall(r"{([^}]+)}", text)) - {"person"}
        assert named <= {"observed", "limit", "own_usual", "events", "example", "records", "bytes", *BY_NAME}


def test_the_pack_is_as_wide_as_the_issue_asks() -> None:
    assert len(SPEAKING) >= 20
    assert {rule.kind for rule in BOOK.rules.values()} == {
        "event",
        "event_count",
        "value_count",
        "value_sum",
        "temporal_ordered",
    }
