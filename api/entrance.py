"""Where people come in: cookies, and what the routes of logging in work with."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request, Response

from access.gate import Gate, Opened
from api.desks import ProviderDesk

OIDC_PATH = "/api/v1/login/oidc"
OIDC_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """`https` says whether browsers come by it, as they do wherever it matters: only then are cookies marked so."""

    gate: Gate
    https: bool
    providers: ProviderDesk

    @property
    def cookie(self) -> str:
        """The name of the cookie of a session. With `__Host-` no other host's, nor a plain page's, is ever sent."""
        return "__Host-leaverwatch" if self.https else "leaverwatch"

    @property
    def oidc_cookie(self) -> str:
        """The name of the cookie that lasts while somebody is at a provider."""
        return "__Host-leaverwatch-oidc" if self.https else "leaverwatch-oidc"

    def cookie_of(self, request: Request) -> str:
        """The session's cookie that a request carries; empty where it has none."""
        return request.cookies.get(self.cookie, "")

    def welcome(self, response: Response, opened: Opened) -> None:
        """Give a browser its session."""
        response.set_cookie(
            self.cookie, opened.cookie, secure=self.https, httponly=True, samesite="lax", path="/", max_age=None
        )

    def part(self, response: Response) -> None:
        """Take the session's cookie back."""
        response.delete_cookie(self.cookie, secure=self.https, httponly=True, samesite="lax", path="/")

    def send_away(self, response: Response, kept: str) -> None:
        """Give a browser what it brings back from a provider."""
        response.set_cookie(
            self.oidc_cookie,
            kept,
            secure=self.https,
            httponly=True,
            samesite="lax",
            path="/",
            max_age=OIDC_SECONDS,
        )

    def took_back(self, response: Response) -> None:
        """It was brought: it is good once."""
        response.delete_cookie(self.oidc_cookie, secure=self.https, httponly=True, samesite="lax", path="/")


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""
