"""Who signs the ledger's heads: a key file, or a program that speaks to where the key lies; and which keys followed
each other."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from core.errors import Broken, ConfigError, Refused, Unavailable
from core.keyfile import write_key
from core.proof import SignedHead, SigningKey

DATA = "{file}"
"""In a program's arguments: the file with what is to be signed."""
SECONDS = 60.0


class Signer(Protocol):
    """Signs with Ed25519."""

    def public(self) -> bytes:
        """The 32 bytes of its public key."""

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of a signature. Raises `Unavailable` where it does not come about."""


class FileSigner:
    """A private key in a file that only its owner may read (PEM)."""

    def __init__(self, file: Path) -> None:
        self._key = _private_key(file)

    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class ProgramSigner:
    """A program that signs, as those of hardware modules and smart cards do: given as the list of its arguments, of
    which `{file}` is the file to sign, it writes the signature to its standard output."""

    def __init__(self, arguments: Sequence[str], public: Path) -> None:
        if not any(DATA in argument for argument in arguments):
            raise ConfigError(f"[evidence] signer has no {DATA} among its arguments: it would not know what to sign")
        self._arguments = arguments
        self._public = _public_key(public)

    def public(self) -> bytes:
        return self._public

    def sign(self, data: bytes) -> bytes:
        program = self._arguments[0]
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            line = [argument.replace(DATA, file.name) for argument in self._arguments]
            try:
                done = subprocess.run(line, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603
            except (OSError, subprocess.TimeoutExpired) as error:
                raise Unavailable(f"{program} did not sign: {error}") from None
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip()[:500]
            raise Unavailable(f"{program} did not sign: it ended with {done.returncode}: {told}")
        if not signed_by(self._public, done.stdout, data):
            raise Unavailable(f"what {program} wrote is not an Ed25519 signature by the key it should have")
        return done.stdout


def fingerprint(public: bytes) -> str:
    """What a key is known by: the hexadecimal SHA-256 of its 32 bytes."""
    return sha256(public).hexdigest()


def make_key(file: Path) -> None:
    """A new private key in a file that was not there, whole on disk."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_key(file, pem)


def signed_by(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether a signature is of this key and data."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def following(signer: Signer, keys: Sequence[SigningKey], at: datetime, old: Signer | None = None) -> SigningKey:
    """The key of a signer, to come after those there were, signed by the last one's. Raises `Refused` where `old` is
    not that."""
    if not keys:
        return SigningKey(public=signer.public(), since=at)
    if old is None or old.public() != keys[-1].public:
        raise Refused(f"a new key is signed by the one before it, {fingerprint(keys[-1].public)}, which is not here")
    unsigned = SigningKey(public=signer.public(), since=at, before=fingerprint(old.public()))
    return SigningKey(
        public=unsigned.public,
        since=unsigned.since,
        before=unsigned.before,
        signature=old.sign(unsigned.statement()),
    )


def check_keys(keys: Sequence[SigningKey]) -> None:
    """Raise `Broken` where a key was not handed over by the one before it."""
    for number, key in enumerate(keys):
        name = fingerprint(key.public)
        if not number:
            if key.before:
                raise Broken(f"the first key, {name}, is not the first: {key.before} came before it")
            continue
        before = keys[number - 1].public
        if key.before != fingerprint(before) or not signed_by(before, key.signature, key.statement()):
            raise Broken(f"key {name} is not signed by the key before it")


def check_signature(signed: SignedHead, keys: Sequence[SigningKey]) -> None:
    """Raise `Broken` where a head is not signed by one of these keys."""
    public = next((key.public for key in keys if fingerprint(key.public) == signed.key), None)
    if public is None:
        raise Broken(f"the head of {signed.head.size} leaves is signed by a key that is not the ledger's: {signed.key}")
    if not signed_by(public, signed.signature, signed.head.statement()):
        raise Broken(f"the signature of the head of {signed.head.size} leaves is not of its key {signed.key}")


def _private_key(file: Path) -> Ed25519PrivateKey:
    try:
        if file.stat().st_mode & 0o077:
            raise Refused(f"others than its owner may read the key {file}: chmod 600 it, or rotate the key")
        key = load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        raise Refused(f"the ledger's key {file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise Refused(f"{file} is not a key: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(f"{file} is not an Ed25519 key")
    return key


def _public_key(file: Path) -> bytes:
    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"the signer's public key {file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{file} is not a public key: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{file} is not an Ed25519 public key")
    return key.public_bytes_raw()
