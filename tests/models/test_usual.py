"""What is usual, as detectors judge by it: slow to move, aware of the calendar, and the peers' without an own past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from person_days import person_days

from core.calendar import CompanyCalendar
from core.errors import Refused
from models.deviation import Own, Past, Peers
from models.groups import EVERYBODY, behaving_alike, groups_of, post_key
from models.kinds import OFF, QUARTER_END, WORKING, kinds
from models.usual import LAG, Usual, usual_of

START, LEARNED, END = date(2025, 9, 1), date(2026, 5, 31), date(2026, 6, 30)
CALENDAR = CompanyCalendar()
DATES = [START + timedelta(days=number) for number in range((END - START).days + 1)]
PLAIN, LAST_WEEK = date(2026, 6, 17), date(2026, 6, 25)
USUAL, ODD = 2.5, 4.0
"""Distances that nobody and everybody would look at."""


def person(
    name: str,
    exports: Callable[[date], float | None],
    *,
    since: date = START,
    department: str = "Sales",
    title: str | Callable[[date], str] = "Rep",
    stage: Callable[[date], str] = lambda day: "active",
) -> pl.DataFrame:
    """Somebody's days: so many exports each; None is a day away, and nobody has a row of a day off without events."""
    days = [day for day in DATES if day >= since]
    done = [exports(day) for day in days]
    return pl.DataFrame(
        {
            "person": name,
            "day": days,
            "department": department,
            "title": [title if isinstance(title, str) else title(day) for day in days],
            "stage": [stage(day) for day in days],
            "kind": kinds(pl.Series(days), CALENDAR.working_days(days)),
            "events": [0.0 if value is None else 20.0 for value in done],
            "exports": [0.0 if value is None else float(value) for value in done],
        }
    ).filter((pl.col("kind") != OFF) | (pl.col("events") > 0))


def working(number: float) -> Callable[[date], float | None]:
    return lambda day: number + day.day % 3 if CALENDAR.is_working_day(day) else None


COLLEAGUES = [person(f"colleague {number}", working(10 + number)) for number in range(6)]


def learned(*own: pl.DataFrame) -> Usual:
    days = pl.concat([*own, *COLLEAGUES])
    return usual_of([days.filter(pl.col("day") <= LEARNED)], LEARNED)


def odd(own: pl.DataFrame, day: date, detector: type[Own] | type[Peers] = Own, *others: pl.DataFrame) -> float:
    """How odd a person's day is to who learned before it."""
    usual = learned(own, *others)
    scores = detector().learn(Past(usual, groups_of(usual), own)).score_samples(own)
    return float(scores[own["day"].to_list().index(day)])


def but_on(day: date, number: float, usual: Callable[[date], float | None]) -> Callable[[date], float | None]:
    return lambda one: number if one == day else usual(one)


def test_a_quarter_end_like_those_before_is_expected_and_as_much_on_another_day_is_not() -> None:
    def rush(day: date) -> float | None:
        usual = working(10)(day)
        return 200 if usual and day.month % 3 == 0 and day.day >= 24 else usual

    assert odd(person("li.na", rush), LAST_WEEK) < USUAL
    assert odd(person("li.na", but_on(PLAIN, 200, rush)), PLAIN) > ODD


def test_who_always_works_on_days_off_may_and_who_never_did_is_held_to_a_working_day() -> None:
    sunday = date(2026, 6, 14)
    assert odd(person("li.na", lambda day: 20 + day.day % 5), sunday) < USUAL
    assert odd(person("li.na", but_on(sunday, 12, working(10))), sunday) < USUAL
    assert odd(person("li.na", but_on(sunday, 400, working(10))), sunday) > ODD


def test_a_newcomer_has_the_peers_usual_from_the_first_day() -> None:
    first = date(2026, 6, 1)
    assert odd(person("new", working(12), since=first), first, Peers) < USUAL
    assert odd(person("new", but_on(first, 500, working(12)), since=first), first, Peers) > ODD
    assert np.isnan(odd(person("new", working(12), since=first), first, Own)), "of the own past nothing is known"


def test_a_post_of_too_few_has_the_departments_usual_and_nobodys_department_none() -> None:
    first = date(2026, 6, 1)
    assert odd(person("new", working(12), since=first, title="Only one"), first, Peers) < USUAL
    assert odd(person("new", working(500), since=first, title="Only one"), first, Peers) > ODD
    assert np.isnan(odd(person("new", working(12), since=first, department="Unheard of"), first, Peers))


def test_nothing_from_a_notice_on_counts_nor_the_days_shortly_before_it() -> None:
    notice, more = date(2026, 3, 2), date(2026, 3, 2) - timedelta(days=LAG)
    much = lambda day: (900 if day >= more else 10) + day.day % 3 if CALENDAR.is_working_day(day) else None  # noqa: E731
    filed = person("li.na", much, stage=lambda day: "notice" if day >= notice else "active")
    assert odd(filed, PLAIN) > ODD
    assert odd(person("li.na", much), PLAIN) < USUAL, "without a notice it would have become usual"


def test_the_last_days_before_learning_do_not_make_themselves_usual() -> None:
    since = LEARNED - timedelta(days=LAG - 1)
    much = lambda day: (900 if day >= since else 10) + day.day % 3 if CALENDAR.is_working_day(day) else None  # noqa: E731
    assert odd(person("li.na", much), PLAIN) > ODD


def test_days_away_are_no_days_of_nothing() -> None:
    leave = person("li.na", lambda day: None if date(2026, 1, 1) <= day < date(2026, 6, 1) else working(50)(day))
    part_time = person("li.na", lambda day: working(50)(day) if day.weekday() < 2 else None)
    tuesday = date(2026, 6, 16)
    assert odd(leave, tuesday) < USUAL
    assert odd(part_time, tuesday) < USUAL


def test_a_new_post_is_judged_by_the_new_peers_more_than_by_the_old_habits() -> None:
    analysts = [person(f"analyst {number}", working(800), department="BI", title="Analyst") for number in range(6)]
    moved = date(2026, 6, 1)

    def usual(day: date) -> float | None:
        return working(800 if day >= moved else 10)(day)

    stays = person("li.na", usual)
    moves = stays.with_columns(
        pl.when(pl.col("day") >= moved).then(pl.lit("BI")).otherwise("department").alias("department"),
        pl.when(pl.col("day") >= moved).then(pl.lit("Analyst")).otherwise("title").alias("title"),
    )
    assert odd(stays, PLAIN, Own, *analysts) > ODD
    assert odd(moves, PLAIN, Own, *analysts) < USUAL
    assert odd(moves, PLAIN, Peers, *analysts) < USUAL


def test_few_own_days_weigh_little_beside_the_peers() -> None:
    few, many = date(2026, 4, 27), date(2025, 10, 9)
    score = [odd(person("li.na", but_on(PLAIN, 60, working(1)), since=since), PLAIN) for since in (few, many)]
    assert score[0] < score[1]


def test_people_who_behave_alike_are_found_whatever_their_title() -> None:
    calm = [person(f"calm {number}", working(5 + number % 2), title=f"Post {number}") for number in range(30)]
    busy = [person(f"busy {number}", working(4000 + number), title=f"Post {number}") for number in range(30)]
    usual = learned(*calm, *busy)
    group = dict(zip(usual.persons, behaving_alike(usual), strict=True))
    assert {group[f"calm {number}"] for number in range(30)}.isdisjoint(group[f"busy {number}"] for number in range(30))
    groups = groups_of(usual)
    name = {one: groups.names[number] for one, number in zip(usual.persons, groups.person, strict=True)}
    assert name["busy 3"].startswith("alike")
    assert name["busy 3"] != name["calm 3"]
    assert groups.names[groups.post[post_key("Sales", "Rep")]] in (post_key("Sales", "Rep"), name["colleague 1"])
    assert groups.names[-1] == EVERYBODY


def test_each_person_counts_once_among_peers_however_many_days_were_seen() -> None:
    long = [person(f"long {number}", working(500)) for number in range(2)]
    usual = learned(*long)
    groups = groups_of(usual)
    sales = groups.names.index(post_key("Sales"))
    place = list(usual.names).index("exports")
    assert np.expm1(groups.centre[sales, 0, place]) == pytest.approx(14.5, abs=1.5)


def test_usual_is_the_same_however_persons_are_cut_and_a_person_is_never_cut() -> None:
    days = person_days()
    whole, parts = usual_of([days]), usual_of([days[:600], days[600:]])
    assert whole.persons == parts.persons
    for name in ("centre", "low", "spread", "steps", "days"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    with pytest.raises(Refused, match="p000"):
        usual_of([days[:20], days[20:]], days["day"][59])
    with pytest.raises(Refused, match="no person-days"):
        usual_of([])
    with pytest.raises(Refused, match="columns are missing: kind"):
        usual_of([days.drop("kind")])


def test_days_are_of_their_kind() -> None:
    days = pl.Series("day", [date(2026, 6, 23), date(2026, 6, 24), date(2026, 6, 27), date(2026, 10, 1)])
    found = kinds(days, CALENDAR.working_days(days.to_list()))
    assert found.to_list() == [WORKING, QUARTER_END, OFF, OFF]
