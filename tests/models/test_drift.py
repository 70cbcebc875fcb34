"""Whether days are still those that were learned from."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from incidents import frames_of
from person_days import FIRST, person_days

from core.drift import Drift
from core.errors import Refused
from core.model import Metric
from models.drift import Population
from models.saving import dumped, loaded

DAYS = person_days(persons=40, days=60)
POPULATION = Population().fit(DAYS)


def drift_of(days: pl.DataFrame) -> dict[str, float]:
    return POPULATION.drift(POPULATION.counts(days))


def test_days_of_the_same_kind_have_not_drifted() -> None:
    assert max(drift_of(DAYS).values()) == pytest.approx(0)
    some = Population().fit(DAYS[::2])
    assert max(some.drift(some.counts(DAYS[1::2])).values()) < 0.1


@pytest.mark.parametrize(
    "other",
    [
        pl.col("mails") * 3 + 5,
        pl.lit(0.0).alias("mails"),
        pl.when(pl.int_range(pl.len()) % 2 == 0).then("mails").alias("mails"),
    ],
    ids=["more", "none", "unknown"],
)
def test_a_feature_that_changed_is_told_from_those_that_did_not(other: pl.Expr) -> None:
    drift = drift_of(DAYS.with_columns(other))
    assert drift.pop("mails") > 0.25
    assert max(drift.values()) == pytest.approx(0)


def test_the_index_is_as_defined() -> None:
    usual = Population(bins=2).fit(pl.DataFrame({"a": [0.0, 0.0, 1.0, 1.0]}))
    now = usual.drift(usual.counts(pl.DataFrame({"a": [0.0, 1.0, 1.0, 1.0]})))
    assert now["a"] == pytest.approx((0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5))


def test_counts_of_frames_add_up_and_other_features_are_refused() -> None:
    whole = POPULATION.counts(DAYS)
    np.testing.assert_array_equal(whole, POPULATION.counts(DAYS[:500]) + POPULATION.counts(DAYS[500:]))
    assert (whole.sum(axis=1) == DAYS.height).all()
    with pytest.raises(Refused, match="mails"):
        POPULATION.counts(DAYS.drop("mails"))


def test_what_is_usual_is_learned_of_people_who_stay_and_does_not_depend_on_how_they_come() -> None:
    until = FIRST + timedelta(days=40)
    odd = DAYS.with_columns(
        pl.when(pl.col("person") == "p000").then(pl.lit("notice")).otherwise("stage").alias("stage"),
        pl.when((pl.col("person") == "p000") | (pl.col("day") > until)).then(1e6).otherwise("mails").alias("mails"),
    )
    learned = [Population.learn(frames_of(odd, at_once), until) for at_once in (7, 40)]
    np.testing.assert_array_equal(learned[0].limits_, learned[1].limits_)
    assert not (learned[0].limits_ > np.log1p(1e5))[np.isfinite(learned[0].limits_)].any()


def test_it_is_the_same_when_loaded() -> None:
    again = loaded(dumped({"population": POPULATION}))["population"]
    np.testing.assert_array_equal(again.counts(DAYS), POPULATION.counts(DAYS))
    assert again.drift(POPULATION.counts(DAYS)) == drift_of(DAYS)


def looked(rare: float, low: float, high: float, apart: int) -> Drift:
    return Drift(
        model="m",
        looked=datetime(2026, 7, 1, tzinfo=UTC),
        first=date(2026, 6, 3),
        last=date(2026, 6, 30),
        person_days=900,
        rare=Metric(name="rare", value=rare, low=low, high=high),
        psi={f"f{number:03}": 0.9 - number / 1000 if number < apart else 0.01 for number in range(100)},
    )


def test_a_problem_is_what_is_off_by_a_factor_or_drifted_in_many_features_and_no_chance() -> None:
    assert looked(0.02, 0.01, 0.03, 20).problems() == []
    assert looked(0.05, 0.02, 0.09, 0).problems() == [], "so few days that it may be chance"
    assert looked(0.05, 0.04, 0.06, 0).problems() == ["days said to be one in 100 are 5 times as many as that"]
    assert looked(0.001, 0.0005, 0.002, 0).problems() == ["days said to be one in 100 are 0.1 times as many as that"]
    (text,) = looked(0.01, 0.005, 0.02, 21).problems()
    assert text == "21 of 100 features are no longer as learned (f000, f001, f002, ...)"


def test_a_look_comes_back_as_it_was() -> None:
    drift = looked(0.05, 0.04, 0.06, 3)
    assert Drift.from_json(drift.to_json()) == drift
