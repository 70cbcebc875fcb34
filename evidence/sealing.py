"""Encryption of bundles for whom they are meant, in the age format."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

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


@contextmanager
def sealing(out: IO[bytes], keys: Sequence[str]) -> Iterator[IO[bytes]]:
    """What is written goes encrypted to `out`, in bounded memory. Raises `Refused` where a key is none, `OSError` where
    `out` takes no more."""
    recipients = recipients_of(keys)
    source, sink = _pipe()

    def encrypt() -> None:
        with source:
            pyrage.encrypt_io(source, out, recipients)

    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(encrypt)
        try:
            with sink:
                yield sink
        except BrokenPipeError:
            pass  # why it takes no more is told next
        try:
            done.result()
        except pyrage.EncryptError as error:
            raise OSError(str(error)) from None


@contextmanager
def opening(sealed: IO[bytes], identity: Path) -> Iterator[IO[bytes]]:
    """What was encrypted to the key whose private half lies in a file, in bounded memory. Raises `Refused` where that
    does not open it, or somebody changed it."""
    own = _identity(identity)
    source, sink = _pipe()

    def decrypt() -> None:
        with sink:
            pyrage.decrypt_io(sealed, sink, [own])

    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(decrypt)
        failed = True
        try:
            with source:
                yield source
            failed = False
        finally:
            error = done.exception()
            if error is not None and not (failed and "Broken pipe" in str(error)):
                raise Refused(f"this cannot be decrypted by the key in {identity}: {error}") from None


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")


def _identity(file: Path) -> Any:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"the key {file} cannot be read: {error}") from None
    lines = [line.strip() for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-")]
    try:
        return pyrage.x25519.Identity.from_str(lines[0]) if lines else pyrage.ssh.Identity.from_buffer(text.encode())
    except pyrage.IdentityError:
        raise Refused(f"{file} is no age or SSH key to decrypt by") from None


def recipients_of(keys: Sequence[str]) -> list[Any]:
    """The keys, read. Raises `Refused`."""
    return [_recipient(key) for key in keys]


def _recipient(key: str) -> Any:
    kind = pyrage.ssh if key.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        raise Refused(f"{key[:20]} is no key to encrypt to: {error}") from None
