"""Messages get to collectors whole, in order, over whatever connection."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from core.errors import Unavailable
from notify.syslog import Collector, Line
from tests.notify.receivers import LOCAL, Log, certified


def test_messages_over_tcp_are_counted() -> None:
    log = Log()
    line = Line(Collector(transport="tcp", host=LOCAL, port=log.port))
    line.send([b"<13>1 - eins\n", "<13>1 - 二".encode()])
    assert [log.messages.get(timeout=5) for _ in range(2)] == [b"<13>1 - eins\n", "<13>1 - 二".encode()]
    assert line.holds()
    line.close()
    log.close()


def test_a_connection_that_broke_is_noticed_and_made_anew() -> None:
    log = Log()
    line = Line(Collector(transport="tcp", host=LOCAL, port=log.port))
    line.send([b"one"])
    assert log.messages.get(timeout=5) == b"one"
    port = log.port
    log.close()
    assert not line.holds()
    with pytest.raises(Unavailable, match="takes no syslog"):
        line.send([b"two"])
    log = Log(port=port)
    line.send([b"two"])
    assert log.messages.get(timeout=5) == b"two"
    line.close()
    log.close()


def test_tls_trusts_only_whom_it_is_told_to(tmp_path: Path) -> None:
    server, ca = certified(tmp_path)
    log = Log(server)
    trusting = Collector(
        transport="tls", host="localhost", port=log.port, context=ssl.create_default_context(cafile=str(ca))
    )
    line = Line(trusting)
    line.send([b"one"])
    line.send([b"two"])
    assert [log.messages.get(timeout=5) for _ in range(2)] == [b"one", b"two"]
    line.close()
    log.close()
    log = Log(server)
    wary = Line(Collector(transport="tls", host="localhost", port=log.port))
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        wary.send([b"one"])
    log.close()


def test_udp_sends_a_datagram_each() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind((LOCAL, 0))
        collector.settimeout(5)
        line = Line(Collector(transport="udp", host=LOCAL, port=collector.getsockname()[1]))
        line.send([b"one", b"two"])
        assert [collector.recv(100) for _ in range(2)] == [b"one", b"two"]
        assert line.holds()
        line.close()
