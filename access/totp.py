"""A second factor: a code of six digits that changes every 30 seconds (RFC 6238), and codes for when it is lost."""

from __future__ import annotations

import secrets
from base64 import b32encode
from datetime import datetime
from hmac import compare_digest

import pyotp

from access.tokens import digest_of

STEP_SECONDS = 30
DIGITS = 6
RECOVERY_CODES = 10


def new_secret() -> str:
    """The secret that the app is given, in base 32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, name: str) -> str:
    """What the QR code says that an app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="leaverwatch")


def step_of(secret: str, code: str, at: datetime, last: int) -> int | None:
    """The step that a code is of: now's, or one beside it, as clocks differ. None where it is wrong, or of a step that
    is not later than the `last` one used."""
    totp, now = pyotp.TOTP(secret), int(at.timestamp()) // STEP_SECONDS
    right = [
        step for step in (now - 1, now, now + 1) if compare_digest(totp.at(step * STEP_SECONDS).encode(), code.encode())
    ]
    return next((step for step in right if step > last), None)


def recovery_codes() -> list[str]:
    """Codes of 120 random bits, each good once: so many that a plain digest of one tells nothing of it."""
    texts = (b32encode(secrets.token_bytes(15)).decode().lower() for _ in range(RECOVERY_CODES))
    return ["-".join(text[start : start + 4] for start in range(0, 24, 4)) for text in texts]


def recovery_digest(code: str) -> str:
    """What is kept of a recovery code."""
    return digest_of(code.strip().lower())
