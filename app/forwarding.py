"""Forwarding alerts, cases and the audit log to a SIEM by syslog."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, cast
from urllib.parse import urlsplit

from app.beside import beside
from app.channels import trusting
from app.config import Forward
from app.outlook import outlook_of
from app.wiring import House
from notify.forwarding import KINDS, of_entry, of_happening
from notify.syslog import Collector, Line

FORWARDED, AUDITED = "forwarded_until", "forwarded_audit_until"
"""Settings that keep what was forwarded last."""
AT_ONCE = 500
VERSION = "1"


class Forwarder:
    """Syslog is never answered, so what went over a connection that turns out to be broken a look later goes once more.
    Something may come twice, by its number, but nothing is left out."""

    def __init__(self, house: House, line: Line) -> None:
        self._house = house
        self._records = house.records
        self._forward = house.config.forward
        self._line = line
        self._host = socket.gethostname()
        self._before: dict[str, int] = {}

    def run(self) -> None:
        """Forward everything there is, unless another process is at it. Raises `Unavailable`."""
        with self._records.unless_done("forward") as mine:
            if not mine:
                return
            self._go_back()
            self._all(FORWARDED, self._records.last_happening, self._happenings)
            if self._forward.audit:
                self._all(AUDITED, self._last_entry, self._entries)

    def _go_back(self) -> None:
        before, self._before = self._before, {}
        if before and not self._line.holds():
            for setting, place in before.items():
                self._records.set_setting(setting, str(min(place, int(self._records.setting(setting) or place))))

    def _all(self, setting: str, last: Callable[[], int], some: Callable[[int], tuple[list[bytes], int]]) -> None:
        kept = self._records.setting(setting)
        if kept is None:
            self._records.set_setting(setting, str(last()))
            return
        place = int(kept)
        while True:
            messages, after = some(place)
            if after == place:
                return
            if messages:
                self._before.setdefault(setting, place)
                self._line.send(messages)
            self._records.set_setting(setting, str(after))
            place = after

    def _happenings(self, after: int) -> tuple[list[bytes], int]:
        last = self._records.last_happening()
        found = self._records.happened(after, AT_ONCE, KINDS)
        outlook = outlook_of(self._house) if found else None
        messages = [of_happening(one, outlook, self._forward.format, self._host, VERSION) for one in found if outlook]
        if len(found) == AT_ONCE:
            return messages, found[-1].number
        return messages, max([after, last, *(one.number for one in found)])

    def _last_entry(self) -> int:
        last = self._records.last_noted()
        return last.number if last else -1

    def _entries(self, after: int) -> tuple[list[bytes], int]:
        found = self._records.audited(after=after, most=AT_ONCE)
        messages = [of_entry(one, self._forward.format, self._host, VERSION) for one in found]
        return messages, found[-1].number if found else after


def line_of(forward: Forward) -> Line:
    """The connection that the configuration names."""
    parts = urlsplit(forward.to)
    transport = cast(Literal["tcp", "tls", "udp"], parts.scheme)
    return Line(
        Collector(transport=transport, host=parts.hostname or "", port=parts.port or 0, context=trusting(forward.ca))
    )


def forwarding(house: House, every: float = 2.0) -> AbstractContextManager[None]:
    """Forward what happens every so many seconds, where the configuration says to where."""
    if not house.config.forward.to:
        return nullcontext()
    return _forwarding(house, every)


@contextmanager
def _forwarding(house: House, every: float) -> Iterator[None]:
    line = line_of(house.config.forward)
    forwarder = Forwarder(house, line)
    with beside("forwarding", forwarder.run, every):
        yield
    line.close()
