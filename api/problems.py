"""What went wrong, said the same way everywhere: application/problem+json (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from core.errors import BadQuery, Damaged, Refused, Stale, Unavailable

MEDIA_TYPE = "application/problem+json"


class WrongField(BaseModel):
    """One part of a request that cannot be understood: where it stands, and why."""

    where: str
    why: str


class ProblemView(BaseModel):
    """`code` is stable, for programs; `detail` is a sentence for whoever reads it."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    fields: list[WrongField] = []


class Problem(Exception):
    """Ends a request with a problem. `code` is made of lower-case words with hyphens."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers


def not_found(what: str) -> Problem:
    """There is none, or none that the caller may know of: both look the same."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", f"no such {what}")


def answers(*statuses: int) -> dict[int | str, dict[str, object]]:
    """`responses` of a route that may end with these statuses."""
    return {
        status: {
            "model": ProblemView,
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemView"}}},
        }
        for status in statuses
    }


def answer_problems(app: FastAPI) -> None:
    """Have every error of the service answered as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for error, (status, code) in _OURS.items():
        app.add_exception_handler(error, _ours(status, code))


_OURS: Mapping[type[Exception], tuple[int, str]] = {
    Damaged: (HTTPStatus.SERVICE_UNAVAILABLE, "damaged"),
    Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    BadQuery: (HTTPStatus.UNPROCESSABLE_ENTITY, "bad-query"),
    Stale: (HTTPStatus.PRECONDITION_FAILED, "changed-since"),
    Refused: (HTTPStatus.CONFLICT, "refused"),
}


def _answer(view: ProblemView, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(view.model_dump(), view.status, headers, media_type=MEDIA_TYPE)


def _view(status: int, code: str, detail: str) -> ProblemView:
    return ProblemView(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101  # it is registered for these only
    return _answer(_view(error.status, error.code, error.detail), error.headers)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    return _answer(_view(status, status.phrase.lower().replace(" ", "-"), str(error.detail)), error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [WrongField(where=".".join(map(str, one["loc"])), why=str(one["msg"])) for one in error.errors()]
    told = "; ".join(f"{field.where}: {field.why}" for field in fields)
    view = _view(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", told)
    return _answer(view.model_copy(update={"fields": fields}))


def _ours(status: int, code: str):  # type: ignore[no-untyped-def]  # what FastAPI calls a handler has no name
    async def handle(_: Request, error: Exception) -> JSONResponse:
        return _answer(_view(status, code, str(error)))

    return handle
