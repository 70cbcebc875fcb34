"""Coming in: by password, from an identity provider, by a link that works once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from access.gate import Denied, Opened
from access.noting import changed, rights
from access.passwords import LONGEST, check_password
from access.sessions import csrf_token
from access.tokens import digest_of
from api.caller import BEARER, needs_first
from api.entrance import Entrance, address_of
from api.problems import Problem, answers, not_found
from api.routing import Router
from api.shop import InShop
from core.access import Caller, Permission, Role
from core.errors import Refused
from core.users import User

AFTER_LOGIN = "/api/v1/me"
Secret = Annotated[SecretStr, Field(min_length=1, max_length=1_000)]
TotpCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]
UserName = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")
]
"""Is kept in small letters (`core.users.NAME`)."""


class Login(BaseModel):
    """`code` is that of the second factor, or one of those for when it is lost; empty where there is none."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    password: Secret
    code: TotpCode = ""


class LoggedIn(BaseModel):
    """`csrf_token` goes into the header X-CSRF-Token of every request that changes something."""

    name: str
    roles: list[Role]
    csrf_token: str


class Ways(BaseModel):
    """How one logs in here: `providers` are those of /api/v1/login/oidc/{provider}; `first_admin` says that there is
    nobody yet."""

    password: bool = True
    providers: list[str]
    first_admin: bool


class FirstAdmin(BaseModel):
    """`token` is what `leaverwatch serve` printed."""

    model_config = ConfigDict(extra="forbid")

    token: Secret
    name: UserName
    password: Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)]


class Invited(BaseModel):
    """`token` is what the admin was given for somebody; `code` is that of the second factor, or one of those for when
    it is lost; empty where there is none."""

    model_config = ConfigDict(extra="forbid")

    token: Secret
    password: Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)]
    code: TotpCode = ""


class Named(BaseModel):
    """Whose link it was."""

    name: str


def entrance_of(shop: InShop) -> Entrance:
    """Where people come in."""
    if shop.entrance is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-logins", "nobody logs in here")
    return shop.entrance


def _same_site(request: Request) -> None:
    # A browser says where a request comes from; another site must not log anybody in as somebody it chose.
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Problem(HTTPStatus.FORBIDDEN, "cross-site", "the request comes from another site")


AtEntrance = Annotated[Entrance, Depends(entrance_of)]
router = Router(prefix="/api/v1", tags=["login"], responses=answers(503))
same_site = [Depends(_same_site)]


@router.get("/login/ways", operation_id="login_ways")
def ways(shop: InShop, entrance: AtEntrance) -> Ways:
    """How one logs in here."""
    return Ways(providers=list(entrance.providers.names()), first_admin=not shop.records.users(most=1))


@router.post("/login", operation_id="login", dependencies=same_site, responses=answers(401, 403, 422))
def login(request: Request, response: Response, entrance: AtEntrance, body: Login) -> LoggedIn:
    """Log in with name, password and the code of the second factor where there is one. Whatever is wrong, the answer
    is the same. The session that the browser had before ends. Whose role needs a second factor and who has none yet can
    do nothing with the session but set one up."""
    try:
        opened = entrance.gate.login(body.name, body.password.get_secret_value(), body.code, address_of(request))
    except Denied:
        raise _denied() from None
    return _welcome(request, response, entrance, opened)


@router.post("/logout", operation_id="logout", status_code=204, responses=answers(401, 403))
def logout(request: Request, entrance: AtEntrance, _: Caller = needs_first(Permission.OWN_ACCOUNT)) -> Response:
    """End this session."""
    entrance.gate.leave(entrance.cookie_of(request))
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    entrance.part(response)
    return response


@router.get(
    "/login/oidc/{provider}",
    operation_id="login_at_provider",
    status_code=303,
    response_class=RedirectResponse,
    responses=answers(404),
)
def at_provider(provider: str, entrance: AtEntrance) -> Response:
    """Send the browser to an identity provider."""
    _known(entrance, provider)
    url, kept = entrance.providers.begin(provider)
    response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    entrance.send_away(response, kept)
    return response


@router.get(
    "/login/oidc/{provider}/callback",
    operation_id="back_from_provider",
    status_code=303,
    response_class=RedirectResponse,
    responses=answers(401, 404, 409),
)
def from_provider(request: Request, provider: str, entrance: AtEntrance) -> Response:
    """Where an identity provider sends the browser back to."""
    _known(entrance, provider)
    kept = request.cookies.get(entrance.oidc_cookie, "")
    came = entrance.providers.finish(provider, kept, dict(request.query_params))
    try:
        opened = entrance.gate.enter(came, address_of(request))
    except Denied:
        raise _denied() from None
    response = RedirectResponse(AFTER_LOGIN, HTTPStatus.SEE_OTHER)
    entrance.took_back(response)
    _welcome(request, response, entrance, opened)
    return response


@router.post("/first-admin", operation_id="first_admin", dependencies=same_site, responses=answers(403, 409, 422))
def first_admin(shop: InShop, entrance: AtEntrance, body: FirstAdmin) -> Named:
    """Make the first admin, by the link that `leaverwatch serve` prints while there are no users. It works once."""
    if shop.records.users(most=1):
        raise Refused("there are users already: an admin makes more")
    at, password = entrance.gate.clock(), body.password.get_secret_value()
    check_password(password, body.name)
    user = User(name=body.name, roles=frozenset({Role.ADMIN}), created=at)
    noted = changed(user.name, user.name, at, "first admin", **rights(user))
    hashed = entrance.gate.hasher.hash(password)
    shop.records.add_first_admin(user, hashed, digest_of(body.token.get_secret_value()), noted)
    return Named(name=user.name)


@router.post("/invited", operation_id="accept_invitation", dependencies=same_site, responses=answers(403, 409, 422))
def invited(request: Request, entrance: AtEntrance, body: Invited) -> Named:
    """Choose a password, by a link that an admin handed out, with the code of the second factor where there is one. It
    works once; all sessions and keys of the user end."""
    given = body.token.get_secret_value(), body.password.get_secret_value(), body.code
    return Named(name=entrance.gate.choose_password(*given, address_of(request)))


def _welcome(request: Request, response: Response, entrance: Entrance, opened: Opened) -> LoggedIn:
    entrance.gate.leave(entrance.cookie_of(request))
    entrance.welcome(response, opened)
    response.headers["Cache-Control"] = "no-store"
    user = entrance.gate.records.user(opened.session.user)
    roles = sorted(user.roles) if user else []
    return LoggedIn(name=opened.session.user, roles=roles, csrf_token=csrf_token(opened.cookie))


def _denied() -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, "login-failed", "name, password or code is wrong", BEARER)


def _known(entrance: Entrance, provider: str) -> None:
    if provider not in entrance.providers.names():
        raise not_found("provider")
