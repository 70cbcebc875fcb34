"""Filters of the list of work that people keep, for themselves or for a role."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import Path, Response
from pydantic import BaseModel, ConfigDict, Field

from api.caller import needs
from api.etags import tagged
from api.filters import CaseFilter
from api.problems import answers, not_found
from api.routing import Router
from api.shop import InShop, Shop
from api.texts import Name, Seen
from core.access import Caller, Permission, Role
from core.casefiles import SavedView
from core.errors import Refused

router = Router(prefix="/api/v1/worklist/views", tags=["triage"], responses=answers(401, 403, 422, 503))
Id = Annotated[str, Path(max_length=200)]
Column = Literal["person", "state", "found", "severity", "score", "opened", "assignee", "due", "rules", "tasks"]
MOST = 200


class ViewBody(BaseModel):
    """A view: shared with everybody of a role, where one is named, else one's own."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    role: Role | None = None
    filter: CaseFilter = CaseFilter()
    columns: list[Column] = Field(default=[], max_length=20)


class ViewView(ViewBody):
    """A view as it is kept. `mine` says whether the caller may change it; `tag` is given back as `If-Match`."""

    id: str
    owner: str
    mine: bool
    tag: str


@router.get("", operation_id="list_views")
def views(shop: InShop, caller: Caller = needs(Permission.READ_CASES)) -> list[ViewView]:
    """One's own views, and those that are shared with one's roles, by name."""
    return [_view(one, caller) for one in shop.records.views() if _sees(one, caller)]


@router.post("", operation_id="save_view", status_code=201, responses=answers(409))
def add(shop: InShop, body: ViewBody, caller: Caller = needs(Permission.WORK_CASES)) -> ViewView:
    """Keep a view."""
    if sum(one.owner == caller.name for one in shop.records.views()) >= MOST:
        raise Refused(f"nobody keeps more than {MOST} views")
    return _save(shop, caller, body, secrets.token_hex(8), 1)


@router.put("/{view_id}", operation_id="change_view", responses=answers(404, 412, 428))
def change(
    shop: InShop,
    response: Response,
    view_id: Id,
    seen: Seen,
    body: ViewBody,
    caller: Caller = needs(Permission.WORK_CASES),
) -> ViewView:
    """Change a view of one's own."""
    _own(shop, caller, view_id)
    view = _save(shop, caller, body, view_id, seen.version + 1)
    tagged(response, view.tag)
    return view


@router.delete("/{view_id}", operation_id="drop_view", status_code=204, responses=answers(404))
def drop(shop: InShop, view_id: Id, caller: Caller = needs(Permission.WORK_CASES)) -> None:
    """Drop a view of one's own."""
    shop.records.drop_view(_own(shop, caller, view_id))


def _sees(view: SavedView, caller: Caller) -> bool:
    return view.owner == caller.name or view.role in caller.roles


def _own(shop: Shop, caller: Caller, view_id: str) -> SavedView:
    found = next((one for one in shop.records.views() if one.id == view_id and one.owner == caller.name), None)
    if found is None:
        raise not_found("view")
    return found


def _save(shop: Shop, caller: Caller, body: ViewBody, view_id: str, version: int) -> ViewView:
    view = SavedView(
        id=view_id,
        name=body.name,
        owner=caller.name,
        role=body.role or "",
        filter=body.filter.model_dump(mode="json", exclude_defaults=True),
        columns=tuple(body.columns),
        version=version,
    )
    shop.records.save_view(view)
    return _view(view, caller)


def _view(view: SavedView, caller: Caller) -> ViewView:
    return ViewView(
        id=view.id,
        name=view.name,
        role=Role(view.role) if view.role else None,
        filter=CaseFilter.model_validate(view.filter),
        columns=list(view.columns),  # type: ignore[arg-type]  # they were columns when it was saved
        owner=view.owner,
        mine=view.owner == caller.name,
        tag=str(view.version),
    )
