"""Processing pipelines of pySigma change the rules beside and below them, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from core.errors import RuleError
from detection.engine import Engine
from detection.filerules import FileRules
from detection.linear import LinearPattern
from detection.records import Looking
from detection.rulebook import RuleBook

SIGMA = """
title: T
name: t
id: 5a1b3c5d-0000-4000-8000-000000000001
logsource: {product: windows, category: process_creation}
detection: {s: {Image|endswith: '\\\\a.exe', CommandLine|contains: foo}, condition: s}
"""
ECS = """
name: ECS
priority: 20
transformations:
- id: renamed
  type: field_name_mapping
  mapping: {Image: [process.executable, process.path], CommandLine: process.command_line}
  rule_conditions: [{type: logsource, product: windows}]
postprocessing: [{type: embed, prefix: "index=x "}]
finalizers: [{type: concat}]
"""
EVENT = {"process": {"executable": "C:\\a.exe", "command_line": "x foo"}}


def step(text: str) -> str:
    return f"transformations: [{{{text}}}]"


def matches(texts: Mapping[str, str], event: dict[str, Any]) -> bool:
    rules = FileRules.of(texts)
    assert not rules.refused
    return bool(Looking(Engine(rules.conditions)).judged([orjson.dumps(event)]).hits)


def test_fields_are_renamed_and_what_is_said_of_queries_is_left_out() -> None:
    assert not matches({"p/r.yml": SIGMA}, EVENT)
    assert matches({"p/r.yml": SIGMA, "p/ecs.yml": ECS}, EVENT)
    path = {"process": {"path": "C:\\A.EXE", "command_line": "foo"}}
    assert matches({"p/r.yml": SIGMA, "p/ecs.yml": ECS}, path), "a field may become several"


@pytest.mark.parametrize(
    ("file", "changed"),
    [("p/ecs.yml", True), ("ecs.yml", False), ("p/q/ecs.yml", False), ("q/ecs.yml", False), ("p/a/../ecs.yml", False)],
)
def test_a_pipeline_changes_rules_of_its_folder_and_below(file: str, changed: bool) -> None:
    assert matches({"p/a/r.yml": SIGMA, file: ECS}, EVENT) is changed


def test_several_are_applied_by_priority_and_know_of_each_other() -> None:
    after = step(
        "type: add_condition, conditions: {process.name: a}, rule_conditions: [{type: processing_item_applied,"
        " processing_item_id: renamed}]"
    )
    texts = {"p/r.yml": SIGMA, "p/ecs.yml": ECS, "p/a.yml": f"priority: 30\n{after}"}
    assert not matches(texts, EVENT)
    assert matches(texts, {"process": EVENT["process"] | {"name": "a"}})
    assert matches(texts | {"p/a.yml": f"priority: 10\n{after}"}, EVENT), "before it nothing was renamed"


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("type: field_name_prefix, prefix: win.", {"win": {"Image": "\\a.exe", "CommandLine": "foo"}}),
        ("type: field_name_suffix, suffix: _s", {"Image_s": "\\a.exe", "CommandLine_s": "foo"}),
        ("type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: [CommandLine]}]",
         {"Image": "\\a.exe"}),
        ("type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: ['^Com'], mode: re}]",
         {"Image": "\\a.exe"}),
        ("type: replace_string, regex: '(f)o+', replacement: '\\1u$'", {"Image": "\\a.exe", "CommandLine": "fu$"}),
        ("type: replace_string, regex: '(?P<x>f)o+', replacement: '\\g<x>u', detection_item_conditions: [{type:"
         " match_string, cond: any, pattern: '.*fo'}]", {"Image": "\\a.exe", "CommandLine": "fu"}),
        ("type: map_string, mapping: {'*foo*': ['*bar*', '*baz*']}", {"Image": "\\a.exe", "CommandLine": "baz"}),
        ("type: case, method: upper", {"Image": "\\a.exe", "CommandLine": "foo"}),
        ("type: change_logsource, category: file_event, product: windows",
         {"Image": "\\a.exe", "CommandLine": "foo", "EventID": 11, "Channel": "Microsoft-Windows-Sysmon/Operational"}),
    ],
)  # fmt: skip
def test_what_touches_the_rule_is_done(text: str, event: dict[str, Any]) -> None:
    assert matches({"r.yml": SIGMA, "p.yml": step(text)}, event)


def test_placeholders_have_values_from_a_pipeline() -> None:
    rule = SIGMA.replace("CommandLine|contains: foo", "User|expand: '%admins%'")
    pipeline = "vars: {admins: [ann, eve]}\n" + step("type: value_placeholders")
    assert matches({"r.yml": rule, "p.yml": pipeline}, {"Image": "\\a.exe", "User": "eve"})


def test_placeholders_multiply_within_bounds() -> None:
    rule = SIGMA.replace("CommandLine|contains: foo", "User|expand: '%a%%a%%a%'")
    pipeline = f"vars: {{a: [{', '.join(map(str, range(1000)))}]}}\n" + step("type: value_placeholders")
    assert "too large" in FileRules.of({"r.yml": rule, "p.yml": pipeline}).refused[0]


def test_correlations_group_by_the_new_names() -> None:
    several = (
        "title: S\nname: several\ncorrelation: {type: value_count, rules: [t], group-by: [Image], timespan: 1h,"
        " condition: {gte: 2, field: CommandLine}}\n"
    )
    rules = FileRules.of(
        {"r.yml": SIGMA, "s.yml": several, "p.yml": ECS.replace("[process.executable, process.path]", "exe")}
    )
    assert rules.refused == []
    assert rules.columns() == {"=exe": ("exe",), "=process.command_line": ("process.command_line",)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (step("type: file_placeholders, path: /etc/passwd"), "file_placeholders is not run here"),
        (step("type: http_placeholders, url: 'http://localhost'"), "http_placeholders is not run here"),
        (step("type: command_placeholders, command: [id]"), "command_placeholders is not run here"),
        (step("type: nest, items: []"), "nest is not run here"),
        (step("type: !!python/object/apply:os.system [id]"), "could not determine a constructor"),
        (step("type: replace_string, regex: '(?=a)b', replacement: x"), "linear time"),
        (step("type: case, field_name_conditions: [{type: include_fields, fields: ['(?!a)'], mode: re}]"),
         "linear time"),
        ("transformations: 3", "list of steps"),
        ("transformations: [null]", "list of steps"),
        (step("type: case, method: 3"), "Invalid method"),
        ("nothing: 1\ntransformations: []", "nothing"),
        ("priority: '1'\ntransformations: []", "whole number"),
        (step(f"type: field_name_prefix, prefix: {'x' * 2000}"), "1000 characters"),
        (step("type: [case]"), "is not run here"),
        (step("type: {a: b}"), "is not run here"),
        (step("type: field_name_mapping, mapping: [1]"), "field_name_mapping: `mapping` is a table"),
        (step("type: field_name_mapping, mapping: {Image: [5]}"), "`mapping` is a table of texts"),
        (step("type: field_name_mapping, mapping: {Image: [null, 3]}"), "`mapping` is a table of texts"),
        (step("type: field_name_prefix_mapping, mapping: {Im: {a: b}}"), "`mapping` is a table of texts"),
        (step("type: map_string, mapping: {foo: null}"), "map_string: `mapping` is a table"),
        (step("type: map_string, mapping: null"), "map_string: `mapping` is a table"),
        (step("type: add_condition, conditions: 5"), "add_condition: `conditions` is a table"),
        (step("type: add_condition"), "add_condition: `conditions` is a table"),
        (step("type: convert_type, target_type: bogus"), "convert_type: `target_type`"),
        ("transformations:\n" + "- {type: add_condition, conditions: {a: b}}\n" * 201, "at most 200 steps"),
    ],
)  # fmt: skip
def test_a_pipeline_that_needs_more_than_rules_is_refused_and_so_is_what_it_should_change(text: str, why: str) -> None:
    rules = FileRules.of({"p/r.yml": SIGMA, "p/p.yml": text, "q/r.yml": SIGMA})
    file, rule = sorted(rules.refused)
    assert file.startswith("p/p.yml:1: ")
    assert why in file
    assert rule == "p/r.yml: p/p.yml: cannot be read"
    assert len(rules.single) == 1
    with pytest.raises(RuleError, match=r"^p/p\.yml:1: "):
        RuleBook.of({"p/r.yml": SIGMA, "p/p.yml": text})


GROWING = "transformations:\n" + f"- {{type: field_name_mapping, mapping: {{user: [{'user, ' * 10}]}}}}\n" * 9
SEVERAL = """
title: S
name: several
correlation: {type: event_count, rules: [t], group-by: [user], timespan: 1h, condition: {gte: 2}}
"""


@pytest.mark.parametrize("rule", [SEVERAL, SIGMA.replace("name: t", "name: several\nfields: [user]")])
def test_fields_that_a_rule_names_multiply_within_bounds(rule: str) -> None:
    begun = time.monotonic()
    (refused,) = FileRules.of({"r.yml": SIGMA, "q/s.yml": rule, "q/p.yml": GROWING}).refused
    assert refused.startswith("q/s.yml: ")
    assert "too large" in refused
    assert time.monotonic() - begun < 5


def test_pipelines_over_one_rule_have_so_many_steps_together() -> None:
    many = "transformations:\n" + "- {type: set_state, key: a, val: b}\n" * 101
    assert not FileRules.of({"p/r.yml": SIGMA, "p/a.yml": many}).refused
    (refused,) = FileRules.of({"p/r.yml": SIGMA, "p/a.yml": many, "p/b.yml": many}).refused
    assert "more than 200 steps" in refused


def test_a_step_without_a_name_is_not_the_step_called_none() -> None:
    after = "type: add_condition, conditions: {no: way}, rule_conditions: [{type: processing_item_applied,"
    texts = {"r.yml": SIGMA, "p.yml": "transformations: [{type: set_state, key: a, val: b}, "}
    texts["p.yml"] += f"{{{after} processing_item_id: None}}]}}]"
    assert matches(texts, {"Image": "\\a.exe", "CommandLine": "foo"})


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("title: [ # of all transformations: these", False),
        ("description: transformations\ntitle: [", False),
        ("name: x\ntransformations: [", True),
        ("{'transformations': [", True),
    ],
)
def test_of_files_that_cannot_be_read_only_what_was_meant_as_a_pipeline_refuses_the_rules_below(
    text: str, meant: bool
) -> None:
    rules = FileRules.of({"p/r.yml": SIGMA, "p/x.yml": text})
    assert len(rules.refused) == 1 + meant
    assert len(rules.single) == (not meant)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (step("type: rule_failure, message: not for us"), "step 1, rule_failure: not for us"),
        (step("type: field_name_prefix, prefix: 5"), "step 1, field_name_prefix"),
        (step("type: field_name_mapping, mapping: {Image: []}"), "empty"),
        (step("type: drop_detection_item"), "nothing is left"),
        ("transformations:\n" + f"- {{type: field_name_mapping, mapping: {{Image: [{'Image, ' * 90}]}}}}\n" * 6,
         "too large"),
        ("transformations:\n" + "- {type: replace_string, regex: o, replacement: oooooooooo}\n" * 40, "too large"),
    ],
)  # fmt: skip
def test_what_fails_at_a_rule_refuses_that_rule(text: str, why: str) -> None:
    begun = time.monotonic()
    rules = FileRules.of({"r.yml": SIGMA, "p.yml": text})
    (refused,) = rules.refused
    assert refused.startswith("r.yml: ")
    assert why in refused
    assert time.monotonic() - begun < 20


def test_the_book_counts_a_pipeline_among_what_made_a_rule() -> None:
    ours = "title: T\nname: t\nlogsource: {product: leaverwatch}\ndetection: {s: {action: export}, condition: s}\n"
    named = step("type: field_name_mapping, mapping: {action: event.action}")
    with pytest.raises(RuleError, match="action"):
        RuleBook.of({"f/r.yml": ours})
    book = RuleBook.of({"f/r.yml": ours, "f/p.yml": named})
    assert book.rules["t"].fields == {"event.action"}
    assert book.origins["t"] == ours + named
    assert RuleBook.of({"f/r.yml": ours, "f/p.yml": f"priority: 1\n{named}"}).version != book.version


def test_expressions_run_in_linear_time() -> None:
    begun = time.monotonic()
    assert LinearPattern("(a+)+$").sub("x", "a" * 50_000 + "b") == "a" * 50_000 + "b"
    assert not LinearPattern("(a|a)*b").match("a" * 50_000)
    assert time.monotonic() - begun < 5
