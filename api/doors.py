"""How callers are known."""

from __future__ import annotations

import secrets

from fastapi import Request

from api.caller import unknown
from core.access import Caller


class TokenDoor:
    """Adapter of `api.caller.Door`: whoever presents the token is the caller."""

    def __init__(self, token: str, caller: Caller) -> None:
        self._token = token.encode()
        self._caller = caller

    def caller(self, request: Request) -> Caller:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.encode(), self._token):
            raise unknown("no or wrong token")
        return self._caller
