"""Correlations of every type, against a plain and slow reading of the same words, and where they are refused."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import RuleError
from detection.rulebook import RuleBook
from detection.windows import Measure
from tests.detection.conftest import EXPORT, SURROUNDINGS, alerts, at, book, window
from tests.detection.test_window_totals import by_hand

ACTIONS = {"exported": "export", "deleted": "delete", "shared": "share"}
BASES = [EXPORT.replace("exported", name).replace("export}", f"{action}}}") for name, action in ACTIONS.items()]
BASES.append(EXPORT.replace("exported", "marked").replace("event.action: export", "file.name: x"))
BASIC = {*ACTIONS, "marked"}
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "gte": lambda one, other: one >= other,
    "gt": lambda one, other: one > other,
    "lte": lambda one, other: one <= other,
    "lt": lambda one, other: one < other,
    "eq": lambda one, other: one == other,
    "neq": lambda one, other: one != other,
}


def rule(name: str, kind: str, rules: Sequence[str], condition: object = None, **more: Any) -> str:
    """A correlation as it is written in a file."""
    correlation = {"type": kind, "rules": list(rules), "group-by": ["person.id"], "timespan": "1d", **more}
    correlation |= {} if condition is None else {"condition": condition}
    return yaml.safe_dump({"title": name, "name": name, "correlation": correlation, "level": "high"})


# --- the reference ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """A rule of the reference: single-event where `rules` is empty."""

    kind: str
    rules: tuple[str, ...]
    span: timedelta
    group: tuple[str, ...]
    condition: Any = None


Row = Mapping[str, Any]


def matches(name: str, row: Row) -> bool:
    return row.get("file.name") == "x" if name == "marked" else row["event.action"] == ACTIONS[name]


class Reference:
    """The meaning of correlations, event by event."""

    def __init__(self, rows: Sequence[Row], rules: Mapping[str, Told]) -> None:
        self.rows = sorted(rows, key=lambda row: (row["@timestamp"], row["event.id"]))
        self.rules = rules

    def key(self, row: Row, group: Sequence[str]) -> tuple[Any, ...]:
        return tuple(row["user.account"] if name == "person.id" else row.get(name) for name in group)

    def happens(self, name: str, *, begins: bool) -> list[Row]:
        """The events at which a rule happens, or at which it comes to."""
        if name not in self.rules:
            return [row for row in self.rows if matches(name, row)]
        told = self.rules[name]
        found = []
        looked_at = self.looked_at(told)
        for number, row in enumerate(looked_at):
            if not self.total(told, row)[1]:
                continue
            before = [one for one in looked_at[:number] if self.inside(told, row, one)]
            if not (begins and before and self.total(told, before[-1])[1]):
                found.append(row)
        return found

    def looked_at(self, told: Told) -> list[Row]:
        counted = told.kind not in ("temporal", "temporal_ordered")
        ids = {row["event.id"] for name in told.rules for row in self.happens(name, begins=counted)}
        return [row for row in self.rows if row["event.id"] in ids]

    def inside(self, told: Told, row: Row, other: Row, day: object = None) -> bool:
        return (
            self.key(row, told.group) == self.key(other, told.group)
            and row["@timestamp"] - told.span < other["@timestamp"] <= row["@timestamp"]
            and (day is None or day_of(other) == day)
        )

    def total(self, told: Told, row: Row, day: object = None) -> tuple[Any, bool]:
        """What the window at an event holds, and whether that is what is asked for."""
        if told.kind in ("temporal", "temporal_ordered"):
            return self.chain(told, row)
        seen = [one for one in self.looked_at(told) if self.inside(told, row, one, day)]
        fields = told.condition.get("field")
        percentile = 50 if told.kind == "value_median" else told.condition.get("percentile")
        values = [one.get(fields) for one in seen] if fields else [1] * len(seen)
        measure = Measure(told.kind.replace("median", "percentile"), ("v",), percentile)
        total = by_hand(measure, values, row.get(fields) if fields else 1)
        asked = [(op, limit) for op, limit in told.condition.items() if op in COMPARED]
        return total, total is not None and all(COMPARED[op](total, limit) for op, limit in asked)

    def chain(self, told: Told, row: Row) -> tuple[Any, bool]:
        per_rule = {
            name: [one for one in self.happens(name, begins=False) if self.inside(told, row, one)]
            for name in told.rules
        }
        if told.kind == "temporal":
            met = sum(bool(rows) for rows in per_rule.values())
            asked = told.condition or {"gte": len(told.rules)}
            return met, all(COMPARED[op](met, limit) for op, limit in asked.items())
        length = (told.condition or {"gte": len(told.rules)})["gte"]
        return None, any(self.follows(per_rule, names, row) for names in combinations(told.rules, length))

    def follows(self, per_rule: Mapping[str, list[Row]], names: Sequence[str], last: Row) -> bool:
        """Whether events of these rules come one after the other, none after itself, the last of them being `last`."""
        if last not in per_rule[names[-1]]:
            return False
        return len(names) == 1 or any(
            self.follows(per_rule, names[:-1], row)
            for row in per_rule[names[-2]]
            if row["@timestamp"] <= last["@timestamp"] and row["event.id"] != last["event.id"]
        )

    def alerts(self, name: str) -> set[tuple[str, Any]]:
        told = self.rules[name]
        looked_at = self.looked_at(told)
        found = set()
        for number, row in enumerate(looked_at):
            _, holds = self.total(told, row)
            if not holds:
                continue
            before = [one for one in looked_at[:number] if self.key(one, told.group) == self.key(row, told.group)]
            yesterday = [one for one in before if day_of(one) < day_of(row)]
            held = told.kind not in ("temporal", "temporal_ordered") and bool(yesterday)
            held = held and self.inside(told, row, yesterday[-1]) and self.total(told, yesterday[-1])[1]
            alone = told.span <= timedelta(days=1) and self.total(told, row, day_of(row))[1]
            if not held or alone:
                found.add((row["user.account"].partition(":")[2].partition("@")[0], day_of(row)))
        return found


def day_of(row: Row) -> Any:
    return SURROUNDINGS.calendar.day_of(row["@timestamp"])


# --- what is held against it -----------------------------------------------------------------------------------------

EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "hour": st.integers(0, 90),
            "event.action": st.sampled_from([*ACTIONS.values(), "view"]),
            "user.account": st.sampled_from(["mail:li.na@example.com", "mail:wang.wei@example.com"]),
            "file.name": st.sampled_from(["x", "y", None]),
            "source.ip": st.sampled_from(["10.0.0.1", "10.0.0.2", None]),
            "data.records": st.sampled_from([None, 0, 1, 2, 5, 9, 2**53 + 1, 2**62]),
        }
    ),
    min_size=1,
    max_size=25,
)
OPS = st.sampled_from(
    [{"gte": 2}, {"gt": 2}, {"lte": 1}, {"lt": 3}, {"eq": 2}, {"neq": 2}, {"gte": 2, "lte": 3}, {"gt": 1.5, "lt": 50}]
)
COUNTS = st.one_of(
    st.tuples(st.just("event_count"), OPS),
    st.tuples(st.just("value_count"), OPS.map(lambda ops: ops | {"field": "file.name"})),
    *(
        st.tuples(st.just(kind), OPS.map(lambda ops: ops | {"field": "data.records"}))
        for kind in ("value_sum", "value_avg", "value_median", "value_percentile")
    ),
    st.tuples(st.just("value_percentile"), OPS.map(lambda ops: ops | {"field": "data.records", "percentile": 90})),
)
ORDERS = st.one_of(
    st.tuples(st.just("temporal"), st.sampled_from([None, {"gte": 2}, {"eq": 1}, {"lt": 3}, {"neq": 2}])),
    st.tuples(st.just("temporal_ordered"), st.sampled_from([None, {"gte": 2}])),
)
SPANS = st.sampled_from(["1h", "6h", "1d", "2d", "1w"])
GROUPS = st.sampled_from([["person.id"], ["person.id", "source.ip"], ["source.ip"], ["file.name", "source.ip"]])
HOURS = {"h": 1, "d": 24, "w": 168}


def told(kind: str, rules: Sequence[str], condition: Any, span: str, group: Sequence[str]) -> Told:
    hours = int(span[:-1]) * HOURS[span[-1]]
    return Told(kind, tuple(rules), timedelta(hours=hours), tuple(dict.fromkeys(["person.id", *group])), condition)


def rows_of(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    start = at("02T00:00")
    return [
        {**event, "@timestamp": start + timedelta(hours=event["hour"]), "event.id": f"{number:032x}"}
        for number, event in enumerate(events)
    ]


def found(texts: Sequence[str], rows: Sequence[Mapping[str, Any]], seed: int = 0) -> list[Any]:
    """The alerts, whatever order the events arrive in."""
    shuffled = [{name: value for name, value in row.items() if name != "hour"} for row in rows]
    random.Random(seed).shuffle(shuffled)
    raised = alerts(book(*BASES, *texts), shuffled)
    return [alert for alert in raised if alert.rule not in BASIC]


RULES = st.lists(st.sampled_from([*ACTIONS, "marked"]), min_size=2, max_size=3, unique=True)


@settings(max_examples=250, deadline=None)
@given(EVENTS, RULES, st.one_of(COUNTS, ORDERS), SPANS, GROUPS, st.integers(0, 9))
def test_a_correlation_says_what_a_plain_reading_of_it_says(
    events: list[dict[str, Any]], rules: list[str], shape: tuple[str, Any], span: str, group: list[str], seed: int
) -> None:
    rows = rows_of(events)
    text = rule("w", shape[0], rules, shape[1], timespan=span, **{"group-by": group})
    wanted = Reference(rows, {"w": told(shape[0], rules, shape[1], span, group)}).alerts("w")
    assert {(alert.person, alert.day) for alert in found([text], rows, seed)} == wanted


@settings(max_examples=150, deadline=None)
@given(
    EVENTS,
    st.one_of(COUNTS, ORDERS),
    SPANS,
    GROUPS,
    st.one_of(
        st.tuples(st.just("event_count"), OPS),
        st.tuples(st.just("value_count"), OPS.map(lambda ops: ops | {"field": "file.name"})),
        ORDERS,
    ),
    SPANS,
)
def test_a_correlation_over_a_correlation_says_what_a_plain_reading_of_it_says(
    events: list[dict[str, Any]],
    inner: tuple[str, Any],
    inner_span: str,
    group: list[str],
    outer: tuple[str, Any],
    span: str,
) -> None:
    rows = rows_of(events)
    texts = [
        rule("outer", outer[0], ["inner", "shared"], outer[1], timespan=span),
        rule("inner", inner[0], ["exported", "marked"], inner[1], timespan=inner_span, **{"group-by": group}),
    ]
    rules = {
        "inner": told(inner[0], ["exported", "marked"], inner[1], inner_span, group),
        "outer": told(outer[0], ["inner", "shared"], outer[1], span, []),
    }
    assert {(one.person, one.day) for one in found(texts, rows)} == Reference(rows, rules).alerts("outer")


def events(*moments: str, **more: Any) -> Iterator[dict[str, Any]]:
    return ({"@timestamp": at(moment), **more} for moment in moments)


def test_failed_tries_and_then_a_success_as_the_specification_has_it() -> None:
    texts = [
        rule("many", "event_count", ["exported"], {"gte": 3}, timespan="10m"),
        rule("then", "temporal_ordered", ["many", "shared"], timespan="10m"),
    ]
    tries = list(events("02T10:00", "02T10:01", "02T10:02"))
    share = {"event.action": "share"}
    (alert,) = found(texts, [*tries, *events("02T10:08", **share)])
    assert (alert.rule, alert.time, len(alert.events)) == ("then", at("02T10:08"), 4), "what it builds on is silent"
    assert found(texts, [*tries, *events("02T10:12", **share)]) == []
    assert found(texts, [*tries[:2], *events("02T10:03", **share)]) == []


def test_two_events_of_one_moment_that_are_all_of_the_rules_are_one_beginning() -> None:
    texts = [
        rule("both", "temporal_ordered", ["exported", "marked"], timespan="1h"),
        rule("twice", "event_count", ["both"], {"gte": 2}, timespan="6h"),
    ]
    marked = {"file.name": "x"}
    assert found(texts, list(events("02T10:00", "02T10:00", **marked))) == []
    assert found(texts, list(events("02T10:00", "02T10:00", "02T12:00", "02T12:00", **marked)))


def test_three_bursts_are_three_however_long_each_lasts() -> None:
    texts = [
        rule("burst", "event_count", ["exported"], {"gte": 2}, timespan="10m"),
        rule("bursts", "event_count", ["burst"], {"gte": 3}),
    ]
    long = [f"02T10:{minute:02}" for minute in range(9)]
    assert found(texts, list(events(*long, "02T12:00", "02T12:01"))) == []
    (alert,) = found(texts, list(events(*long, "02T12:00", "02T12:01", "02T14:00", "02T14:01")))
    assert (alert.time, alert.facts["observed"], alert.facts["events"]) == (at("02T14:01"), 3, 13)


def test_correlations_stand_on_each_other_in_any_depth() -> None:
    texts = [rule("r1", "event_count", ["exported"], {"gte": 1})]
    texts += [rule(f"r{n}", "event_count", [f"r{n - 1}"], {"gte": 1}) for n in range(2, 301)]
    (alert,) = found(texts[::-1], list(events("02T10:00")))
    assert alert.rule == "r300"
    rules = book(*BASES, *texts).rules
    assert rules["r8"].nested == tuple(f"r{n}" for n in range(1, 8))
    assert rules["r8"].reach > rules["r2"].reach > 0
    high = [rule(f"r{n}", "event_count", [f"r{n - 1}"], {"gte": 1}, timespan="400d") for n in range(2, 9)]
    with pytest.raises(RuleError, match="reach back"):
        book(*BASES, texts[0], *high)


def test_days_of_a_correlation_over_a_correlation_can_be_judged_one_by_one() -> None:
    texts = [
        *BASES,
        rule("week", "value_sum", ["exported"], {"field": "data.records", "gte": 10}, timespan="3d"),
        rule("weeks", "event_count", ["week"], {"gte": 2}, timespan="9d"),
    ]
    rows = list(
        events(*(f"{day:02}T10:00" for day in (1, 2, 3, 4, 9, 10, 11, 17, 20, 24, 25, 26)), **{"data.records": 4})
    )
    whole = alerts(book(*texts), rows)
    days = [SURROUNDINGS.calendar.day_of(row["@timestamp"]) for row in rows]
    assert [one for day in days for one in alerts(book(*texts), rows, days=(day, day))] == whole
    assert whole


def test_an_alias_joins_fields_of_different_names() -> None:
    text = rule(
        "same",
        "temporal",
        ["exported", "shared"],
        aliases={"who": {"exported": "user.name", "shared": "target.user"}},
        **{"group-by": ["who"]},
    )
    out = {"user.name": "bob"}
    given = {"event.action": "share", "user.name": "eve"}
    (alert,) = found([text], [*events("02T10:00", **out), *events("02T11:00", **given, **{"target.user": "bob"})])
    assert alert.facts["who"] == "bob"
    assert alert.facts["events"] == 2
    assert found([text], [*events("02T10:00", **out), *events("02T11:00", **given, **{"target.user": "eve"})]) == []


def test_an_extended_condition_asks_for_rules_and_for_their_absence() -> None:
    text = rule(
        "w", "temporal", ["exported", "deleted", "shared"], "exported and not (deleted or shared)", timespan="1h"
    )
    delete = {"event.action": "delete"}
    (alert,) = found([text], [*events("02T10:00"), *events("02T10:30", **delete), *events("03T10:00", **delete)])
    assert alert.time == at("02T10:00"), "what comes later takes nothing back"
    assert found([text], [*events("02T10:00", **delete), *events("02T10:30")]) == []
    assert found([text], [*events("02T10:00", **delete), *events("02T10:00")]) == [], (
        "the same moment is the same window"
    )


def test_an_extended_condition_may_ask_for_an_order() -> None:
    text = rule("w", "temporal_ordered", ["exported", "deleted", "shared"], "exported and (deleted or shared)")
    share = {"event.action": "share"}
    assert found([text], [*events("02T10:00"), *events("02T11:00", **share)])
    assert found([text], [*events("02T10:00", **share), *events("02T11:00")]) == []
    no_rules = yaml.safe_dump(
        yaml.safe_load(text) | {"correlation": dict(yaml.safe_load(text)["correlation"], rules=None)}
    )
    assert found([no_rules], [*events("02T10:00"), *events("02T11:00", **share)])


def test_a_rule_may_be_called_by_its_id() -> None:
    known = "11111111-2222-4333-8444-555555555555"
    text = rule("w", "event_count", [known], {"gte": 1})
    assert alerts(book(EXPORT + f"id: {known}\n", text), list(events("02T10:00")))


def test_a_window_of_months_forgets_what_lies_before_it() -> None:
    text = rule("w", "value_sum", ["exported"], {"field": "data.records", "gte": 10}, timespan="1M")
    few = {"data.records": 9}
    assert (
        found(
            [text], [{"@timestamp": at("02T10:00"), **few}, {"@timestamp": at("02T10:00") + timedelta(days=31), **few}]
        )
        == []
    )
    assert found(
        [text], [{"@timestamp": at("02T10:00"), **few}, {"@timestamp": at("02T10:00") + timedelta(days=30), **few}]
    )


def test_a_long_window_that_held_long_ago_does_not_hide_what_comes_after_it() -> None:
    text = rule("w", "value_sum", ["exported"], {"field": "data.records", "gte": 10}, timespan="3d")
    rows = list(events("02T10:00", "20T10:00", **{"data.records": 10}))
    assert [one.day.day for one in found([text], rows)] == [2, 20]


def test_sums_beyond_any_column_stop_at_the_largest_number() -> None:
    text = rule("w", "value_sum", ["exported"], {"field": "data.records", "gt": 2**63 - 2})
    (alert,) = found([text], list(events("02T10:00", "02T11:00", **{"data.records": 2**62})))
    assert alert.facts["observed"] == 2**63 - 1


@pytest.mark.parametrize(
    ("correlation", "complaint"),
    [
        ({"type": "event_count", "condition": {"gte": 2, "field": "file.name"}}, "takes no field"),
        ({"type": "event_count", "condition": {"gte": "many"}}, "gte needs a number"),
        ({"type": "event_count", "condition": {"gte": float("nan")}}, "gte needs a number"),
        ({"type": "event_count", "condition": {"gte": 10**400}}, "gte needs a number"),
        ({"type": "event_count", "condition": {"gte": True}}, "gte needs a number"),
        ({"type": "event_count", "condition": {"gt": 5, "lt": 3}}, "no number"),
        ({"type": "event_count", "condition": {}}, "name one of"),
        ({"type": "event_count", "condition": {"gte": 2, "cube": 3}}, "cube means nothing"),
        ({"type": "event_count", "condition": "exported"}, "temporal"),
        ({"type": "event_count"}, "condition"),
        ({"type": "value_sum", "condition": {"gte": 2}}, "field"),
        ({"type": "value_sum", "condition": {"gte": 2, "field": "file.name"}}, "not a number"),
        ({"type": "value_avg", "condition": {"gte": 2, "field": "person.id"}}, "not a stored field"),
        ({"type": "value_count", "condition": {"gte": 2, "field": "rule.matched"}}, "no value to"),
        ({"type": "value_count", "condition": {"gte": 2, "field": {"a": 1}}}, "a name"),
        ({"type": "value_sum", "condition": {"gte": 2, "field": ["data.records", "data.bytes"]}}, "takes one field"),
        ({"type": "value_percentile", "condition": {"gte": 2, "field": "data.records", "percentile": 101}}, "0 to 100"),
        ({"type": "value_sum", "condition": {"gte": 2, "field": "data.records", "percentile": 9}}, "no percentile"),
        ({"type": "value_cube", "condition": {"gte": 2}}, "value_cube"),
        ({"type": "temporal", "condition": "not exported"}, "no moment"),
        ({"type": "temporal_ordered", "condition": {"lt": 2}}, "an order"),
        ({"type": "temporal_ordered", "condition": {"gte": 9}}, "never 9"),
        ({"type": "temporal", "condition": "exported and " * 200 + "exported"}, "characters"),
        ({"type": "temporal", "condition": "(" * 300 + "exported"}, "0.yml"),
        ({"type": "event_count", "condition": {"gte": 2}, "timespan": "500d"}, "400 days"),
        ({"type": "event_count", "condition": {"gte": 2}, "timespan": "9" * 30 + "y"}, "400 days"),
        ({"type": "event_count", "condition": {"gte": 2}, "group-by": ["rule.matched"]}, "no value to"),
        ({"type": "event_count", "condition": {"gte": 2}, "group-by": ["@timestamp"]}, "no value to"),
        ({"type": "event_count", "condition": {"gte": 2}, "aliases": {"day": {"exported": "file.name"}}}, "else"),
        ({"type": "event_count", "condition": {"gte": 2}, "group-by": ["no.such"]}, "no field no.such"),
        ({"type": "event_count", "condition": {"gte": 2}, "rules": [{"a": 1}]}, "no rule"),
        ({"type": "event_count", "condition": {"gte": 2}, "rules": []}, "rules"),
        (
            {"type": "event_count", "condition": {"gte": 2}, "aliases": {"limit": {"exported": "file.name"}}},
            "something else",
        ),
        ({"type": "event_count", "condition": {"gte": 2}, "aliases": {"who": {"deleted": "file.name"}}}, "no field of"),
        ({"type": "event_count", "condition": {"gte": 2}, "aliases": {"who": {"exported": ["a"]}}}, "no field"),
        ({"type": "event_count", "condition": {"gte": 2}, "aliases": ["who"]}, "aliases"),
    ],
)
def test_what_has_no_meaning_is_refused_with_the_file(correlation: dict[str, Any], complaint: str) -> None:
    whole = {"rules": ["exported"], "group-by": ["person.id"], "timespan": "1d"} | correlation
    text = yaml.safe_dump({"title": "w", "name": "w", "correlation": whole})
    with pytest.raises(RuleError, match=r"0\.yml") as caught:
        RuleBook.of({"0.yml": text, "1.yml": EXPORT})
    assert complaint in str(caught.value)


def test_circles_are_named() -> None:
    texts = {f"{n}.yml": rule(f"r{n}", "event_count", [f"r{(n + 1) % 3}"], {"gte": 1}) for n in range(3)}
    with pytest.raises(RuleError, match=r"\d\.yml: .*circle.* r1") as caught:
        RuleBook.of(texts)
    assert "r0" in str(caught.value)
    with pytest.raises(RuleError, match="circle"):
        RuleBook.of({"0.yml": rule("r", "event_count", ["r"], {"gte": 1})})


@pytest.mark.parametrize("condition", ["{field: data.records, lt: 9}", "{field: data.records, eq: 9}"])
def test_a_usual_raises_limits_and_nothing_else(condition: str) -> None:
    with pytest.raises(RuleError, match="usual"):
        book(EXPORT, window("w", "value_sum", condition, "usual: {times: 4}"))
