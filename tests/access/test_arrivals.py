"""ID tokens of identity providers: the provider's own, for us, for this login, still good; or refused."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from access.arrivals import Provider, arrived, check_id_token
from core.access import Role
from core.errors import Refused

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
NOW = int(AT.timestamp())
KEY = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
KEYS = KeySet([KEY])
PROVIDER = Provider(
    name="idp",
    issuer="https://idp.example",
    client_id="leaverwatch",
    client_secret="s3cret-of-the-client",
    claim="groups",
    roles={"soc": [Role.ANALYST], "leads": [Role.SENIOR_ANALYST, Role.AUDITOR]},
    known_by="preferred_username",
    scopes=["openid"],
)
CLAIMS: dict[str, Any] = {
    "iss": "https://idp.example",
    "aud": "leaverwatch",
    "sub": "42",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "n",
    "preferred_username": "li.na",
    "email": "li.na@example.com",
    "groups": ["soc", "others"],
}


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "RS256") -> str:
    return jwt.encode({"alg": algorithm, "kid": "1"}, claims, key, algorithms=[algorithm])


def unsigned(claims: dict[str, Any], header: dict[str, str]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in (header, claims))
    return f"{'.'.join(parts)}."


def test_a_good_token_says_who_somebody_is_and_which_roles_they_have() -> None:
    claims = check_id_token(signed(CLAIMS), KEYS, PROVIDER, "n", AT)
    who = arrived(claims, PROVIDER)
    assert (who.subject, who.name, who.email) == ("42", "li.na", "li.na@example.com")
    assert who.roles == {Role.ANALYST}


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": ["https://idp.example"]},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": None},
        {"aud": ["leaverwatch", "another"]},
        {"azp": "another"},
        {"nonce": "another"},
        {"nonce": ["n", "x"]},
        {"nonce": None},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": NOW + 600},
        {"nbf": NOW + 600},
        {"sub": None},
        {"sub": 42},
    ],
)
def test_a_token_that_is_not_for_this_login_is_refused(change: dict[str, Any]) -> None:
    claims = {name: value for name, value in (CLAIMS | change).items() if value is not None}
    with pytest.raises(Refused):
        check_id_token(signed(claims), KEYS, PROVIDER, "n", AT)


def test_several_audiences_are_good_where_the_token_was_made_for_us() -> None:
    claims = CLAIMS | {"aud": ["leaverwatch", "another"], "azp": "leaverwatch"}
    assert check_id_token(signed(claims), KEYS, PROVIDER, "n", AT)["sub"] == "42"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_a_signature_is_refused(algorithm: str) -> None:
    with pytest.raises(Refused):
        check_id_token(unsigned(CLAIMS, {"alg": algorithm, "kid": "1"}), KEYS, PROVIDER, "n", AT)


@pytest.mark.parametrize(
    "secret",
    [KEY.as_pem(private=False), KEY.as_der(private=False), PROVIDER.client_secret.encode(), b""],
    ids=["public key as PEM", "public key as DER", "client's secret", "nothing"],
)
@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_what_others_know_makes_no_signatures(secret: bytes, algorithm: str) -> None:
    text = unsigned(CLAIMS, {"alg": algorithm, "kid": "1"})
    digest = hmac.digest(secret, text[:-1].encode(), "sha256" if algorithm == "HS256" else "sha512")
    forged = text + base64.urlsafe_b64encode(digest).decode().rstrip("=")
    with pytest.raises(Refused):
        check_id_token(forged, KEYS, PROVIDER, "n", AT)


def test_another_key_under_the_same_name_is_refused() -> None:
    with pytest.raises(Refused):
        check_id_token(signed(CLAIMS, RSAKey.generate_key(2048, {"kid": "1"}, private=True)), KEYS, PROVIDER, "n", AT)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "é.é.é", signed(CLAIMS)[:-3], "a" * 10_000])
def test_what_is_no_token_is_refused_in_a_sentence(token: str) -> None:
    with pytest.raises(Refused, match="the provider's token"):
        check_id_token(token, KEYS, PROVIDER, "n", AT)


@pytest.mark.parametrize(
    ("claims", "path", "roles"),
    [
        ({"groups": "leads"}, "groups", {Role.SENIOR_ANALYST, Role.AUDITOR}),
        ({"realm_access": {"roles": ["soc"]}}, "realm_access.roles", {Role.ANALYST}),
        ({"https://x.example/groups": ["soc"]}, "https://x.example/groups", {Role.ANALYST}),
        ({"groups": ["Soc", "admin", 7, None, {"soc": 1}]}, "groups", set()),
        ({"groups": {"soc": True}}, "groups", set()),
        ({"groups": 7}, "groups.deeper", set()),
        ({}, "groups", set()),
    ],
)
def test_roles_come_from_the_groups_that_are_mapped(claims: dict[str, Any], path: str, roles: set[Role]) -> None:
    assert arrived({"sub": "1", **claims}, replace(PROVIDER, claim=path)).roles == roles


def test_the_clients_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(PROVIDER)
