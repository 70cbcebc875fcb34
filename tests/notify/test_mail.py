"""Mail through a real server on this machine."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from core.errors import Unavailable
from notify.mail import MailServer, Undeliverable, send_mail
from tests.notify.receivers import LOCAL, certified

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Box:
    """Remembers mails; refuses one address."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], Any]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address.startswith(("nobody@", "later@")):
            return "550 no such mailbox" if address.startswith("nobody@") else "450 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.got.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=default)))
        return "250 OK"


@contextmanager
def serving(box: Box, **given: Any) -> Iterator[int]:
    with socket.create_server((LOCAL, 0)) as free:
        port = int(free.getsockname()[1])
    controller = Controller(box, hostname=LOCAL, port=port, **given)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"watch", b"word"), handled=False)


def test_mail_goes_over_tls_with_a_password(tmp_path: Path) -> None:
    context, ca = certified(tmp_path)
    box = Box()
    with serving(box, tls_context=context, require_starttls=True, auth_required=True, authenticator=knows) as port:
        trust = ssl.create_default_context(cafile=str(ca))
        server = MailServer(
            host="localhost",
            port=port,
            sender="watch@corp.example",
            tls="starttls",
            user="watch",
            password="word",
            context=trust,
        )
        to = ["ann@corp.example"]
        send_mail(server, to, "严重\r\nBcc: x@y.z", "新告警\n第二行", "m1", AT)
        with pytest.raises(Unavailable, match="does not let us in"):
            send_mail(replace(server, password="no"), to, "s", "t", "m2", AT)
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            send_mail(replace(server, context=ssl.create_default_context()), to, "s", "t", "m3", AT)
    ((to, mail),) = box.got
    assert to == ["ann@corp.example"]
    assert (mail["subject"], mail["bcc"]) == ("严重 Bcc: x@y.z", None)
    assert (mail["to"], mail["message-id"]) == ("ann@corp.example", "<m1@leaverwatch>")
    assert mail.get_content().replace("\r\n", "\n") == "新告警\n第二行\n"


def test_several_do_not_see_each_other() -> None:
    box = Box()
    with serving(box) as port:
        server = MailServer(host=LOCAL, port=port, sender="watch@corp.example", tls="none")
        send_mail(server, ["ann@corp.example", "bo@corp.example"], "s", "t", "m1", AT)
        assert send_mail(server, ["nobody@corp.example", "bo@corp.example"], "s", "t", "m1", AT) == 1
        with pytest.raises(Unavailable, match="now"):
            send_mail(server, ["later@corp.example"], "s", "t", "m2", AT)
        with pytest.raises(Undeliverable, match="recipients"):
            send_mail(server, ["nobody@corp.example"], "s", "t", "m2", AT)
    (to, mail), _ = box.got
    assert to == ["ann@corp.example", "bo@corp.example"]
    assert "bo@" not in str(mail)


def test_a_server_that_is_away_is_tried_later() -> None:
    with serving(Box()) as port:
        pass
    server = MailServer(host=LOCAL, port=port, sender="w@c", tls="none")
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        send_mail(server, ["a@b.c"], "s", "t", "m", AT)


def test_a_subject_of_several_lines_makes_no_header() -> None:
    box = Box()
    with serving(box) as port:
        server = MailServer(host=LOCAL, port=port, tls="none", user="", password="", sender="watch@example.com")
        send_mail(server, ["li@example.com"], "a\r\nBcc: eve@example.com\r\n\r\nb", "t", "m1", AT)
    ((to, mail),) = box.got
    assert to == ["li@example.com"]
    assert mail["Bcc"] is None
    assert mail["Subject"] == "a Bcc: eve@example.com b"
