"""Encryption of bundles for whom they are meant, in the age format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyrage

from core.errors import Refused

MOST_BY_PASSWORD = 512 << 20
"""Bytes: what is encrypted by a password is held in memory."""


def for_recipients(bundle: Path, keys: Sequence[str]) -> Path:
    """Encrypt a bundle to public keys (`age1...` or SSH), in bounded memory; the open file goes. Raises `Refused` where
    a key is none."""
    sealed = bundle.with_name(f"{bundle.name}.age")
    pyrage.encrypt_file(str(bundle), str(sealed), recipients_of(keys))
    bundle.unlink()
    return sealed


def by_password(bundle: Path, password: str) -> Path:
    """Encrypt a bundle by a password; the open file goes. Raises `Refused` for a large one."""
    if bundle.stat().st_size > MOST_BY_PASSWORD:
        raise Refused(
            "a bundle of more than 512 MiB is encrypted to a key, not by a password; or ask for smaller parts"
        )
    sealed = bundle.with_name(f"{bundle.name}.age")
    sealed.write_bytes(pyrage.passphrase.encrypt(bundle.read_bytes(), password))
    bundle.unlink()
    return sealed


def recipients_of(keys: Sequence[str]) -> list[Any]:
    """The keys, read. Raises `Refused`."""
    return [_recipient(key) for key in keys]


def _recipient(key: str) -> Any:
    kind = pyrage.ssh if key.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        raise Refused(f"{key[:20]} is no key to encrypt to: {error}") from None
