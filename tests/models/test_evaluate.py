"""What an evaluation promises: known answers, equally many cases, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from person_days import FIRST, changed, person_days
from test_panel import CALIBRATED, HELD, LAST, LEARNED, frames_of

from core.calendar import CompanyCalendar
from core.errors import Refused
from models.budget import SCORES, Deed, allowed, cases, found, records
from models.comparison import BOTH, MODELS, RULES, Comparison, compared
from models.fairness import BY, LEAST, fairness, part_time, seniority
from models.held_out import HeldOut, held_out
from models.intervals import by_person, difference, share
from models.measures import HAUL, measured
from models.panel import TOGETHER, Panel

CALENDAR = CompanyCalendar()


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=day - 1)


def scores(*rows: tuple[str, int, float]) -> pl.DataFrame:
    """A person's score at noon of a day of March."""
    return pl.DataFrame([(person, at(day), score) for person, day, score in rows], schema=SCORES, orient="row")


def deed(person: str, first: int = 1, last: int = 20, leaves: int | None = None) -> Deed:
    last_day = None if leaves is None else date(2026, 3, leaves)
    return Deed(person=person, start=at(first), end=at(last), last_day=last_day)


def haul(*rows: tuple[int, float, float]) -> pl.DataFrame:
    return pl.DataFrame([(at(day, 9), *taken) for day, *taken in rows], schema=HAUL, orient="row")


def people(persons: Sequence[str], **columns: Any) -> pl.DataFrame:
    groups = {"department": "Sales", "title": "Seller", "leads": "no", "leaving": "no", "seniority": "1-3 years"}
    groups |= {"part_time": "no"} | columns
    held = {name: [value] * len(persons) if isinstance(value, str) else value for name, value in groups.items()}
    return pl.DataFrame({"person": list(persons), **held})


# So many cases


def test_a_budget_is_cases_per_thousand_people_and_week_and_one_at_least() -> None:
    assert allowed(7, 1000, 1) == 1
    assert allowed(7, 300, 84) == 25
    assert allowed(1.4, 300, 84) == 5
    assert allowed(1, 40, 7) == 1


def test_every_way_has_exactly_as_many_cases_however_many_are_equal() -> None:
    same = scores(*((f"p{number:02}", 1 + number % 5, 35.0) for number in range(30)))
    apart = scores(*((f"p{number:02}", 1, float(number + 1)) for number in range(30)))
    for room in (1, 7, 29):
        assert len(cases(same, room).persons) == len(cases(apart, room).persons) == room


def test_of_equal_scores_those_reached_first_get_a_case() -> None:
    opened = cases(scores(("late", 9, 35), ("early", 2, 35), ("later", 12, 35), ("highest", 20, 40)), 2)
    assert (opened.persons, opened.threshold) == (["highest", "early"], 35)


def test_who_has_no_score_gets_no_case() -> None:
    opened = cases(scores(("a", 1, 0.0), ("b", 1, 5.0)), 10)
    assert opened.persons == ["b"]
    assert cases(scores(), 10).persons == []


def test_a_person_has_one_case_however_often_the_score_comes_back() -> None:
    often = scores(*(("a", day, 50.0) for day in range(1, 20)), ("b", 3, 10.0))
    assert cases(often, 2).persons == ["a", "b"]


def test_a_deed_is_found_when_its_person_first_reaches_the_threshold_after_it_began() -> None:
    said = scores(("thief", 2, 90), ("thief", 6, 20), ("thief", 8, 70), ("thief", 9, 80), ("other", 1, 60))
    opened = cases(said, 2)
    assert opened.threshold == 60
    assert found(said, [deed("thief", first=5)], opened) == {"thief": at(8)}
    assert found(said, [deed("thief", first=1)], opened) == {"thief": at(2)}
    assert found(said, [deed("thief", first=10)], opened) == {}, "what was said before it does not find it"
    assert found(said, [deed("other", first=2)], opened) == {}


def test_the_few_rows_that_are_kept_give_the_same_answers_as_all() -> None:
    chance = np.random.default_rng(4)
    persons = [f"p{number:02}" for number in range(40)]
    rows = [(who, day, float(chance.integers(0, 60))) for who in persons for day in range(1, 60)]
    whole, deeds = scores(*rows), [deed(who, first=int(chance.integers(1, 50))) for who in persons[:15]]
    kept = records(whole, deeds)
    assert kept.height < whole.height / 5
    for room in (1, 5, 12, 39):
        opened = cases(whole, room)
        assert cases(kept, room) == opened
        assert found(kept, deeds, opened) == found(whole, deeds, opened)


# What a way is worth


def test_recall_precision_lead_time_and_what_was_gone_are_as_counted_by_hand() -> None:
    deeds = [deed("a", leaves=30), deed("b", leaves=20), deed("c"), deed("d", leaves=31)]
    said = scores(("a", 10, 90), ("b", 15, 80), ("c", 3, 70), ("x", 1, 60), ("d", 9, 10), ("y", 1, 50))
    hauls = {"a": haul((1, 30, 0), (10, 50, 0), (12, 20, 0)), "b": haul((1, 100, 8)), "d": haul((2, 5, 2))}
    worth = measured(said, deeds, hauls, 4, CALENDAR)
    assert worth.cases == ["a", "b", "c", "x"]
    assert worth.found == {"a": at(10), "b": at(15), "c": at(3)}
    assert worth.missed == ["d"]
    assert worth.recall == share("recall", 3, 4)
    assert worth.precision == share("precision", 3, 4)
    assert worth.lead_days
    assert worth.lead_days.value == 12.5, "20 days for a, 5 for b"
    assert worth.early == share("early", 1, 3), "whoever was missed was not found early; c has no last day"
    assert worth.gone["records"].value == 1, "0.8 of a's, all of b's, and all of d's, who was missed"
    assert worth.gone["bytes"].value == 1
    alone = measured(said, deeds[:1], {"a": hauls["a"]}, 1, CALENDAR)
    assert alone.gone["records"].value == pytest.approx(0.8)
    assert "bytes" not in alone.gone, "nothing to measure"


def test_where_nothing_is_known_nothing_is_measured() -> None:
    worth = measured(scores(("a", 1, 5)), [], {}, 3, CALENDAR)
    assert (worth.recall, worth.lead_days, worth.early, worth.gone) == (None, None, None, {})
    assert worth.precision == share("precision", 0, 1)


# How sure it is


def test_an_interval_contains_its_value_and_narrows_with_more_persons() -> None:
    chance = np.random.default_rng(1)
    wide, narrow = (by_person("lead", list(chance.normal(20, 5, n)), np.median) for n in (8, 800))
    for metric in (wide, narrow, share("s", 1, 3), difference("d", ["a"], ["b"], ["a", "b", "c"])):
        assert metric.low <= metric.value <= metric.high
    assert narrow.high - narrow.low < (wide.high - wide.low) / 3


def test_the_same_values_give_the_same_interval_in_any_order() -> None:
    values = [3.0, 9.0, 4.0, 30.0, 12.0]
    assert by_person("lead", values, np.median) == by_person("lead", values[::-1], np.median)


def test_a_difference_has_newcombes_interval() -> None:
    """Table II of the paper, (a) to (d): 36 + 12 + 2 + 0 pairs, method 10."""
    persons = [str(number) for number in range(50)]
    metric = difference("d", persons[:48], [*persons[:36], *persons[48:]], persons)
    assert (metric.value, metric.low, metric.high) == (
        pytest.approx(0.2),
        pytest.approx(0.0569, abs=2e-3),
        pytest.approx(0.3404, abs=2e-3),
    )
    equal = difference("d", persons[:10], persons[:10], persons)
    assert equal.value == 0
    assert equal.low <= 0 <= equal.high
    none = difference("d", [], [], persons)
    assert none.low < 0 < none.high, "nobody found by either still leaves it open"


# Whom cases for nothing fall on


def test_cases_for_nothing_are_counted_by_group_against_the_company() -> None:
    persons = [f"p{number:03}" for number in range(100)]
    held = people(persons, department=["Sales"] * 50 + ["研发"] * 40 + ["Legal"] * 10)
    groups = {(one.by, one.group): one for one in fairness(held, [*persons[:9], persons[60], "not among them"])}
    company, sales, rnd = groups["company", ""], groups["department", "Sales"], groups["department", "研发"]
    assert (company.false_cases, company.persons, company.rate.value) == (10, 100, 0.1)
    assert sales.rate == share("rate", 9, 50)
    assert rnd.rate == share("rate", 1, 40)
    assert sales.ratio
    assert sales.ratio.value == pytest.approx(1.8)
    assert sales.ratio.low <= sales.ratio.value <= sales.ratio.high
    assert ("department", "Legal") not in groups, f"fewer than {LEAST} people say nothing"
    assert {by for by, _ in groups} == {"company", *BY}


def test_where_nobody_had_a_case_no_group_is_worse_than_the_company() -> None:
    assert all(one.ratio is None for one in fairness(people([f"p{n}" for n in range(30)]), []))
    assert fairness(people([]), []) == []


def test_who_is_new_and_who_works_few_hours_is_told_in_words() -> None:
    assert seniority([0.2, 1.0, 9.9, 25.0, None]) == ["under 1 year", "1-3 years", "3-10 years", "over 10 years", None]
    hours = pl.Series([40.0, 44.0, 42.0, 20.0, None])
    assert part_time(hours).to_list() == ["no", "no", "no", "yes", None]
    assert part_time(pl.Series([None, None], dtype=pl.Float64)).to_list() == [None, None]


# Ways against each other


def ways(rules: pl.DataFrame, models: pl.DataFrame, both: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    return {RULES: rules, MODELS: models, BOTH: both}


def comparison(budgets: Sequence[float] = (7, 14)) -> Comparison:
    persons = ["thief", "quiet", *(f"p{number}" for number in range(98))]
    rules = scores(("thief", 5, 60), ("p1", 3, 50), ("p2", 3, 40), ("unknown account", 1, 99))
    models = scores(("quiet", 6, 900), ("p3", 3, 800), ("thief", 9, 20))
    both = scores(("thief", 5, 60), ("quiet", 6, 55), ("p1", 3, 50))
    without = {"own": scores(("p3", 3, 5), ("p4", 3, 4), ("quiet", 6, 3)), "peers": models}
    known = [deed("thief"), deed("quiet")]
    return compared(ways(rules, models, both), without, people(persons), known, {}, budgets, 20, CALENDAR)


def test_ways_are_held_against_each_other_with_equally_many_cases() -> None:
    found = comparison()
    assert [(at.per_1000_and_week, at.cases) for at in found.budgets] == [(7, 2), (14, 4)]
    small = found.budgets[0]
    assert {name: len(way.cases) for name, way in small.ways.items()} == {RULES: 2, MODELS: 2, BOTH: 2}
    recalls = {name: way.recall.value for name, way in small.ways.items() if way.recall}
    assert recalls == {RULES: 0.5, MODELS: 0.5, BOTH: 1.0}
    assert small.gain
    assert small.gain.value == 0.5
    assert small.gain.low <= 0.5 <= small.gain.high
    assert found.precision_at_10[BOTH] == share("precision_at_10", 2, 3)
    assert found.precision_at_10[RULES] == share("precision_at_10", 1, 3), "accounts that are nobody's do not count"


def test_without_a_detector_recall_is_lost_that_it_gave() -> None:
    by = {one.detector: one for one in comparison((7,)).ablation}
    assert (by["own"].recall.value, by["own"].lost.value) == (0.0, 0.5)
    assert (by["peers"].recall.value, by["peers"].lost.value) == (0.5, 0.0)


def test_only_people_who_did_nothing_are_in_the_fairness_report() -> None:
    company = comparison().fairness[RULES][0]
    assert (company.by, company.persons, company.false_cases) == ("company", 98, 2)


# What a panel says


DAYS = person_days(persons=40, days=60).with_columns(
    pl.lit(5.0).alias("events"), pl.when(pl.col("person") == "p003").then(3.0).otherwise(8.0).alias("active_hours")
)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return Panel.learn(frames_of(DAYS), LEARNED, CALIBRATED)


def judged(panel: Panel, days: pl.DataFrame, at_once: int = 7, **more: Any) -> HeldOut:
    return held_out(panel, frames_of(days, at_once)(), HELD, LAST, calendar=CALENDAR, rarer_than=50, **more)


def test_a_theft_is_first_among_scores_and_findings_and_no_matter_who_comes_with_whom(panel: Panel) -> None:
    days = changed(DAYS, "p007", 55, records=50_000.0, exports=60.0, deletes=80.0)
    said = judged(panel, days)
    best = said.scores.filter(pl.col("score") == said.scores["score"].max())
    assert "p007" in set(best["person"])
    assert "p007" in set(said.findings["person"])
    assert said.findings[TOGETHER].min() >= 50  # type: ignore[operator]
    moments = said.scores.filter(pl.col("person") == "p007")["at"]
    stolen = {CALENDAR.day_of(moment) for moment in moments}
    assert stolen & {FIRST + timedelta(days=day) for day in range(55, 60)}
    assert min(map(CALENDAR.day_of, said.scores["at"])) >= HELD, "no day that was learned from"
    assert said.without.keys() == panel.detectors.keys()
    other = judged(panel, days, at_once=40)
    assert said.scores.sort("person", "at").equals(other.scores.sort("person", "at"))
    assert said.people.sort("person").equals(other.people.sort("person"))


def test_days_of_who_did_something_say_nothing_about_calibration(panel: Panel) -> None:
    whole, part = judged(panel, DAYS), judged(panel, DAYS, deeds=[deed("p001"), deed("p002")])
    assert whole.rare.keys() == {*panel.detectors, TOGETHER}
    assert whole.rare[TOGETHER][1] - part.rare[TOGETHER][1] == 2 * 12
    assert all(rare <= of for rare, of in whole.rare.values())


def test_hours_a_week_are_those_with_events(panel: Panel) -> None:
    hours = dict(judged(panel, DAYS).people.select("person", "hours").iter_rows())
    assert part_time(pl.Series([hours["p003"], hours["p004"], hours["p005"]])).to_list() == ["yes", "no", "no"]


def test_days_that_nobody_has_are_refused(panel: Panel) -> None:
    with pytest.raises(Refused, match="no person-days"):
        held_out(panel, [], HELD, LAST, calendar=CALENDAR, rarer_than=300)
