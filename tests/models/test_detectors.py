"""What detectors promise: the checks all are held to, and what each finds."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from person_days import changed, person_days, rows_of
from sklearn.base import clone

from core.errors import Refused
from models.checks import CHECKS, Broken, Check
from models.cumulative import Cumulative
from models.detector import Detector
from models.deviation import Own, Peers
from models.features import STEPS
from models.forest import Forest
from models.reconstruction import Reconstruction
from models.sequence import Sequence
from models.table import Floats, compressed, expanded, features_of

ALL: tuple[Detector, ...] = (
    Forest(trees=20, sample=128),
    Reconstruction(variance=0.7),
    Own(),
    Peers(),
    Cumulative(run=20),
    Sequence(),
)
DAYS = person_days()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("detector", ALL, ids=lambda detector: type(detector).__name__)
def test_every_detector_keeps_its_promises(detector: Detector, check: Check) -> None:
    check(detector, DAYS)


class Careless(Own):
    """Cannot tell apart what it learned of."""

    def score_samples(self, days: pl.DataFrame) -> Floats:
        return np.arange(days.height, dtype=np.float64)


def test_the_checks_find_a_detector_that_breaks_promises() -> None:
    broken = set()
    for check in CHECKS:
        try:
            check(Careless(), DAYS)
        except (Broken, Refused):
            broken.add(check.__name__)
    assert {"does_not_score_before_it_learned", "refuses_other_features_by_name"} <= broken


@pytest.mark.parametrize("detector", ALL[:4], ids=lambda detector: type(detector).__name__)
def test_a_day_unlike_all_before_is_the_oddest_and_says_what_drove_it(detector: Detector) -> None:
    detector = detector.fit(DAYS)
    odd = changed(DAYS, "p004", 59, records=40_000.0, deletes=300.0)
    scores = detector.score_samples(odd)
    (row,) = rows_of(odd, "p004", 59)
    if isinstance(detector, Forest):  # one vote: it cannot tell how far out is far out
        assert scores[row] > np.nanquantile(scores, 0.97)
    else:
        assert np.nanargmax(scores) == row
    (reasons,) = detector.explain(odd, float(np.nanquantile(scores, 0.99)), [row])
    values = {reason.feature: reason.value for reason in reasons}
    assert values["deletes"] == pytest.approx(300)
    assert values.get("records", 40_000) == pytest.approx(40_000)


@pytest.mark.parametrize("detector", [Forest(), Reconstruction(variance=0.7), Own(), Peers()])
def test_with_the_strongest_feature_as_told_the_day_is_no_longer_beyond_the_limit(detector: Detector) -> None:
    detector = detector.fit(DAYS)
    odd = changed(DAYS, "p004", 59, deletes=500.0)
    (row,) = rows_of(odd, "p004", 59)
    limit = float(np.nanquantile(detector.score_samples(DAYS), 0.9 if isinstance(detector, Forest) else 0.995))
    assert detector.score_samples(odd)[row] > limit
    (reasons,) = detector.explain(odd, limit, [row])
    strongest = reasons[0]
    assert strongest.feature == "deletes"
    assert strongest.enough is not None
    assert 0 <= strongest.enough < 500
    within = changed(DAYS, "p004", 59, deletes=strongest.enough * 0.999)
    beyond = changed(DAYS, "p004", 59, deletes=strongest.enough * 1.05 + 1)
    assert detector.score_samples(within)[row] <= limit
    assert detector.score_samples(beyond)[row] > limit


@pytest.mark.parametrize("detector", ALL, ids=lambda detector: type(detector).__name__)
def test_many_days_are_explained_by_few_questions_as_each_would_be_alone(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = clone(detector).fit(DAYS)
    scores = learned.score_samples(DAYS)
    limit = float(np.nanquantile(scores, 0.99))
    rows = [int(row) for row in np.argsort(-np.nan_to_num(scores))[:40]]
    alone = [learned.explain(DAYS, limit, [row])[0] for row in rows]
    asked: list[int] = []
    odd = learned._odd

    def counted(z: Floats) -> Floats:
        asked.append(len(z))
        return odd(z)

    monkeypatch.setattr(learned, "_odd", counted)
    assert learned.explain(DAYS, limit, rows) == alone
    assert len(asked) <= 10
    learned.set_params(chunk=100)
    asked.clear()
    assert learned.explain(DAYS, limit, rows) == alone
    # What adds up is asked about all days of those persons at once.
    theirs = DAYS.filter(pl.col("person").is_in(DAYS[rows]["person"].implode())).height
    assert max(asked) <= (theirs if isinstance(detector, Cumulative) else 100)


def test_days_of_people_who_leave_are_scored_but_teach_nothing() -> None:
    notice = pl.when((pl.col("person") == "p004") & (pl.col("day") >= DAYS["day"][40])).then(pl.lit("notice"))
    leaving = DAYS.with_columns(notice.otherwise("stage").alias("stage"))
    taught, untouched = Own().fit(changed(leaving, "p004", 40, records=9_000.0)), Own().fit(leaving)
    np.testing.assert_array_equal(taught.centre_, untouched.centre_)
    assert np.isfinite(taught.score_samples(leaving)[rows_of(leaving, "p004", 40)]).all()


def test_who_has_too_short_a_past_has_no_score_of_the_own_usual_but_one_against_peers() -> None:
    new = DAYS.filter((pl.col("person") != "p003") | (pl.col("day") < DAYS["day"][9]))
    rows = rows_of(new, "p003")
    assert np.isnan(Own().fit(new).score_samples(new)[rows]).all()
    assert np.isnan(Cumulative().fit(new).score_samples(new)[rows]).all()
    assert np.isfinite(Peers().fit(new).score_samples(new)[rows]).all()


def test_who_has_too_few_peers_has_no_score_against_them() -> None:
    alone = DAYS.with_columns(
        pl.when(pl.col("person") == "p003").then(pl.lit("Legal")).otherwise("department").alias("department")
    )
    scores = Peers().fit(alone).score_samples(alone)
    assert np.isnan(scores[rows_of(alone, "p003")]).all()
    assert np.isfinite(scores[rows_of(alone, "p004")]).all()
    nobody = DAYS.with_columns(pl.lit(None, dtype=pl.String).alias("department"))
    assert np.isnan(Peers().fit(nobody).score_samples(nobody)).all()


def test_a_small_post_is_compared_with_its_department() -> None:
    peers = Peers().fit(DAYS.with_columns(title=pl.col("person")))
    assert set(peers.groups_) == {"Sales\x1f", "研发\x1f", ""}
    assert np.isfinite(peers.score_samples(DAYS)).all()


def test_a_colleague_who_does_everything_does_not_become_everybodys_usual() -> None:
    one = changed(DAYS, "p003", 0, records=50_000.0)
    (with_one, without) = (Peers().fit(days).score_samples(DAYS) for days in (one, DAYS))
    others = [row for row in range(DAYS.height) if DAYS["person"][row] != "p003"]
    assert np.corrcoef(with_one[others], without[others])[0, 1] > 0.9
    assert Peers().fit(one).score_samples(one)[rows_of(one, "p003")].min() > np.quantile(without, 0.9)


def test_doing_less_than_usual_is_not_odd_to_oneself() -> None:
    own = Own().fit(DAYS)
    quiet = DAYS.with_columns(
        pl.lit(0.0).alias(name) for name in ("exports", "records", "mails", "deletes", "new_folders")
    )
    assert (own.score_samples(quiet) <= own.score_samples(DAYS) + 1e-9).all()


def test_a_little_more_every_day_adds_up() -> None:
    own, runs = Own().fit(DAYS), Cumulative(run=30).fit(DAYS)
    level = float(DAYS.filter(pl.col("person") == "p004")["mails"].to_numpy().max())
    later = changed(DAYS, "p004", 20, mails=level)
    rows = rows_of(later, "p004", 20)
    usual = np.nanquantile(own.score_samples(DAYS), 0.99)
    assert own.score_samples(later)[rows].max() < usual, "no day is odd by itself"
    scores = runs.score_samples(later)[rows]
    told = scores[scores > 0]
    assert told[-1] > np.nanmax(runs.score_samples(DAYS))
    assert (np.diff(told) > 0).all(), "each day that it speaks of is higher than those before"
    assert len(told) < len(scores) / 2, "and it does not speak of every day"
    last = rows[int(scores.argmax())]
    (reasons,) = runs.explain(later, float(np.nanmax(runs.score_samples(DAYS))), [last])
    assert reasons[0].feature == "mails"
    assert reasons[0].usual < reasons[0].value <= level + 1e-3
    assert reasons[0].enough is not None
    assert reasons[0].usual < reasons[0].enough < reasons[0].value


def test_a_run_is_at_most_so_many_days_and_knows_nothing_of_days_after_it() -> None:
    runs = Cumulative(run=10).fit(DAYS)
    whole = runs.score_samples(DAYS)
    some = DAYS.filter(pl.col("day").is_between(DAYS["day"][30 - runs.looks_back], DAYS["day"][30]))
    asked = DAYS.with_row_index("row").filter(pl.col("day") == DAYS["day"][30])["row"].to_list()
    last = some.with_row_index("row").filter(pl.col("day") == DAYS["day"][30])["row"].to_list()
    np.testing.assert_allclose(runs.score_samples(some)[last], whole[asked], atol=1e-9)


def test_the_best_run_is_the_one_that_trying_all_finds() -> None:
    runs = Cumulative(run=7).fit(DAYS)
    some = DAYS.filter(pl.col("person").is_in(["p001", "p002"]))
    z = Own._view(runs, some).z
    added = np.minimum(z, 4.0) - runs.allowance
    added[np.isnan(compressed(some, runs.read_))] = 0
    expected = np.array(
        [
            [
                max(added[row - back : row + 1, column].sum() for back in range(min(7, row % 60 + 1)))
                for column in range(7)
            ]
            for row in range(some.height)
        ]
    )
    np.testing.assert_allclose(runs._adding_up(runs._each(some), some).z, expected, atol=1e-4)


def test_what_stays_as_high_is_told_once_and_again_when_it_grows_by_a_level() -> None:
    runs = Cumulative(memory=5, growth=1.5).fit(DAYS)
    days = DAYS.filter(pl.col("person") == "p001").head(12)
    heights = np.array([0.0, 2.0, 2.9, 2.0, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 9.0])
    assert np.flatnonzero(runs._new(heights, days)).tolist() == [1, 2, 4, 11]
    apart = days.with_columns(day=pl.col("day").dt.offset_by(pl.format("{}d", 6 * pl.int_range(pl.len()))))
    assert np.flatnonzero(runs._new(heights, apart)).tolist() == list(range(1, 12)), "nothing is remembered for ever"


@pytest.mark.parametrize("detector", [Forest(), Reconstruction()])
def test_too_few_days_or_none_that_vary_teach_nothing(detector: Detector) -> None:
    with pytest.raises(Refused, match="12 person-days are too few"):
        detector.fit(DAYS[:12])
    with pytest.raises(Refused, match="ever varies"):
        detector.fit(DAYS.with_columns(pl.lit(1.0).alias(name) for name in features_of(DAYS)))


def test_the_measure_has_a_way_back() -> None:
    frame = pl.DataFrame({"a": [0.0, -3.0, 1e9, None, float("inf")]})
    (zero, less, many, unknown, endless) = expanded(compressed(frame, ["a"]))[:, 0]
    assert (zero, less, many) == (0, pytest.approx(-3), pytest.approx(1e9))
    assert np.isnan(unknown)
    assert np.isfinite(endless)


def steps(days: pl.DataFrame, **number: float) -> pl.DataFrame:
    """The same, but on p004's last day so many steps of each name and no others."""
    return changed(days, "p004", 59, **(dict.fromkeys(STEPS, 0.0) | number))


def test_the_same_steps_in_another_order_are_odd_and_more_of_the_usual_ones_are_not() -> None:
    usual = {"look_then_look": 4.0, "look_then_take": 1.0, "take_then_look": 1.0, "give_then_look": 1.0}
    days = DAYS.with_columns(pl.lit(usual.get(name, 0.0)).alias(name) for name in STEPS)
    sequence = Sequence().fit(days)
    (row,) = rows_of(days, "p004", 59)
    more = steps(days, **{name: 3 * number for name, number in usual.items()})
    other = steps(days, look_then_look=4, look_then_take=1, take_then_give=1, give_then_look=1)
    same, tripled, strange = (sequence.score_samples(one)[row] for one in (days, more, other))
    assert strange > 3 * max(same, tripled)
    (reasons,) = sequence.explain(other, (same + strange) / 2, [row])
    assert reasons[0].feature == "take_then_give"
    assert (reasons[0].value, reasons[0].usual < 0.2) == (pytest.approx(1), True)


def test_a_newcomers_order_is_held_against_that_of_the_people_alike() -> None:
    usual = {"look_then_look": 8.0, "look_then_take": 2.0}
    days = DAYS.with_columns(pl.lit(usual.get(name, 0.0)).alias(name) for name in STEPS)
    sequence = Sequence().fit(days)
    new = steps(days, **usual).with_columns(person=pl.lit("new"))[-1:]
    odd = new.with_columns(look_then_look=pl.lit(0.0), look_then_give=pl.lit(8.0))
    assert sequence.score_samples(odd)[0] > sequence.score_samples(new)[0] + 2
    nobody = new.with_columns(department=pl.lit("Unheard of"))
    assert np.isnan(sequence.score_samples(nobody)[0]), "of nobody alike nothing is known"
