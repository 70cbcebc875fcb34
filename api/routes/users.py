"""Users: who they are here and what they may do. Nothing of anybody who is watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from access.noting import changed, rights
from access.roles import check_roles
from access.tokens import digest_of, new_token
from api.caller import needs
from api.paging import After, Limit, Page, page, place
from api.problems import answers, not_found
from api.routes.login import AtEntrance, UserName
from api.routing import Router
from api.shapes import Language
from api.shop import InShop
from core.access import Caller, Permission, Role, Scope
from core.errors import Refused
from core.users import Invitation, User

INVITED = timedelta(hours=24)
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Words = Annotated[frozenset[Word], Field(max_length=200)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=320, pattern=r"^[^\s@]*(@[^\s@]+)?$")]
Roles = Annotated[frozenset[Role], Field(min_length=1)]


class UserView(BaseModel):
    """A user. No departments: those of all; `known_as_employee` says whether leaverwatch knows which employee that is,
    whom (and whose managers) it never shows to the user. `provider` says that an identity provider gives the roles."""

    name: str
    roles: list[Role]
    departments: list[str]
    countries: list[str]
    email: str
    language: Language
    created: datetime
    disabled: bool
    disabled_by: str
    provider: bool
    known_as_employee: bool
    second_factor: bool


class NewUser(BaseModel):
    """By the e-mail address it is known which employee a user is."""

    model_config = ConfigDict(extra="forbid")

    name: UserName
    roles: Roles
    departments: Words = frozenset()
    countries: Words = frozenset()
    email: Email = ""
    language: Language = "en"


class ChangedUser(BaseModel):
    """What is null stays as it is."""

    model_config = ConfigDict(extra="forbid")

    roles: Roles | None = None
    departments: Words | None = None
    countries: Words | None = None
    email: Email | None = None
    language: Language | None = None
    disabled: bool | None = None


class InvitationView(BaseModel):
    """For the user alone: `token` goes, once, to /api/v1/invited with the password that they choose."""

    token: str
    expires: datetime


class UserMade(BaseModel):
    """A new user; a service is not invited, since it logs in with keys alone."""

    user: UserView
    invitation: InvitationView | None


router = Router(prefix="/api/v1/users", tags=["users"], responses=answers(401, 403, 503))


@router.get("", operation_id="list_users", responses=answers(422))
def list_users(
    shop: InShop, limit: Limit = 100, after: After = None, _: Caller = needs(Permission.MANAGE_USERS)
) -> Page[UserView]:
    """All users, by name."""
    at = place(after, (str,))
    found, following = page(shop.records.users(str(at[0]) if at else "", limit + 1), limit, lambda one: (one.name,))
    return Page(items=[_view(user) for user in found], next=following)


@router.post("", operation_id="make_user", status_code=201, responses=answers(409, 422))
def make_user(
    response: Response,
    shop: InShop,
    entrance: AtEntrance,
    body: NewUser,
    caller: Caller = needs(Permission.MANAGE_USERS),
) -> UserMade:
    """A user, and the link by which they choose a password."""
    check_roles(body.roles)
    at = entrance.gate.clock()
    scope = Scope(departments=body.departments, countries=body.countries)
    user = User(name=body.name, roles=body.roles, created=at, scope=scope, email=body.email, language=body.language)
    shop.records.add_user(user, changed(caller.name, user.name, at, "added", **rights(user)))
    invitation = None if Role.SERVICE in user.roles else _invite(shop, user, caller, at)
    response.headers["Cache-Control"] = "no-store"
    return UserMade(user=_view(user), invitation=invitation)


@router.get("/{name}", operation_id="get_user", responses=answers(404))
def get_user(shop: InShop, name: str, _: Caller = needs(Permission.MANAGE_USERS)) -> UserView:
    """One user."""
    return _view(_known(shop, name))


@router.patch("/{name}", operation_id="change_user", responses=answers(404, 409, 422))
def change_user(
    shop: InShop,
    entrance: AtEntrance,
    name: str,
    body: ChangedUser,
    caller: Caller = needs(Permission.MANAGE_USERS),
) -> UserView:
    """Change a user; their sessions end where what they may do changes. Nobody changes what they themselves may do, and
    there is always an admin. Users are disabled and never deleted: the audit log names them."""
    _known(shop, name)
    given = body.model_dump(exclude_none=True)
    if name == caller.name and given.keys() & {"roles", "departments", "countries", "disabled"}:
        raise Refused("nobody changes what they themselves may do")
    at = entrance.gate.clock()
    user = shop.records.change_user(
        name,
        lambda one: _changed(one, body, caller.name, entrance.gate.person_of),
        lambda one: changed(caller.name, name, at, "changed", fields=sorted(given), **rights(one)),
    )
    return _view(user)


@router.post("/{name}/invitation", operation_id="invite_user", status_code=201, responses=answers(404, 409))
def invite(
    response: Response,
    shop: InShop,
    entrance: AtEntrance,
    name: str,
    caller: Caller = needs(Permission.MANAGE_USERS),
) -> InvitationView:
    """Another link for choosing a password, for somebody who lost it; one handed out before does not work any more.
    The user is told. Once it is used, their sessions and keys end; the second factor stays, and using the link needs
    it."""
    user = _known(shop, name)
    if user.issuer or user.roles == {Role.SERVICE}:
        raise Refused(f"{user.name} does not log in with a password")
    if user.name == caller.name:
        raise Refused("one's own password is changed with the one that is")
    if user.disabled:
        raise Refused(f"{user.name} is shut out, and could not be told: let them in first")
    response.headers["Cache-Control"] = "no-store"
    return _invite(shop, user, caller, entrance.gate.clock())


@router.delete("/{name}/sessions", operation_id="end_sessions_of_user", status_code=204, responses=answers(404))
def end_sessions(
    shop: InShop, entrance: AtEntrance, name: str, caller: Caller = needs(Permission.MANAGE_USERS)
) -> None:
    """Log a user out everywhere."""
    user = _known(shop, name)
    noted = changed(caller.name, user.name, entrance.gate.clock(), "all sessions ended")
    shop.records.end_sessions(user.name, noted)


@router.delete(
    "/{name}/totp", operation_id="remove_second_factor_of_user", status_code=204, responses=answers(404, 409)
)
def remove_second_factor(
    shop: InShop, entrance: AtEntrance, name: str, caller: Caller = needs(Permission.MANAGE_USERS)
) -> None:
    """Take away the second factor of somebody who lost it with its codes. They are told, and all their sessions end."""
    user, at = _known(shop, name), entrance.gate.clock()
    if user.name == caller.name:
        raise Refused("one's own second factor is removed with the password")
    shop.records.set_totp(
        user.name, "", [], confirmed=False, noted=changed(caller.name, user.name, at, "second factor off")
    )
    shop.records.end_sessions(user.name, changed(caller.name, user.name, at, "all sessions ended"))


def _changed(user: User, body: ChangedUser, by: str, person_of: Callable[[str], str]) -> User:
    if user.issuer and body.roles is not None:
        raise Refused("the identity provider gives this user's roles")
    departments = user.scope.departments if body.departments is None else body.departments
    countries = user.scope.countries if body.countries is None else body.countries
    email = user.email if body.email is None else body.email
    disabled_by = user.disabled_by if body.disabled is None else by if body.disabled else ""
    roles = user.roles if body.roles is None else body.roles
    if not disabled_by:
        check_roles(roles)
    return replace(
        user,
        roles=roles,
        scope=Scope(departments=departments, countries=countries),
        email=email,
        # Another address may be another employee's.
        person=user.person if email == user.email else person_of(email),
        language=body.language or user.language,
        disabled_by=disabled_by,
    )


def _invite(shop: InShop, user: User, caller: Caller, at: datetime) -> InvitationView:
    token, expires = new_token(), at + INVITED
    what = "link for another password" if shop.records.credentials(user.name).password else "invited"
    noted = changed(caller.name, user.name, at, what)
    link = Invitation(digest=digest_of(token), user=user.name, expires=expires, made_by=caller.name)
    shop.records.invite(link, noted)
    return InvitationView(token=token, expires=expires)


def _known(shop: InShop, name: str) -> User:
    user = shop.records.user(name)
    if user is None:
        raise not_found("user")
    return user


def _view(user: User) -> UserView:
    return UserView(
        name=user.name,
        roles=sorted(user.roles),
        departments=sorted(user.scope.departments),
        countries=sorted(user.scope.countries),
        email=user.email,
        language=user.language,
        created=user.created,
        disabled=user.disabled,
        disabled_by=user.disabled_by,
        provider=bool(user.issuer),
        known_as_employee=bool(user.person),
        second_factor=user.second_factor,
    )
