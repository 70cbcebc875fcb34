"""What is known of a learned model besides the model itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any


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
class ModelCard:
    """Whence a model comes and what it is worth. `first` to `last` are the days it learned from, `sha256` that of its
    file, `features_digest` names the list of features it reads."""

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

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=lambda value: value.isoformat(), ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        values = json.loads(text)
        evaluated = values.pop("evaluation")
        evaluation = Evaluation(
            first=date.fromisoformat(evaluated["first"]),
            last=date.fromisoformat(evaluated["last"]),
            metrics=tuple(Metric(**metric) for metric in evaluated["metrics"]),
            found=tuple(evaluated["found"]),
            missed=tuple(evaluated["missed"]),
        )
        days = {name: date.fromisoformat(values[name]) for name in ("first", "last")}
        created = datetime.fromisoformat(values["created"])
        features = tuple(values["features"])
        return cls(**values | days | {"created": created, "features": features, "evaluation": evaluation})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """A model, where it stands, since when, and who put it there and why."""

    card: ModelCard
    state: ModelState
    changed: datetime
    by: str
    why: str
