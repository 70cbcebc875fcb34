"""Sending by a channel, whatever it is."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from pydantic import TypeAdapter

from access.sealing import Sealer
from app.config import Config
from core.errors import ConfigError, Refused, Unavailable
from core.notifying import Address, Channel, ChannelKind, sealed_as
from notify.chat import check_chat, send_chat
from notify.mail import MailServer, send_mail
from notify.outbound import Answer, Limits, place_of, post
from notify.webhook import signed

_ADDRESS = TypeAdapter(Address)
log = structlog.get_logger()


class Channels:
    """What goes out, and the secrets it takes."""

    def __init__(self, config: Config, sealer: Sealer, limits: Limits | None = None) -> None:
        self._notify = config.notify
        self._sealer = sealer
        self._limits = limits or limits_of(config)

    def sealed(self, name: str, address: Address) -> bytes:
        return self._sealer.seal(_ADDRESS.dump_json(address).decode(), sealed_as(name)).encode()

    def address(self, channel: Channel) -> Address:
        """Raises `Damaged`."""
        return _ADDRESS.validate_json(self._sealer.open(channel.sealed.decode(), sealed_as(channel.name)))

    def check(self, kind: ChannelKind, address: Address) -> str:
        """What may be seen of an address. Raises `Refused` where it is none for such a channel."""
        if kind is ChannelKind.EMAIL:
            self._mail_server()
            return f"{len(address.to)} addresses" if address.to else ""
        if kind is ChannelKind.WEBHOOK:
            place_of(address.url, self._limits)
        else:
            check_chat(kind, address.url, address.secret)
        return f"{urlsplit(address.url).scheme}://{urlsplit(address.url).hostname}/****"

    def message(
        self, channel: Channel, to: Sequence[str], subject: str, text: str, message_id: str, at: datetime
    ) -> None:
        """Send a text to people. Raises `Refused`, `Unavailable`, `Damaged`."""
        address = self.address(channel)
        if channel.kind is ChannelKind.EMAIL:
            left_out = send_mail(self._mail_server(), to or address.to, subject, text, message_id, at)
            if left_out:
                log.warning("mail is refused for some addresses", channel=channel.name, addresses=left_out)
        else:
            send_chat(channel.kind, address.url, subject, text, address.secret)

    def webhook(self, channel: Channel, message_id: str, body: str, at: datetime) -> Answer:
        """Post to a webhook. Raises `Gone` where there will be none any more, else as `message`."""
        address = self.address(channel)
        answer = post(address.url, body.encode(), signed(message_id, at, body, address.keys(at)), self._limits)
        if answer.status == 410:
            raise Gone("it answered that it is gone for good")
        if not 200 <= answer.status < 300:
            raise Unavailable(f"it answered {answer.status}")
        return answer

    def _mail_server(self) -> MailServer:
        known = self._notify
        if not (known.smtp_host and known.smtp_from):
            raise Refused("mail needs [notify] smtp_host and smtp_from")
        return MailServer(
            host=known.smtp_host,
            port=known.smtp_port,
            sender=known.smtp_from,
            tls=known.smtp_tls,
            user=known.smtp_user,
            password=known.smtp_password.get_secret_value(),
            context=self._limits.context,
        )


class Gone(Refused):
    """Nobody is there any more who could be told."""


def limits_of(config: Config) -> Limits:
    """How far webhooks may reach."""
    known = config.notify
    networks = tuple(known.allow_networks)
    return Limits(networks=networks, http_hosts=known.allow_http, context=trusting(known.ca))


def trusting(ca: Path | None) -> ssl.SSLContext:
    """Whom TLS trusts: one authority, or those of the system. Raises `ConfigError`."""
    try:
        return ssl.create_default_context(cafile=str(ca) if ca else None)
    except OSError as error:
        raise ConfigError(f"{ca} has no certificates to trust: {error}") from None
