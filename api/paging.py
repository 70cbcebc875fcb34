"""Lists a page at a time: what comes after the last one shown is asked for by a cursor."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from api.problems import Problem

T = TypeVar("T")
Key = tuple[str | int | float, ...]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most")]
After = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


class Page(BaseModel, Generic[T]):
    """Some of a list, and what to give as `after` for those that follow; null at the end."""

    items: list[T]
    next: str | None


def cursor(key: Key) -> str:
    """A place in a list, by the values it is ordered by."""
    return urlsafe_b64encode(json.dumps(key, ensure_ascii=False).encode()).decode().rstrip("=")


def place(after: str | None, like: tuple[type, ...]) -> Key | None:
    """The key a cursor was made of, which has values of these types; none where there is no cursor. Ends the request
    where it is none of ours."""
    if after is None:
        return None
    try:
        key = json.loads(urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    right = isinstance(key, list) and len(key) == len(like)
    if not right or any(type(value) is not kind for value, kind in zip(key, like, strict=True)):
        raise bad_cursor()
    return tuple(key)


def moment_place(after: str | None) -> tuple[datetime, str] | None:
    """The key of a list that is ordered by a time and an id, as `cursor` was given it: (isoformat, id)."""
    key = place(after, (str, str))
    return (moment_in(str(key[0])), str(key[1])) if key else None


def moment_in(text: str) -> datetime:
    """The moment in a cursor."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_cursor() from None


def bad_cursor() -> Problem:
    """The cursor is none of ours, or its place is no more."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad-cursor", "after is not what an answer gave as next")


def page(items: Sequence[T], limit: int, key: Callable[[T], Key]) -> tuple[Sequence[T], str | None]:
    """The first `limit` of items, of which one more was read than is shown, and the cursor of what follows."""
    shown = items[:limit]
    return shown, cursor(key(shown[-1])) if len(items) > limit else None
