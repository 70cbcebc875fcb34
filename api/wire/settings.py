"""How much the service takes of whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Log = Callable[[Mapping[str, object]], None]


def unheard(_: Mapping[str, object]) -> None:
    """Nobody reads the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`hosts` are the names the service answers to; none: to any. So many requests a minute are answered to one caller
    and to one address; 0: as many as come. A body may have so many KiB, an upload so many MiB, and all of it has to
    come within so many seconds. So many may listen to the stream at once, few of them the same caller. `log` is told of
    every request."""

    hosts: frozenset[str] = frozenset()
    caller_per_minute: int = 0
    address_per_minute: int = 0
    body_kib: int = 1024
    upload_mib: int = 32
    upload_seconds: float = 120.0
    streams: int = 100
    log: Log = unheard
