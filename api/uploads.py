"""Files that are sent as the body of a request, no larger than they may be, and what became of their rows."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from api.problems import Problem
from ingest.hr import HrImport
from ingest.hr import Problem as RowProblem

LARGEST = 16 << 20
CSV_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "maxLength": LARGEST}}}}
}
"""`openapi_extra` of a route that takes a CSV file."""
Check = Annotated[bool, Query(description="Only name every bad row; change nothing")]


class RowView(BaseModel):
    """What is wrong with a cell: line as in an editor (the header is line 1), column as in the file."""

    line: int
    column: str
    text: str


class ImportView(BaseModel):
    """How many rows a file had and how many were good; rows with a problem were left out, those with a warning not."""

    rows: int
    taken: int
    checked_only: bool
    problems: list[RowView]
    warnings: list[RowView]


def import_view(done: HrImport, *, check: bool) -> ImportView:
    return ImportView(
        rows=done.rows,
        taken=done.taken,
        checked_only=check,
        problems=[_row(one) for one in done.problems],
        warnings=[_row(one) for one in done.warnings],
    )


def _row(one: RowProblem) -> RowView:
    return RowView(line=one.line, column=one.column, text=one.text)


async def _body(request: Request) -> bytes:
    """The whole body; what comes after the limit is not read."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "text/csv":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-csv", "the body is to be a CSV file: text/csv")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"more than {LARGEST >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def csv_body() -> bytes:
    """As the default of a route's last parameter, so that only who may call sends anything."""
    found: bytes = Depends(_body)
    return found
