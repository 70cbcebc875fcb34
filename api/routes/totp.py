"""The second factor of one's own account."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from access.noting import changed
from access.totp import new_secret, provisioning_uri, recovery_codes, recovery_digest, step_of
from api.entrance import address_of
from api.problems import answers
from api.routes.login import AtEntrance, Secret
from api.routes.me import Mine, MineFirst, end_others, has_password
from api.routing import Router
from api.shop import InShop
from core.errors import Refused
from core.users import totp_of

router = Router(prefix="/api/v1/me/totp", tags=["account"], responses=answers(401, 403, 404, 503))


class WithPassword(BaseModel):
    """The password, shown once more."""

    model_config = ConfigDict(extra="forbid")

    password: Secret


class Enrolled(BaseModel):
    """What an authenticator app is given; it counts once a code of it was confirmed."""

    secret: str
    uri: str


class Code(BaseModel):
    """A code of the authenticator app."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{6}$")]


class RecoveryCodes(BaseModel):
    """Each takes the place of a code once, when the app is lost. They are shown now and never again."""

    codes: list[str]


@router.post("", operation_id="enrol_second_factor", responses=answers(409, 422))
def enrol(
    request: Request, response: Response, shop: InShop, entrance: AtEntrance, user: MineFirst, body: WithPassword
) -> Enrolled:
    """Begin with a second factor. One that is in use has to be removed first."""
    gate = entrance.gate
    has_password(user)
    gate.confirm(user, body.password.get_secret_value(), address_of(request))
    if user.second_factor:
        raise Refused("there is a second factor already: remove it first")
    secret = new_secret()
    noted = changed(user.name, user.name, gate.clock(), "second factor begun")
    sealed = gate.sealer.seal(secret, totp_of(user.name))
    shop.records.set_totp(user.name, sealed, [], confirmed=False, noted=noted)
    response.headers["Cache-Control"] = "no-store"
    return Enrolled(secret=secret, uri=provisioning_uri(secret, user.name))


@router.post("/confirm", operation_id="confirm_second_factor", responses=answers(409, 422))
def confirm(
    request: Request, response: Response, shop: InShop, entrance: AtEntrance, user: MineFirst, body: Code
) -> RecoveryCodes:
    """Show that the app has the secret; from now on every login asks for a code. Other sessions end."""
    gate = entrance.gate
    kept, secret = gate.second_factor_of(user)
    if not secret or kept.confirmed:
        raise Refused("no second factor was begun")
    step = step_of(secret, body.code, gate.clock(), kept.step)
    if step is None or not shop.records.use_step(user.name, step):
        raise Refused("the code is not right")
    codes = recovery_codes()
    noted = changed(user.name, user.name, gate.clock(), "second factor on")
    digests = [recovery_digest(code) for code in codes]
    shop.records.set_totp(user.name, kept.totp, digests, confirmed=True, noted=noted)
    end_others(request, shop, entrance, user)
    response.headers["Cache-Control"] = "no-store"
    return RecoveryCodes(codes=codes)


@router.post("/remove", operation_id="remove_second_factor", status_code=204, responses=answers(409, 422))
def remove(request: Request, shop: InShop, entrance: AtEntrance, user: Mine, body: WithPassword) -> None:
    """Do without a second factor, where one's roles let one. Other sessions end."""
    has_password(user)
    if entrance.gate.needs_factor(user):
        raise Refused("your role needs a second factor: an admin takes it away from whoever is to set up another")
    entrance.gate.confirm(user, body.password.get_secret_value(), address_of(request))
    noted = changed(user.name, user.name, entrance.gate.clock(), "second factor off")
    shop.records.set_totp(user.name, "", [], confirmed=False, noted=noted)
    end_others(request, shop, entrance, user)
