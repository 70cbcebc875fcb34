"""Speaks to OpenID Connect providers: authorization code with PKCE, state and nonce."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from access.arrivals import Arrived, Provider, arrived, check_id_token
from access.sealing import Sealer
from access.tokens import new_token
from api.entrance import OIDC_PATH, OIDC_SECONDS
from core.errors import Damaged, Refused, Unavailable

SECONDS = 10.0
KEPT = "oidc"
LARGEST = 1 << 20


class Providers:
    """Adapter of `api.desks.ProviderDesk`. What a browser keeps while it is away is sealed. Metadata and keys are read
    at each login, so a provider may change its keys whenever it likes."""

    def __init__(
        self, providers: Sequence[Provider], address: str, sealer: Sealer, clock: Callable[[], datetime]
    ) -> None:
        self._providers = {one.name: one for one in providers}
        self._address = address
        self._sealer = sealer
        self._clock = clock

    def names(self) -> Sequence[str]:
        return list(self._providers)

    def begin(self, provider: str) -> tuple[str, str]:
        one = self._providers[provider]
        state, nonce, verifier = new_token(), new_token(), new_token()
        metadata = self._metadata(one)
        with self._client(one, metadata) as client:
            url, _ = client.create_authorization_url(
                _endpoint(one, metadata, "authorization_endpoint"), state=state, nonce=nonce, code_verifier=verifier
            )
        until = (self._clock() + timedelta(seconds=OIDC_SECONDS)).timestamp()
        kept = {"provider": provider, "state": state, "nonce": nonce, "verifier": verifier, "until": until}
        return url, self._sealer.seal(json.dumps(kept), KEPT)

    def finish(self, provider: str, kept: str, answer: Mapping[str, str]) -> Arrived:
        one, began = self._providers[provider], self._began(provider, kept)
        if not compare_digest(answer.get("state", "").encode(), began["state"].encode()):
            raise Refused("this login was not begun here: begin again")
        if answer.get("iss", one.issuer) != one.issuer:
            raise Refused("another provider answered than was asked")
        if not answer.get("code"):
            raise Refused("the provider did not let you in")
        metadata = self._metadata(one)
        token = self._exchange(one, metadata, answer["code"], began["verifier"])
        try:
            keys = KeySet.import_key_set(_json(one, _endpoint(one, metadata, "jwks_uri")))  # type: ignore[arg-type]
        except (JoseError, KeyError, ValueError, TypeError):
            raise Unavailable(f"the provider {one.name} gives no keys that can be read") from None
        return arrived(check_id_token(token, keys, one, began["nonce"], self._clock()), one)

    def _began(self, provider: str, kept: str) -> Mapping[str, str]:
        try:
            began: dict[str, Any] = json.loads(self._sealer.open(kept, KEPT))
        except Damaged:
            raise Refused("this login was not begun in this browser: begin again") from None
        if began["provider"] != provider or self._clock().timestamp() > began["until"]:
            raise Refused("this login was begun too long ago: begin again")
        return began

    def _exchange(self, one: Provider, metadata: Mapping[str, object], code: str, verifier: str) -> str:
        try:
            with self._client(one, metadata) as client:
                token = client.fetch_token(
                    _endpoint(one, metadata, "token_endpoint"),
                    code=code,
                    code_verifier=verifier,
                    grant_type="authorization_code",
                )
        except (httpx2.HTTPError, AuthlibBaseError, ValueError) as error:
            raise Unavailable(f"the provider {one.name} gave no token: {type(error).__name__}") from None
        found = token.get("id_token")
        if not isinstance(found, str):
            raise Refused("the provider gave no token that says who you are")
        return found

    def _client(self, one: Provider, metadata: Mapping[str, object]) -> OAuth2Client:
        methods = metadata.get("token_endpoint_auth_methods_supported")
        basic = not isinstance(methods, list) or "client_secret_basic" in methods
        return OAuth2Client(
            client_id=one.client_id,
            client_secret=one.client_secret,
            token_endpoint_auth_method="client_secret_basic" if basic else "client_secret_post",
            scope=" ".join(one.scopes),
            redirect_uri=f"{self._address}{OIDC_PATH}/{one.name}/callback",
            code_challenge_method="S256",
            timeout=SECONDS,
        )

    def _metadata(self, one: Provider) -> Mapping[str, object]:
        found = _json(one, f"{one.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != one.issuer:
            raise Unavailable(f"the provider {one.name} says it is another than [access.oidc.{one.name}] issuer")
        return found


def _endpoint(one: Provider, metadata: Mapping[str, object], name: str) -> str:
    """An address of the provider; where the issuer is reached by https, so is everything else."""
    found = metadata.get(name)
    if not isinstance(found, str) or not found.startswith(("https://", one.issuer[: one.issuer.index("//") + 2])):
        raise Unavailable(f"the provider {one.name} has no {name} that can be used")
    return found


def _json(one: Provider, url: str) -> dict[str, object]:
    try:
        with httpx2.Client(timeout=SECONDS, follow_redirects=False) as client:
            answer = client.get(url)
            found = answer.json() if answer.status_code == 200 and len(answer.content) <= LARGEST else None
    except (httpx2.HTTPError, ValueError) as error:
        raise Unavailable(f"the provider {one.name} does not answer: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise Unavailable(f"the provider {one.name} does not answer as one")
    return found
