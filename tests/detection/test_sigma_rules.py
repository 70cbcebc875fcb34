"""Sigma's modifiers and log sources mean what the specification says; hostile rules are refused with file and line."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from core.errors import RuleError
from detection.derive import Surroundings
from detection.engine import Engine
from detection.logsource import in_records
from detection.records import Looking
from detection.rulebook import RuleBook
from detection.rulefiles import filtered, parsed_files
from detection.tagging import Tagger
from tests.detection.conftest import at, frame


def rule(detection: str, source: str = "{product: windows, category: process_creation}") -> str:
    return f"title: T\nid: 5a1b3c5d-0000-4000-8000-000000000001\nlogsource: {source}\ndetection: {detection}\n"


def matches(text: str, event: dict[str, Any]) -> bool:
    found, problems = parsed_files({"r.yml": text})
    assert not problems
    ((_, parsed),), _ = filtered(found)
    return bool(
        Looking(Engine([in_records(parsed, {"who": ["bob", "eve"], "odd": ["a.c"]})]))
        .judged([orjson.dumps(event)])
        .hits
    )


@pytest.mark.parametrize(
    ("selection", "yes", "no"),
    [
        ("A|contains: bc", {"A": "aBCd"}, {"A": "abd"}),
        ("A|contains|all: [b, c]", {"A": "c b"}, {"A": "b"}),
        ("A|contains|cased: bC", {"A": "abC"}, {"A": "abc"}),
        ("A|startswith: a*c", {"A": "abcd"}, {"A": "abd"}),
        ("A: 'a?c'", {"A": "abc"}, {"A": "ac"}),
        (r"A: 'a\*c'", {"A": "a*c"}, {"A": "abc"}),
        ("A|re: '^a.c$'", {"A": "abc"}, {"A": "Abc"}),
        ("A|re|i: '^a.c$'", {"A": "ABC"}, {"A": "ABCD"}),
        ("A|re|s: 'a.c'", {"A": "a\nc"}, {"A": "ac"}),
        ("A|re|m: '^c'", {"A": "a\nc"}, {"A": "ac"}),
        ("A|cidr: 10.0.0.0/8", {"A": "10.9.8.7"}, {"A": "11.0.0.1"}),
        ("A|cidr: 10.0.0.0/8", {"A": "::ffff:10.9.8.7"}, {"A": "10.9.8"}),
        ("A|cidr: 'fe80::/10'", {"A": "fe80::1"}, {"A": "2001::1"}),
        ("A|fieldref: B", {"A": "x", "B": "X"}, {"A": "x", "B": "y"}),
        ("A|fieldref|endswith: B", {"A": "abx", "B": "X"}, {"A": "abx", "B": "b"}),
        ("A|expand: '%who%'", {"A": "EVE"}, {"A": "al"}),
        ("A|contains|windash: ' -f'", {"A": "x /f"}, {"A": "xf"}),
        ("A|contains|windash: ' -f'", {"A": "x –f"}, {"A": "x f"}),
        ("A|base64offset|contains: hello world", {"A": "xxxaGVsbG8gd29ybGQ="}, {"A": "hello world"}),
        ("A|wide|base64offset|contains: ping", {"A": "cABpAG4AZw"}, {"A": "ping"}),
        ("A|exists: true", {"A": ""}, {}),
        ("A|exists: false", {}, {"A": ""}),
        ("A: null", {}, {"A": "x"}),
        ("A: ''", {"A": ""}, {"A": "x"}),
        ("A|gte: 3", {"A": 3}, {"A": "2"}),
        ("A|lt: 3", {"A": "2"}, {"A": "x"}),
        ("A|neq: 3", {"A": 4}, {"A": 3}),
        ("A|hour: 3", {"A": "2026-03-02T03:59:00Z"}, {"A": "2026-03-02T04:00:00Z"}),
        ("A|minute: 59", {"A": "2026-03-02T03:59:00Z"}, {"A": "x"}),
        ("A|day: 2", {"A": "2026-03-02"}, {"A": "2026-03-03"}),
        ("A|week: 10", {"A": "2026-03-02"}, {"A": "2026-03-09"}),
        ("A: true", {"A": True}, {"A": 1}),
        ("A: 1", {"A": 1}, {"A": True}),
        ("A: [x, y]", {"A": ["q", "Y"]}, {"A": ["q"]}),
        ("A.B: x", {"A": {"B": "x"}}, {"A": "x"}),
        ("A.B: x", {"A.B": "x"}, {"B": "x"}),
    ],
)
def test_a_modifier_means_what_the_specification_says(selection: str, yes: Any, no: Any) -> None:
    text = rule(f"{{s: {{{selection}}}, condition: s}}")
    assert matches(text, yes)
    assert not matches(text, no)


def test_quantifiers_and_keywords() -> None:
    some = rule("{s_1: {A: 1}, s_2: {B: 1}, f: {C: 1}, condition: 1 of s_* and not f}")
    assert matches(some, {"A": 1})
    assert not matches(some, {"A": 1, "C": 1})
    assert not matches(rule("{s_1: {A: 1}, s_2: {B: 1}, condition: all of them}"), {"A": 1})
    words = rule("{k: [mimi, 'do?g'], condition: k}")
    assert matches(words, {"X": {"Y": "a MiMi b"}})
    assert matches(words, {"X": "hot doXg"})
    assert not matches(words, {"mimi": "x"})


SYSMON = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1}


def test_a_log_source_tells_which_records_are_meant() -> None:
    text = rule("{s: {Image|endswith: cmd.exe}, condition: s}")
    assert matches(text, {**SYSMON, "Image": "C:\\cmd.exe"})
    assert not matches(text, {**SYSMON, "EventID": 3, "Image": "C:\\cmd.exe"})
    assert matches(text, {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\CMD.exe"})
    assert matches(text, {"Image": "C:\\cmd.exe"}), "a record that does not tell its log source is not held against it"


@pytest.mark.parametrize(
    "event",
    [
        {"Event": {"System": {"EventID": {"#attributes": {"Qualifiers": ""}, "#text": 7045}, "Channel": "System",
                              "Provider": {"#attributes": {"Name": "Service Control Manager"}}},
                   "EventData": {"ServiceName": "evil"}}},
        {"winlog": {"channel": "System", "event_id": 7045, "provider_name": "Service Control Manager",
                    "event_data": {"ServiceName": "evil"}}},
        {"log_name": "System", "event_id": 7045, "source_name": "Service Control Manager",
         "event_data": {"ServiceName": "evil"}},
        {"Channel": "System", "EventID": 7045, "SourceName": "Service Control Manager", "ServiceName": "evil"},
    ],
)  # fmt: skip
def test_the_same_event_matches_in_every_shape_of_windows_json(event: dict[str, Any]) -> None:
    text = rule(
        "{s: {Provider_Name: Service Control Manager, EventID: 7045, ServiceName: EVIL}, condition: s}",
        "{product: windows, service: system}",
    )
    assert matches(text, event)


def test_a_filter_document_takes_away_from_the_rules_it_names() -> None:
    text = (
        rule("{s: {A: x}, condition: s}")
        + """---
title: F
logsource: {product: windows, category: process_creation}
filter:
  rules: [5a1b3c5d-0000-4000-8000-000000000001]
  ok: {B: fine}
  condition: not ok
"""
    )
    assert matches(text, {"A": "x"})
    assert not matches(text, {"A": "x", "B": "fine"})


def test_an_imported_rule_tags_stored_events_of_its_system_only() -> None:
    text = rule(
        "{s: {ObjectName|contains: secret, EventID: 4663}, condition: s}", "{product: windows, service: security}"
    )
    record = '{"Channel": "Security", "EventID": 4663, "ObjectName": "D:\\\\Secret.xlsx"}'
    rows = [
        {"@timestamp": at("02T09:00"), "event.module": module, "event.original": original, "vendor": vendor}
        for module, original, vendor in (("windows", record, None), ("m365", record, None), ("windows", "<x/>", record))
    ]
    tagged = Tagger(RuleBook.of({"a.yml": text}), Surroundings()).tag(frame(rows))["rule.matched"].to_list()
    name = "5a1b3c5d-0000-4000-8000-000000000001"
    assert tagged == [[name], None, [name]]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "[" * 5000,
        "a: !!python/object/apply:os.system [x]",
        "title: \x00",
        rule("{s: {A|re: '(a{1000}){1000}'}, condition: s}"),
        rule("{s: {A|re: '(?<=x)y'}, condition: s}"),
        rule("{s: {A|expand: '%nobody%'}, condition: s}"),
        rule("{s: {A|cidr: 10.0.0.0/99}, condition: s}"),
        rule("{s: {A|nosuch: x}, condition: s}"),
        rule(f"{{s: {{A: x}}, condition: {'not ' * 300}s}}"),
        rule("{s: {A: x}}"),
        "- x",
    ],
)
def test_a_hostile_rule_is_refused_with_its_file(text: str) -> None:
    with pytest.raises(RuleError, match=r"^r\.yml"):
        RuleBook.of({"r.yml": text})


def test_a_pattern_of_many_stars_takes_no_longer_than_its_length() -> None:
    stars = "*a" * 200
    assert not matches(rule(f"{{s: {{A: 'x{stars}b'}}, condition: s}}"), {"A": "x" + "a" * 5000})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("- a", "placeholders.yml:1: is a table"),
        ("a: {b: c}", "a: is a text or a number"),
        ("a: []", "a: is a text or a number"),
        ("a: [yes]", "a: is a text or a number"),
        ("a: !!python/object:os.system x", "placeholders.yml:1"),
        ("a: b\nc: [x\n", "placeholders.yml:2"),
        ("a: &a [" + "x," * 2000 + "]\n" + "".join(f"a{n}: *a\n" for n in range(60)), "100000 at most"),
    ],
)
def test_a_table_of_placeholders_that_is_none_is_refused_with_its_file(table: str, said: str) -> None:
    with pytest.raises(RuleError) as error:
        RuleBook.of({"r/placeholders.yml": table})
    assert said in str(error.value)


def test_placeholders_that_stand_for_too_much_are_refused() -> None:
    table = "a: [" + ",".join(f"x{n}" for n in range(300)) + "]"
    for value in ("%a%-%a%", "x"):
        text = rule(f"{{s: {{A|expand: '{value}'}}, condition: s}}")
        if value == "x":
            RuleBook.of({"r.yml": text, "placeholders.yml": table})
            continue
        with pytest.raises(RuleError, match="more than 10000 texts"):
            RuleBook.of({"r.yml": text, "placeholders.yml": table})
    many = ", ".join(f"'%a%{n}'" for n in range(300))
    with pytest.raises(RuleError, match="too large"):
        RuleBook.of({"r.yml": rule(f"{{s: {{A|expand: [{many}]}}, condition: s}}"), "placeholders.yml": table})


def test_values_of_placeholders_are_text_in_an_expression_and_change_the_rule_where_they_change() -> None:
    text = rule("{s: {A|re|expand: '^%who%$'}, condition: s}")
    assert matches(text.replace("%who%", "%odd%"), {"A": "a.c"})
    assert not matches(text.replace("%who%", "%odd%"), {"A": "abc"})
    books = [RuleBook.of({"r.yml": text, "placeholders.yml": f"who: {who}"}) for who in ("bob", "eve")]
    assert books[0].version != books[1].version
    assert books[0].origins != books[1].origins
