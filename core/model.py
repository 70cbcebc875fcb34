"""What is known of a learned model besides the model itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

ODD = 300
"""A day of which there is one in so many person-days is told of, unless a rule says otherwise; what would have made it
more usual is told against this."""
KEPT = 100
"""Findings are kept from one in so many on: no rule can ask for more usual ones."""


class ModelState(StrEnum):
    """`shadow`: judges beside the champion, and nobody is told. One at most is `champion`."""

    TRAINED = "trained"
    SHADOW = "shadow"
    CHAMPION = "champion"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number with the 95 % interval in which the true one lies."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How a model did on days it had not seen. `found` and `missed` are persons with confirmed cases."""

    first: date
    last: date
    metrics: Sequence[Metric]
    found: Sequence[str] = ()
    missed: Sequence[str] = ()

    def value(self, name: str) -> float | None:
        return next((metric.value for metric in self.metrics if metric.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What labels taught a model. `used` says whether it was worth anything on people and days held out, `why` so in a
    sentence. Counted are people: with incidents that no model had found, found in order (`benign`), found by a model;
    and labels: `outside` of the days given, from `decisions` on cases, from `incidents` that were filed; `who` gave
    them. `metrics` are those with what was learned, `before` those without, of the same people and days."""

    used: bool
    why: str
    people: int
    benign: int = 0
    by_model: int = 0
    outside: int = 0
    decisions: int = 0
    incidents: int = 0
    who: Sequence[str] = ()
    learner: str = ""
    metrics: Sequence[Metric] = ()
    before: Sequence[Metric] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Whence a model comes and what it is worth. `first` to `last` are the days it learned from, `sha256` that of its
    file, `features_digest` names the list of features it reads, `lesson` says what people's decisions taught it."""

    id: str
    sha256: str
    features_digest: str
    features: Sequence[str]
    first: date
    last: date
    persons: int
    person_days: int
    parameters: Mapping[str, Mapping[str, Any]]
    evaluation: Evaluation
    code_version: str
    created: datetime
    trained_by: str
    lesson: Lesson | None = None

    def to_json(self) -> str:
        # A card without one reads as cards did before there were lessons: a card and its file never differ.
        values = {name: value for name, value in asdict(self).items() if name != "lesson" or value is not None}
        return json.dumps(values, default=lambda value: value.isoformat(), ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        values = json.loads(text)
        evaluated = values.pop("evaluation")
        evaluation = Evaluation(
            first=date.fromisoformat(evaluated["first"]),
            last=date.fromisoformat(evaluated["last"]),
            metrics=_metrics(evaluated["metrics"]),
            found=tuple(evaluated["found"]),
            missed=tuple(evaluated["missed"]),
        )
        days = {name: date.fromisoformat(values[name]) for name in ("first", "last")}
        created = datetime.fromisoformat(values["created"])
        features = tuple(values["features"])
        made = {"created": created, "features": features, "evaluation": evaluation}
        return cls(**values | days | made | {"lesson": _lesson(values.get("lesson"))})


def _metrics(found: Sequence[Mapping[str, Any]]) -> tuple[Metric, ...]:
    return tuple(Metric(**metric) for metric in found)


def _lesson(values: Mapping[str, Any] | None) -> Lesson | None:
    if values is None:
        return None
    lists = {name: _metrics(values[name]) for name in ("metrics", "before")}
    return Lesson(**{**values, **lists, "who": tuple(values["who"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """A model, where it stands, since when, and who put it there and why."""

    card: ModelCard
    state: ModelState
    changed: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A feature that drove a vote, with its names: its value, what is usual, its share of what all named ones did, and
    the value at which the vote would be more usual than one in `ODD`: None where this feature alone would not do.
    `actions` are those of the events that it counts, where it counts events of some."""

    feature: str
    en: str
    zh: str
    value: float
    usual: float
    share: float
    enough: float | None = None
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one detector says of a person-day: one in how many is as odd, and what drove it, the strongest first."""

    detector: str
    one_in: float
    drivers: tuple[Driver, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFinding:
    """What a model says of a person-day: one in how many is as odd by all votes together."""

    person: str
    day: date
    one_in: float
    votes: tuple[Vote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredDay:
    """That a model scored a day of the persons whose place (`core.canonical.place_of`) is `first` to `last`. The
    fingerprint is another one where it would score them otherwise today."""

    day: date
    first: int
    last: int
    fingerprint: str


def votes_to_json(votes: Sequence[Vote]) -> str:
    return json.dumps([asdict(vote) for vote in votes], ensure_ascii=False, sort_keys=True)


def votes_from_json(text: str) -> tuple[Vote, ...]:
    return tuple(vote_of(values) for values in json.loads(text))


def vote_of(values: Mapping[str, Any]) -> Vote:
    """A vote from its `asdict`."""
    return Vote(**{**values, "drivers": drivers_of(values["drivers"])})


def drivers_of(values: Sequence[Mapping[str, Any]]) -> tuple[Driver, ...]:
    return tuple(Driver(**{**one, "actions": tuple(one["actions"])}) for one in values)
