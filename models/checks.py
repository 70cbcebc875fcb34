"""What every detector promises, as checks that any detector can be held to. Each raises `Broken` with a sentence."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from core.errors import Refused
from models.detector import Detector
from models.saving import dumped, loaded
from models.table import Floats, features_of


class Broken(Exception):
    """A promise that a detector does not keep."""


def repeatable(detector: Detector, days: pl.DataFrame) -> None:
    """The same days and the same seed give the same scores, and a clone is as good as the first."""
    one, two = clone(detector).fit(days), clone(detector).fit(days)
    _equal(one.score_samples(days), two.score_samples(days), "two that learned the same differ")
    _hold(clone(one).get_params() == detector.get_params(), "a clone has other parameters")


def leaves_its_input(detector: Detector, days: pl.DataFrame) -> None:
    before, parameters = days.clone(), detector.get_params()
    numbers = days.select(features_of(days)).to_numpy().copy()
    learned = clone(detector).fit(days)
    learned.score_samples(days)
    learned.explain(days, 0.0, [0])
    _hold(days.equals(before), "days were changed")
    _hold(np.array_equal(numbers, days.select(features_of(days)).to_numpy(), equal_nan=True), "numbers were changed")
    _hold(learned.get_params() == parameters, "learning changed parameters")


def does_not_mind_the_order_of_columns(detector: Detector, days: pl.DataFrame) -> None:
    turned = days.select(reversed(days.columns))
    learned = clone(detector).fit(days)
    _equal(learned.score_samples(days), learned.score_samples(turned), "turned columns score otherwise")
    other = clone(detector).fit(turned)
    _equal(learned.score_samples(days), other.score_samples(days), "turned columns teach something else")


def does_not_mind_the_order_of_rows_scored(detector: Detector, days: pl.DataFrame) -> None:
    learned = clone(detector).fit(days)
    order = np.random.default_rng(0).permutation(days.height)
    _equal(learned.score_samples(days)[order], learned.score_samples(days[order]), "mixed rows score otherwise")


def refuses_other_features_by_name(detector: Detector, days: pl.DataFrame) -> None:
    learned = clone(detector).fit(days)
    first = features_of(days)[0]
    _refused(lambda: learned.score_samples(days.drop(first)), first)
    _refused(lambda: learned.score_samples(days.with_columns(pl.lit(1.0).alias("unheard_of"))), "unheard_of")
    _refused(lambda: clone(detector).fit(days.with_columns(pl.lit("x").alias("a_text"))), "a_text")
    for key in detector.needs:
        _refused(lambda key=key: learned.score_samples(days.drop(key)), key)  # type: ignore[misc]


def is_the_same_when_loaded(detector: Detector, days: pl.DataFrame) -> None:
    learned = clone(detector).fit(days)
    again = loaded(dumped({"it": learned}))["it"]
    _equal(learned.score_samples(days), again.score_samples(days), "what was loaded scores otherwise")
    _hold(learned.explain(days, 0.0, [0]) == again.explain(days, 0.0, [0]), "what was loaded explains otherwise")


def does_not_score_before_it_learned(detector: Detector, days: pl.DataFrame) -> None:
    try:
        clone(detector).score_samples(days)
    except NotFittedError:
        return
    raise Broken("it scores before it learned")


def needs_little_memory(detector: Detector, days: pl.DataFrame) -> None:
    """Scoring piece by piece gives the same, and needs memory for the pieces, not for the whole."""
    learned = clone(detector).fit(days)
    many = pl.concat([days] * 8)
    learned.set_params(chunk=many.height)
    whole, most = _measured(lambda: learned.score_samples(many))
    learned.set_params(chunk=max(1, many.height // 20))
    pieces, least = _measured(lambda: learned.score_samples(many))
    _hold(np.allclose(whole, pieces, rtol=1e-9, atol=1e-9, equal_nan=True), "pieces score otherwise")
    room = 2 * whole.nbytes + (1 << 20)
    _hold(least < most / 4 + room, f"pieces need {least} bytes, the whole {most}")


def takes_constant_features(detector: Detector, days: pl.DataFrame) -> None:
    flat = days.with_columns(pl.lit(3.0).alias(features_of(days)[0]))
    scores = clone(detector).fit(flat).score_samples(flat)
    _hold(np.isfinite(scores).any() and not np.isinf(scores).any(), "a constant feature spoils the scores")


def takes_what_is_no_number(detector: Detector, days: pl.DataFrame) -> None:
    """Nothing known says nothing; without an end is more than anything, and no score is infinite."""
    name = features_of(days)[0]
    for strange in (None, float("nan"), float("inf"), -float("inf")):
        odd = days.with_columns(
            pl.when(pl.int_range(pl.len()) % 7 == 0).then(strange).otherwise(pl.col(name)).alias(name)
        )
        scores = clone(detector).fit(odd).score_samples(odd)
        _hold(np.isfinite(scores).any() and not np.isinf(scores).any(), f"{strange} spoils the scores")
    learned = clone(detector).fit(days)
    nothing = days.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in features_of(days))
    scores = learned.score_samples(nothing)
    usual = learned.score_samples(days)
    _hold(not np.nanmax(scores, initial=-np.inf) > np.nanmax(usual), "a day of which nothing is known is odd")


def scores_one_row_and_none(detector: Detector, days: pl.DataFrame) -> None:
    learned = clone(detector).fit(days)
    scores = learned.score_samples(days)
    if not detector.looks_back:
        _hold(np.allclose(scores[5:6], learned.score_samples(days[5:6])), "a row alone scores otherwise")
    _hold(learned.score_samples(days[5:6]).shape == (1,), "one row is not one score")
    _hold(learned.score_samples(days[:0]).shape == (0,), "no rows are not no scores")
    _hold(learned.explain(days, 0.0, []) == [], "no rows are explained")


def explains_itself(detector: Detector, days: pl.DataFrame) -> None:
    """At most three features, the strongest first, and with its value changed as told the score is not beyond."""
    learned = clone(detector).fit(days)
    scores = learned.score_samples(days)
    row = int(np.nanargmax(scores))
    limit = float(np.nanquantile(scores, 0.9))
    (reasons,) = learned.explain(days, limit, [row])
    _hold(1 <= len(reasons) <= 3, "not one to three reasons")
    shares = [reason.share for reason in reasons]
    _hold(shares == sorted(shares, reverse=True) and abs(sum(shares) - 1) < 1e-6, "shares are no shares")
    _hold(all(reason.enough is None for reason in reasons[1:]), "only the strongest has a counterfactual")


Check = Callable[[Detector, pl.DataFrame], None]
CHECKS: Sequence[Check] = (
    repeatable,
    leaves_its_input,
    does_not_mind_the_order_of_columns,
    does_not_mind_the_order_of_rows_scored,
    refuses_other_features_by_name,
    is_the_same_when_loaded,
    does_not_score_before_it_learned,
    needs_little_memory,
    takes_constant_features,
    takes_what_is_no_number,
    scores_one_row_and_none,
    explains_itself,
)


def _hold(kept: bool, sentence: str) -> None:
    if not kept:
        raise Broken(sentence)


def _equal(one: Floats, two: Floats, sentence: str) -> None:
    _hold(np.array_equal(one, two, equal_nan=True), sentence)


def _refused(done: Callable[[], object], name: str) -> None:
    try:
        done()
    except Refused as error:
        _hold(name in str(error), f"{name} is refused, but not by name: {error}")
    else:
        raise Broken(f"{name} is not refused")


def _measured(done: Callable[[], Floats]) -> tuple[Floats, int]:
    tracemalloc.start()
    try:
        return done(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
