"""Tasks and comments of a case."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict

from api.caller import needs
from api.etags import tagged
from api.paging import After, Limit, Page, page, place
from api.problems import Problem, answers, not_found
from api.routing import Router
from api.shop import InShop, Shop, now
from api.texts import Comment as CommentText
from api.texts import MaybeName, Name, Seen, Time
from api.worked import OnCase, Told, colleague, mentioned, seen_case, told_on
from cases.mentions import mentions
from cases.workflow import CHANGE_COMMENT_WITHIN
from core.access import Caller, Permission
from core.canonical import moment_text
from core.casefiles import Comment, Task
from core.errors import Refused

router = Router(prefix="/api/v1/cases", tags=["triage"], responses=answers(401, 403, 404, 422, 503))
Id = Annotated[str, Path(max_length=200)]
MOST_TASKS = 500


class TaskView(BaseModel):
    """Something to be done for a case. `tag` is given back, as `If-Match`, by whoever changes it."""

    id: str
    title: str
    assignee: str
    due: datetime | None
    done: datetime | None
    done_by: str
    by: str
    at: datetime
    tag: str


class TaskBody(BaseModel):
    """What a task is to be."""

    model_config = ConfigDict(extra="forbid")
    title: Name
    assignee: MaybeName = ""
    due: Time | None = None
    done: bool = False


class CommentView(BaseModel):
    """What somebody wrote. `earlier` are its texts before it was changed or withdrawn."""

    id: str
    text: str
    by: str
    at: datetime
    changed: datetime | None
    withdrawn: bool
    earlier: list[str]


class CommentBody(BaseModel):
    """Plain text; `@name` tells a user who may see the case."""

    model_config = ConfigDict(extra="forbid")
    text: CommentText


V = TypeVar("V", TaskView, CommentView)


@router.get("/{case_id}/tasks", operation_id="list_case_tasks")
def tasks(
    shop: InShop, case_id: Id, after: After = None, limit: Limit = 100, caller: Caller = needs(Permission.READ_CASES)
) -> Page[TaskView]:
    """Tasks of a case, the oldest first."""
    on, told = _looked(shop, caller, case_id, "tasks of a case")
    return _page([_task(one, told) for one in shop.records.tasks(on.case.id)], after, limit)


@router.post("/{case_id}/tasks", operation_id="add_case_task", status_code=201, responses=answers(409))
def add_task(
    shop: InShop, response: Response, case_id: Id, body: TaskBody, caller: Caller = needs(Permission.WORK_CASES)
) -> TaskView:
    """Add a task."""
    on = seen_case(shop, caller, case_id)
    if len(shop.records.tasks(on.case.id)) >= MOST_TASKS:
        raise Refused(f"a case has {MOST_TASKS} tasks at most")
    task = Task(id=secrets.token_hex(8), case=on.case.id, title="", by=caller.name, at=now())
    shop.records.add_task(_filled(shop, on, task, body))
    return _tagged(response, shop, on, task)


@router.put("/{case_id}/tasks/{task_id}", operation_id="change_case_task", responses=answers(409, 412, 428))
def change_task(
    shop: InShop,
    response: Response,
    case_id: Id,
    task_id: Id,
    seen: Seen,
    body: TaskBody,
    caller: Caller = needs(Permission.WORK_CASES),
) -> TaskView:
    """Change a task, or say that it is done."""
    on = seen_case(shop, caller, case_id)
    known = next((one for one in shop.records.tasks(on.case.id) if one.id == task_id), None)
    if known is None:
        raise not_found("task")
    task = replace(_filled(shop, on, known, body), version=seen.version + 1)
    shop.records.change_task(task, at=now(), by=caller.name)
    return _tagged(response, shop, on, task)


@router.get("/{case_id}/comments", operation_id="list_case_comments")
def comments(
    shop: InShop, case_id: Id, after: After = None, limit: Limit = 100, caller: Caller = needs(Permission.READ_CASES)
) -> Page[CommentView]:
    """Comments on a case, the oldest first."""
    on, told = _looked(shop, caller, case_id, "comments on a case")
    return _page([_comment(one, told) for one in shop.records.comments(on.case.id)], after, limit)


@router.post("/{case_id}/comments", operation_id="add_case_comment", status_code=201, responses=answers(409))
def comment(shop: InShop, case_id: Id, body: CommentBody, caller: Caller = needs(Permission.WORK_CASES)) -> CommentView:
    """Write something about a case."""
    on = seen_case(shop, caller, case_id)
    made = Comment(id=secrets.token_hex(8), case=on.case.id, text=body.text, by=caller.name, at=now())
    shop.records.add_comment(made, mentioned(shop, on, mentions(body.text)))
    return _comment(made, told_on(shop, on))


@router.put("/{case_id}/comments/{comment_id}", operation_id="change_case_comment", responses=answers(409))
def change_comment(
    shop: InShop,
    case_id: Id,
    comment_id: Id,
    body: CommentBody,
    caller: Caller = needs(Permission.WORK_CASES),
) -> CommentView:
    """Change what one wrote oneself, for a quarter of an hour. Whom the new text names for the first time is told."""
    on, known = _own(shop, caller, case_id, comment_id)
    told = mentioned(shop, on, mentions(body.text) - mentions(known.text))
    shop.records.change_comment(replace(known, text=body.text), at=now(), to=told)
    return _again(shop, on, comment_id)


@router.delete("/{case_id}/comments/{comment_id}", operation_id="withdraw_case_comment", responses=answers(409))
def withdraw_comment(
    shop: InShop, case_id: Id, comment_id: Id, caller: Caller = needs(Permission.WORK_CASES)
) -> CommentView:
    """Withdraw what one wrote oneself, for a quarter of an hour. It is found no more; that it was there, and what it
    said, is kept."""
    on, known = _own(shop, caller, case_id, comment_id)
    shop.records.change_comment(replace(known, text="", withdrawn=True), at=now())
    return _again(shop, on, comment_id)


def _looked(shop: Shop, caller: Caller, case_id: str, what: str) -> tuple[OnCase, Told]:
    on = seen_case(shop, caller, case_id)
    shop.looks.note(on.lens, what, (on.case.id, on.case.person))
    return on, told_on(shop, on)


def _filled(shop: Shop, on: OnCase, task: Task, body: TaskBody) -> Task:
    if body.assignee and body.assignee != task.assignee:
        colleague(shop, on, body.assignee)
    done = (task.done or now()) if body.done else None
    done_by = (task.done_by or on.lens.caller.name) if body.done else ""
    return replace(task, title=body.title, assignee=body.assignee, due=body.due, done=done, done_by=done_by)


def _own(shop: Shop, caller: Caller, case_id: str, comment_id: str) -> tuple[OnCase, Comment]:
    on = seen_case(shop, caller, case_id)
    known = next((one for one in shop.records.comments(on.case.id) if one.id == comment_id), None)
    if known is None:
        raise not_found("comment")
    if known.by != caller.name:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "only whoever wrote it may change it")
    if now() - known.at > CHANGE_COMMENT_WITHIN:
        raise Refused("a comment can be changed for a quarter of an hour")
    return on, known


def _again(shop: Shop, on: OnCase, comment_id: str) -> CommentView:
    told = told_on(shop, on)
    return next(_comment(one, told) for one in shop.records.comments(on.case.id) if one.id == comment_id)


def _tagged(response: Response, shop: Shop, on: OnCase, task: Task) -> TaskView:
    told = told_on(shop, on)
    view = next(_task(one, told) for one in shop.records.tasks(task.case) if one.id == task.id)
    tagged(response, view.tag)
    return view


def _task(task: Task, told: Told) -> TaskView:
    return TaskView(
        id=task.id,
        title=told(task.by, task.title),
        assignee=task.assignee,
        due=task.due,
        done=task.done,
        done_by=task.done_by,
        by=task.by,
        at=task.at,
        tag=str(task.version),
    )


def _comment(comment: Comment, told: Told) -> CommentView:
    return CommentView(
        id=comment.id,
        text=told(comment.by, comment.text),
        by=comment.by,
        at=comment.at,
        changed=comment.changed,
        withdrawn=comment.withdrawn,
        earlier=[told(comment.by, text) for text in comment.earlier],
    )


def _page(views: Sequence[V], after: str | None, limit: int) -> Page[V]:
    """Those that come after one, in the order in which they were written."""
    key = place(after, (str, str))
    rest = [one for one in views if key is None or (moment_text(one.at), one.id) > key]
    items, following = page(rest, limit, lambda one: (moment_text(one.at), one.id))
    return Page(items=list(items), next=following)
