"""The directory over SCIM 2.0, for identity providers and HR systems."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Response

from api.caller import needs
from api.desks import HrDesk
from api.leavers import AtDesk
from api.routes.people import unscoped
from api.routing import Router
from api.scim.discovery import MOST, SCHEMAS, SERVICE, USERS, listed
from api.scim.errors import ScimProblem, ScimResponse, ScimRoute, answers, wrong
from api.scim.members import Members, person_of
from api.scim.patch import patched
from api.scim.paths import LONGEST, comparison
from api.scim.resource import Patch, User, UserList, UserView
from api.shop import InShop, Shop
from cases.departures import account_of
from core.access import Caller, Permission
from core.person import Filing, Stage
from core.roster import Member

router = Router(
    prefix="/scim/v2",
    tags=["scim"],
    route_class=ScimRoute,
    default_response_class=ScimResponse,
    responses=answers(400, 401, 403, 503),
)


@router.get("/Users", operation_id="scim_list_users", response_model_exclude_none=True)
def list_users(
    shop: InShop,
    filter: Annotated[str | None, Query(max_length=LONGEST)] = None,
    startIndex: Annotated[int, Query(le=10_000_000)] = 1,
    count: Annotated[int, Query(le=10_000_000)] = 100,
    caller: Caller = needs(Permission.FILE_PEOPLE),
) -> UserList:
    """Users, or the one that a filter `userName eq "..."` or `externalId eq "..."` asks for."""
    unscoped(caller)
    members = _members(shop)
    found = members.all if filter is None else _filtered(members, filter)
    first = max(startIndex, 1) - 1
    shown = found[first : first + min(max(count, 0), MOST)]
    shop.looks.note(shop.lens(caller), "scim users", (one.person.id for one in shown))
    return UserList(
        totalResults=len(found),
        startIndex=first + 1,
        itemsPerPage=len(shown),
        Resources=[members.view(one) for one in shown],
    )


@router.post(
    "/Users",
    operation_id="scim_create_user",
    status_code=201,
    response_model_exclude_none=True,
    responses=answers(409),
)
def create_user(
    shop: InShop, desk: AtDesk, user: User, response: Response, caller: Caller = needs(Permission.FILE_PEOPLE)
) -> UserView:
    """A new employee."""
    unscoped(caller)
    members = _members(shop)
    person, _ = person_of(user, None, members)
    if members.is_taken(person.id):
        raise ScimProblem(HTTPStatus.CONFLICT, "uniqueness", "there is such a user")
    view = _save(shop, desk, caller, user, None)
    response.headers["Location"] = view.meta.location
    return view


@router.get("/Users/{user_id}", operation_id="scim_get_user", response_model_exclude_none=True, responses=answers(404))
def get_user(shop: InShop, user_id: str, caller: Caller = needs(Permission.FILE_PEOPLE)) -> UserView:
    """One User."""
    unscoped(caller)
    members = _members(shop)
    found = _user(members, user_id)
    shop.looks.note(shop.lens(caller), "scim users", [found.person.id])
    return members.view(found)


@router.put(
    "/Users/{user_id}", operation_id="scim_replace_user", response_model_exclude_none=True, responses=answers(404, 409)
)
def replace_user(
    shop: InShop, desk: AtDesk, user_id: str, user: User, caller: Caller = needs(Permission.FILE_PEOPLE)
) -> UserView:
    """A User as it is from now on."""
    unscoped(caller)
    return _save(shop, desk, caller, user, _user(_members(shop), user_id))


@router.patch(
    "/Users/{user_id}", operation_id="scim_change_user", response_model_exclude_none=True, responses=answers(404, 409)
)
def change_user(
    shop: InShop, desk: AtDesk, user_id: str, change: Patch, caller: Caller = needs(Permission.FILE_PEOPLE)
) -> UserView:
    """Some attributes of a User."""
    unscoped(caller)
    members = _members(shop)
    known = _user(members, user_id)
    user = patched(members.view(known), change.Operations)
    return _save(shop, desk, caller, user, known, was=known.person.name)


@router.delete("/Users/{user_id}", operation_id="scim_delete_user", status_code=204, responses=answers(404, 409))
def delete_user(shop: InShop, desk: AtDesk, user_id: str, caller: Caller = needs(Permission.FILE_PEOPLE)) -> Response:
    """All accounts of a User end now. What they did before stays theirs, so the User stays too, no longer active."""
    unscoped(caller)
    members = _members(shop)
    known = _user(members, user_id)
    _save(shop, desk, caller, members.view(known).model_copy(update={"active": False}), known, was=known.person.name)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/ServiceProviderConfig", operation_id="scim_service")
def service(_: Caller = needs(Permission.FILE_PEOPLE)) -> dict[str, Any]:
    """What of SCIM is supported."""
    return SERVICE


@router.get("/ResourceTypes", operation_id="scim_resource_types")
def resource_types(_: Caller = needs(Permission.FILE_PEOPLE)) -> dict[str, Any]:
    """What there is."""
    return listed([USERS])


@router.get("/Schemas", operation_id="scim_schemas")
def schemas(_: Caller = needs(Permission.FILE_PEOPLE)) -> dict[str, Any]:
    """Which attributes are kept."""
    return listed(SCHEMAS)


def _members(shop: Shop) -> Members:
    return Members(shop.records.members(), shop.records.links())


def _user(members: Members, user_id: str) -> Member:
    found = members.get(user_id)
    if found is None:
        raise ScimProblem(HTTPStatus.NOT_FOUND, None, "no such user")
    return found


def _filtered(members: Members, text: str) -> list[Member]:
    name, value = comparison(text)
    if name.lower() == "username":
        return [one for one in members.all if one.user_name.lower() == value.lower()]
    if name.lower() == "externalid":
        return [one for one in members.all if one.external_id == value and value]
    if name.lower() == "id":
        return [one for one in members.all if one.id == value]
    raise wrong("invalidFilter", "users are found by userName, externalId or id")


def _save(shop: Shop, desk: HrDesk, caller: Caller, user: User, known: Member | None, *, was: str = "") -> UserView:
    """Save a User as it is from now on. Who is no longer active has left, where the company says so."""
    person, links = person_of(user, known, _members(shop), was=was)
    blank = Member(person=person, user_name=user.userName)
    member = replace(
        known or blank, person=person, user_name=user.userName, external_id=user.externalId, active=user.active
    )
    now = datetime.now(UTC)
    shop.records.save_member(member, links, by=caller.name, at=now)
    if desk.inactive_is_departure and known and known.active != user.active:
        _departs(shop, desk, caller, member, now)
    members = _members(shop)
    return members.view(_user(members, member.id))


def _departs(shop: Shop, desk: HrDesk, caller: Caller, member: Member, at: datetime) -> None:
    """File that a member left, or came back. Who leaves files by an account that ends at that moment."""
    directory = shop.directory()
    filed = at if member.active else at - timedelta(microseconds=1)
    account = account_of(directory, member.person.id, filed)
    at_work = directory.stage(member.person.id, at) is Stage.ACTIVE
    if account and at_work != member.active:
        last_day = None if member.active else directory.calendar.day_of(at)
        filing = Filing(account=account, filed=filed, last_day=last_day, withdrawn=member.active)
        desk.file([filing], caller.name)
