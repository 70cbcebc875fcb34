"""What went wrong, said the same way everywhere: application/problem+json (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from core.errors import BadQuery, Damaged, LeaverwatchError, Masked, Refused, Stale, Unavailable

MEDIA_TYPE = "application/problem+json"
MOST_FIELDS = 20
"""Of a request in which more is wrong, the first are named."""


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


class Problem(HTTPException):
    """Ends a request with a problem, also while its body is being read. `code` is made of lower-case words with
    hyphens."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)
        self.status = int(status)
        self.code = code


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
    for error in OF_ERRORS:
        app.add_exception_handler(error, _ours)


OF_ERRORS: Mapping[type[Exception], tuple[int, str]] = {
    Damaged: (HTTPStatus.SERVICE_UNAVAILABLE, "damaged"),
    Unavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    BadQuery: (HTTPStatus.UNPROCESSABLE_ENTITY, "bad-query"),
    Masked: (HTTPStatus.FORBIDDEN, "masked"),
    Stale: (HTTPStatus.PRECONDITION_FAILED, "changed-since"),
    Refused: (HTTPStatus.CONFLICT, "refused"),
}


OF_SERVER: Mapping[int, str] = {400: "unreadable", 404: "not-found", 405: "method-not-allowed", 415: "unsupported-type"}
"""Of what Starlette and FastAPI refuse by themselves."""


def problem_of(error: LeaverwatchError) -> Problem:
    """How an error of the house is answered; one that none of them expects is raised again."""
    for kind, (status, code) in OF_ERRORS.items():
        if isinstance(error, kind):
            return Problem(status, code, _plain(str(error)))
    raise error


def answer_of(problem: Problem) -> JSONResponse:
    """What is sent where there is no route to raise it."""
    return _answer(_view(problem.status, problem.code, problem.detail), problem.headers)


def _answer(view: ProblemView, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(view.model_dump(), view.status, headers, media_type=MEDIA_TYPE)


def _view(status: int, code: str, detail: str) -> ProblemView:
    return ProblemView(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101  # it is registered for these only
    return answer_of(error)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = OF_SERVER.get(error.status_code, "not-served")
    return _answer(_view(error.status_code, code, str(error.detail)), error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [
        WrongField(where=_plain(".".join(map(str, one["loc"]))), why=_plain(str(one["msg"])))
        for one in error.errors()[:MOST_FIELDS]
    ]
    told = "; ".join(f"{field.where}: {field.why}" for field in fields)
    view = _view(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", told)
    return _answer(view.model_copy(update={"fields": fields}))


def _plain(text: str) -> str:
    """What somebody sent, short, and as it can be sent back: JSON may carry halves of characters."""
    return text[:500].encode("utf-8", "replace").decode()


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LeaverwatchError)  # noqa: S101
    return answer_of(problem_of(error))
