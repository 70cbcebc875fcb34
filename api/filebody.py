"""One file of a request, read a little at a time and no further than it may be large."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api.problems import Problem
from cases.attachments import LARGEST

AROUND = 64 << 10
"""Bytes that a multipart body may have besides the file."""
BODY: dict[str, object] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    data: bytes


class _TooMuch(MultiPartException):
    """Ends the reading of a body; the parser lets go of what it has read."""


async def _uploaded(request: Request) -> Upload:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise _wrong("send the file as multipart/form-data")
    parser = MultiPartParser(request.headers, _bounded(request), max_files=1, max_fields=0)
    try:
        form = await parser.parse()
    except _TooMuch:
        raise _too_large() from None
    except (MultiPartException, LookupError, ValueError):
        raise _wrong("the body is no multipart/form-data with one file") from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise _wrong("the part with the file is called `file`")
        data = await file.read(LARGEST + 1)
    finally:
        await form.close()
    if len(data) > LARGEST:
        raise _too_large()
    return Upload(file.filename or "", data)


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > LARGEST + AROUND:
            raise _TooMuch("too large")
        yield chunk


def _too_large() -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"a file has {LARGEST:,} bytes at most")


def _wrong(why: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", why)


Uploaded = Annotated[Upload, Depends(_uploaded)]
