"""Insiders by scenario: which days count for and against, and what is asked of each scenario alone."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from models.scenarios import Truth, by_scenario

FIRST = date(2010, 6, 1)
DAYS = 40


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def judged(odd: dict[tuple[str, int], float | None], people: int = 50) -> pl.DataFrame:
    """Ordinary days of 1 to 2, different all, but for those given."""
    rows = []
    for number in range(people):
        for which in range(DAYS):
            usual = 1 + (number * DAYS + which) / (people * DAYS)
            rows.append((f"P{number}", day(which), odd.get((f"P{number}", which), usual)))
    return pl.DataFrame(rows, schema={"person": pl.String, "day": pl.Date, "together": pl.Float64}, orient="row")


def truth(deeds: list[tuple[str, str, int]], used=(), leavers=None) -> Truth:
    keys = {"person": pl.String, "day": pl.Date}
    return Truth(
        malicious=pl.DataFrame(
            [(kind, person, day(which)) for kind, person, which in deeds],
            schema={"scenario": pl.String} | keys,
            orient="row",
        ),
        used=pl.DataFrame([(person, day(which)) for person, which in used], schema=keys, orient="row"),
        leavers=leavers or {},
    )


def metrics(scenario) -> dict[str, float]:
    return {metric.name: metric.value for metric in scenario.detectors["together"]}


def test_each_scenario_is_measured_alone():
    found = by_scenario(
        judged({("P1", 20): 900.0, ("P2", 20): 0.5}), truth([("1", "P1", 20), ("2", "P2", 20)]), ["together"]
    )
    one, two = (metrics(scenario) for scenario in found)
    assert [scenario.scenario for scenario in found] == ["1", "2"]
    assert (one["user_day_auc"], one["user_day_ap"]) == (1.0, 1.0)
    assert one["user_recall_at_0.1%_false"] == 1.0
    assert two["user_day_auc"] == 0.0, "another scenario's insider does not help this one"
    assert two["user_recall_at_5.0%_false"] == 0.0


def test_an_insiders_days_after_the_first_deed_and_borrowed_accounts_count_for_nothing():
    odd = {("P1", 20): 50.0, ("P1", 21): 999.0, ("P3", 20): 999.0}
    found = by_scenario(judged(odd), truth([("1", "P1", 20)], used=[("P3", 20)]), ["together"])[0]
    assert metrics(found)["user_day_auc"] == 1.0
    assert found.benign_days == 50 * DAYS - (DAYS - 20) - 1
    assert found.malicious_days == 1


def test_a_day_without_a_score_counts_as_the_least_odd():
    found = by_scenario(judged({("P1", 20): None}), truth([("1", "P1", 20)]), ["together"])[0]
    assert metrics(found)["user_day_auc"] == 0.0
    assert found.insiders_scored == 1


def test_insiders_whose_days_were_not_scored_are_counted_and_not_measured():
    found = by_scenario(
        judged({}), truth([("1", "P1", 20), ("1", "P2", DAYS + 5), ("2", "P3", DAYS + 5)]), ["together"]
    )
    assert [(one.scenario, one.insiders, one.insiders_scored) for one in found] == [("1", 2, 1), ("2", 1, 0)]
    assert found[1].detectors["together"] == ()


def test_insiders_are_set_against_those_who_left_for_good_reasons():
    # P1 is odder than P5 before leaving; P6 is the oddest of all, and stays.
    odd = {("P1", 30): 80.0, ("P5", 30): 60.0, ("P6", 30): 900.0}
    people = judged(odd).filter(~((pl.col("person") == "P5") & (pl.col("day") > day(35))))
    found = by_scenario(people, truth([("1", "P1", 30)], leavers={"P1": day(33), "P5": day(35)}), ["together"])[0]
    assert found.benign_leavers == 1
    assert metrics(found)["malicious_vs_benign_leavers_auc"] == 1.0
    assert metrics(found)["user_auc"] < 1.0


def test_cases_are_counted_by_person_and_week():
    # Of 50 people in seven weeks, 20 cases in 1,000 are seven: the insider is the eighth oddest, or the seventh.
    others = {(f"P{number}", 3): 100.0 + number for number in range(10, 17)}
    eighth = by_scenario(judged(others | {("P1", 20): 50.0}), truth([("1", "P1", 20)]), ["together"])[0]
    del others["P10", 3]
    seventh = by_scenario(judged(others | {("P1", 20): 50.0}), truth([("1", "P1", 20)]), ["together"])[0]
    weeks = judged({})["day"].dt.truncate("1w").n_unique()
    assert int(20 * 50 * weeks / 1000) in (6, 7)
    assert metrics(eighth)["user_recall_at_20_cases"] == 0.0
    assert metrics(seventh)["user_recall_at_20_cases"] == pytest.approx(
        1.0 if int(20 * 50 * weeks / 1000) == 7 else 0.0
    )
    assert metrics(seventh)["user_recall_at_1_cases"] == 0.0


def test_whoever_does_much_on_one_week_is_one_case():
    many = {("P9", which): 200.0 + which for which in range(7, 12)}
    found = by_scenario(judged(many | {("P1", 20): 50.0}), truth([("1", "P1", 20)]), ["together"])[0]
    assert metrics(found)["user_recall_at_20_cases"] == 1.0
