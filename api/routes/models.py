"""Models over HTTP: which there are, and putting them to work, with the guards of the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, StringConstraints

from api.caller import needs
from api.desks import ModelDesk
from api.problems import Problem, answers, not_found
from api.routing import Router
from api.shop import InShop
from core.access import Caller, Permission
from core.drift import Drift
from core.model import Evaluation, Lesson, Metric, ModelState, RegisteredModel


class DriftView(BaseModel):
    """The last look at days of late: how many times as many as said are one in 100, the features that are no longer as
    learned, and a sentence for each thing that is wrong."""

    looked: datetime
    first: date
    last: date
    person_days: int
    factor: float
    apart: list[str]
    problems: list[str]


class EvaluationView(BaseModel):
    """How a model did on days it had not seen: how many of those with confirmed cases it found and missed."""

    first: date
    last: date
    metrics: list[Metric]
    found: int
    missed: int


class ModelView(BaseModel):
    """A model: where it stands, who put it there and why, and what its card says."""

    id: str
    state: ModelState
    changed: datetime
    by: str
    why: str
    first: date
    last: date
    persons: int
    person_days: int
    evaluation: EvaluationView
    lesson: Lesson | None
    features: int
    features_digest: str
    sha256: str
    code_version: str
    created: datetime
    trained_by: str
    findings: int
    drift: DriftView | None


Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Change(BaseModel):
    """Why a change is made: kept with the model for good, with the name of whoever calls."""

    model_config = ConfigDict(extra="forbid")

    why: Words


def model_view(model: RegisteredModel, findings: int, drift: Drift | None) -> ModelView:
    """A model as a document, with how many days it finds unusual and the last look at it, the same for the API and for
    `--json`. `drift` is the last look at any."""
    card = model.card
    return ModelView(
        id=card.id,
        state=model.state,
        changed=model.changed,
        by=model.by,
        why=model.why,
        first=card.first,
        last=card.last,
        persons=card.persons,
        person_days=card.person_days,
        evaluation=_evaluation_view(card.evaluation),
        lesson=card.lesson,
        features=len(card.features),
        features_digest=card.features_digest,
        sha256=card.sha256,
        code_version=card.code_version,
        created=card.created,
        trained_by=card.trained_by,
        findings=findings,
        drift=_drift_view(drift) if drift and drift.model == card.id else None,
    )


def _evaluation_view(evaluation: Evaluation) -> EvaluationView:
    return EvaluationView(
        first=evaluation.first,
        last=evaluation.last,
        metrics=list(evaluation.metrics),
        found=len(evaluation.found),
        missed=len(evaluation.missed),
    )


def _drift_view(drift: Drift) -> DriftView:
    return DriftView(
        looked=drift.looked,
        first=drift.first,
        last=drift.last,
        person_days=drift.person_days,
        factor=drift.factor,
        apart=list(drift.apart),
        problems=drift.problems(),
    )


def _desk(shop: InShop) -> ModelDesk:
    if shop.desk is None:
        raise Problem(503, "no-models", "models are changed where they lie, not here")
    return shop.desk


AtDesk = Annotated[ModelDesk, Depends(_desk)]
router = Router(prefix="/api/v1/models", tags=["models"], responses=answers(401, 403, 503))


@router.get("", operation_id="list_models")
def list_models(desk: AtDesk, _: Caller = needs(Permission.READ_MODELS)) -> list[ModelView]:
    """All models with their cards, the oldest first."""
    found, drift = desk.finding_counts(), desk.drift()
    return [model_view(model, found.get(model.card.id, 0), drift) for model in desk.models()]


@router.post("/{model_id}/shadow", operation_id="shadow_model", responses=answers(404, 409))
def shadow(desk: AtDesk, model_id: str, change: Change, caller: Caller = needs(Permission.CHANGE_MODELS)) -> ModelView:
    """Mark a model that is to be watched before it is promoted."""
    _known(desk, model_id)
    return _done(desk, lambda: desk.shadow(model_id, by=caller.name, why=change.why))


@router.post("/{model_id}/promote", operation_id="promote_model", responses=answers(404, 409))
def promote(desk: AtDesk, model_id: str, change: Change, caller: Caller = needs(Permission.CHANGE_MODELS)) -> ModelView:
    """Make a model champion, unless it is worse than the present one on the days that it held out. This takes as long
    as judging those days with both."""
    _known(desk, model_id)
    return _done(desk, lambda: desk.promote(model_id, by=caller.name, why=change.why))


@router.post("/{model_id}/rollback", operation_id="roll_back_model", responses=answers(404, 409))
def rollback(
    desk: AtDesk, model_id: str, change: Change, caller: Caller = needs(Permission.CHANGE_MODELS)
) -> ModelView:
    """Bring back the champion before this one, which has to be champion still; answers with that one."""
    if _known(desk, model_id).state is not ModelState.CHAMPION:
        raise Problem(409, "refused", f"{model_id} is not champion")
    return _done(desk, lambda: desk.rollback(by=caller.name, why=change.why))


def _known(desk: ModelDesk, model_id: str) -> RegisteredModel:
    found = next((one for one in desk.models() if one.card.id == model_id), None)
    if found is None:
        raise not_found("model")
    return found


def _done(desk: ModelDesk, change: Callable[[], RegisteredModel]) -> ModelView:
    model = change()
    return model_view(model, desk.finding_counts().get(model.card.id, 0), desk.drift())
