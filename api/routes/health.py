"""Whether the service answers, and counts for Prometheus."""

from __future__ import annotations

from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from api.caller import needs
from api.metrics import exposition
from api.problems import Problem, answers
from api.routing import Router
from api.shop import InShop
from core.access import Caller, Permission
from core.judging import TROUBLE

router = Router(tags=["service"])


TEXT: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "leaverwatch_events 2.0\n"}}}
}


class Health(BaseModel):
    """Says the process answers."""

    status: str = "ok"


@router.get("/healthz", operation_id="health")
def health() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", operation_id="ready", responses=answers(503))
def ready(shop: InShop) -> Health:
    """The stores answer, and where judging is done beside the service, it works."""
    try:
        shop.events.count()
        trouble = shop.records.setting(TROUBLE)
    except Exception:  # whatever is broken below, the answer is the same: not ready
        raise Problem(503, "not-ready", "the stores do not answer") from None
    if trouble:
        raise Problem(503, "not-judging", "what is marked cannot be judged; the log says why")
    return Health()


@router.get("/metrics", operation_id="metrics", response_class=Response, responses={**answers(401, 403), **TEXT})
def metrics(request: Request, shop: InShop, _: Caller = needs(Permission.READ_METRICS)) -> Response:
    """Counts for Prometheus; those of events are at most a minute old."""
    stored = exposition(shop.records, request.app.state.counts)
    return Response(stored + request.app.state.requests.exposition(), media_type=CONTENT_TYPE_LATEST)
