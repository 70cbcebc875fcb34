"""What speaks for a person: approvals with their kin, and exceptions from rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum


class ApprovalKind(StrEnum):
    """An approval to send something out, a change ticket, or a task of handing something over to a successor."""

    APPROVAL = "approval"
    CHANGE = "change"
    HANDOVER = "handover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody may give these files to these recipients (addresses, domains, devices, colleagues) from `since` until
    before `until`. It is known from `filed` on: what happened before that was approved afterwards. Empty recipients or
    files do not restrict, but one of them is given. A file may contain `*` for any text."""

    id: str
    kind: ApprovalKind
    account: str
    recipients: Sequence[str]
    files: Sequence[str]
    purpose: str
    since: datetime
    until: datetime
    filed: datetime
    approvers: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleException:
    """Matches of a rule, or of all rules with a tag, that are known to be in order from `since` until before `expires`:
    of a person (by id or account), a department or a title (those given must all agree), every day or between some
    hours of the company's day. `filed` is when it was entered: it explains nothing that happened before without saying
    so. `owner` answers for it."""

    id: str
    rule: str = ""
    tag: str = ""
    person: str = ""
    department: str = ""
    title: str = ""
    hours: str = ""
    reason: str
    owner: str
    since: datetime
    expires: datetime
    filed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An exception that a decision speaks for: somebody may add it, nothing adds it by itself."""

    rule: str
    person: str
    case: str
    reason: str
    alerts: int


def keys_of(person: str) -> tuple[str, ...]:
    """Every account that an id, an account, a mail address, an employee number or a login may stand for."""
    return (person, *(f"{realm}:{person.lower()}" for realm in ("mail", "employee", "login")))


def hours_of(text: str) -> tuple[time, time] | None:
    """The two ends of `22:00-06:00`, which may lie on both sides of midnight; None for no restriction. Raises
    `ValueError`."""
    if not text:
        return None
    start, _, end = text.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)
