"""Secrets that have to be read again lie sealed: AES-256-GCM, bound to what they are."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import Damaged

NONCE = 12


class Sealer:
    """Seals with one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, text: str, of: str) -> str:
        """Whoever opens it has to say what it is of, and has to have the key."""
        nonce = secrets.token_bytes(NONCE)
        return urlsafe_b64encode(nonce + self._aead.encrypt(nonce, text.encode(), of.encode())).decode()

    def open(self, sealed: str, of: str) -> str:
        """Raises `Damaged` where it is not what this key sealed as that."""
        try:
            raw = urlsafe_b64decode(sealed)
            return self._aead.decrypt(raw[:NONCE], raw[NONCE:], of.encode()).decode()
        except (ValueError, InvalidTag):
            raise Damaged("a sealed secret was not sealed with this installation's access key") from None
