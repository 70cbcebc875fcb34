"""Keys that values are encrypted by one by one, given or in a file; what they encrypt tells by which of them."""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import ConfigError, Damaged
from core.keyfile import write_key

MARK = "k1"
KEY_BYTES, NONCE_BYTES = 32, 12


def key_of(text: str) -> bytes:
    """A key as it is written: base64 of 32 bytes, or 64 hexadecimal digits. Raises `ValueError`."""
    key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError
    return key


def key_id(sealed: str) -> str:
    """Which key something is encrypted by; empty where it does not tell."""
    mark, _, rest = sealed.partition(".")
    return rest.partition(".")[0] if mark == MARK else ""


class Keys:
    """Keys of 32 bytes, oldest first: the last one encrypts, any decrypts. `where` says where they come from."""

    def __init__(self, keys: Sequence[bytes], where: str) -> None:
        self._where = where
        self._hold(keys)

    def ids(self) -> Collection[str]:
        """What the keys are known by, oldest first."""
        self._look()
        return self._keys.keys()

    @property
    def current(self) -> str:
        """The key that encrypts."""
        self._look()
        return self._current

    def prefix(self) -> str:
        """What everything begins with that the current key encrypted."""
        return f"{MARK}.{self.current}."

    def seal(self, text: str, about: str) -> str:
        """Encrypt what stands in the place `about`; nowhere else is it decrypted."""
        # Another one may come to be the current one meanwhile.
        name, nonce = self.current, os.urandom(NONCE_BYTES)
        sealed = self._keys[name].encrypt(nonce, text.encode(), about.encode())
        return f"{MARK}.{name}.{b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, about: str) -> str:
        """Raises `ConfigError` where its key is not here, `Damaged` where somebody changed or moved it."""
        mark, _, rest = sealed.partition(".")
        name, _, data = rest.partition(".")
        if mark != MARK:
            raise Damaged(f"a value of {about} is not encrypted, though it should be: somebody else wrote it")
        if name not in self._keys:
            self._look()
        if name not in self._keys:
            raise ConfigError(f"a value of {about} is encrypted by key {name}, which is not in {self._where}")
        try:
            return _decrypted(self._keys[name], b64decode(data, validate=True), about)
        except (InvalidTag, ValueError):
            raise Damaged(f"a value of {about} was changed, or belongs elsewhere: it cannot be decrypted") from None

    def open_untold(self, raw: bytes, about: str) -> str:
        """Decrypt what does not tell by which key: each is tried. Raises `Damaged` where it is none of them."""
        self._look()
        for key in self._keys.values():
            try:
                return _decrypted(key, raw, about)
            except (InvalidTag, ValueError):
                continue
        raise Damaged(f"a value of {about} is encrypted by no key that is in {self._where}")

    def _hold(self, keys: Sequence[bytes]) -> None:
        self._keys = {sha256(key).hexdigest()[:12]: AESGCM(key) for key in keys}
        self._current = next(reversed(self._keys), "")

    def _look(self) -> None:
        """See whether there are others by now: not of those that were given."""


class KeyRing(Keys):
    """The keys of a file, one a line, read when they are first needed. That somebody has added one is noticed. Raises
    `ConfigError` where the file cannot be used."""

    def __init__(self, file: Path) -> None:
        super().__init__((), str(file))
        self.file = file
        self._seen: tuple[int, int] | None = None

    def exists(self) -> bool:
        return self.file.exists()

    def add(self) -> str:
        """Make a key that encrypts from now on; returns what it is known by. Those there are stay."""
        lines = self._read() if self.exists() else []
        lines.append(b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        try:
            write_key(self.file, ("\n".join(lines) + "\n").encode(), instead=len(lines) > 1)
        except OSError as error:
            raise ConfigError(f"no key can be written to {self.file}: {error.strerror}") from None
        return self.current

    def _look(self) -> None:
        """Read the file where it is another one than it was."""
        try:
            stat = os.stat(self.file)
        except OSError as error:
            raise ConfigError(f"the key {self.file} cannot be read: {error.strerror}") from None
        seen = (stat.st_ino, stat.st_mtime_ns)
        if seen == self._seen:
            return
        if stat.st_mode & 0o077:
            raise ConfigError(f"others than its owner may read the key {self.file}: chmod 600 it")
        self._hold([key_of(line) for line in self._read()])
        self._seen = seen

    def _read(self) -> list[str]:
        try:
            lines = self.file.read_text("ascii").split()
            if not [key_of(line) for line in lines]:
                raise ValueError
        except ValueError:
            raise ConfigError(
                f"{self.file} is no file of keys: one a line, base64 of {KEY_BYTES} bytes or {2 * KEY_BYTES} "
                "hexadecimal digits"
            ) from None
        except OSError as error:
            raise ConfigError(f"the key {self.file} cannot be read: {error.strerror}") from None
        return lines


def _decrypted(key: AESGCM, raw: bytes, about: str) -> str:
    return key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about.encode()).decode()
