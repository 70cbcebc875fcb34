"""The rules we ship: every one tested inside, said in both languages, and honest about its limits."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from api.views import rule_views
from core.actions import ACTIONS
from core.alert import Severity
from core.person import Stage
from core.schema import BY_NAME
from detection import behaviours
from detection.correlations import COUNTED, Correlation
from detection.explain import UNITS, messages_of, unit_words
from detection.risk import points_of
from detection.rule import Rule
from detection.rulebook import RuleBook
from detection.rulepage import AREAS, KINDS, Language, area_of, page
from detection.selftest import RuleTest, matched, raised, run
from detection.techniques import is_known

BOOK = RuleBook.load()
SPEAKING = [rule for rule in BOOK.rules.values() if rule.alerts]
LIMITED = [rule for rule in SPEAKING if rule.correlation and rule.correlation.type in COUNTED]
BEHAVING = [rule for rule in SPEAKING if rule.behaviour]
TEXTS = {text["name"]: text for text in map(yaml.safe_load, BOOK.texts.values())}
CASE_OPENS_AT = 30
WORTH = {
    Severity.LOW: (1, 12),
    Severity.MEDIUM: (10, 25),
    Severity.HIGH: (30, 45),
    Severity.CRITICAL: (60, 60),
}
"""Least and most points of a rule of each level."""
ACCUSING = re.compile(
    r"(?i)\b(?:thief|thieves|steals?|stole|guilty|culprit|criminal|suspect(?:s|ed)?|malicious)\b|小偷|窃取|嫌疑|犯罪|恶意"
)
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


def limited(rule: Rule, limit: float) -> Rule:
    """A rule of behaviour with another limit."""
    assert rule.behaviour is not None
    name = rule.behaviour.limit_by
    kept = type(getattr(rule.behaviour, name))
    return replace(rule, behaviour=rule.behaviour.model_copy(update={name: kept(limit)}))


def people_in(test: RuleTest) -> set[str]:
    return {str(event["person.id"]) for event in test.events}


def as_one_person(test: RuleTest) -> RuleTest:
    events = [{**event, "person.id": "li.na"} for event in test.events]
    filings = [{**filing, "person": "li.na"} for filing in test.filings[:1]]
    return test.model_copy(update={"events": _told_apart(events), "filings": filings})


def _told_apart(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What one person did in place of several: other files, addresses and devices, the later ones later."""
    return [
        {
            key: value.replace("{n}", f"{number}-{{n}}") if isinstance(value, str) else value
            for key, value in event.items()
        }
        for number, event in enumerate(events)
    ]


def patterns_of(node: Any) -> Iterator[str]:
    """Every regular expression in a detection."""
    for value in node if isinstance(node, list) else []:
        yield from patterns_of(value)
    for key, value in node.items() if isinstance(node, dict) else []:
        if "|re" in key:
            yield from value if isinstance(value, list) else [value]
        else:
            yield from patterns_of(value)


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
    assert any(test.matches for test in inside(rule)), "a positive test"
    assert any(not test.matches for test in inside(rule)), "a negative test"
    assert rule.falsepositives
    assert all(len(text) > 5 for text in rule.falsepositives)
    assert "Fed by" in rule.description, "which sources it lives on"
    message = rule.extra.message
    assert message is not None
    assert CHINESE.search(message.zh)
    assert not CHINESE.search(message.en)
    assert "{person}" in message.zh
    assert "{person}" in message.en


@pytest.mark.parametrize("rule", SPEAKING, ids=named)
def test_a_message_names_only_what_the_rule_finds(rule: Rule) -> None:
    assert rule.extra.message is not None
    named = set(re.findall(r"{([^}]+)}", rule.extra.message.zh + rule.extra.message.en)) - {"person"}
    found = [alert for test in inside(rule) if test.matches for alert in raised(BOOK, rule.name, test)]
    if rule.correlation or rule.behaviour:
        assert named <= found[0].facts.keys() | {"example"}
    assert named <= set().union(*(alert.facts.keys() for alert in found))
    for lang in ("zh", "en"):
        assert not any("{" in messages_of(rule, alert, "Li Na")[lang] for alert in found)


@pytest.mark.parametrize("rule", SPEAKING, ids=named)
def test_a_runbook_says_calmly_what_to_look_at_next(rule: Rule) -> None:
    runbook = rule.extra.runbook
    assert runbook is not None
    assert CHINESE.search(runbook.zh)
    assert not CHINESE.search(runbook.en)
    assert 2 <= len(re.findall(r"[.?!](?= |$)", runbook.en)) <= 5
    assert 2 <= len(re.findall(r"[。？！]", runbook.zh)) <= 5
    assert not ACCUSING.search(f"{runbook.en} {runbook.zh} {rule.extra.message} {rule.title}")
    assert "{" not in runbook.en + runbook.zh


@pytest.mark.parametrize("rule", SPEAKING, ids=named)
def test_tags_are_known_techniques_and_say_whether_insiders_were_seen_with_them(rule: Rule) -> None:
    assert len(set(rule.tags)) == len(rule.tags)
    assert [tag for tag in rule.tags if not is_known(tag)] == []
    assert any(re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) for tag in rule.tags)
    assert any(tag.startswith("insider-ttp.t") for tag in rule.tags)
    claimed = {tag.removeprefix("insider-ttp.") for tag in rule.tags if tag.startswith("insider-ttp.")}
    named = {tag.removeprefix("attack.") for tag in rule.tags}
    assert claimed <= named | {name[:5] for name in named}, "a technique the rule itself names, or its parent"


@pytest.mark.parametrize("rule", SPEAKING, ids=named)
def test_what_a_rule_is_worth_fits_its_level(rule: Rule) -> None:
    least, most = WORTH[rule.level]
    assert least <= points_of(rule) <= most
    decides_alone = rule.extra.floor is not None
    assert decides_alone == (rule.level is Severity.CRITICAL)
    assert rule.extra.stage.keys() <= {stage.value for stage in Stage} - {"active"}
    assert all(factor > 1 for factor in rule.extra.stage.values())
    assert rule.extra.stage.get("pre_departure", 1.0) <= rule.extra.stage.get("notice", 1.0), "a guess weighs less"
    if rule.level is Severity.LOW:
        weight = rule.extra.stage.get("notice", 1.0)
        assert points_of(rule) * weight < CASE_OPENS_AT, "one weak sign alone opens no case, not even of a leaver"


@pytest.mark.parametrize("rule", LIMITED, ids=named)
def test_the_tests_inside_a_rule_hold_its_limit_to_the_unit(rule: Rule) -> None:
    window = window_of(rule)
    higher = replace(rule, correlation=replace(window, limit=window.limit + 1))
    lower = replace(rule, correlation=replace(window, limit=window.limit - 1))
    missed = {test.name for test in inside(rule) if test.matches}
    accused = {test.name for test in inside(rule) if not test.matches}
    assert failures_with(rule, higher) & missed, "a positive test at the limit"
    if window.limit > 1:
        assert failures_with(rule, lower) & accused, "a negative test one below it"


@pytest.mark.parametrize("rule", [rule for rule in LIMITED if window_of(rule).limit > 1], ids=named)
def test_a_test_inside_a_rule_keeps_two_people_apart(rule: Rule) -> None:
    crowds = [test for test in inside(rule) if not test.matches and len(people_in(test)) > 1]
    assert any(matched(BOOK, rule.name, as_one_person(test)) for test in crowds), "one person alone would be matched"


@pytest.mark.parametrize("rule", LIMITED, ids=named)
def test_a_test_inside_a_rule_is_about_an_innocent(rule: Rule) -> None:
    window = window_of(rule)
    lower = replace(rule, correlation=replace(window, limit=window.limit - 1))
    near = failures_with(rule, lower)
    others = [test for test in inside(rule) if not test.matches and test.name not in near]
    assert any(len(people_in(test)) == 1 for test in others), "a negative test that is not only one below the limit"


@pytest.mark.parametrize("rule", BEHAVING, ids=named)
def test_the_tests_inside_a_behaviour_hold_its_limit_to_the_unit(rule: Rule) -> None:
    assert rule.behaviour is not None
    one_more, one_less = (limited(rule, rule.behaviour.least_observed + by) for by in (1, -1))
    missed = {test.name for test in inside(rule) if test.matches}
    accused = {test.name for test in inside(rule) if not test.matches}
    assert failures_with(rule, one_more) & missed, "a positive test at the limit"
    assert failures_with(rule, one_less) & accused, "a negative test one below it"


@pytest.mark.parametrize(
    "rule", [rule for rule in BEHAVING if not rule.behaviour.crowd and rule.kind != "unusual"], ids=named
)
def test_a_test_inside_a_behaviour_keeps_two_people_apart(rule: Rule) -> None:
    """A crew is several people by what it is, what a model found is about one."""
    (test,) = (test for test in inside(rule) if test.name == "two people are not added together")
    together = [{**event, "person.id": "li.na"} if event["person.id"] == "wang.wei" else event for event in test.events]
    assert test.matches == []
    assert {"li.na", "wang.wei"} <= people_in(test)
    assert matched(BOOK, rule.name, test.model_copy(update={"events": together})) == ["li.na"]


@pytest.mark.parametrize("rule", BEHAVING, ids=named)
def test_a_test_inside_a_behaviour_is_about_an_innocent(rule: Rule) -> None:
    assert rule.behaviour is not None
    near = failures_with(rule, limited(rule, rule.behaviour.least_observed - 1))
    apart = near | {"two people are not added together"}
    assert [test for test in inside(rule) if not test.matches and test.name not in apart]


@pytest.mark.parametrize("rule", BEHAVING, ids=named)
def test_an_alert_of_a_behaviour_says_in_its_own_unit_what_would_have_been_silent(rule: Rule) -> None:
    test = next(test for test in inside(rule) if test.matches)
    for alert in raised(BOOK, rule.name, test):
        unit = alert.terms[0].unit
        assert unit not in (None, "", "events")
        for lang in ("zh", "en"):
            assert unit_words(unit, lang) != UNITS[lang][""]
            assert unit_words(unit, lang) in messages_of(rule, alert, "Li Na")[lang]


@pytest.mark.parametrize("rule", [rule for rule in BEHAVING if not rule.extra.lookback], ids=named)
def test_a_behaviour_that_does_not_look_back_does_not_say_so(rule: Rule) -> None:
    found = [alert for test in inside(rule) if test.matches for alert in raised(BOOK, rule.name, test)]
    assert not any("looking back" in messages_of(rule, alert, "Li Na")["en"] for alert in found)


def test_whoever_asks_for_the_rules_is_told_the_kind_and_limit_of_a_behaviour() -> None:
    views = {view.name: view for view in rule_views(BOOK)}
    told = {rule.name: (views[rule.name].kind, views[rule.name].limit) for rule in BEHAVING}
    assert told["crew_mail"] == ("crew", 3)
    assert told["file_drip"] == ("cumulative", 30)
    assert told["about_to_leave"] == ("joint", 2)
    assert views["crew_mail"].rules == ["mail_bulky_outside"]


def test_a_page_says_what_every_kind_of_behaviour_finds() -> None:
    assert KINDS.keys() == behaviours.KINDS.keys()


def test_no_two_rules_look_for_the_same() -> None:
    seen: dict[str, str] = {}
    for name, text in TEXTS.items():
        keys = ("logsource", "detection", "correlation", "behaviour", "first_seen", "for_stages")
        looked_for = json.dumps({key: text.get(key) for key in keys}, sort_keys=True)
        assert looked_for not in seen, f"{name} and {seen.get(looked_for)}"
        seen[looked_for] = name


def test_every_building_block_is_built_upon() -> None:
    used = {base for rule in BOOK.rules.values() for base in rule.builds_on}
    assert {rule.name for rule in BOOK.rules.values() if not rule.alerts} <= used
    assert {rule.name for rule in BOOK.rules.values() if rule.level is Severity.INFORMATIONAL} <= used


def test_patterns_need_linear_time() -> None:
    patterns = [pattern for text in TEXTS.values() for pattern in patterns_of(text.get("detection"))]
    assert patterns
    for pattern in patterns:
        assert pl.Series(["x"]).str.contains(pattern, strict=True).len() == 1, "no look-around, no back-reference"


def test_a_file_is_named_after_its_rule_and_lies_in_an_area() -> None:
    for file, text in BOOK.texts.items():
        area, _, name = file.partition("/")
        assert name == f"{yaml.safe_load(text)['name']}.yml"
        assert area in AREAS


@pytest.mark.parametrize(("lang", "file"), [("en", "docs/rule-pack.md"), ("zh", "docs/rule-pack.zh.md")])
def test_the_pages_of_rules_are_the_files(lang: Language, file: str) -> None:
    assert Path(file).read_text(encoding="utf-8") == page(BOOK, lang)


def test_whose_work_it_is_is_not_accused_of_volume() -> None:
    """Where only leavers' events count there is no usual to compare with, and one event has nothing below it."""
    without = [rule for rule in LIMITED if rule.extra.usual is None]
    assert [rule.name for rule in without if not rule.leavers_only and window_of(rule).limit > 1] == []


def test_files_are_counted_once_however_often_a_system_reports_them() -> None:
    once = {("value_count", "file.path"), ("value_count", "crm.record_id"), ("value_sum", "data.bytes")}
    for rule in LIMITED:
        window = window_of(rule)
        touched = {action for base in window.rules for action in values_of(TEXTS[base], "event.action")}
        files = touched & {"download", "upload", "rename", "move", "copy", "print", "copy_to_removable"}
        if files or rule.name in {"mass_delete_share", "mass_read_share"}:
            assert (window.type, window.field) in once, rule.name


def test_the_pack_is_as_wide_as_the_issue_asks() -> None:
    assert len(SPEAKING) >= 80
    per_area = Counter(area_of(BOOK)[rule.name] for rule in SPEAKING)
    assert all(per_area[area] >= 8 for area in AREAS)
    assert {rule.kind for rule in BEHAVING} == behaviours.KINDS.keys()
    kinds = {rule.kind for rule in BOOK.rules.values()}
    assert {"event", "event_count", "value_count", "value_sum", "temporal", "temporal_ordered"} <= kinds


@pytest.mark.parametrize("file", ["README.md", "README.zh.md"])
def test_the_readme_counts_the_rules_rightly(file: str) -> None:
    assert re.findall(r"(\d+) (?:rules over|条规则)", Path(file).read_text(encoding="utf-8")) == [str(len(SPEAKING))]
