"""Models by command: learned from what is stored, compared on days neither had seen, kept and put to work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from app.labels import confirmed, labels_of, suspected
from app.scoring import panel_of
from app.wiring import House
from core.errors import Refused
from core.label import Label
from core.model import Evaluation, Lesson, Metric, ModelCard, RegisteredModel
from core.person import Stage
from core.ports import EventQuery
from models.drift import POPULATION, Population
from models.evaluate import evaluate
from models.features import NAMES, digest
from models.intervals import share
from models.lessons import learned
from models.panel import Frames, Panel
from models.person_days import person_days
from models.registry import Registry

LEAST_DAYS = 30
LEARNED, CALIBRATED = 0.6, 0.8
"""Detectors learn from this part of the days, their meaning comes from those to the second, the rest is held out."""
BEFORE = 75
"""Days before those that are judged, which scores that add up need."""


def registry_of(house: House) -> Registry:
    return Registry(house.config.data / "models", house.records)


def train(house: House, first: date, last: date, *, by: str, seed: int = 0) -> ModelCard:
    """Learn from the days between and from what people decided of them, evaluate on the last fifth, and keep the model.
    Days of persons from an incident on teach nothing of what is usual, nor are there days before the first event.
    Raises `Refused` where there is too little to learn from."""
    first = _begun(house, first, last)
    days = (last - first).days + 1
    if days < LEAST_DAYS:
        raise Refused(f"{days} days are too few to learn from and to hold some out: {LEAST_DAYS} are needed")
    learn_until = first + timedelta(days=int(days * LEARNED) - 1)
    calibrate_until = first + timedelta(days=int(days * CALIBRATED) - 1)
    labels = labels_of(house)
    with spooled(house, first, last, labels) as frames:
        panel = Panel.learn(frames, learn_until, calibrate_until, seed)
        panel, lesson = learned(panel, frames, labels, learn_until, calibrate_until, seed)
        population = Population.learn(frames, calibrate_until, seed)
        held = calibrate_until + timedelta(days=1)
        evaluation = _evaluated(panel, frames, held, last, labels)
        rows = [(frame["person"].n_unique(), frame.height) for frame in frames()]
    card = ModelCard(
        id="",
        sha256="",
        features_digest=digest(),
        features=NAMES,
        first=first,
        last=calibrate_until,
        persons=sum(persons for persons, _ in rows),
        person_days=sum(height for _, height in rows),
        parameters={name: detector.get_params() for name, detector in panel.detectors.items()},
        evaluation=evaluation,
        code_version=version("leaverwatch"),
        created=datetime.now(UTC),
        trained_by=by,
        lesson=lesson,
    )
    return registry_of(house).add({**panel.parts(), POPULATION: population}, card)


def newest_day(house: House) -> date:
    """The day of the newest event. Raises `Refused` where there is none."""
    newest = house.events.newest()
    if newest is None:
        raise Refused("no events are stored: import logs first")
    return house.calendar.day_of(newest)


def _begun(house: House, first: date, last: date) -> date:
    """The first of these days with events."""
    asked = EventQuery(start=house.calendar.start_of(first), end=house.calendar.end_of(last))
    seen = house.events.totals(asked, ["event.module"], times=True)["since"].min()
    if not isinstance(seen, datetime):
        raise Refused(f"no events are stored from {first} to {last}: import logs first")
    return house.calendar.day_of(seen)


def promote(house: House, model: str, *, by: str, why: str = "") -> RegisteredModel:
    """Make a model champion; where there is one, both are evaluated on the days that the challenger held out and the
    champion did not learn from either. Raises `Refused` where it is worse, or where there are no such days."""
    registry = registry_of(house)
    challenger, champion = registry.named(model), registry.champion()
    if champion is None or champion.card.id == challenger.card.id:
        registry.load(challenger.card.id, digest())
        return registry.promote(model, challenger.card.evaluation, None, by=by, why=why)
    held = challenger.card.evaluation
    own, theirs = (panel_of(house, one) for one in (challenger, champion))
    first = max(held.first, champion.card.last + timedelta(days=1))
    if first > held.last:
        raise Refused(f"the champion {champion.card.id} learned from all days that {challenger.card.id} held out")
    labels = labels_of(house)
    with spooled(house, first - timedelta(days=BEFORE), held.last, labels) as frames:
        mine, before = (_evaluated(panel, frames, first, held.last, labels) for panel in (own, theirs))
    return registry.promote(model, mine, before, by=by, why=why)


def shown(evaluation: Evaluation) -> str:
    return _metrics(evaluation.metrics)


def taught(lesson: Lesson | None) -> str:
    """What people's decisions taught a model, in a sentence."""
    if lesson is None:
        return ""
    said = f"{'used' if lesson.used else 'not used'}: {lesson.why}"
    if not lesson.metrics:
        return said
    return f"{said}; {lesson.people} people, {_metrics(lesson.metrics)}; without {_metrics(lesson.before)}"


def _metrics(metrics: Sequence[Metric]) -> str:
    return ", ".join(f"{one.name} {one.value:.3f} ({one.low:.3f}-{one.high:.3f})" for one in metrics)


@contextmanager
def spooled(house: House, first: date, last: date, labels: Sequence[Label]) -> Iterator[Frames]:
    """Person-days, computed once and read as often as they are asked for, some persons in memory at a time. Days from
    an incident on have another stage."""
    since = suspected(labels)
    domains = house.surroundings().company_domains
    days = person_days(house.events, house.directory(), first, last, company_domains=domains)
    with kept_aside((marked_suspected(frame, since) for frame in days), house.config.data) as frames:
        yield frames


@contextmanager
def kept_aside(days: Iterable[pl.DataFrame], below: Path) -> Iterator[Frames]:
    """Frames that can be read as often as they are asked for, one in memory at a time."""
    with TemporaryDirectory(dir=below, prefix="person-days-") as folder:
        files: list[Path] = []
        for frame in days:
            files.append(Path(folder) / f"{len(files)}.parquet")
            frame.write_parquet(files[-1])

        def frames() -> Iterable[pl.DataFrame]:
            return (pl.read_parquet(file) for file in files)

        yield frames


def _evaluated(panel: Panel, frames: Frames, first: date, last: date, labels: Sequence[Label]) -> Evaluation:
    """How a panel did on these days. Whom only a model found counts as found or missed, but not for `recall`: a model
    does not confirm itself."""
    known = confirmed(labels, first, last)
    found = evaluate(panel, frames(), first, last, known)
    sure = {person for person, by_model in known.items() if not by_model}
    metrics = [metric for metric in found.metrics if metric.name != "recall"]
    if sure:
        metrics.append(share("recall", len(sure.intersection(found.found)), len(sure)))
    return replace(found, metrics=tuple(metrics))


def marked_suspected(days: pl.DataFrame, first: dict[str, date]) -> pl.DataFrame:
    """Person-days with another stage from the first day of an incident on."""
    since = pl.col("person").replace_strict(first, default=None, return_dtype=pl.Date)
    active = pl.col("stage") == Stage.ACTIVE.value
    return days.with_columns(
        pl.when(active & (pl.col("day") >= since))
        .then(pl.lit(Stage.PRE_DEPARTURE.value))
        .otherwise("stage")
        .alias("stage")
    )
