"""People who log in, for tests of the API: an entrance with quick hashes and a clock that is set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from access.arrivals import Arrived
from access.gate import Gate, Opened
from access.keys import allowed, new_key
from access.noting import changed
from access.passwords import Hasher
from access.sealing import Sealer
from access.sessions import Lasting, csrf_token
from api.desks import ProviderDesk
from api.doors import AccessDoor
from api.entrance import Entrance
from api.server import create_app
from api.shop import Shop
from core.access import Permission, Role
from core.errors import Refused
from core.evidence import AuditEntry
from core.keyring import Keys
from core.ports import Records
from core.users import User

PASSWORD = "correct horse battery"
START = datetime(2026, 11, 27, 8, tzinfo=UTC)
NOTED = changed("test", "", START, "test")


class Clock:
    """A clock that stands until it is moved on."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def on(self, **by: float) -> None:
        self.at += timedelta(**by)


class NoProviders:
    """Nobody comes from anywhere else."""

    def names(self) -> Sequence[str]:
        return []

    def begin(self, provider: str) -> tuple[str, str]:
        raise Refused("there are none")

    def finish(self, provider: str, kept: str, answer: Mapping[str, str]) -> Arrived:
        raise Refused("there are none")


class House:
    """A shop with an entrance: people are added to it, and log in."""

    def __init__(self, shop: Shop, *, https: bool = False, hasher: Hasher | None = None) -> None:
        self.clock = Clock()
        self.shop = shop
        self.records: Records = shop.records
        self.hasher = hasher or Hasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.gate = Gate(shop.records, Sealer(Keys([bytes(32)], "test")), Lasting(), self.hasher, self.clock)
        self.https = https
        self.serve(NoProviders())

    def demands(self, *roles: Role) -> None:
        """Who has one of these roles has to have a second factor, from now on."""
        self.gate = Gate(self.records, self.gate.sealer, Lasting(), self.hasher, self.clock, frozenset(roles))
        self.serve(NoProviders())

    def serve(self, providers: ProviderDesk) -> None:
        """With these identity providers."""
        self.entrance = Entrance(gate=self.gate, https=self.https, providers=providers)
        self.shop.entrance = self.entrance
        self.app = create_app(self.shop, AccessDoor(self.entrance))

    def client(self) -> TestClient:
        """A browser, or curl."""
        base = "https://testserver" if self.entrance.https else "http://testserver"
        return TestClient(self.app, base_url=base, follow_redirects=False, raise_server_exceptions=True)

    def noted(self, what: str) -> AuditEntry:
        return changed("test", "", self.clock(), what)

    def add(self, name: str, *roles: Role, password: str = PASSWORD) -> User:
        user = User(name=name, roles=frozenset(roles), created=self.clock())
        self.records.add_user(user, NOTED)
        if password:
            self.records.set_password(name, self.hasher.hash(password), None)
        return user

    def change(self, name: str, **fields: Any) -> None:
        """A user is another from now on."""
        self.records.change_user(name, lambda one: replace(one, **fields), lambda _: NOTED)

    def opened(self, name: str) -> Opened:
        """A session, without the way through the front door."""
        user = self.records.user(name)
        assert user
        return self.gate.open(user, "password", "test", self.clock())

    def logged_in(self, name: str) -> TestClient:
        """A browser with a session, which brings its token along."""
        client, cookie = self.client(), self.opened(name).cookie
        client.cookies.set(self.entrance.cookie, cookie)
        client.headers["X-CSRF-Token"] = csrf_token(cookie)
        return client

    def key(self, name: str, *permissions: Permission, days: int = 30) -> tuple[str, TestClient]:
        """A key of a user (with all it may have, unless told otherwise), its id, and a program that has it."""
        user = self.records.user(name)
        assert user
        key, text = new_key(user, "test", permissions or allowed(user), days, self.clock())
        self.records.add_key(key, NOTED)
        client = self.client()
        client.headers["Authorization"] = f"Bearer {text}"
        return key.id, client
