"""What is usual: slow to move, aware of the calendar, and the peers' where there is no own past."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import polars as pl
import pytest

from core.calendar import CompanyCalendar
from models.baseline import Expected, expected
from models.baseline_days import with_kind
from models.peers import peers_usual

START, CALENDAR = date(2025, 9, 1), CompanyCalendar()
TODAY = date(2026, 6, 25)


def person(name: str, exports: Callable[[date], float | None], since: date = START, title: str = "Rep") -> pl.DataFrame:
    """Somebody's working days: so many exports each; None is a day away."""
    span = [since + timedelta(days=number) for number in range((TODAY - since).days + 1)]
    days = [day for day in span if CALENDAR.is_working_day(day)]
    done = [exports(day) for day in days]
    return pl.DataFrame(
        {
            "person": [name] * len(days),
            "day": days,
            "department": ["Sales"] * len(days),
            "title": [title] * len(days),
            "stage": ["active"] * len(days),
            "events": [0.0 if value is None else 20.0 for value in done],
            "exports": [0.0 if value is None else float(value) for value in done],
        }
    )


COLLEAGUES = [person(f"colleague {number}", lambda day, n=number: 10 + n + day.day % 3) for number in range(4)]


def usual(own: pl.DataFrame, frozen: Mapping[str, date] | None = None) -> tuple[pl.DataFrame, Expected]:
    days = pl.concat([own, *COLLEAGUES])
    whole = with_kind(days, CALENDAR.working_days(days["day"].unique().to_list()))
    mine = whole.filter(pl.col("person") == own["person"][0])
    table = peers_usual(whole, ["exports"], frozen or {})
    return mine, expected(mine, table, ["exports"], frozen or {})


def on(day: date, found: tuple[pl.DataFrame, Expected]) -> tuple[float, float]:
    place = found[0]["day"].to_list().index(day)
    return found[1].centre["exports"][place], found[1].spread["exports"][place]


def test_a_ramp_of_sixty_days_does_not_move_it_much() -> None:
    began = date(2026, 4, 20)
    ramp = usual(person("li.na", lambda day: 10 + max(0, (day - began).days)))
    steady = usual(person("li.na", lambda day: 10))
    day = date(2026, 6, 18)
    assert on(day, ramp)[0] - on(day, steady)[0] < 59 / 3


def test_a_quarter_end_every_quarter_is_expected() -> None:
    busy = usual(person("li.na", lambda day: 200 if day.month % 3 == 0 and day.day >= 24 else 10))
    assert on(TODAY, busy)[0] > 90, "two quarter ends before say so, the peers' weigh the rest"
    assert on(date(2026, 6, 17), busy)[0] < 15


def test_a_newcomer_has_the_peers_usual_from_the_first_day() -> None:
    first = date(2026, 6, 1)
    centre, spread = on(first, usual(person("new", lambda day: 500, since=first)))
    assert 10 <= centre <= 15
    assert spread > 0


def test_a_group_that_is_too_small_has_the_departments_usual() -> None:
    first = date(2026, 6, 1)
    assert 10 <= on(first, usual(person("new", lambda day: 500, since=first, title="Only one")))[0] <= 15


def test_nothing_after_a_notice_counts() -> None:
    notice = date(2026, 3, 2)
    changed = person("li.na", lambda day: 10 if day < notice else 900)
    assert on(date(2026, 6, 17), usual(changed, {"li.na": notice}))[0] < 15
    assert on(date(2026, 6, 17), usual(changed))[0] > 700, "without a notice it would have"


def test_what_hr_calls_notice_does_not_count_either() -> None:
    changed = person("li.na", lambda day: 10 if day < date(2026, 3, 2) else 900)
    stage = pl.when(pl.col("exports") > 100).then(pl.lit("notice")).otherwise("stage").alias("stage")
    assert on(date(2026, 6, 17), usual(changed.with_columns(stage)))[0] < 15


def test_days_away_are_no_days_of_nothing() -> None:
    leave = usual(person("li.na", lambda day: None if date(2026, 1, 1) <= day < date(2026, 6, 1) else 50))
    part_time = usual(person("li.na", lambda day: 50 if day.weekday() < 2 else None))
    assert on(date(2026, 6, 17), leave)[0] > 40
    assert on(date(2026, 6, 17), part_time)[0] > 40


def test_what_has_no_past_at_all_is_not_known() -> None:
    centre, spread = on(START, usual(person("li.na", lambda day: 50)))
    assert (centre, spread) == (None, None)


def test_persons_may_come_some_at_a_time() -> None:
    days = pl.concat([person("li.na", lambda day: day.day), *COLLEAGUES])
    whole = with_kind(days, CALENDAR.working_days(days["day"].unique().to_list()))
    table = peers_usual(whole, ["exports"], {})
    together = expected(whole, table, ["exports"], {}).centre
    parts = [
        expected(part, table, ["exports"], {}).centre for part in whole.partition_by("person", maintain_order=True)
    ]
    assert together["exports"].to_list() == pytest.approx(pl.concat(parts)["exports"].to_list(), nan_ok=True)
