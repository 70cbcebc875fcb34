"""The list of cases to work on, and what is done with many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from access.lens import Lens
from access.permissions import sees_every_case
from api.caller import needs
from api.filters import CaseFilter, wanted
from api.foundcases import as_shown
from api.paging import Page, page, place
from api.problems import Problem, answers
from api.routes.triage import Assignment, Move, Verdict, assigned, decision, moved
from api.routing import Router
from api.shop import InShop, Shop
from api.texts import Reason, Tag, read_tag
from api.worked import OnCase, WorkedCase, seen_case, visible, worked_cases
from core.access import Caller, Permission
from core.canonical import moment_text
from core.case import Case
from core.errors import BadQuery, Refused, Stale
from core.triage import Because, Change, Decision, Wanted

router = Router(prefix="/api/v1/worklist", tags=["triage"], responses=answers(401, 403, 422, 503))
AT_ONCE = 500
MOST_HIDDEN = 1_000
"""Cases of one search that were found by words that are not shown."""
MOST = 200


class Asked(CaseFilter):
    """A filter and a page of the list."""

    limit: int = Field(default=100, ge=1, le=500)
    after: str | None = Field(default=None, max_length=500)


class Assign(Assignment):
    do: Literal["assign"]


class MoveAll(Move):
    do: Literal["move"]


class DecideBenign(BaseModel):
    """Of many cases at once only benign can be decided, for one reason."""

    model_config = ConfigDict(extra="forbid")
    do: Literal["decide_benign"]
    because: Because
    reason: Reason


class Seen(BaseModel):
    """A case, and the tag of what was seen of it."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    tag: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Bulk(BaseModel):
    """One thing to be done with several cases; with `together` with all of them or none."""

    model_config = ConfigDict(extra="forbid")
    act: Annotated[Assign | MoveAll | DecideBenign, Field(discriminator="do")]
    cases: list[Seen] = Field(min_length=1, max_length=MOST)
    together: bool = False


class Outcome(BaseModel):
    """What became of one of the cases: `done`, `not-done` because another one of them could not be, or why not."""

    id: str
    code: str
    detail: str = ""
    tag: str | None = None


class BulkAnswer(BaseModel):
    """What became of each, in the order given, and of how many it was done."""

    done: int
    cases: list[Outcome]


@router.get("", operation_id="list_work")
def worklist(
    shop: InShop,
    asked: Annotated[Asked, Query()],
    caller: Caller = needs(Permission.READ_CASES),
) -> Page[WorkedCase]:
    """Cases, the newest first; of those that are worked on together the one that leads."""
    lens = shop.lens(caller)
    found = wanted(asked, caller, shop.book, handed_over=not sees_every_case(caller))
    departments = frozenset(one.casefold() for one in asked.departments)
    key = place(asked.after, (str, str))
    cases: list[Case] = []
    for case in _visible(shop, lens, found, _moment(key), asked.limit + 1):
        if departments and lens.directory.person(case.person).department.casefold() not in departments:
            continue
        cases.append(case)
        if len(cases) > asked.limit:
            break
    some, following = page(cases, asked.limit, lambda case: (moment_text(case.opened), case.id))
    shop.looks.note(lens, "cases", (one for case in some for one in (case.id, case.person)))
    return Page(items=worked_cases(shop, lens, some), next=following)


@router.post("/bulk", operation_id="work_on_many", responses=answers(409, 412))
def bulk(shop: InShop, body: Bulk, caller: Caller = needs(Permission.WORK_CASES)) -> BulkAnswer:
    """Assign, move, or decide as benign several cases. Each is answered for on its own."""
    if isinstance(body.act, DecideBenign) and not caller.may(Permission.DECIDE_CASES):
        raise Problem(403, "forbidden", "this needs the permission cases:decide")
    if len({one.id for one in body.cases}) < len(body.cases):
        raise BadQuery("a case is named twice")
    lens = shop.lens(caller)
    tried = [_tried(shop, lens, one, body) for one in body.cases]
    failed = {one.id: one for one in tried if isinstance(one, Outcome)}
    if body.together and failed:
        failed = {one.id: Outcome(id=one.id, code="not-done") for one in body.cases} | failed
    elif body.together:
        _take(shop, [one for one in tried if not isinstance(one, Outcome)])
    done = [one.id for one in body.cases if one.id not in failed]
    tags = {view.id: view.work.tag for view in worked_cases(shop, lens, _cases(shop, done))}
    shop.looks.note(lens, "cases", done)
    told = [failed.get(one.id) or Outcome(id=one.id, code="done", tag=tags.get(one.id)) for one in body.cases]
    return BulkAnswer(done=len(done), cases=told)


def _visible(shop: Shop, lens: Lens, found: Wanted, after: tuple[datetime, str] | None, most: int) -> Iterator[Case]:
    """Those of the cases that the caller may see, and finds in what they are shown, read a little at a time: first as
    many as are wanted. Raises `BadQuery` where much more is hidden from them than they find."""
    hidden = 0
    while some := shop.records.worklist(found, after, most):
        seen = visible(shop, lens, some)
        shown = as_shown(shop, lens, seen, found.terms)
        yield from shown
        # To go on from a page that is not full would tell where something is hidden.
        hidden += len(seen) - len(shown)
        if hidden > MOST_HIDDEN:
            raise BadQuery("these words are mostly where they are not shown to you: narrow the list down")
        if len(some) < most:
            return
        after, most = (some[-1].opened, some[-1].id), AT_ONCE


def _moment(key: tuple[str | int | float, ...] | None) -> tuple[datetime, str] | None:
    if key is None:
        return None
    try:
        return datetime.fromisoformat(str(key[0])).astimezone(UTC), str(key[1])
    except (ValueError, OverflowError):
        raise Problem(422, "bad-cursor", "after is not what an answer gave as next") from None


def _step(shop: Shop, on: OnCase, seen: Tag, act: Assign | MoveAll | DecideBenign) -> Change | Decision:
    if isinstance(act, Assign):
        return assigned(shop, on, seen, act)
    if isinstance(act, MoveAll):
        return moved(on, seen, act)
    return decision(on, seen, Verdict(verdict="benign", because=act.because, reason=act.reason))


def _take(shop: Shop, steps: Sequence[Change | Decision]) -> None:
    if changes := [one for one in steps if isinstance(one, Change)]:
        shop.records.change(changes)
    if decisions := [one for one in steps if isinstance(one, Decision)]:
        shop.records.decide_all(decisions)


def _tried(shop: Shop, lens: Lens, one: Seen, body: Bulk) -> Change | Decision | Outcome:
    """The step of one case, taken already where each is for itself; or what went wrong."""
    try:
        on, seen = seen_case(shop, lens.caller, one.id, lens), read_tag(one.tag)
        step = _step(shop, on, seen, body.act)
        if not body.together:
            _take(shop, [step])
    except Problem as problem:
        return Outcome(id=one.id, code=problem.code, detail=problem.detail)
    except Stale as problem:
        return Outcome(id=one.id, code="changed-since", detail=str(problem))
    except BadQuery as problem:
        return Outcome(id=one.id, code="bad-query", detail=str(problem))
    except Refused as problem:
        return Outcome(id=one.id, code="refused", detail=str(problem))
    return step


def _cases(shop: Shop, ids: list[str]) -> list[Case]:
    return [case for one in ids if (case := shop.records.case(one))]
