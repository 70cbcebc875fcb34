"""Syslog: messages of RFC 5424, each counted (RFC 6587) where it goes through a stream."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from core.alert import Severity
from core.canonical import moment_text
from core.errors import Unavailable

FACILITY = 13
"""Log audit."""
SECONDS = 10.0
DATAGRAM = 60_000
_SEVERITIES = {
    Severity.CRITICAL.value: 2,
    Severity.HIGH.value: 3,
    Severity.MEDIUM.value: 4,
    Severity.LOW.value: 5,
}


def message(at: datetime, host: str, kind: str, severity: str, text: str) -> bytes:
    """One message; `text` has no line breaks."""
    priority = FACILITY * 8 + _SEVERITIES.get(severity, 6)
    head = f"<{priority}>1 {moment_text(at)} {_word(host, 255)} leaverwatch - {_word(kind, 32)} -"
    return f"{head} \ufeff{text}".encode()


def _word(text: str, most: int) -> str:
    """A part of the header: printable ASCII without spaces."""
    return "".join(one for one in text if "!" <= one <= "~")[:most] or "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Where messages go. `context` is whom TLS trusts."""

    transport: Literal["tcp", "tls", "udp"]
    host: str
    port: int
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)


class Line:
    """A connection to a collector, made when it is needed and made anew after it broke."""

    def __init__(self, collector: Collector) -> None:
        self._to = collector
        self._socket: socket.socket | None = None

    def send(self, messages: Sequence[bytes]) -> None:
        """Hand messages to the network, in order. Raises `Unavailable`; then nobody knows how many got there. Over UDP
        nobody ever does."""
        try:
            line = self._socket or self._connected()
            if self._to.transport == "udp":
                for one in messages:
                    line.send(one[:DATAGRAM])
            else:
                self._check_open(line)
                line.sendall(b"".join(b"%d %s" % (len(one), one) for one in messages))
        except OSError as error:
            self.close()
            raise Unavailable(f"{self._to.host}:{self._to.port} takes no syslog: {error}") from None

    def holds(self) -> bool:
        """Whether the connection that was sent over is still there, as far as one can tell."""
        if self._socket is None:
            return False
        try:
            if self._to.transport != "udp":
                self._check_open(self._socket)
        except OSError:
            self.close()
            return False
        return True

    def close(self) -> None:
        line, self._socket = self._socket, None
        if line is not None:
            with suppress(OSError):
                line.close()

    def _connected(self) -> socket.socket:
        to = self._to
        if to.transport == "udp":
            family, kind, protocol, _, address = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_DGRAM)[0]
            line = socket.socket(family, kind, protocol)
            line.connect(address)
        else:
            line = socket.create_connection((to.host, to.port), SECONDS)
            if to.transport == "tls":
                line = to.context.wrap_socket(line, server_hostname=to.host)
        self._socket = line
        return line

    @staticmethod
    def _check_open(line: socket.socket) -> None:
        """A collector never speaks: what can be read is the end, which a write would only notice too late."""
        line.settimeout(0)
        try:
            if line.recv(1) == b"":
                raise ConnectionResetError("it hung up")
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            line.settimeout(SECONDS)
