"""Time stamps of RFC 3161: asked of authorities by HTTP, checked against the certificates that they are known by."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from time import monotonic

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from core.errors import Broken, ConfigError, Unavailable
from core.proof import Token

SECONDS = 15.0
LARGEST = 256 << 10
"""Bytes of an answer; that of an authority with a long chain has about 10,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A time-stamping authority: its name, where it answers, and the certificates that are trusted to be its own or
    above it."""

    name: str
    url: str
    trusted: Sequence[Certificate]


def certificates(file: Path) -> Sequence[Certificate]:
    """The certificates in a PEM file. Raises `ConfigError`."""
    try:
        return load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"the certificates {file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{file} holds no certificates: {error}") from None


def stamp(statement: bytes, authority: Authority) -> Token:
    """A time stamp over a statement. Raises `Unavailable` where the authority gives none that holds."""
    asked = TimestampRequestBuilder().data(statement).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
    try:
        answer = _post(authority.url, asked.as_bytes())
        token = Token(authority=authority.name, data=answer)
        if _decoded(token).tst_info.nonce != asked.nonce:
            raise Broken(f"the time stamp of {authority.name} answers another question")
        stamped_at(token, statement, authority.trusted)
    except (Broken, OSError, HTTPException, urllib.error.URLError) as error:
        raise Unavailable(f"no time stamp from {authority.name}: {error}") from None
    return token


def stamped_at(token: Token, statement: bytes, trusted: Sequence[Certificate]) -> datetime:
    """When a statement was stamped. Raises `Broken` where the token is of something else, or not by who is trusted; a
    certificate that has expired since holds for what it signed before."""
    response = _decoded(token)
    roots = [one for one in trusted if one.issuer == one.subject] or list(trusted)
    between = [one for one in trusted if one not in roots]
    try:
        VerifierBuilder(roots=roots, intermediates=between).build().verify_message(response, statement)
    except (VerificationError, ValueError) as error:
        raise Broken(f"the time stamp of {token.authority} does not hold: {error}") from None
    return _moment(response)


def claimed_at(token: Token) -> datetime:
    """The time that a token names, whoever made it. Raises `Broken`."""
    return _moment(_decoded(token))


def _moment(response: TimeStampResponse) -> datetime:
    at = response.tst_info.gen_time
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _decoded(token: Token) -> TimeStampResponse:
    try:
        response = decode_timestamp_response(token.data)
        if response.status:
            raise Broken(f"{token.authority} gives no time stamp: {', '.join(response.status_string) or 'refused'}")
        response.tst_info  # noqa: B018 - read now, so that nothing raises later
    except ValueError as error:
        raise Broken(f"the time stamp of {token.authority} cannot be read: {error}") from None
    return response


def _post(url: str, body: bytes) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/timestamp-query"})  # noqa: S310
    until, data = monotonic() + SECONDS, b""
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the configuration takes http only
        while some := answer.read1(LARGEST):
            data += some
            if len(data) > LARGEST:
                raise Broken(f"the answer of {url} is larger than a time stamp")
            if monotonic() > until:
                raise Broken(f"{url} takes more than {SECONDS:.0f} seconds")
    return data
