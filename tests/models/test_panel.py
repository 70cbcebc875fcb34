"""What detectors say together, and how what they say is measured."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from person_days import FIRST, changed, person_days, rows_of

from core.errors import Refused
from models.evaluate import evaluate
from models.intervals import share
from models.panel import TOGETHER, Frames, Panel
from models.saving import dumped, loaded

DAYS = person_days(persons=40, days=60)
LEARNED, CALIBRATED = FIRST + timedelta(days=35), FIRST + timedelta(days=47)
HELD, LAST = CALIBRATED + timedelta(days=1), FIRST + timedelta(days=59)


def frames_of(days: pl.DataFrame, at_once: int = 7) -> Frames:
    persons = sorted(set(days["person"]))

    def frames() -> Iterable[pl.DataFrame]:
        for start in range(0, len(persons), at_once):
            yield days.filter(pl.col("person").is_in(persons[start : start + at_once]))

    return frames


@pytest.fixture(scope="module")
def panel() -> Panel:
    return Panel.learn(frames_of(DAYS), LEARNED, CALIBRATED)


def test_a_theft_on_a_day_that_was_held_out_is_rare_and_explained(panel: Panel) -> None:
    days = changed(DAYS, "p007", 55, records=50_000.0, exports=60.0, deletes=80.0)
    judged = panel.judge(days)
    (row,) = [row for row in rows_of(days, "p007", 55) if days["day"][row] == FIRST + timedelta(days=55)]
    assert judged[TOGETHER][row] == judged[TOGETHER].max()
    assert judged["own"][row] >= 100
    why = panel.explain(days, [row], 100)[0]
    assert why.keys() == {"forest", "reconstruction", "own", "peers", "cumulative", "sequence"}
    assert {reason.feature for reason in why["own"]} == {"records", "exports", "deletes"}


def test_of_a_day_the_same_is_said_whether_days_before_it_are_asked_about_or_not(panel: Panel) -> None:
    assert panel.judge(DAYS, LAST).equals(panel.judge(DAYS).filter(DAYS["day"] >= LAST))


def test_what_was_learned_does_not_depend_on_how_persons_come(panel: Panel) -> None:
    other = Panel.learn(frames_of(DAYS, at_once=40), LEARNED, CALIBRATED)
    one, two = (learned.judge(DAYS).drop("person", "day").to_numpy() for learned in (panel, other))
    np.testing.assert_allclose(one, two)


def test_days_after_those_learned_from_change_nothing(panel: Panel) -> None:
    later = changed(DAYS, "p007", 48, records=50_000.0)
    other = Panel.learn(frames_of(later), LEARNED, CALIBRATED)
    np.testing.assert_allclose(
        panel.judge(DAYS).drop("person", "day").to_numpy(), other.judge(DAYS).drop("person", "day").to_numpy()
    )


def test_who_too_little_is_known_of_is_not_judged(panel: Panel) -> None:
    new = DAYS.with_columns(
        pl.lit("somebody new").alias("person"),
        pl.lit(None, dtype=pl.String).alias("department"),
        *(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("exports", "records", "mails", "deletes")),
    )
    assert panel.judge(new[:50])[TOGETHER].is_null().all()


def test_a_detector_that_can_say_too_little_is_left_out() -> None:
    nobody = DAYS.with_columns(pl.lit(None, dtype=pl.String).alias("department"))
    panel = Panel.learn(frames_of(nobody), LEARNED, CALIBRATED)
    assert panel.detectors.keys() == {"forest", "reconstruction", "own", "cumulative", "sequence"}
    assert "peers" not in panel.judge(nobody).columns


def test_a_panel_is_the_same_when_loaded_and_refused_in_part(panel: Panel) -> None:
    again = Panel.of(loaded(dumped(panel.parts())))
    assert again.judge(DAYS).equals(panel.judge(DAYS))
    with pytest.raises(Refused, match="missing"):
        Panel.of({name: part for name, part in panel.parts().items() if name != "forest means"})


def test_an_evaluation_counts_persons_and_says_how_sure_it_is(panel: Panel) -> None:
    days = changed(DAYS, "p007", 55, records=500_000.0, exports=900.0, deletes=900.0)
    found = evaluate(panel, frames_of(days)(), HELD, LAST, {"p007", "nobody"})
    assert found.value("scored") == 1
    assert (set(found.found) | set(found.missed)) == {"p007", "nobody"}
    assert "nobody" in found.missed
    for metric in found.metrics:
        assert metric.low <= metric.value <= metric.high
    calm = evaluate(panel, frames_of(DAYS)(), HELD, LAST)
    assert calm.value("recall") is None
    miscalibration = calm.value("miscalibration")
    assert miscalibration is not None
    assert miscalibration < 0.6
    with pytest.raises(Refused, match="no person-days"):
        evaluate(panel, frames_of(DAYS)(), LAST + timedelta(days=9), LAST + timedelta(days=19))


def test_a_share_has_wilsons_interval() -> None:
    half = share("recall", 5, 10)
    assert (half.low, half.value, half.high) == (pytest.approx(0.237, abs=1e-3), 0.5, pytest.approx(0.763, abs=1e-3))
    assert share("recall", 0, 10).low == 0
    assert share("recall", 10, 10).high == 1
