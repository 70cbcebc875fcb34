"""Mail, by the company's own server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

from core.errors import Refused, Unavailable

SECONDS = 10.0
PERMANENT = 500


class Undeliverable(Refused):
    """There is nobody at any of these addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`context` is whom TLS trusts; where there is to be none, nothing secret is sent either."""

    host: str
    port: int
    sender: str
    tls: Literal["starttls", "tls", "none"]
    user: str = ""
    password: str = field(default="", repr=False)
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)


def send_mail(server: MailServer, to: Sequence[str], subject: str, text: str, message_id: str, at: datetime) -> int:
    """Hand over a mail, of which nobody sees who else gets it; returns to how many it does not go. Raises `Unavailable`
    where the server does not take it now, `Undeliverable` where it never will for anybody."""
    mail = EmailMessage()
    mail["From"], mail["To"] = server.sender, server.sender if len(to) > 1 else to[0]
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message_id}@leaverwatch>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    try:
        with _connection(server) as connection:
            return len(connection.send_message(mail, server.sender, list(to)))
    except smtplib.SMTPAuthenticationError:
        raise Unavailable("the mail server does not let us in") from None
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= PERMANENT for code, _ in error.recipients.values()):
            raise Undeliverable("the mail server refuses the recipients") from None
        raise Unavailable("the mail server does not take it for the recipients now") from None
    except (smtplib.SMTPException, OSError) as error:
        # Its text may repeat addresses.
        raise Unavailable(f"the mail server does not take it: {type(error).__name__}") from None


def _connection(server: MailServer) -> smtplib.SMTP:
    context = server.context
    if server.tls == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=SECONDS)
    try:
        if server.tls == "starttls":
            connection.starttls(context=context)
        if server.user and server.tls != "none":
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection
