"""The score ledger adds up, in the open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alert import Alert, Fact, Match, Severity, Term, alert_id
from core.person import Stage
from detection.explain import messages_of, term_words
from detection.risk import ledger, person_ledger, score_at, sum_of
from detection.rule import Message
from tests.detection.conftest import EXPORT, at, book, window
from tests.detection.conftest import alerts as alerts_of

MORE = """
points: 40
stage: {notice: 1.5}
message: {zh: "{person} 导出 {observed} 条（{example}）", en: "{person} exported {observed} records ({example})"}
"""
RULE = book(EXPORT, window("mass", "value_sum", "{field: data.records, gte: 10000}", MORE)).rules["mass"]
DECISIVE = book(EXPORT + "floor: 60\n").rules["exported"]


def match(**facts: Fact) -> Match:
    return Match(rule="mass", person="1", day=date(2026, 3, 2), time=at("02T10:00"), facts=facts, events=("e",))


def alert(rule: str = "mass", days: int = 0, score: float = 40.0) -> Alert:
    time = at("02T10:00") + timedelta(days=days)
    return Alert(
        id=alert_id(rule, "1", time.date()),
        rule=rule,
        person="1",
        day=time.date(),
        time=time,
        severity=Severity.HIGH,
        score=score,
        terms=(),
        facts={"observed": 1, "limit": 1},
        events=(),
        stage="active",
    )


def test_each_term_is_named_and_says_what_was_seen_and_allowed() -> None:
    terms = ledger(match(observed=40000, limit=10000), RULE, Stage.NOTICE)
    assert [(term.name, term.points) for term in terms] == [("mass", 40), ("magnitude", 20.0), ("stage notice", 30.0)]
    assert (terms[0].observed, terms[0].limit) == (40000, 10000)


def test_magnitude_is_capped_at_the_rules_own_points() -> None:
    terms = ledger(match(observed=10**9, limit=1), RULE, Stage.ACTIVE)
    assert sum(term.points for term in terms) == 80


def test_a_decisive_event_is_lifted_to_its_floor_by_a_term_of_its_own() -> None:
    terms = ledger(match(events=1), DECISIVE, Stage.ACTIVE)
    assert [(term.name, term.points) for term in terms] == [("exported", 0), ("severity floor", 60)]


def test_a_score_halves_in_thirty_days() -> None:
    assert score_at([alert()], at("02T10:00")) == 40
    assert score_at([alert()], at("02T10:00") + timedelta(days=30)) == 20


def test_what_comes_later_does_not_count_yet() -> None:
    assert score_at([alert(days=1)], at("02T10:00")) == 0


ALERTS = st.lists(
    st.builds(alert, rule=st.sampled_from(["a", "b", "c"]), days=st.integers(0, 60), score=st.floats(0, 200)),
    max_size=8,
)


@given(ALERTS, st.builds(alert, rule=st.sampled_from(["a", "b"]), days=st.integers(0, 60), score=st.floats(0, 200)))
def test_more_evidence_never_lowers_a_score(alerts: list[Alert], more: Alert) -> None:
    when = at("02T10:00") + timedelta(days=60)
    assert score_at([*alerts, more], when) >= score_at(alerts, when)


@given(ALERTS)
def test_the_terms_of_a_person_add_up_to_the_score_shown_to_the_last_hundredth(alerts: list[Alert]) -> None:
    when = at("02T10:00") + timedelta(days=60)
    terms = person_ledger(alerts, when)
    assert sum(round(term.points * 100) for term in terms) == round(score_at(alerts, when) * 100)
    assert len(terms) == len(alerts)
    assert all(0 <= (term.weight or 0) <= 1 for term in terms)


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.sampled_from(list(Stage)), st.floats(1, 5))
def test_more_in_one_window_never_lowers_its_ledger_and_terms_add_up(
    observed: int, more: int, stage: Stage, factor: float
) -> None:
    less, greater = (
        ledger(match(observed=number, limit=100), RULE, stage, ("Sales", factor))
        for number in (observed, observed + more)
    )
    assert sum_of(greater) >= sum_of(less)
    assert sum(round(term.points * 100) for term in less) == round(sum_of(less) * 100)


def test_repeats_of_a_rule_weigh_less_and_less() -> None:
    terms = person_ledger([alert(), alert(days=1), alert("other", 1)], at("02T10:00") + timedelta(days=1))
    assert [(term.name, term.weight) for term in terms] == [("mass", 1.0), ("other", 1.0), ("mass", 0.4886)]


@pytest.mark.parametrize(
    ("condition", "facts", "below"),
    [
        ("gte: 10000", {"observed": 12000, "limit": 10000}, 10000),
        ("gt: 10000", {"observed": 12000, "limit": 10000}, 10001),
        ("gte: 10", {"observed": 12000, "limit": 2309.5}, 2310),
        ("gt: 10", {"observed": 12000, "limit": 2309.5}, 2310),
        ("gte: 10", {"observed": 0.5, "limit": 0.25}, 0.25),
    ],
)
def test_below_what_is_said_a_rule_would_have_been_silent(condition: str, facts: dict[str, Fact], below: Fact) -> None:
    rule = book(EXPORT, window("mass", "value_sum", f"{{field: data.records, {condition}}}")).rules["mass"]
    (term, *_) = ledger(match(**facts), rule, Stage.ACTIVE)
    assert (term.silent_below, term.unit) == (below, "data.records")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=8), st.sampled_from(["gte", "gt"]), st.integers(1, 5000))
def test_what_would_have_stayed_silent_would_have(records: list[int], compared: str, limit: int) -> None:
    rules = book(EXPORT, window("mass", "value_sum", f"{{field: data.records, {compared}: {limit}}}"))
    found = alerts_of(
        rules, [{"@timestamp": at(f"02T10:{n:02}"), "data.records": one} for n, one in enumerate(records)]
    )
    total = sum(records)
    for one in found:
        below = one.terms[0].silent_below
        assert isinstance(below, int)
        assert alerts_of(rules, [{"@timestamp": at("02T10:00"), "data.records": below - 1}]) == []
        assert alerts_of(rules, [{"@timestamp": at("02T10:00"), "data.records": below}])
    assert bool(found) == (total >= limit if compared == "gte" else total > limit)


def test_a_term_is_said_in_both_languages() -> None:
    term = Term(
        name="mass",
        points=40,
        observed=12000,
        limit=2310,
        own_usual=770,
        peers_usual=640,
        silent_below=2310,
        unit="data.records",
    )
    assert term_words(term)["en"] == (
        "mass +40: observed 12,000, own usual 770, peers' usual 640, limit 2,310,"
        " below 2,310 records this would not have fired"
    )
    assert term_words(term)["zh"] == (
        "mass +40：观测值 12,000，本人平时 770，同岗平时 640，限值 2,310，低于 2,310 条记录则不会触发"
    )
    assert term_words(Term(name="approval A-17", points=-32.5))["en"] == "approval A-17 -32.5"


def test_an_alert_is_said_in_both_languages_from_its_facts() -> None:
    facts: dict[str, Fact] = {"observed": 12000, "limit": 10000, "own_usual": 210, "example": "a"}
    found = replace(alert(), facts=facts | {"last": at("02T10:00").isoformat(timespec="seconds")})
    assert messages_of(RULE, found, "Li Na")["en"] == (
        "Li Na exported 12,000 records (a). observed 12,000, limit 10,000, own usual 210."
        " below 10,000 records this would not have fired"
    )
    assert messages_of(RULE, found, "李娜")["zh"] == (
        "李娜 导出 12,000 条（a）。观测值 12,000，限值 10,000，本人平时 210。低于 10,000 条记录则不会触发"
    )


def test_what_was_found_looking_back_is_said_so() -> None:
    found = replace(alert(), facts={"observed": 1, "last": "2026-02-01T00:00:00+00:00"})
    assert "looking back" in messages_of(RULE, found, "Li Na")["en"]
    assert isinstance(found.time, datetime)


def test_a_fact_that_is_missing_is_a_dash_and_braces_in_facts_are_text() -> None:
    assert "(–)" in messages_of(RULE, replace(alert(), facts={"observed": 1}), "{person.__class__}")["en"]


def test_a_fact_of_a_field_with_dots_is_put_in_and_nothing_else_of_a_message_is_evaluated() -> None:
    for said, wanted in (("{target.user}", "a@b.cn"), ("{observed.real}", "–"), ("{observed:>99}", "–"), ("{", "{")):
        rule = replace(RULE, extra=RULE.extra.model_copy(update={"message": Message(zh=said, en=said)}))
        assert messages_of(rule, replace(alert(), facts={"target.user": "a@b.cn"}), "")["en"] == wanted
