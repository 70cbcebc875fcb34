"""Passwords: hashed with argon2id, a few at a time, since each takes 64 MiB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from access.guessable import guessable
from core.errors import Refused, Unavailable

SHORTEST, LONGEST = 12, 256
AT_ONCE = 2
"""Hashes made at the same time."""
IN_LINE = 8
"""Whoever comes when so many are served or wait is sent away, so that a flood of logins stops logins and nothing
else."""


def check_password(password: str, name: str) -> None:
    """Raises `Refused` where nobody should use it."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Refused(f"a password has {SHORTEST} to {LONGEST} characters")
    if name and name in password.lower():
        raise Refused("a password does not contain the name")
    if guessable(password):
        raise Refused("a password is more than words, years and runs of keys that everybody tries first")


class Hasher:
    """Makes and compares hashes. Raises `Unavailable` where too many are waiting."""

    def __init__(self, argon2: PasswordHasher | None = None) -> None:
        self._argon2 = argon2 or PasswordHasher()
        self._places = BoundedSemaphore(IN_LINE)
        self._working = BoundedSemaphore(AT_ONCE)
        self._nobodys = self._argon2.hash("nobody has this password")

    def hash(self, password: str) -> str:
        with self._turn():
            return self._argon2.hash(_bytes(password))

    def verify(self, kept: str, password: str) -> bool:
        """Whether it is the password of a hash. Without a hash it is not, after as much work."""
        with self._turn():
            try:
                right = self._argon2.verify(kept or self._nobodys, _bytes(password[: LONGEST + 1]))
            except (VerificationError, InvalidHashError):
                return False
        return right and bool(kept)

    def outdated(self, kept: str) -> bool:
        """Whether a hash is weaker than those made today."""
        return self._argon2.check_needs_rehash(kept)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Unavailable("too many are logging in: try again in a moment")
        try:
            with self._working:
                yield
        finally:
            self._places.release()


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
