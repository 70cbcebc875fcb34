"""What went wrong, the way SCIM says it (RFC 7644, section 3.12)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from api.problems import Problem
from core.errors import Damaged, Refused, Unavailable

MEDIA_TYPE = "application/scim+json"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimResponse(JSONResponse):
    media_type = MEDIA_TYPE


class ErrorView(BaseModel):
    """`scimType` is one of the RFC's words, where it has one."""

    schemas: list[str] = [ERROR]
    status: str
    scimType: str | None = None
    detail: str


class ScimProblem(Exception):
    """Ends a request with an error of the RFC's."""

    def __init__(self, status: int, kind: str | None, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail


def wrong(kind: str, detail: str) -> ScimProblem:
    """A request that cannot be done as it is."""
    return ScimProblem(HTTPStatus.BAD_REQUEST, kind, detail)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that may end with these statuses."""
    schema = {"schema": {"$ref": "#/components/schemas/ErrorView"}}
    return {
        status: {"model": ErrorView, "description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}}
        for status in statuses
    }


class ScimRoute(APIRoute):
    """A route whose errors are said the way SCIM says them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except ScimProblem as error:
                return _answer(error.status, error.kind, error.detail)
            except Problem as error:
                return _answer(error.status, None, error.detail, error.headers)
            except RequestValidationError as error:
                return _answer(HTTPStatus.BAD_REQUEST, "invalidValue", told(error.errors()))
            except (Damaged, Unavailable):
                return _answer(HTTPStatus.SERVICE_UNAVAILABLE, None, "the stores do not answer")
            except Refused as error:
                return _answer(HTTPStatus.CONFLICT, "uniqueness", str(error))

        return handle


def invalid(error: ValidationError) -> ScimProblem:
    return wrong("invalidValue", told(error.errors(include_input=False, include_url=False, include_context=False)))


def told(errors: Any) -> str:
    """What is wrong with a document, without what was sent: it may hold anything."""
    return "; ".join(f"{_where(one['loc'])}: {one['msg']}" for one in list(errors)[:10])


def _where(places: tuple[int | str, ...]) -> str:
    return ".".join(ascii(one).strip("'") for one in places if one != "body")[:200] or "body"


def _answer(status: int, kind: str | None, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    view = ErrorView(status=str(int(status)), scimType=kind, detail=detail)
    return ScimResponse(view.model_dump(exclude_none=True), status, headers)
