"""What is given out once and kept as a digest only: it is random enough that nobody guesses it from there."""

from __future__ import annotations

import secrets
from hashlib import sha256


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is kept of it: the hexadecimal SHA-256."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
