"""Whole lists, a JSON document a line, read and sent a piece at a time."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

MEDIA_TYPE = "application/x-ndjson"
PIECE = 500
"""Items of one page."""
GZIP = 31
"""zlib's word for gzip with the largest window."""

PageOf = Callable[[str | None], tuple[Sequence[Any], str | None]]
"""Some items of a list, those that follow a cursor, and the cursor of the rest: what a list's own route answers."""


def ndjson(request: Request, page_of: PageOf, name: str) -> StreamingResponse:
    """All pages of a list as one answer, compressed where the caller takes that. The first page is read before anything
    is sent, so that what is wrong with the question is still said properly."""
    first = page_of(None)
    lines = _lines(page_of, first)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept-Encoding"}
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        lines, headers["Content-Encoding"] = _compressed(lines), "gzip"
    return StreamingResponse(lines, media_type=MEDIA_TYPE, headers=headers)


def _lines(page_of: PageOf, page: tuple[Sequence[Any], str | None]) -> Iterator[bytes]:
    items, following = page
    while True:
        yield b"".join(_line(item) for item in items)
        if following is None:
            return
        items, following = page_of(following)


def _line(item: Any) -> bytes:
    if isinstance(item, BaseModel):
        return item.model_dump_json().encode() + b"\n"
    return orjson.dumps(item) + b"\n"


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=GZIP)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _takes_gzip(accepted: str) -> bool:
    """Whether gzip is named, and not refused by `q=0`."""
    for one in accepted.split(","):
        coding, _, weight = one.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
