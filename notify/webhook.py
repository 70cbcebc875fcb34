"""Signed webhooks (https://www.standardwebhooks.com): signing what goes out, checking what comes back."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed(message: str, at: datetime, body: str, keys: Sequence[str]) -> dict[str, str]:
    """The headers of a message: with a signature by each of the keys, so that a receiver may know either."""
    from standardwebhooks import Webhook

    signatures = [Webhook(key).sign(message, at, body) for key in keys]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def is_signed(headers: Mapping[str, str], body: bytes, keys: Sequence[str]) -> bool:
    """Whether one of the keys signed it within the last minutes."""
    from standardwebhooks import Webhook, WebhookVerificationError

    for key in keys:
        try:
            Webhook(key).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):
            # A signature that is no base64, or text that is no UTF-8, is a wrong one.
            continue
        return True
    return False
