"""Labels become lessons only where they help, and nothing leaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from incidents import company, day, frames_of, label

from core.label import Label, Origin
from core.model import Lesson
from models.labels import BY_MODEL, gathered
from models.lessons import LEAST, _folds, learned
from models.panel import INCIDENTS, TOGETHER, Panel
from models.saving import dumped, loaded

FRAME, LABELS = company()
LEARNED, UNTIL = day(40), day(50)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return Panel.learn(frames_of(FRAME), LEARNED, UNTIL)


@pytest.fixture(scope="module")
def taught(panel: Panel) -> tuple[Panel, Lesson]:
    return learned(panel, frames_of(FRAME), LABELS, LEARNED, UNTIL)


def days_of(panel: Panel, labels: list[Label]) -> pl.DataFrame:
    return gathered(panel, frames_of(FRAME), labels, LEARNED, UNTIL).days


def test_a_panel_that_learned_from_decisions_is_better_on_people_and_days_held_out(
    taught: tuple[Panel, Lesson],
) -> None:
    with_it, lesson = taught
    assert lesson.used, lesson
    assert (lesson.people, lesson.decisions, lesson.incidents, lesson.who) == (18, 18, 0, ("li.na",))
    before, after = ({metric.name: metric for metric in some} for some in (lesson.before, lesson.metrics))
    assert before.keys() == after.keys() == {"average_precision", "recall"}
    assert after["average_precision"].value > before["average_precision"].value
    for metric in (*lesson.before, *lesson.metrics):
        assert 0 <= metric.low <= metric.value <= metric.high <= 1
    assert INCIDENTS in with_it.detectors
    assert INCIDENTS in with_it.judge(FRAME).columns


def test_what_it_says_means_one_in_so_many_days(taught: tuple[Panel, Lesson]) -> None:
    with_it, _ = taught
    quiet = FRAME.filter(pl.col("day") > UNTIL)
    said = with_it.judge(FRAME).filter(pl.col("day") > UNTIL)
    assert said.height == quiet.height
    for name in (INCIDENTS, TOGETHER):
        assert 0.002 < (said[name] >= 100).mean() < 0.05, name


def test_it_explains_itself_and_is_the_same_when_loaded(taught: tuple[Panel, Lesson]) -> None:
    with_it, _ = taught
    again = Panel.of(loaded(dumped(with_it.parts())))
    assert again.judge(FRAME).equals(with_it.judge(FRAME))
    thief = FRAME.with_row_index("row").filter((pl.col("person") == "p004") & (pl.col("day") == LABELS[4].first))
    why = with_it.explain(FRAME, [thief["row"][0]], 100)[0]
    assert {reason.feature for reason in why[INCIDENTS][:2]} == {"deletes", "new_folders"}
    assert again.explain(FRAME, [thief["row"][0]], 100)[0] == why


def test_too_few_people_teach_nothing_and_it_is_said(panel: Panel) -> None:
    same, lesson = learned(panel, frames_of(FRAME), LABELS[: LEAST - 1], LEARNED, UNTIL)
    assert same is panel
    assert not lesson.used
    assert lesson.why == "9 people with incidents are too few: 10 are needed"


def test_people_whom_only_a_model_found_are_not_enough(panel: Panel) -> None:
    echo = [replace(one, by_model=number >= LEAST - 1) for number, one in enumerate(LABELS)]
    _, lesson = learned(panel, frames_of(FRAME), echo, LEARNED, UNTIL)
    assert not lesson.used
    assert (lesson.people, lesson.by_model) == (9, 9)


def test_labels_that_say_nothing_are_left_out(panel: Panel) -> None:
    chance = np.random.default_rng(3)
    wrong = [
        label(f"p{number:03}", int(first))
        for number, first in zip(range(20, 60), chance.integers(1, 48, 40), strict=True)
    ]
    same, lesson = learned(panel, frames_of(FRAME), wrong, LEARNED, UNTIL)
    assert same is panel
    assert not lesson.used
    assert lesson.why == "no better than without on people and days held out"
    assert lesson.before
    assert lesson.metrics, "what was measured is kept"


def test_incidents_all_on_one_day_cannot_be_tried_on_later_ones(panel: Panel) -> None:
    at_once = [label(f"p{number:03}", 30) for number in range(12)]
    _, lesson = learned(panel, frames_of(FRAME), at_once, LEARNED, UNTIL)
    assert not lesson.used
    assert "too close together" in lesson.why


def test_what_lies_outside_of_the_days_given_is_counted(panel: Panel) -> None:
    labels = [*LABELS, label("p040", 55), label("nobody", 20, origin=Origin.INCIDENT)]
    _, lesson = learned(panel, frames_of(FRAME), labels, LEARNED, UNTIL)
    assert (lesson.people, lesson.outside, lesson.incidents) == (18, 2, 0)


def test_what_somebody_does_after_their_case_was_opened_teaches_nothing(panel: Panel) -> None:
    days = days_of(panel, [label("p001", 10, 20, taught=day(12)), label("p002", 5, 5, guilty=False)])
    first, second = (days.filter(pl.col("person") == person) for person in ("p001", "p002"))
    assert first.filter(pl.col("label") == 1)["day"].to_list() == [day(10), day(11), day(12)]
    assert first["day"].max() == day(12)
    assert second.filter(pl.col("label") == -1)["day"].to_list() == [day(5)]
    assert second["day"].max() == day(5)
    assert days.filter(pl.col("person") == "p003")["day"].max() == UNTIL


def test_a_later_case_of_the_same_person_is_still_a_label(panel: Panel) -> None:
    days = days_of(panel, [label("p001", 10, guilty=False), label("p001", 30, 31)])
    own = days.filter(pl.col("person") == "p001", pl.col("day") > day(9))
    assert own.select("day", "label").rows() == [(day(10), -1.0), (day(30), 1.0), (day(31), 1.0)]


def test_an_undecided_case_is_no_case_of_nothing(panel: Panel) -> None:
    days = days_of(panel, [label("p001", 10, 14, guilty=None, taught=day(12))])
    own = days.filter(pl.col("person") == "p001")
    assert own["label"].is_null().all()
    assert own["day"].max() == day(9)


def test_a_label_that_a_model_found_counts_for_less(panel: Panel) -> None:
    days = days_of(panel, [label("p001", 10, by_model=True), label("p002", 10, by_model=True, guilty=False)])
    assert days["label"].drop_nulls().to_list() == [BY_MODEL, -BY_MODEL]


def test_an_incident_outweighs_what_was_found_in_order_on_the_same_day(panel: Panel) -> None:
    days = days_of(panel, [label("p001", 10, guilty=False), label("p001", 10, by_model=True), label("p001", 10)])
    assert days.filter(pl.col("person") == "p001", pl.col("day") == day(10))["label"].to_list() == [1.0]


def test_nobody_is_tried_by_what_their_own_days_or_later_ones_taught(panel: Panel) -> None:
    days = days_of(panel, [*LABELS, label("p030", 45, by_model=True)])
    tried = set()
    for train, calm, test in _folds(days):
        seen, judged, quiet = (days.filter(pl.Series(mask)) for mask in (train, test, calm))
        assert set(seen["person"]).isdisjoint(judged["person"])
        assert seen["day"].max() < judged["day"].min()  # type: ignore[operator]
        assert quiet["label"].is_null().all()
        assert set(quiet["person"]).isdisjoint(judged["person"])
        assert "p030" not in judged.filter(pl.col("label").is_not_null())["person"], "a model confirms nobody"
        rows = set(judged.filter(pl.col("label") == 1)["person"])
        assert tried.isdisjoint(rows)
        tried |= rows
    assert len(tried) == 9


def test_what_was_learned_does_not_depend_on_how_persons_come(panel: Panel, taught: tuple[Panel, Lesson]) -> None:
    other, lesson = learned(panel, frames_of(FRAME, at_once=72), LABELS, LEARNED, UNTIL)
    assert lesson == taught[1]
    np.testing.assert_allclose(
        other.judge(FRAME)[INCIDENTS].to_numpy(), taught[0].judge(FRAME)[INCIDENTS].to_numpy(), rtol=1e-6
    )
