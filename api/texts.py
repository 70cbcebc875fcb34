"""Text that people type, and versions that they saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from api.etags import missing, version_in
from api.problems import Problem
from core.case import Case
from core.triage import Work, contents_of


def _plain(text: str) -> str:
    if any(ord(one) < 32 and one not in "\t\n\r" for one in text):
        raise ValueError("control characters are no text")
    return text


def _trimmed(least: int, most: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=least, max_length=most)


NO_NUL = r"^[^\x00]*$"
"""A pattern, so that whoever reads the description of the API is told."""
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000, pattern=NO_NUL)]
Reason = Annotated[str, _trimmed(1, 2_000), AfterValidator(_plain)]
Name = Annotated[str, _trimmed(1, 200), AfterValidator(_plain)]
MaybeName = Annotated[str, _trimmed(0, 200), AfterValidator(_plain)]
Comment = Annotated[str, _trimmed(1, 10_000), AfterValidator(_plain)]
MaybeReason = Annotated[str, _trimmed(0, 2_000), AfterValidator(_plain)]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no calendar goes that far") from None


Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]


@dataclass(frozen=True, slots=True)
class Tag:
    """What somebody saw of a case: the version of the work on it, and what it held."""

    version: int
    contents: str = ""

    def __str__(self) -> str:
        return f"{self.version}-{self.contents}" if self.contents else str(self.version)


def tag_of(case: Case, work: Work) -> Tag:
    return Tag(work.version, contents_of(case))


def read_tag(text: str) -> Tag:
    """A tag as it was given. Ends the request with 412 where it cannot be one of ours: nothing is so."""
    version, _, contents = text.strip().strip('"').partition("-")
    if not (version.isascii() and version.isdigit() and len(version) < 10 and len(contents) < 20):
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "changed-since", "this is no version that an answer gave")
    return Tag(int(version), contents)


def _seen(if_match: Annotated[str | None, Header(max_length=200)] = None) -> Tag:
    if not if_match or if_match.strip() == "*":
        raise missing()
    return read_tag(version_in(if_match))


Seen = Annotated[Tag, Depends(_seen)]
"""What the caller saw, as `If-Match` says: 428 without it."""
