"""Who arrives from an OpenID Connect provider: its token checked, its claims read as a name and roles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from core.access import Role
from core.errors import Refused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a key that only the provider has: neither `none`, nor one that whoever knows the public key makes."""
LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An identity provider: `name` is ours for it, `claim` holds the groups that `roles` turns into roles, `known_by`
    names the claim that a user's name here is made of."""

    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    claim: str
    roles: Mapping[str, Collection[Role]]
    known_by: str
    scopes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Whom a provider says it is, and the roles that its groups stand for."""

    provider: str
    issuer: str
    subject: str
    name: str
    email: str
    roles: frozenset[Role]


def check_id_token(token: str, keys: KeySet, provider: Provider, nonce: str, at: datetime) -> Mapping[str, object]:
    """The claims of an ID token, which has to be the provider's, for us, for this login and still good. Raises
    `Refused`."""
    rules = JWTClaimsRegistry(
        now=int(at.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        rules.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise Refused(f"the provider's token is not good: {type(error).__name__}") from None
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims["nonce"] != nonce or claims.get("azp", None if several else provider.client_id) != provider.client_id:
        raise Refused("the provider's token is not for us")
    return claims


def arrived(claims: Mapping[str, object], provider: Provider) -> Arrived:
    """Who that is. Roles that are mapped from no group are none; a claim may be one text, a list, or lie within others
    (`realm_access.roles`)."""
    groups = _at(claims, provider.claim)
    names = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    roles = {role for name in names if isinstance(name, str) for role in provider.roles.get(name, ())}
    name, email = _at(claims, provider.known_by), claims.get("email")
    return Arrived(
        provider=provider.name,
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        name=name if isinstance(name, str) else "",
        email=email[:320] if isinstance(email, str) else "",
        roles=frozenset(roles),
    )


def _at(claims: Mapping[str, object], path: str) -> object:
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
