"""Webhooks reach what they may, and nothing else."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_network
from pathlib import Path
from threading import Thread

import pytest

from core.errors import Refused, Unavailable
from notify.outbound import Limits, place_of, post
from tests.notify.receivers import LOCAL, certified, receiving

LOOPBACK = ip_network("127.0.0.0/8")


def at(address: str) -> Limits:
    return Limits(resolver=lambda host, port: [address])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/",
        "https:///x",
        "https://",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://127.0.0.1/",
        "https://127.0.0.1./",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://192.0.2.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:8.8.8.8%25eth0]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b:1::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[ff02::1]/",
        "https://[fe80::1%25eth0]/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: other",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/\x00",
        "https://①②⑦.⓪.⓪.①/",
        "https://-x.com/",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 200 + "com/",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        place_of(url, Limits())
    assert "meta-data" not in str(refused.value), "an address may be a secret: it is not repeated"


@pytest.mark.parametrize("url", ["https://example.com", "https://例子.example.cn/a?b=c", "https://8.8.8.8:8443/x"])
def test_addresses_on_the_internet_are_taken(url: str) -> None:
    assert place_of(url, Limits()).tls


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "169.254.169.254", "fd00::1"]
)
def test_a_name_of_the_inside_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="allow_networks"):
        post("https://inside.example/", b"", {}, at(address))


def test_one_address_of_several_that_is_inside_is_enough_to_refuse() -> None:
    limits = Limits(resolver=lambda host, port: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(Refused):
        post("https://example.com/", b"", {}, limits)


def test_http_is_for_hosts_that_were_named() -> None:
    with receiving() as receiver:
        limits = Limits(networks=[LOOPBACK], http_hosts=frozenset({"hooks.corp"}), resolver=lambda *_: [LOCAL])
        answer = post(f"http://hooks.corp:{receiver.port}/a?b=c", b"{}", {"X-One": "1"}, limits)
        with pytest.raises(Refused, match="https"):
            post(f"http://other.corp:{receiver.port}/", b"{}", {}, limits)
    ((path, headers, body),) = receiver.got
    assert (answer.status, path, body, headers["x-one"]) == (200, "/a?b=c", b"{}", "1")
    assert headers["host"] == f"hooks.corp:{receiver.port}"


def test_a_name_is_resolved_once_and_the_connection_goes_to_that_address(tmp_path: Path) -> None:
    """A name that means another address the second time (DNS rebinding) gains nothing."""
    server, ca = certified(tmp_path, "hooks.corp")
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return [LOCAL] if len(asked) == 1 else ["10.0.0.1"]

    with receiving(server) as receiver:
        limits = Limits(
            networks=[ip_network("127.0.0.1/32")],
            resolver=rebinding,
            context=ssl.create_default_context(cafile=str(ca)),
        )
        assert post(f"https://hooks.corp:{receiver.port}/", b"{}", {}, limits).status == 200
        assert asked == ["hooks.corp"]
        with pytest.raises(Refused):
            post(f"https://hooks.corp:{receiver.port}/", b"{}", {}, limits)
    assert len(receiver.got) == 1


def test_the_certificate_has_to_be_that_of_the_name(tmp_path: Path) -> None:
    server, ca = certified(tmp_path, "hooks.corp")
    with receiving(server) as receiver:
        limits = Limits(
            networks=[LOOPBACK], resolver=lambda *_: [LOCAL], context=ssl.create_default_context(cafile=str(ca))
        )
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            post(f"https://other.corp:{receiver.port}/", b"{}", {}, limits)
    assert receiver.got == []


def local() -> Limits:
    return Limits(networks=[LOOPBACK], http_hosts=frozenset({LOCAL}), seconds=0.3)


def test_redirects_are_not_followed() -> None:
    with receiving() as inside, receiving() as receiver:
        receiver.answers = [(307, b"", {"Location": f"http://{LOCAL}:{inside.port}/"})]
        assert post(f"http://{LOCAL}:{receiver.port}/", b"{}", {}, local()).status == 307
    assert inside.got == []


def test_of_a_long_answer_only_the_beginning_is_read() -> None:
    with receiving() as receiver:
        receiver.answers = [(200, b"x" * 200_000, {})]
        assert len(post(f"http://{LOCAL}:{receiver.port}/", b"{}", {}, local()).body) == 64 << 10


def test_an_answer_that_trickles_is_cut_off() -> None:
    def trickle(server: socket.socket) -> None:
        line, _ = server.accept()
        with line:
            line.sendall(b"HTTP/1.1 200 OK\r\n")
            try:
                while line.recv(1) or True:
                    line.sendall(b"X: y\r\n")
            except OSError:
                return

    with socket.create_server((LOCAL, 0)) as server:
        thread = Thread(target=trickle, args=(server,))
        thread.start()
        with pytest.raises(Unavailable):
            post(f"http://{LOCAL}:{server.getsockname()[1]}/", b"{}" * 500, {}, local())
        thread.join(5)
        assert not thread.is_alive()


def test_a_handshake_that_trickles_is_cut_off() -> None:
    def trickle(server: socket.socket) -> None:
        line, _ = server.accept()
        line.settimeout(0.02)
        with line:
            line.sendall(b"\x16\x03\x03\x40\x00")
            while True:
                try:
                    if not line.recv(4096):
                        return
                except TimeoutError:
                    line.sendall(b"\x02")
                except OSError:
                    return

    with socket.create_server((LOCAL, 0)) as server:
        thread = Thread(target=trickle, args=(server,))
        thread.start()
        with pytest.raises(Unavailable):
            post(f"https://{LOCAL}:{server.getsockname()[1]}/", b"{}", {}, local())
        thread.join(5)
        assert not thread.is_alive()


def test_nobody_there_and_nobody_known() -> None:
    with socket.create_server((LOCAL, 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        post(f"http://{LOCAL}:{port}/", b"{}", {}, local())
    with pytest.raises(Unavailable, match="not known"):
        post("https://nowhere.example/", b"{}", {}, Limits(resolver=lambda *_: []))
