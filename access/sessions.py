"""How long a login lasts, and the cookie it is known by."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.users import Session

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session, or a key, was used last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """How long a login lasts at most, and how long while nobody does anything."""

    most: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=1)

    def lives(self, session: Session, at: datetime) -> bool:
        return at < session.opened + self.most and at < session.seen + self.idle


def unseen(last: datetime | None, at: datetime) -> bool:
    """Whether a use is worth writing down."""
    return last is None or at >= last + SEEN_EVERY


def csrf_token(cookie: str) -> str:
    """What a request that changes something has to bring beside the cookie: whoever cannot read the cookie cannot make
    it, and that of one session is no use with another."""
    return hmac.digest(cookie.encode("utf-8", "surrogatepass"), b"csrf", "sha256").hex()


def is_csrf_token(cookie: str, given: str) -> bool:
    return hmac.compare_digest(csrf_token(cookie).encode(), given.encode("utf-8", "surrogatepass"))
