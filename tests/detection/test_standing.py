"""Standings say what the alerts themselves would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alert import Alert, Severity, Term, alert_id
from detection.departing import UNTIL
from detection.risk import person_ledger, score_at, sum_of
from detection.standing import (
    LEDGER,
    OTHERS,
    STRONGEST,
    ledger_of,
    rank_at,
    score_of,
    standing_at,
    standings_of,
    terms_of,
)

FIRST = datetime(2026, 3, 2, tzinfo=UTC)


def alert(person: str, rule: str, hours: int, score: float, less: float = 0.0, since: int | None = None) -> Alert:
    """`less` is what an approval takes away, from so many hours after the first moment on where it is given."""
    terms = [Term(name=rule, points=score + less)]
    if less:
        terms.append(
            Term(name="approval", points=-less, since=None if since is None else FIRST + timedelta(hours=since))
        )
    return Alert(
        id=alert_id(rule, person, date(2026, 3, 2) + timedelta(days=hours)),
        rule=rule,
        person=person,
        day=date(2026, 3, 2),
        time=FIRST + timedelta(hours=hours),
        severity=Severity.HIGH,
        score=score,
        terms=terms,
        facts={UNTIL: (FIRST + timedelta(hours=hours + 10)).isoformat()} if rule == "joint" else {},
        events=(),
        stage="active",
    )


alerts_of = st.lists(
    st.builds(
        alert,
        st.sampled_from("pqr"),
        st.sampled_from(["exports", "mails", "joint"]),
        st.integers(0, 2_000),
        st.sampled_from([0.0, 5.0, 12.5, 35.0, 60.0, 99.99]),
        st.sampled_from([0.0, 0.0, 10.0]),
        st.one_of(st.none(), st.integers(0, 4_000)),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda one: one.id,
)


def by_person(alerts: Sequence[Alert]) -> dict[str, list[Alert]]:
    found: dict[str, list[Alert]] = {}
    for one in alerts:
        found.setdefault(one.person, []).append(one)
    return found


@given(alerts_of, st.integers(0, 5_000))
def test_a_standing_gives_the_score_and_the_first_terms_of_the_ledger_at_every_moment(
    alerts: list[Alert], hours: int
) -> None:
    at = FIRST + timedelta(hours=hours)
    for person, own in by_person([one for one in alerts if one.time <= at]).items():
        standing = standing_at(person, own, at)
        assert score_of(standing, at) == pytest.approx(score_at(own, at), abs=0.011)
        ledger = person_ledger(own, at)
        for ours, theirs in zip(terms_of(standing, at), ledger[:STRONGEST], strict=True):
            assert (ours.points, ours.weight) == (
                pytest.approx(theirs.points, abs=0.021),
                pytest.approx(theirs.weight, abs=2e-4),
            )
        whole = ledger_of(standing, at)
        assert [(term.name, term.alert) for term in whole] == [(term.name, term.alert) for term in ledger]
        assert sum_of(whole) == pytest.approx(sum_of(ledger), abs=0.011)
        assert (standing.alerts, standing.first_alert) == (len(own), min(one.time for one in own))


@given(alerts_of, st.integers(2_000, 9_000))
def test_whoever_ranks_higher_has_no_lower_score_at_any_moment_from_there_on(alerts: list[Alert], hours: int) -> None:
    at = FIRST + timedelta(hours=hours)
    people = by_person(alerts)
    kept = {person: standings_of(person, own) for person, own in people.items()}
    now = {person: next(one for one in all_ if one.since <= at < one.until) for person, all_ in kept.items()}
    ranked = sorted(people, key=lambda person: now[person].rank)
    assert ranked == sorted(people, key=lambda person: rank_at(person, people[person], at))
    scores = [score_at(people[person], at) for person in ranked]
    assert scores == sorted(scores, reverse=True)


def test_a_term_that_counts_from_later_on_is_a_standing_of_its_own() -> None:
    before, after = standings_of("p", [alert("p", "exports", 0, 40.0, less=20.0, since=48)])
    assert (before.since, before.until, before.score) == (FIRST, FIRST + timedelta(hours=48), 60.0)
    assert after.since == before.until
    assert after.score == pytest.approx(40.0 * 0.5 ** (2 / 30))
    assert before.newest == after.newest == FIRST


@given(st.integers(1, LEDGER * 2), st.integers(0, 3_000))
def test_a_long_ledger_ends_in_one_term_of_all_that_add_little_and_adds_up_all_the_same(many: int, hours: int) -> None:
    own = [alert("p", f"rule {number % 7}", number, 5.0 + number) for number in range(many)]
    at = FIRST + timedelta(hours=many + hours)
    (standing,) = standings_of("p", own)
    ledger, whole = ledger_of(standing, at), person_ledger(own, at)
    assert sum_of(ledger) == pytest.approx(sum_of(whole), abs=0.011)
    if many <= LEDGER:
        assert [term.alert for term in ledger] == [term.alert for term in whole]
    else:
        assert [term.alert for term in ledger] == [*(term.alert for term in whole[: LEDGER - 1]), None]
        assert (ledger[-1].name, ledger[-1].observed) == (OTHERS, many - LEDGER + 1)


def test_of_nothing_there_is_no_standing() -> None:
    assert standings_of("p", []) == []


def test_what_counts_for_nothing_ranks_last_and_until_when_somebody_is_about_to_leave_is_kept() -> None:
    (worth,), (none,) = (
        standings_of("p", [alert("p", "joint", 0, 5.0)]),
        standings_of("q", [alert("q", "mails", 0, 0.0)]),
    )
    assert worth.rank < none.rank
    assert (worth.ahead, none.ahead) == (FIRST + timedelta(hours=10), None)
