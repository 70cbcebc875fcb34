"""Metrics of scores that set some apart: as scikit-learn has them, ties and all, with intervals over persons."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from models.ranked import Scored, above, compared


def scored(scores, who=None) -> Scored:
    return Scored(np.asarray(scores, dtype=float), np.asarray(range(len(scores)) if who is None else who))


def values(metrics) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics}


@pytest.mark.parametrize("digits", [0, 1, 6])
def test_area_and_precision_are_those_of_scikit_learn(digits):
    chance = np.random.default_rng(3)
    bad, good = chance.normal(1, 1, 40).round(digits), chance.normal(0, 1, 900).round(digits)
    found = values(compared({"x": scored(bad)}, scored(good))["x"])
    truth, scores = np.repeat([1, 0], [40, 900]), np.concatenate([bad, good])
    assert found["auc"] == pytest.approx(roc_auc_score(truth, scores))
    assert found["ap"] == pytest.approx(average_precision_score(truth, scores))


def test_recall_is_that_above_a_limit_that_few_enough_of_the_others_are_above():
    good = np.arange(1000.0)
    found = values(compared({"x": scored([998.5, 990.5, 980.5, 5.0])}, scored(good))["x"])
    assert found["recall_at_0.1%_false"] == 0.25, "one of a thousand lies above 998.5, the next above 990.5 are nine"
    assert found["recall_at_1.0%_false"] == 0.5
    assert found["recall_at_5.0%_false"] == 0.75


def test_what_equals_the_limit_is_not_above_it():
    found = values(compared({"x": scored([1.0, 1.0])}, scored([1.0] * 50 + [0.0] * 50))["x"])
    assert found["recall_at_5.0%_false"] == 0.0
    assert found["auc"] == 0.75


def test_intervals_are_over_persons_not_over_days():
    chance = np.random.default_rng(5)
    good = scored(chance.normal(0, 1, 2000), np.repeat(range(100), 20))
    days = np.repeat(chance.normal(1, 1, 8), 30)
    as_persons = compared({"x": scored(days, np.repeat(range(8), 30))}, good)["x"][0]
    as_days = compared({"x": scored(days)}, good)["x"][0]
    assert as_persons.value == as_days.value
    assert as_persons.high - as_persons.low > 2 * (as_days.high - as_days.low)
    assert as_persons.low <= as_persons.value <= as_persons.high


def test_the_same_seed_gives_the_same_intervals_whatever_the_order_of_rows():
    chance = np.random.default_rng(6)
    good, who = chance.normal(0, 1, 300), np.repeat(range(30), 10)
    mixed = chance.permutation(300)
    bad = {"x": scored([0.5, 1.5, 2.5], [1, 1, 2])}
    one, same = compared(bad, scored(good, who)), compared(bad, scored(good[mixed], who[mixed]))
    assert one == same
    assert one != compared(bad, scored(good, who), seed=1)


def test_of_nobody_and_against_nobody_nothing_is_said():
    assert compared({"x": scored([]), "y": scored([1.0])}, scored([0.5])).keys() == {"y"}
    assert compared({"y": scored([1.0])}, scored([])) == {}


def test_a_limit_lets_so_many_through():
    assert above([3.0, 1.0, 2.0], 1) == 2.0
    assert above([3.0, 1.0, 2.0], 0) == 3.0
    assert above([3.0], 5) == -np.inf
