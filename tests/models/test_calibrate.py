"""What a score means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refused
from models.calibrate import BEYOND, KEPT, Calibration
from models.saving import dumped, loaded


def learned(scores: np.ndarray, **parameters: float) -> Calibration:
    return Calibration(**parameters).fit(scores)  # type: ignore[arg-type]


def test_one_in_n_is_how_many_scores_were_as_high_with_one_more_for_what_was_not_seen() -> None:
    calibration = learned(np.arange(1, 200, dtype=float))  # 199 scores
    found = calibration.one_in(np.array([0.0, 1.0, 100.0, 199.0, 199.5, np.nan]))
    assert found[:4] == pytest.approx([1, 1, 200 / 101, 100])
    assert found[4] == 200, "nothing is rarer than what was seen lets say"
    assert np.isnan(found[5])


def test_a_beyond_limit_score_is_exactly_one_that_is_rare_enough() -> None:
    scores = np.random.default_rng(1).gamma(2.0, size=5000)
    calibration = learned(scores)
    for one_in in (2, 10, 100, 1000, 4000):
        limit = calibration.limit(one_in)
        np.testing.assert_array_equal(scores > limit, calibration.one_in(scores) >= one_in)
    assert calibration.limit(1e9) == np.inf


@given(st.lists(st.floats(0, 1e6), min_size=100, max_size=400), st.integers(0, 3))
def test_a_higher_score_is_never_more_usual(scores: list[float], more: int) -> None:
    calibration = learned(np.array(scores))
    asked = np.sort(np.array([*scores, *(max(scores) + 10.0**power for power in range(more))]))
    found = calibration.one_in(asked)
    assert (np.diff(found) >= 0).all()
    assert (found >= 1).all()
    assert (found <= BEYOND * (len(scores) + 1)).all()


def test_scores_of_everyday_life_are_as_rare_as_they_are_said_to_be() -> None:
    chance = np.random.default_rng(2)
    calibration = learned(chance.lognormal(size=50_000))
    fresh = calibration.one_in(chance.lognormal(size=200_000))
    for one_in in (10, 100, 1000):
        assert (fresh >= one_in).mean() == pytest.approx(1 / one_in, rel=0.25)


def test_a_tail_that_holds_goes_on_beyond_what_was_seen_and_one_that_does_not_is_left_out() -> None:
    chance = np.random.default_rng(4)
    calibration = learned(chance.exponential(size=20_000))
    assert calibration.tail_ is not None
    beyond = np.log(60_000)  # truly one in 60,000
    assert calibration.one_in(np.array([max(beyond, calibration.scores_[-1] + 0.5)]))[0] > 20_001
    limit = calibration.limit(100_000)
    assert limit == pytest.approx(np.log(100_000), rel=0.15)
    steps = learned(np.r_[chance.random(20_000), np.full(800, 5.0), np.full(250, 50.0)])
    assert steps.tail_ is None
    assert steps.one_in(np.array([1e9]))[0] == 21_051


def test_however_many_scores_there_were_few_are_kept() -> None:
    scores = np.random.default_rng(5).random(300_000)
    calibration = learned(scores)
    assert len(calibration.scores_) <= 2 * KEPT
    exact = (len(scores) + 1) / ((scores[None, :] >= np.array([0.5, 0.9, 0.999, 0.99999])[:, None]).sum(axis=1) + 1)
    found = calibration.one_in(np.array([0.5, 0.9, 0.999, 0.99999]))
    assert (found <= exact + 1e-9).all(), "never rarer than it is"
    assert found == pytest.approx(exact, rel=0.02)


def test_too_few_scores_tell_nothing() -> None:
    with pytest.raises(Refused, match="99 scores are too few"):
        learned(np.r_[np.arange(99.0), np.nan])


def test_a_calibration_is_the_same_when_loaded() -> None:
    calibration = learned(np.random.default_rng(6).exponential(size=5000))
    again = loaded(dumped({"it": calibration}))["it"]
    asked = np.linspace(0, 30, 200)
    np.testing.assert_array_equal(calibration.one_in(asked), again.one_in(asked))
