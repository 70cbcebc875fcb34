"""Reading rules: what Sigma says is what is judged, and what is wrong is named with its file."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from core.condition import All, Is
from core.condition import Any as Some
from core.errors import RuleError
from core.schema import JOINED
from detection.derive import Surroundings, derive
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from tests.detection.conftest import EXPORT, SURROUNDINGS, at, book, frame, window


def rule(detection: str, more: str = "") -> str:
    return f"title: T\nname: t\nlogsource: {{product: leaverwatch}}\ndetection: {detection}\nlevel: low\n{more}"


def tags(detection: str, **event: Any) -> bool:
    events = frame([{"@timestamp": at("02T09:00"), **event}])
    matched = Tagger(book(rule(detection)), SURROUNDINGS).tag(events)["rule.matched"][0]
    return matched is not None and matched.to_list() == ["t"]


@pytest.mark.parametrize(
    ("selection", "event", "wanted"),
    [
        ("file.name: Kunden.XLSX", {"file.name": "kunden.xlsx"}, True),
        ("file.name: kunden", {"file.name": "kunden.xlsx"}, False),
        ("file.name: kund*", {"file.name": "Kunden.xlsx"}, True),
        ("file.name: '*.xlsx'", {"file.name": "a.XLSX"}, True),
        ("file.name: 'k?nden.*'", {"file.name": "kunden.xlsx"}, True),
        ("file.name: 'a\\*b'", {"file.name": "a*b"}, True),
        ("file.name: 'a\\*b'", {"file.name": "axb"}, False),
        ("file.name|contains: [客户, x]", {"file.name": "全部客户.zip"}, True),
        ("file.name|contains|all: [客户, 全部]", {"file.name": "客户.zip"}, False),
        ("file.name|startswith: a", {"file.name": None}, False),
        ("file.name|endswith|cased: XLSX", {"file.name": "a.xlsx"}, False),
        ("file.name|re: '^k.*n\\.xlsx$'", {"file.name": "kunden.xlsx"}, True),
        ("file.name|re: '^K'", {"file.name": "kunden.xlsx"}, False),
        ("file.name|re|i: '^K'", {"file.name": "kunden.xlsx"}, True),
        ("file.name: null", {"file.name": None}, True),
        ("file.name|exists: true", {"file.name": "a"}, True),
        ("file.name|exists: false", {"file.name": "a"}, False),
        ("data.records: 5", {"data.records": 5}, True),
        ("data.records|gte: 5", {"data.records": 4}, False),
        ("data.records|lt: 5", {"data.records": None}, False),
        ("source.ip|cidr: 10.1.0.0/16", {"source.ip": "10.1.200.3"}, True),
        ("source.ip|cidr: 10.1.0.0/16", {"source.ip": "10.10.0.3"}, False),
        ("source.ip|cidr: 10.1.2.128/25", {"source.ip": "10.1.2.127"}, False),
        ("source.ip|cidr: 10.1.2.128/25", {"source.ip": "10.1.2.128"}, True),
        ("source.ip|cidr: 10.1.2.3/32", {"source.ip": "10.1.2.33"}, False),
        ("file.name|fieldref: file.path", {"file.name": "A", "file.path": "a"}, True),
        ("calendar.off_hours: true", {}, False),
        ("email.to.kind: personal", {"email.to.domain": "qq.com"}, True),
        ("email.to.kind: internal", {"email.to.domain": "hk.example.com"}, True),
        ("email.to.kind: external", {"email.to.domain": "notexample.com"}, True),
        ("o365.audit.ItemType: File", {"event.original": '{"ItemType":"File"}'}, True),
        ("winlog.event_data.LogonType: 3", {"event.original": "x", "vendor": '{"LogonType":"3"}'}, True),
    ],
)
def test_a_selection_says_what_sigma_says(selection: str, event: dict[str, Any], wanted: bool) -> None:
    assert tags(f"{{s: {{{selection}}}, condition: s}}", **event) is wanted


def test_keywords_look_at_the_record_as_it_was_received() -> None:
    assert tags("{k: [secret, 机密], condition: k}", **{"event.original": "a 机密 line"})
    assert not tags("{k: [secret], condition: k}", **{"event.original": "a line"})


def test_what_depends_on_joined_fields_is_tagged_where_it_may_hold() -> None:
    may = "{a: {file.name: x}, d: {person.department: IT}, condition: %s}"
    assert tags(may % "a and d", **{"file.name": "x"})
    assert not tags(may % "a and d", **{"file.name": "y"})
    assert tags(may % "a or d", **{"file.name": "y"})
    assert tags(may % "a and not d", **{"file.name": "x"})
    assert not tags(may % "not a and not d", **{"file.name": "x"})


def test_a_condition_without_joined_fields_needs_no_second_look() -> None:
    found = book(EXPORT).rules["exported"]
    assert found.exact is None
    assert not found.leavers_only


def test_a_vendors_field_is_seen_again_where_a_joined_one_needs_a_second_look() -> None:
    may = "{v: {o365.audit.ItemType: File}, d: {person.department: IT}, condition: v and %s}"
    assert book(rule(may % "d")).rules["t"].fields >= {"vendor", "event.original", "person.department"}
    assert book(rule("{k: [secret], d: {person.department: IT}, condition: k and d}")).rules["t"].fields >= {"vendor"}
    alone = book(rule("{v: {o365.audit.ItemType: File}, condition: v}")).rules["t"]
    assert alone.exact is None
    assert not alone.fields


def test_what_an_event_must_be_at_the_least_is_said_of_our_fields_and_of_a_vendors_system() -> None:
    selection = (
        "{s: {event.action: [Export, view], data.records|gte: 5}, d: {person.department: IT}, condition: s and not d}"
    )
    view = Some((Is("event.action", "export"), Is("event.action", "view")))
    assert book(rule(selection)).rules["t"].least == All((view,))
    ours = rule(selection).replace("leaverwatch", "m365")
    assert book(ours).rules["t"].least == All((Is("event.module", "m365"), view))
    theirs = rule("{s: {event.action: x, EventID: 4663}, condition: s}").replace("leaverwatch", "windows")
    assert book(theirs).rules["t"].least == Is("event.module", "windows")


def test_a_rule_that_cannot_hold_for_those_who_stay_is_for_leavers_only() -> None:
    for condition, wanted in (("s and l", True), ("s or l", False), ("s and not l", False)):
        text = rule(f"{{s: {{file.name: x}}, l: {{leaver.stage: [notice, departed]}}, condition: {condition}}}")
        assert book(text).rules["t"].leavers_only is wanted, condition


def test_a_building_block_is_silent_unless_asked_to_speak() -> None:
    quiet = book(EXPORT, window("w", "event_count", "{gte: 2}"))
    assert [r.name for r in quiet.judged] == ["w"]
    loud = book(EXPORT, window("w", "event_count", "{gte: 2}").replace("timespan", "generate: true, timespan"))
    assert [r.name for r in loud.judged] == ["exported", "w"]


def test_any_change_of_a_rule_or_of_the_surroundings_is_another_version() -> None:
    one, other = book(EXPORT), book(EXPORT.replace("informational", "low"))
    assert one.version != other.version
    assert Tagger(one, SURROUNDINGS).version == Tagger(book(EXPORT), SURROUNDINGS).version
    assert Tagger(one, SURROUNDINGS).version != Tagger(one, Surroundings()).version


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title: [", "0.yml:1"),
        ("- a", "a rule is a table"),
        (rule("{s: {no.such: x}, condition: s}"), "there is no field no.such"),
        (rule("{s: {file.name|re: '(?=x)'}, condition: s}"), "linear time"),
        (rule("{s: {data.records: many}, condition: s}"), "number"),
        (rule("{s: {file.name: x}, condition: s}").replace("leaverwatch", "solaris"), "log source"),
        (rule("{s: {file.name: x}, condition: t}"), "0.yml"),
        (rule("{s: {file.name: x}, condition: s}", "usual: {times: 4}"), "usual"),
        (rule("{s: {file.name: x}, condition: s}", "points: -1"), "points"),
        (window("w", "event_count", "{gte: 2}"), "no rule called exported"),
        (rule("{s: {file.name: x}, condition: s}").replace("name: t\n", ""), "needs a name"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(text: str, complaint: str) -> None:
    with pytest.raises(RuleError, match=r"0\.yml") as caught:
        book(text)
    assert complaint in str(caught.value)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(RuleError, match="there already"):
        book(EXPORT, EXPORT)


def test_no_rule_means_no_tag() -> None:
    events = frame([{"@timestamp": at("02T09:00")}])
    assert Tagger(RuleBook.of({}), SURROUNDINGS).tag(events)["rule.matched"].to_list() == [None]


def test_off_hours_follow_the_company_calendar() -> None:
    # 2026-02-28 is a make-up working Saturday, 2026-03-01 a Sunday.
    moments = ["02T07:59", "02T08:00", "02T19:59", "02T20:00", "01T11:00"]
    events = frame([{"@timestamp": at(moment)} for moment in moments])
    assert derive(events, SURROUNDINGS)["calendar.off_hours"].to_list() == [True, False, False, True, True]
    saturday = at("02T11:00").replace(month=2, day=28)
    assert derive(frame([{"@timestamp": saturday}]), SURROUNDINGS)["calendar.off_hours"].to_list() == [False]


def test_joined_fields_are_never_stored() -> None:
    assert not {field.name for field in JOINED} & set(frame([{"@timestamp": at("02T09:00")}]).columns)


def test_tagging_an_empty_batch_keeps_the_columns() -> None:
    empty = frame([{"@timestamp": at("02T09:00")}]).clear()
    assert Tagger(book(EXPORT), SURROUNDINGS).tag(empty).schema["rule.matched"] == pl.List(pl.String)
