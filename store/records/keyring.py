"""Keys that columns are encrypted by at rest, in a file; what they encrypt tells by which of them."""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import ConfigError, Damaged
from core.keyfile import write_key

MARK = "k1"
KEY_BYTES, NONCE_BYTES = 32, 12


class KeyRing:
    """The keys of a file, one a line (base64 of 32 bytes), oldest first: the last one encrypts, any decrypts. That
    somebody has added one is noticed. Raises `ConfigError` where the file cannot be used."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._keys: dict[str, AESGCM] = {}
        self._seen: tuple[int, int] | None = None
        self._current = ""

    def exists(self) -> bool:
        return self.file.exists()

    def ids(self) -> Collection[str]:
        """What its keys are known by, oldest first."""
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
        prefix = self.prefix()
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._keys[self._current].encrypt(nonce, text.encode(), about.encode())
        return prefix + b64encode(nonce + sealed).decode()

    def open(self, sealed: str, about: str) -> str:
        """Raises `ConfigError` where its key is not here, `Damaged` where somebody changed or moved it."""
        mark, _, rest = sealed.partition(".")
        name, _, data = rest.partition(".")
        if mark != MARK:
            raise Damaged(f"a value of {about} is not encrypted, though it should be: somebody else wrote it")
        if name not in self._keys:
            self._look()
        if name not in self._keys:
            raise ConfigError(f"a value of {about} is encrypted by key {name}, which is not in {self.file}")
        try:
            raw = b64decode(data, validate=True)
            return self._keys[name].decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about.encode()).decode()
        except (InvalidTag, ValueError):
            raise Damaged(f"a value of {about} was changed, or belongs elsewhere: it cannot be decrypted") from None

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
            raise ConfigError(f"the key of the records, {self.file}, cannot be read: {error.strerror}") from None
        seen = (stat.st_ino, stat.st_mtime_ns)
        if seen == self._seen:
            return
        if stat.st_mode & 0o077:
            raise ConfigError(f"others than its owner may read the key {self.file}: chmod 600 it")
        keys = {}
        for line in self._read():
            key = b64decode(line)
            keys[sha256(key).hexdigest()[:12]] = AESGCM(key)
        self._keys, self._current, self._seen = keys, list(keys)[-1], seen

    def _read(self) -> list[str]:
        try:
            lines = self.file.read_text("ascii").split()
            if not lines or any(len(b64decode(line, validate=True)) != KEY_BYTES for line in lines):
                raise ValueError
        except (ValueError, UnicodeDecodeError):
            raise ConfigError(f"{self.file} is no file of keys: one a line, base64 of {KEY_BYTES} bytes") from None
        except OSError as error:
            raise ConfigError(f"the key of the records, {self.file}, cannot be read: {error.strerror}") from None
        return lines
