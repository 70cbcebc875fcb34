"""Everybody's keys, for who looks after them."""

from __future__ import annotations

from fastapi import Response

from access.keys import may_have_key_made
from access.noting import changed
from api.caller import needs
from api.paging import After, Limit, Page, page, place
from api.problems import answers, not_found
from api.routes.login import AtEntrance, UserName
from api.routes.me import KeyAsked, KeyMade, KeyView, key_made, key_view
from api.routing import Router
from api.shop import InShop
from core.access import Caller, Permission
from core.errors import Refused

router = Router(prefix="/api/v1/keys", tags=["users"], responses=answers(401, 403, 503))


class ServiceKeyAsked(KeyAsked):
    """Whose key it is to be: a service's."""

    user: UserName


@router.get("", operation_id="list_keys", responses=answers(422))
def list_keys(
    shop: InShop, limit: Limit = 100, after: After = None, _: Caller = needs(Permission.MANAGE_KEYS)
) -> Page[KeyView]:
    """All keys, also those that are revoked or over."""
    at = place(after, (str,))
    keys = shop.records.keys_of(after=str(at[0]) if at else "", most=limit + 1)
    found, following = page(keys, limit, lambda one: (one.id,))
    return Page(items=[key_view(key) for key in found], next=following)


@router.post("", operation_id="make_key", status_code=201, responses=answers(404, 409, 422))
def make_key(
    response: Response,
    shop: InShop,
    entrance: AtEntrance,
    body: ServiceKeyAsked,
    caller: Caller = needs(Permission.MANAGE_KEYS),
) -> KeyMade:
    """A key for a service. People make their own: a key acts as its owner."""
    owner = shop.records.user(body.user)
    if owner is None:
        raise not_found("user")
    if not may_have_key_made(owner):
        raise Refused(f"{owner.name} is no service: people make their own keys")
    response.headers["Cache-Control"] = "no-store"
    return key_made(shop, owner, body, caller.name, entrance.gate.clock())


@router.delete("/{key_id}", operation_id="revoke_key", status_code=204, responses=answers(404))
def revoke_key(shop: InShop, entrance: AtEntrance, key_id: str, caller: Caller = needs(Permission.MANAGE_KEYS)) -> None:
    """Make anybody's key useless."""
    found, at = shop.records.key(key_id), entrance.gate.clock()
    owner = found[0].user if found else ""
    noted = changed(caller.name, owner, at, "key revoked", key=key_id)
    if found is None or not shop.records.revoke_key(key_id, at, noted):
        raise not_found("key")
