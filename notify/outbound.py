"""Requests to addresses that somebody typed in: to nothing within the company's network unless that was allowed, and
never to another place than the one that was looked at."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from core.errors import Refused, Unavailable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
ANSWER_BYTES = 64 << 10
SECONDS = 10.0
_HOST = re.compile(r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")
"""A name; its last label begins with a letter, so that no number is taken for one, however it is written."""
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is allowed beyond the open internet over https: `networks` within the company, and `http_hosts` that are
    spoken to without TLS. `context` is whom TLS trusts; `seconds` is how long a request may take in all."""

    networks: Sequence[Network] = ()
    http_hosts: frozenset[str] = frozenset()
    resolver: Resolver = resolve
    seconds: float = SECONDS
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a URL points, taken apart."""

    host: str
    port: int
    path: str
    tls: bool


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


def place_of(url: str, limits: Limits) -> Place:
    """Raises `Refused` where it is none that may be posted to, whatever its host resolves to. No part of the URL is
    repeated: it may be a secret."""
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in url) or "\\" in url:
        raise Refused("the address has spaces, control characters or backslashes in it")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        raise Refused("the address is none") from None
    if parts.username is not None or parts.password is not None:
        raise Refused("the address has a user name in it")
    literal = _literal(host)
    host = host if literal else _name(host)
    tls = parts.scheme == "https"
    if not tls and not (parts.scheme == "http" and host in limits.http_hosts):
        raise Refused("the address does not begin with https://")
    if literal:
        _check(literal, limits)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise Refused("the address has letters in its path that are not ASCII: write them with %")
    return Place(host=host, port=port or (443 if tls else 80), path=path, tls=tls)


def post(url: str, body: bytes, headers: Mapping[str, str], limits: Limits) -> Answer:
    """Post to a URL. The host is resolved once; if any of its addresses is one that is refused, nothing is sent.
    Redirects are answers like others. Raises `Refused` for the address, `Unavailable` for whoever does not answer."""
    place = place_of(url, limits)
    address = _resolved(place, limits)
    connection = _Pinned(place, address, limits)
    timer = threading.Timer(limits.seconds, connection.cut)
    timer.daemon = True
    timer.start()
    try:
        sent = {"Content-Type": "application/json", "User-Agent": "leaverwatch", "Connection": "close", **headers}
        connection.request("POST", place.path, body, sent)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(ANSWER_BYTES))
    except (OSError, http.client.HTTPException, ValueError) as error:
        # Only what kind of error it is: some repeat the address.
        raise Unavailable(f"{place.host} does not answer: {type(error).__name__}") from None
    finally:
        timer.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, under the name of its host."""

    def __init__(self, place: Place, address: str, limits: Limits) -> None:
        super().__init__(place.host, place.port, timeout=limits.seconds)
        self._to = address
        self._tls = place.tls
        self._context = limits.context
        self._cut = False
        self.default_port = 443 if place.tls else 80

    def connect(self) -> None:
        self.sock = socket.create_connection((self._to, self.port), self.timeout)
        if self._tls:
            # Known before it shakes hands, so that this too can be cut off.
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        if self._cut:
            raise TimeoutError
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def cut(self) -> None:
        """Its time is over, however slowly something still comes."""
        self._cut = True
        sock = self.sock
        if sock is not None:
            with suppress(OSError):
                # Beneath TLS, which would first want a word with the other side.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _name(host: str) -> str:
    try:
        ascii_name = host.encode("idna").decode()
    except UnicodeError:
        ascii_name = ""
    if not _HOST.match(ascii_name):
        raise Refused("the address has no host that could be one")
    return ascii_name


def _resolved(place: Place, limits: Limits) -> str:
    literal = _literal(place.host)
    if literal:
        return str(literal)
    try:
        found = limits.resolver(place.host, place.port)
    except (OSError, UnicodeError):
        found = ()
    if not found:
        raise Unavailable(f"{place.host} is not known")
    for one in found:
        _check(ip_address(one), limits)
    return found[0]


def _check(address: Address, limits: Limits) -> None:
    plain = _unwrapped(address)
    if any(plain.version == network.version and plain in network for network in limits.networks):
        return
    if not plain.is_global or plain.is_multicast or plain.is_reserved or _translated(plain):
        raise Refused("the address lies in a network that is not allowed: see [notify] allow_networks")


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that is meant by one of IPv6, where one is."""
    if isinstance(address, IPv6Address):
        return (None if address.scope_id else address.ipv4_mapped or address.sixtofour) or address
    return address


def _translated(address: Address) -> bool:
    """Addresses of IPv6 that say of which line they are, or behind which there is one of IPv4 that somebody else looks
    up."""
    if not isinstance(address, IPv6Address):
        return False
    return (
        address.scope_id is not None
        or address.teredo is not None
        or any(address in network for network in _NAT64)
        or not int(address) >> 32
    )
