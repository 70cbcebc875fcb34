"""Changing only what is still as it was seen.

A route that shows something with a version says so with `tagged(response, version)`; its ETag is then the version and a
digest of the answer. A route that changes it takes `IfMatch` and calls `unchanged(if_match, version)` first. Its
`responses` have `answers(412, 428)`. Whoever writes still has to make sure, in the transaction, that the version is the
one that was asked for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Response

from api.problems import Problem

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The ETag that it was shown with; `*`: whatever it is now"),
]


def tagged(response: Response, version: int | str) -> None:
    """Say which version an answer shows."""
    response.headers["ETag"] = f'"{version}"'


def unchanged(if_match: str | None, version: int | str) -> None:
    """Ends the request where the caller does not say what it was shown (428), or was shown another version (412)."""
    if if_match is None:
        raise missing()
    if if_match.strip() != "*" and str(version) not in {version_in(tag) for tag in if_match.split(",")}:
        why = "it has changed since it was shown; look again"
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "changed-since", why, {"ETag": f'"{version}"'})


def missing() -> Problem:
    """The caller does not say what it was shown."""
    why = "say by If-Match what is to be changed: the ETag that it was shown with"
    return Problem(HTTPStatus.PRECONDITION_REQUIRED, "if-match-missing", why)


def version_in(tag: str) -> str:
    """The version that an ETag was made of."""
    return tag.strip().removeprefix("W/").strip('"').partition(".")[0]
