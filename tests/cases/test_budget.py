"""So many cases a week as people can look at; the others are counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cases.budget import cut, overflow
from core.calendar import CompanyCalendar
from core.case import Case, CaseState, case_id

MONDAY = datetime(2026, 1, 5, 4, tzinfo=UTC)
CALENDAR = CompanyCalendar()


def case(person: str, week: int, score: float, state: CaseState = CaseState.NEW) -> Case:
    opened = MONDAY + timedelta(weeks=week, days=len(person) % 7)
    return Case(
        id=case_id(person, 0), person=person, number=0, state=state, opened=opened, score=score, alerts=(person,)
    )


def weeks(*scores: list[float]) -> list[Case]:
    """Cases with these scores, week after week; persons are called after week and place."""
    return [case(f"{week}-{place}", week, score) for week, own in enumerate(scores) for place, score in enumerate(own)]


def left_out(cases: list[Case], per_week: float) -> set[str]:
    ids = overflow(cases, per_week, CALENDAR)
    return {one.person for one in cases if one.id in ids}


def test_the_cut_is_what_so_many_a_week_reached_in_the_weeks_before() -> None:
    cases = weeks([50, 40, 30], [60, 45, 35], [55, 44, 31, 90, 45])
    assert left_out(cases, 1) == {"2-1", "2-2", "2-4"}, "two weeks, so the two highest count: 60 and 50"
    assert left_out(cases, 2) == {"2-2"}
    assert left_out(cases, 3) == set()


def test_nothing_is_concluded_from_less_than_two_weeks_and_nothing_from_what_comes_later() -> None:
    assert left_out(weeks([50, 40], [60, 45]), 1) == set()
    before = left_out(weeks([50, 40], [60, 45], [30]), 1)
    after = left_out(weeks([50, 40], [60, 45], [30], [1, 1, 1]), 1)
    assert before == {"2-0"}
    assert after & {"2-0"} == before


def test_quiet_weeks_count() -> None:
    assert left_out(weeks([50], [], [], [], [40]), 0.5) == set(), "one in four weeks: there is room"


def test_a_decided_case_is_history_and_never_left_out() -> None:
    cases = weeks([50, 40], [60, 45], [30])
    decided = [replace(one, state=CaseState.BENIGN) for one in cases]
    assert left_out(decided, 1) == set()
    assert left_out([*decided[:-1], cases[-1]], 1) == {"2-0"}


def test_equal_scores_are_kept_together() -> None:
    assert cut([30, 30, 30, 30], 2, 1) == 30
    assert cut([50, 30, 30, 30], 2, 1) == 30
    assert cut([50, 30, 30, 30], 2, 0.1) == 50, "the strongest is always shown"
    assert cut([10, 20, 30, 40], 2, 1) == 30
    assert cut([], 5, 1) == 0


@given(st.lists(st.lists(st.integers(30, 99), max_size=6), max_size=8), st.sampled_from([0.5, 1, 2, 3]), st.randoms())
def test_it_follows_from_the_cases_whatever_their_order(
    scores: list[list[float]], per_week: float, chance: Random
) -> None:
    cases = weeks(*scores)
    mixed = cases.copy()
    chance.shuffle(mixed)
    assert left_out(cases, per_week) == left_out(mixed, per_week)
    states = [replace(one, state=chance.choice([CaseState.NEW, CaseState.OVERFLOW])) for one in cases]
    assert left_out(states, per_week) == left_out(cases, per_week), "nor on what was left out before"
