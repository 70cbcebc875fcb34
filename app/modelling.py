"""Models by command: learned from what is stored, compared on days neither had seen, kept and put to work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from app.wiring import House
from core.case import CaseState
from core.errors import Refused
from core.model import Evaluation, ModelCard, RegisteredModel
from core.person import Stage
from models.evaluate import evaluate
from models.features import NAMES, digest
from models.panel import Frames, Panel
from models.person_days import person_days
from models.registry import Registry

LEAST_DAYS = 30
LEARNED, CALIBRATED = 0.6, 0.8
"""Detectors learn from this part of the days, their meaning comes from those to the second, the rest is held out."""
BEFORE = 60
"""Days before those that are judged, which scores that add up need."""


def registry_of(house: House) -> Registry:
    return Registry(house.config.data / "models", house.records)


def train(house: House, first: date, last: date, *, by: str, seed: int = 0) -> ModelCard:
    """Learn from the days between, evaluate on the last fifth of them, and keep the model. Days of persons from a
    confirmed case on teach nothing. Raises `Refused` where there is too little to learn from."""
    days = (last - first).days + 1
    if days < LEAST_DAYS:
        raise Refused(f"{days} days are too few to learn from and to hold some out: {LEAST_DAYS} are needed")
    learn_until = first + timedelta(days=int(days * LEARNED) - 1)
    calibrate_until = first + timedelta(days=int(days * CALIBRATED) - 1)
    with spooled(house, first, last) as frames:
        panel = Panel.learn(frames, learn_until, calibrate_until, seed)
        held = calibrate_until + timedelta(days=1)
        evaluation = evaluate(panel, frames(), held, last, _confirmed(house, held, last))
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
    )
    return registry_of(house).add(panel.parts(), card)


def promote(house: House, model: str, *, by: str, why: str = "") -> RegisteredModel:
    """Make a model champion; where there is one, both are evaluated on the days that the challenger held out and the
    champion did not learn from either. Raises `Refused` where it is worse, or where there are no such days."""
    registry = registry_of(house)
    challenger, champion = registry.named(model), registry.champion()
    if champion is None or champion.card.id == challenger.card.id:
        registry.load(challenger.card.id, digest())
        return registry.promote(model, challenger.card.evaluation, None, by=by, why=why)
    held = challenger.card.evaluation
    own, theirs = (Panel.of(registry.load(one.card.id, digest())) for one in (challenger, champion))
    first = max(held.first, champion.card.last + timedelta(days=1))
    if first > held.last:
        raise Refused(f"the champion {champion.card.id} learned from all days that {challenger.card.id} held out")
    confirmed = _confirmed(house, first, held.last)
    with spooled(house, first - timedelta(days=BEFORE), held.last) as frames:
        mine, before = (evaluate(panel, frames(), first, held.last, confirmed) for panel in (own, theirs))
    return registry.promote(model, mine, before, by=by, why=why)


def described(model: RegisteredModel) -> dict[str, object]:
    """A model as a document."""
    card = model.card
    return {
        "id": card.id,
        "state": model.state.value,
        "changed": model.changed,
        "by": model.by,
        "why": model.why,
        "first": card.first,
        "last": card.last,
        "persons": card.persons,
        "person_days": card.person_days,
        "evaluation": card.evaluation,
        "features": len(card.features),
        "features_digest": card.features_digest,
        "sha256": card.sha256,
        "code_version": card.code_version,
        "created": card.created,
        "trained_by": card.trained_by,
    }


def shown(evaluation: Evaluation) -> str:
    return ", ".join(f"{one.name} {one.value:.3f} ({one.low:.3f}-{one.high:.3f})" for one in evaluation.metrics)


@contextmanager
def spooled(house: House, first: date, last: date) -> Iterator[Frames]:
    """Person-days, computed once and read as often as they are asked for, some persons in memory at a time."""
    opened = _opened(house)
    domains = house.surroundings().company_domains
    with TemporaryDirectory(dir=house.config.data, prefix="person-days-") as folder:
        files: list[Path] = []
        for frame in person_days(house.events, house.directory(), first, last, company_domains=domains):
            files.append(Path(folder) / f"{len(files)}.parquet")
            _suspected(frame, opened).write_parquet(files[-1])

        def frames() -> Iterable[pl.DataFrame]:
            return (pl.read_parquet(file) for file in files)

        yield frames


def _opened(house: House) -> dict[str, date]:
    """The day from which a confirmed case was open, by person."""
    found: dict[str, date] = {}
    for case in house.records.cases():
        if case.state == CaseState.CONFIRMED:
            day = house.calendar.day_of(case.opened)
            found[case.person] = min(day, found.get(case.person, day))
    return found


def _suspected(days: pl.DataFrame, opened: dict[str, date]) -> pl.DataFrame:
    """With another stage from the day on which a case that was confirmed opened."""
    since = pl.col("person").replace_strict(opened, default=None, return_dtype=pl.Date)
    active = pl.col("stage") == Stage.ACTIVE.value
    return days.with_columns(
        pl.when(active & (pl.col("day") >= since))
        .then(pl.lit(Stage.PRE_DEPARTURE.value))
        .otherwise("stage")
        .alias("stage")
    )


def _confirmed(house: House, first: date, last: date) -> frozenset[str]:
    """Persons with an alert of a confirmed case on one of these days."""
    of_cases = {
        alert: case.person
        for case in house.records.cases()
        if case.state == CaseState.CONFIRMED
        for alert in case.alerts
    }
    alerts = house.records.alerts(persons=frozenset(of_cases.values())) if of_cases else ()
    return frozenset(alert.person for alert in alerts if alert.id in of_cases and first <= alert.day <= last)
