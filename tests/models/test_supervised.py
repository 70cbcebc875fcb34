"""What the detector promises that learns from people's decisions."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from incidents import company, label, labelled
from person_days import changed, rows_of
from sklearn.ensemble import GradientBoostingClassifier

from core.errors import Refused
from models.checks import CHECKS, Check
from models.detector import DIGITS
from models.saving import TRUSTED, dumped, loaded
from models.supervised import BOOSTED, DEPTH, LINEAR, SAID, TREES, Supervised, _bounded, _weights

FRAME, LABELS = company(persons=30, days=40, thieves=12)
DAYS = labelled(FRAME, LABELS)
BOTH = (Supervised(learner=LINEAR), Supervised(learner=BOOSTED))
each = pytest.mark.parametrize("detector", BOTH, ids=lambda detector: detector.learner)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@each
def test_it_keeps_the_promises_of_every_detector(detector: Supervised, check: Check) -> None:
    check(detector, DAYS)


@each
def test_days_like_those_decided_are_higher_than_all_others_however_loud(detector: Supervised) -> None:
    learned = Supervised(**detector.get_params()).fit(DAYS)
    new = changed(FRAME, "p025", 39, deletes=2.0, new_folders=4.0)
    (row,) = rows_of(new, "p025", 39)
    scores = learned.score_samples(new)
    others = np.delete(scores, [row, *np.flatnonzero(DAYS["label"].is_not_null().to_numpy())])
    assert scores[row] > np.quantile(others, 0.995)
    loud = changed(FRAME, "p025", 39, mails=5000.0)
    assert learned.score_samples(loud)[row] < scores[row], "it has learned that many mails are nothing"
    (reasons,) = learned.explain(new, float(np.quantile(others, 0.99)), [row])
    assert {reason.feature for reason in reasons[:2]} == {"deletes", "new_folders"}


@each
def test_labels_may_be_given_beside_the_days(detector: Supervised) -> None:
    one = Supervised(**detector.get_params()).fit(DAYS)
    other = Supervised(**detector.get_params()).fit(FRAME, DAYS["label"].to_numpy())
    np.testing.assert_array_equal(one.score_samples(DAYS), other.score_samples(FRAME))


def test_nothing_is_learned_where_no_day_is_an_incident_or_nobody_was_asked() -> None:
    with pytest.raises(Refused, match="days of incidents"):
        Supervised().fit(labelled(FRAME, []))
    with pytest.raises(Refused, match="days of incidents"):
        Supervised().fit(DAYS.filter(pl.col("label") > 0))
    with pytest.raises(Refused, match="label"):
        Supervised().fit(FRAME)


def test_days_of_leavers_teach_too_and_that_they_leave_is_no_feature() -> None:
    leaving = DAYS.with_columns(pl.lit("notice").alias("stage"))
    np.testing.assert_array_equal(Supervised().fit(leaving).coef_, Supervised().fit(DAYS).coef_)
    assert "stage" not in Supervised().fit(DAYS).feature_names_in_


def test_trees_are_walked_as_scikit_learn_walks_them() -> None:
    made = Supervised(learner=BOOSTED).fit(DAYS)
    boosting = GradientBoostingClassifier(
        n_estimators=TREES,
        max_depth=DEPTH,
        learning_rate=made.strength,
        max_features="sqrt",
        min_weight_fraction_leaf=0.02,
        random_state=0,
    )
    z = _bounded(made._view(DAYS).z)
    guilty = (DAYS["label"].fill_null(0) > 0).to_numpy()
    boosting.fit(z, guilty, sample_weight=_weights(DAYS["person"], DAYS["label"].fill_null(0).to_numpy()))
    theirs = boosting.decision_function(z)
    np.testing.assert_allclose(made._odd(z) - made._odd(z)[0], theirs - theirs[0], atol=10.0**-DIGITS)


@each
def test_its_file_holds_numbers_only(detector: Supervised) -> None:
    learned = Supervised(**detector.get_params()).fit(DAYS)
    assert all(isinstance(part, np.ndarray | int) for name, part in vars(learned).items() if name.endswith("_"))
    again = loaded(dumped({"incidents": learned}))["incidents"]
    np.testing.assert_array_equal(again.score_samples(DAYS), learned.score_samples(DAYS))
    assert len(TRUSTED) == 3, "no type is trusted for it"


def test_a_person_with_many_days_weighs_no_more_than_one_with_one() -> None:
    days = labelled(FRAME, [label("p001", 3, 12), label("p002", 5), label("p003", 7, 8, guilty=False)])
    label_ = days["label"].fill_null(0).to_numpy()
    weights = _weights(days["person"], label_)
    of = {person: weights[(days["person"] == person).to_numpy() & (label_ > 0)].sum() for person in ("p001", "p002")}
    assert of == {"p001": pytest.approx(1), "p002": pytest.approx(1)}
    assert weights[label_ < 0].sum() == pytest.approx(1), "who was found in order weighs as much as one incident"
    assert weights[label_ <= 0].sum() == pytest.approx(2), "and all that is none as much as all that is"


def test_what_other_detectors_say_counts_and_is_not_told_as_a_reason() -> None:
    hint = pl.Series(np.where(DAYS["label"].fill_null(0) > 0, 4.0, 0.0))
    heard = DAYS.with_columns(hint.alias(SAID + "own"), pl.lit(0.0).alias("deletes"))
    learned = Supervised().fit(heard)
    rows = np.flatnonzero(hint.to_numpy() > 0)
    assert learned.score_samples(heard)[rows].min() > np.median(learned.score_samples(heard))
    for reasons in learned.explain(heard, 0.0, rows.tolist()):
        assert all(not reason.feature.startswith(SAID) for reason in reasons)
