"""The score ledger adds up, in the open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alert import Alert, Fact, Match, Severity, alert_id
from core.person import Stage
from detection.explain import explain
from detection.risk import ledger, person_ledger, score_at
from detection.rule import Message
from tests.detection.conftest import EXPORT, at, book, window

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
def test_more_evidence_never_lowers_a_score_and_terms_add_up(alerts: list[Alert], more: Alert) -> None:
    when = at("02T10:00") + timedelta(days=60)
    terms = person_ledger(alerts, when)
    assert score_at(alerts, when) == pytest.approx(sum(term.points for term in terms), abs=0.006)
    assert len(terms) == len(alerts)
    assert score_at([*alerts, more], when) >= score_at(alerts, when) - 0.01 * (len(alerts) + 1)


def test_an_alert_is_said_in_both_languages_from_its_facts() -> None:
    facts: dict[str, Fact] = {"observed": 12000, "limit": 10000, "own_usual": 210, "example": "a"}
    found = replace(alert(), facts=facts | {"last": at("02T10:00").isoformat(timespec="seconds")})
    assert explain(RULE, found, "Li Na", "en") == (
        "Li Na exported 12,000 records (a). observed 12,000, limit 10,000, own usual 210"
    )
    assert explain(RULE, found, "李娜", "zh") == "李娜 导出 12,000 条（a）。观测值 12,000，限值 10,000，本人平时 210"


def test_what_was_found_looking_back_is_said_so() -> None:
    found = replace(alert(), facts={"observed": 1, "last": "2026-02-01T00:00:00+00:00"})
    assert "looking back" in explain(RULE, found, "Li Na", "en")
    assert isinstance(found.time, datetime)


def test_a_fact_that_is_missing_is_a_dash_and_braces_in_facts_are_text() -> None:
    assert "(–)" in explain(RULE, replace(alert(), facts={"observed": 1}), "{person.__class__}", "en")


def test_a_fact_of_a_field_with_dots_is_put_in_and_nothing_else_of_a_message_is_evaluated() -> None:
    for said, wanted in (("{target.user}", "a@b.cn"), ("{observed.real}", "–"), ("{observed:>99}", "–"), ("{", "{")):
        rule = replace(RULE, extra=RULE.extra.model_copy(update={"message": Message(zh=said, en=said)}))
        assert explain(rule, replace(alert(), facts={"target.user": "a@b.cn"}), "", "en") == wanted
