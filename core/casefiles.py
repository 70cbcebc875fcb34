"""What lies with cases: tasks, comments, attachments; and the filters that people keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    id: str
    case: str
    title: str
    by: str
    at: datetime
    assignee: str = ""
    due: datetime | None = None
    done: datetime | None = None
    done_by: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """`changed` is when its text was changed or it was withdrawn; `earlier` are its texts until then, oldest first."""

    id: str
    case: str
    text: str
    by: str
    at: datetime
    changed: datetime | None = None
    withdrawn: bool = False
    earlier: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file somebody added, without its bytes. `kind` is what it was recognised as."""

    id: str
    case: str
    name: str
    kind: str
    size: int
    sha256: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a case is found by: the text of a comment, the title of a task or the name of a file."""

    case: str
    by: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """A filter of the list of cases that somebody keeps; shared with a role where one is named."""

    id: str
    name: str
    owner: str
    role: str
    filter: Mapping[str, Any]
    columns: Sequence[str]
    version: int = 1


class CaseFiles(Protocol):
    """What lies with cases. Whatever changes is noted in the audit log and told, in the same transaction."""

    def add_task(self, task: Task) -> None: ...

    def change_task(self, task: Task, *, at: datetime, by: str) -> None:
        """Raises `Stale` unless `task.version` follows the newest."""

    def tasks(self, case: str) -> Sequence[Task]:
        """Ordered by (at, id)."""

    def add_comment(self, comment: Comment, to: Sequence[str] = ()) -> None:
        """`to` are those who are told."""

    def change_comment(self, comment: Comment, *, at: datetime, to: Sequence[str] = ()) -> None:
        """Another text, or withdrawn; what it was is kept."""

    def comments(self, case: str) -> Sequence[Comment]:
        """Ordered by (at, id), withdrawn ones too."""

    def attach(self, attachment: Attachment, data: bytes, most: int) -> None:
        """Raises `Refused` where the case would hold more than so many bytes."""

    def attachments(self, case: str) -> Sequence[Attachment]:
        """Ordered by (at, id)."""

    def attached(self, attachment: Attachment) -> bytes: ...

    def written(self, cases: Collection[str], terms: Sequence[frozenset[str]]) -> Sequence[Written]:
        """What lies with these cases and has all words of one of the terms, in no order."""

    def save_view(self, view: SavedView) -> None:
        """Added with version 1. Raises `Stale` unless its version follows the newest."""

    def drop_view(self, view: SavedView) -> None: ...

    def views(self) -> Sequence[SavedView]:
        """Ordered by (name, id)."""
