"""Whether what people decided makes a panel better on people and days that it has not seen; then it learns from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score

from core.errors import Refused
from core.label import Label, Origin
from core.model import Lesson, Metric
from models.calibrate import Calibration
from models.evaluate import FOUND_AT
from models.intervals import share
from models.labels import Taught, gathered
from models.panel import INCIDENTS, TOGETHER, Frames, Panel, magnitude
from models.supervised import BOOSTED, LABEL, LINEAR, SAID, Supervised
from models.table import Bools, Floats, Ints

LEAST = 10
"""Of fewer people with incidents nothing is learned; those found by a model do not count."""
LEARNERS = ((LINEAR, 0.01), (LINEAR, 0.1), (LINEAR, 1.0), (BOOSTED, 0.1))
GROUPS = 3
CUTS = (0.5, 0.75)
"""Tried are the people of each group on the days after each part of the incidents (by their first days), by what the
others' days before taught."""
LEAST_TO_TRY = 3
"""People with incidents that a trial learns from."""
RESAMPLES = 200
OFTEN = 0.8
"""In so many of resampled companies it has to be better, so that it is not by chance."""


def learned(
    panel: Panel, frames: Frames, labels: Sequence[Label], learn_until: date, until: date, seed: int = 0
) -> tuple[Panel, Lesson]:
    """The panel, with one more detector where labels of days to `until` make it better, and what became of them."""
    lesson = _counted([one for one in labels if one.first <= until], len(labels))
    if lesson.people < LEAST:
        return panel, lesson
    taught = gathered(panel, frames, labels, learn_until, until, seed)
    lesson = _counted(_within(labels, taught), len(labels))
    if lesson.people < LEAST:
        return panel, lesson
    best, held = _best(taught, seed)
    if held is None:
        return panel, replace(lesson, why="incidents lie too close together to try it on later ones")
    before, metrics, often = _compared(held)
    lesson = replace(lesson, learner=" ".join(map(str, best)), before=before, metrics=metrics)
    if often < OFTEN or metrics[1].value < before[1].value:
        return panel, replace(lesson, why="no better than without on people and days held out")
    try:
        joined = _joined(panel, taught, best, learn_until, seed)
    except Refused as error:
        return panel, replace(lesson, why=str(error))
    return joined, replace(lesson, used=True, why="better than without on people and days held out")


def _counted(labels: Sequence[Label], of: int) -> Lesson:
    """Whose labels there are, and that people are too few, which is so until they are not."""
    decided = [one for one in labels if one.guilty is not None]
    people = {one.person for one in decided if one.guilty and not one.by_model}
    return Lesson(
        used=False,
        why=f"{len(people)} people with incidents are too few: {LEAST} are needed",
        people=len(people),
        benign=len({one.person for one in decided if not one.guilty}),
        by_model=len({one.person for one in decided if one.by_model}),
        outside=of - len(labels),
        decisions=sum(one.origin is Origin.DECISION for one in decided),
        incidents=sum(one.origin is Origin.INCIDENT for one in decided),
        who=tuple(sorted({one.who for one in decided if one.who})),
    )


def _within(labels: Sequence[Label], taught: Taught) -> list[Label]:
    """Those of which a day is among those given."""
    spoken = taught.days.filter(pl.col(LABEL).is_not_null())
    days = spoken.group_by("person").agg(pl.col("day"))
    of = {person: set(own) for person, own in days.iter_rows()}
    return [one for one in labels if any(one.first <= day <= one.last for day in of.get(one.person, ()))]


def _best(taught: Taught, seed: int) -> tuple[tuple[str, float], pl.DataFrame | None]:
    """The learner with the highest average precision on days held out, and these: person, label, weight, and scores
    `before` and `after`."""
    held: dict[tuple[str, float], list[pl.DataFrame]] = {learner: [] for learner in LEARNERS}
    for train, calm, test in _folds(taught.days):
        for learner in LEARNERS:
            try:
                held[learner].append(_trial(taught.days, train, calm, test, learner, seed))
            except Refused:
                continue
    found = {learner: _weighed(pl.concat(parts), taught) for learner, parts in held.items() if parts}
    found = {learner: one for learner, one in found.items() if (one[LABEL] > 0).any() and (one[LABEL] <= 0).any()}
    if not found:
        return LEARNERS[0], None
    best = max(found, key=lambda learner: _precision(found[learner], "after"))
    return best, found[best]


def _folds(days: pl.DataFrame) -> Iterator[tuple[Bools, Bools, Bools]]:
    """Rows to learn from, rows that say what scores mean, and rows to try it on."""
    firsts = days.filter(pl.col(LABEL) >= 1).group_by("person").agg(pl.col("day").min()).sort("day", "person")
    group = {person: number % GROUPS for number, person in enumerate(firsts["person"])}
    of = days["person"].replace_strict(group, default=None, return_dtype=pl.Int64)
    groups = of.fill_null((days["person"].hash() % GROUPS).cast(pl.Int64)).to_numpy()
    day, silent = days["day"].to_numpy(), days[LABEL].is_null().to_numpy()
    guilty = (days[LABEL].fill_null(0) >= 1).to_numpy()
    sure = ~(days[LABEL].fill_null(1).abs() < 1).to_numpy()
    cuts = [firsts["day"][int(part * firsts.height)] for part in CUTS]
    for start, end in zip(cuts, [*cuts[1:], date.max], strict=True):
        before = day < np.datetime64(start)
        later = ~before & (day < np.datetime64(end))
        for number in range(GROUPS):
            own = groups == number
            train = before & ~own
            if len(set(days["person"].filter(pl.Series(train & guilty)))) >= LEAST_TO_TRY:
                yield train, later & ~own & silent, later & own & sure


def _trial(
    days: pl.DataFrame, train: Bools, calm: Bools, test: Bools, learner: tuple[str, float], seed: int
) -> pl.DataFrame:
    made = _made(learner, seed).fit(days.filter(pl.Series(train)))
    means = Calibration(random_state=seed).fit(made.score_samples(days.filter(pl.Series(calm))))
    tried = days.filter(pl.Series(test))
    said = _said(tried)
    after = magnitude(said | {INCIDENTS: means.one_in(made.score_samples(tried))})
    return tried.select("person", LABEL).with_columns(
        pl.Series("before", np.nan_to_num(magnitude(said))), pl.Series("after", np.nan_to_num(after))
    )


def _made(learner: tuple[str, float], seed: int) -> Supervised:
    return Supervised(learner=learner[0], strength=learner[1], random_state=seed)


def _said(days: pl.DataFrame) -> dict[str, Floats]:
    """What the other detectors say, in one of how many, from its columns."""
    names = [name for name in days.columns if name.startswith(SAID)]
    return {name.removeprefix(SAID): 10.0 ** days[name].fill_null(np.nan).to_numpy() for name in names}


def _weighed(held: pl.DataFrame, taught: Taught) -> pl.DataFrame:
    """Each person with an incident weighs 1; a day that nobody spoke of as many as it was sampled from."""
    sampled = taught.days[LABEL].is_null().sum()
    own = pl.when(pl.col(LABEL) > 0).then(1 / pl.len().over("person", pl.col(LABEL) > 0))
    weight = own.when(pl.col(LABEL).is_null()).then(taught.eligible / max(1, sampled)).otherwise(1.0)
    return held.with_columns(weight.alias("weight"), pl.col(LABEL).fill_null(0))


def _precision(held: pl.DataFrame, score: str, times: Floats | None = None) -> float:
    weight = held["weight"].to_numpy() * (1.0 if times is None else times)
    guilty = (held[LABEL] > 0).to_numpy()
    return float(average_precision_score(guilty, held[score].to_numpy(), sample_weight=weight))


def _compared(held: pl.DataFrame) -> tuple[tuple[Metric, ...], tuple[Metric, ...], float]:
    """Metrics before and after, and in which share of resampled companies (people with incidents drawn with repetition)
    average precision is higher after."""
    guilty = (held[LABEL] > 0).to_numpy()
    numbers = np.unique(held["person"].to_numpy(), return_inverse=True)[1]
    people = np.unique(numbers[guilty])
    chance = np.random.default_rng(0)
    drawn = [_times(numbers, guilty, chance.choice(people, len(people))) for _ in range(RESAMPLES)]
    found = {name: np.array([_precision(held, name, times) for times in drawn]) for name in ("before", "after")}
    before, after = (
        (_interval(_precision(held, name), found[name]), _recall(held, name)) for name in ("before", "after")
    )
    return before, after, float((found["after"] > found["before"]).mean())


def _times(numbers: Ints, guilty: Bools, drawn: Ints) -> Floats:
    """How often each row counts: those of people with incidents as often as they were drawn."""
    often = np.bincount(drawn, minlength=int(numbers.max()) + 1)
    return np.where(guilty, often[numbers], 1).astype(np.float64)


def _interval(value: float, drawn: Floats) -> Metric:
    # Sums of weights go beyond 1 in the last digit.
    low, high = (min(1.0, float(np.quantile(drawn, at))) for at in (0.025, 0.975))
    middle = min(1.0, value)
    return Metric(name="average_precision", value=middle, low=min(low, middle), high=max(high, middle))


def _recall(held: pl.DataFrame, score: str) -> Metric:
    """Of how many people with incidents a day is beyond what one in `FOUND_AT` days of the others exceeds."""
    others = held.filter(pl.col(LABEL) <= 0).sort(score, descending=True)
    allowed = others["weight"].cum_sum() <= float(others["weight"].sum()) / FOUND_AT
    limit = others[score][min(int(allowed.sum()), others.height - 1)]
    guilty = held.filter(pl.col(LABEL) > 0)
    found = guilty.filter(pl.col(score) > limit)["person"].n_unique()
    return share("recall", found, guilty["person"].n_unique())


def _joined(panel: Panel, taught: Taught, learner: tuple[str, float], learn_until: date, seed: int) -> Panel:
    """With one vote more. It learns from all labels, and of the other days from those the other detectors learned from;
    what its scores mean, and all together, is told by days after these."""
    days = taught.days.filter(pl.col(LABEL).is_not_null() | (pl.col("day") <= learn_until))
    made = _made(learner, seed).fit(days)
    means = Calibration(random_state=seed).fit(made.score_samples(taught.calm))
    said: Mapping[str, Floats] = _said(taught.calm) | {INCIDENTS: means.one_in(made.score_samples(taught.calm))}
    together = Calibration(random_state=seed).fit(magnitude(said))
    return Panel({**panel.detectors, INCIDENTS: made}, {**panel.meanings, INCIDENTS: means, TOGETHER: together})
