"""One's own account: password, sessions, keys."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from access.keys import LONGEST_DAYS, allowed, new_key
from access.noting import changed
from access.passwords import LONGEST, check_password
from access.sessions import csrf_token
from api.caller import needs, needs_first
from api.entrance import address_of
from api.problems import answers, not_found
from api.routes.login import AtEntrance, Secret
from api.routing import Router
from api.shapes import Language
from api.shop import InShop
from core.access import Caller, Permission, Role
from core.errors import Refused
from core.users import Key, Session, User

Purpose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Me(BaseModel):
    """Who calls and what they may do. `csrf_token` is null for a caller without a cookie; `way` in this session is
    `password` or a provider's name."""

    name: str
    roles: list[Role]
    permissions: list[Permission]
    departments: list[str]
    countries: list[str]
    email: str
    language: Language
    second_factor: bool
    csrf_token: str | None


class NewPassword(BaseModel):
    """The password that is, and the one that is to be."""

    model_config = ConfigDict(extra="forbid")

    current: Secret
    new: Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)]


class SessionView(BaseModel):
    """A login that lasts."""

    id: str
    opened: datetime
    seen: datetime
    way: str
    address: str
    this: bool


class KeyView(BaseModel):
    """A key: all but the key itself."""

    id: str
    user: str
    purpose: str
    permissions: list[Permission]
    created: datetime
    expires: datetime
    used: datetime | None
    revoked: datetime | None


class KeyAsked(BaseModel):
    """What a key is for, what it may do (null: all that its owner may do by key), and for how long."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    permissions: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))] | None = None
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)]


class KeyMade(BaseModel):
    """The key is shown now and never again."""

    key: str
    made: KeyView


router = Router(prefix="/api/v1/me", tags=["account"], responses=answers(401, 403, 404, 503))


def _user(shop: InShop, caller: Caller = needs(Permission.OWN_ACCOUNT)) -> User:
    user = shop.records.user(caller.name)
    if user is None:
        raise not_found("user")
    return user


def _user_first(shop: InShop, caller: Caller = needs_first(Permission.OWN_ACCOUNT)) -> User:
    return _user(shop, caller)


Mine = Annotated[User, Depends(_user)]
MineFirst = Annotated[User, Depends(_user_first)]
"""Also of those who have to set up a second factor first."""


@router.get("", operation_id="get_me")
def get_me(
    request: Request,
    entrance: AtEntrance,
    user: MineFirst,
    caller: Caller = needs_first(Permission.OWN_ACCOUNT),
) -> Me:
    """Who calls, and what they may do."""
    return Me(
        name=user.name,
        roles=sorted(user.roles),
        permissions=sorted(caller.permissions),
        departments=sorted(user.scope.departments),
        countries=sorted(user.scope.countries),
        email=user.email,
        language=user.language,
        second_factor=user.second_factor,
        csrf_token=csrf_token(cookie) if (cookie := entrance.cookie_of(request)) else None,
    )


@router.put("/password", operation_id="change_password", status_code=204, responses=answers(409, 422))
def change_password(request: Request, shop: InShop, entrance: AtEntrance, user: Mine, body: NewPassword) -> Response:
    """Change the password. All sessions end, this one too: log in again."""
    gate, new = entrance.gate, body.new.get_secret_value()
    has_password(user)
    check_password(new, user.name)
    gate.confirm(user, body.current.get_secret_value(), address_of(request))
    noted = changed(user.name, user.name, gate.clock(), "password")
    shop.records.set_password(user.name, gate.hasher.hash(new), noted)
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    entrance.part(response)
    return response


@router.get("/sessions", operation_id="list_own_sessions")
def sessions(request: Request, shop: InShop, user: Mine) -> list[SessionView]:
    """Where one is logged in."""
    return [_session_view(one, _this(request)) for one in shop.records.sessions(user.name)]


@router.delete("/sessions", operation_id="end_own_sessions", status_code=204)
def end_sessions(request: Request, shop: InShop, entrance: AtEntrance, user: Mine) -> None:
    """Log out everywhere but here."""
    end_others(request, shop, entrance, user)


@router.delete("/sessions/{session_id}", operation_id="end_own_session", status_code=204)
def end_session(shop: InShop, entrance: AtEntrance, user: Mine, session_id: str) -> None:
    """Log out there."""
    noted = changed(user.name, user.name, entrance.gate.clock(), "session ended")
    if not shop.records.end_sessions(user.name, noted, only=session_id):
        raise not_found("session")


@router.get("/keys", operation_id="list_own_keys")
def keys(shop: InShop, user: Mine) -> list[KeyView]:
    """One's own keys."""
    return [key_view(key) for key in shop.records.keys_of(user.name)]


@router.post("/keys", operation_id="make_own_key", status_code=201, responses=answers(409, 422))
def make_key(response: Response, shop: InShop, entrance: AtEntrance, user: Mine, body: KeyAsked) -> KeyMade:
    """A key for a program that acts in one's own name."""
    response.headers["Cache-Control"] = "no-store"
    return key_made(shop, user, body, user.name, entrance.gate.clock())


@router.delete("/keys/{key_id}", operation_id="revoke_own_key", status_code=204)
def revoke_key(shop: InShop, entrance: AtEntrance, user: Mine, key_id: str) -> None:
    """Make a key useless."""
    found = shop.records.key(key_id)
    at = entrance.gate.clock()
    noted = changed(user.name, user.name, at, "key revoked", key=key_id)
    if found is None or found[0].user != user.name or not shop.records.revoke_key(key_id, at, noted):
        raise not_found("key")


def key_made(shop: InShop, owner: User, asked: KeyAsked, by: str, at: datetime) -> KeyMade:
    """Make a key in a user's name."""
    permissions = allowed(owner) if asked.permissions is None else asked.permissions
    key, text = new_key(owner, asked.purpose, permissions, asked.days, at)
    noted = changed(by, owner.name, at, "key made", key=key.id, permissions=sorted(key.permissions), days=asked.days)
    shop.records.add_key(key, noted)
    return KeyMade(key=text, made=key_view(key))


def key_view(key: Key) -> KeyView:
    """A key as a document."""
    return KeyView(
        id=key.id,
        user=key.user,
        purpose=key.purpose,
        permissions=sorted(key.permissions),
        created=key.created,
        expires=key.expires,
        used=key.used,
        revoked=key.revoked,
    )


def _session_view(session: Session, this: str) -> SessionView:
    return SessionView(
        id=session.id,
        opened=session.opened,
        seen=session.seen,
        way=session.way,
        address=session.address,
        this=session.id == this,
    )


def _this(request: Request) -> str:
    session: str = getattr(request.state, "session", "")
    return session


def end_others(request: Request, shop: InShop, entrance: AtEntrance, user: User) -> None:
    """End all of a user's sessions but this one."""
    noted = changed(user.name, user.name, entrance.gate.clock(), "other sessions ended")
    shop.records.end_sessions(user.name, noted, but=_this(request))


def has_password(user: User) -> None:
    """Raises `Refused` where they prove who they are elsewhere."""
    if user.issuer:
        raise Refused("passwords and second factors of this user are the identity provider's")
