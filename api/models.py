"""Models over HTTP: which there are, and putting them to work, with the guards of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request, status
from pydantic import BaseModel, ConfigDict, StringConstraints

from core.drift import Drift
from core.errors import Refused
from core.model import Evaluation, Lesson, ModelState, RegisteredModel


class Desk(Protocol):
    """Who changes what models do. Each raises `Refused` where that is not to be."""

    def models(self) -> Sequence[RegisteredModel]: ...

    def finding_counts(self) -> Mapping[str, int]: ...

    def drift(self) -> Drift | None: ...

    def shadow(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def promote(self, model: str, *, by: str, why: str) -> RegisteredModel: ...

    def rollback(self, *, by: str, why: str) -> RegisteredModel: ...


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
    evaluation: Evaluation
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
    """Who answers for a change, and why it is made: kept with the model for good."""

    model_config = ConfigDict(extra="forbid")

    by: Words
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
        evaluation=card.evaluation,
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


def _desk(request: Request) -> Desk:
    desk: Desk | None = request.app.state.shop.desk
    if desk is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "models are changed where they lie, not here")
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]
router = APIRouter(
    prefix="/api/v1/models",
    responses={401: {"description": "No or wrong token"}, 503: {"description": "No models here"}},
)
REFUSED: dict[int | str, dict[str, object]] = {
    404: {"description": "No such model"},
    409: {"description": "Refused, with the reason"},
}


@router.get("", operation_id="list_models")
def list_models(desk: AtDesk) -> list[ModelView]:
    """All models with their cards, the oldest first."""
    found, drift = desk.finding_counts(), desk.drift()
    return [model_view(model, found.get(model.card.id, 0), drift) for model in desk.models()]


@router.post("/{model_id}/shadow", operation_id="shadow_model", responses=REFUSED)
def shadow(desk: AtDesk, model_id: str, change: Change) -> ModelView:
    """Mark a model that is to be watched before it is promoted."""
    _known(desk, model_id)
    return _done(desk, lambda: desk.shadow(model_id, by=change.by, why=change.why))


@router.post("/{model_id}/promote", operation_id="promote_model", responses=REFUSED)
def promote(desk: AtDesk, model_id: str, change: Change) -> ModelView:
    """Make a model champion, unless it is worse than the present one on the days that it held out. This takes as long
    as judging those days with both."""
    _known(desk, model_id)
    return _done(desk, lambda: desk.promote(model_id, by=change.by, why=change.why))


@router.post("/{model_id}/rollback", operation_id="roll_back_model", responses=REFUSED)
def rollback(desk: AtDesk, model_id: str, change: Change) -> ModelView:
    """Bring back the champion before this one, which has to be champion still; answers with that one."""
    if _known(desk, model_id).state is not ModelState.CHAMPION:
        raise HTTPException(status.HTTP_409_CONFLICT, f"{model_id} is not champion")
    return _done(desk, lambda: desk.rollback(by=change.by, why=change.why))


def _known(desk: Desk, model_id: str) -> RegisteredModel:
    found = next((one for one in desk.models() if one.card.id == model_id), None)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no such model")
    return found


def _done(desk: Desk, change: Callable[[], RegisteredModel]) -> ModelView:
    try:
        model = change()
        return model_view(model, desk.finding_counts().get(model.card.id, 0), desk.drift())
    except Refused as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from None
