"""Secrets of channels at rest: encrypted with a key that lies in a file of its own."""

from __future__ import annotations

import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.config import Config
from core.errors import ConfigError, Damaged

NONCE_BYTES = 12


class Seal:
    """Encrypts and decrypts; `about` is what a secret belongs to, so that none is taken for another's."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, secret: bytes, about: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Raises `Damaged` where it was not sealed with this key, for this."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            raise Damaged(f"the secrets of {about} were sealed with another key: see [notify] key_file") from None


def seal_of(config: Config) -> Seal:
    """That of this installation, whose key is made once; a made one is readable by its owner only."""
    file = config.notify.key_file or config.data / "notify.key"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(handle, "w") as out:
            out.write(AESGCM.generate_key(256).hex())
    try:
        return Seal(bytes.fromhex(file.read_text()))
    except (OSError, ValueError):
        raise ConfigError(f"{file} has no key to seal secrets with") from None
