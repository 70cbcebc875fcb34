"""How often somebody may ask: token buckets in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from math import ceil
from threading import Lock
from time import monotonic

from starlette.types import Scope

from api.problems import Problem

REMEMBERED = 10_000
"""Of more, whoever asked least recently is forgotten, and begins with a full bucket again."""
NETWORK = 64
"""Whoever has one IPv6 address has a network of them."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Buckets:
    """One bucket for each key: full it lets `per_minute` through at once, and fills within a minute. 0: all pass."""

    def __init__(self, name: str, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self.name = name
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str) -> dict[str, str]:
        """Let one through; returns what its answer says of how many are left. Ends the request (429) where none is."""
        if not self.per_minute:
            return {}
        now, rate = self._clock(), self.per_minute / 60
        with self._lock:
            bucket = self._buckets.setdefault(key, _Bucket(self.per_minute, now))
            self._buckets.move_to_end(key)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
            bucket.left = min(self.per_minute, bucket.left + (now - bucket.at) * rate)
            bucket.at = now
            passes = bucket.left >= 1
            bucket.left -= passes
            left = bucket.left
        said = self._said(int(left), max(1, ceil((1 - left) / rate)))
        if not passes:
            wait = {"Retry-After": str(ceil((1 - left) / rate))}
            why = f"more than {self.per_minute} requests a minute of one {self.name}"
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", why, said | wait)
        return said

    def _said(self, left: int, seconds: int) -> dict[str, str]:
        policy = f'"{self.name}";q={self.per_minute};w=60'
        return {"RateLimit-Policy": policy, "RateLimit": f'"{self.name}";r={left};t={seconds}'}


def address_of(scope: Scope) -> str:
    """Whose requests count together."""
    client = scope.get("client")
    if client is None:
        return ""
    try:
        address = ip_address(client[0])
    except ValueError:
        return str(client[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> NETWORK << NETWORK))
    return str(address)
