"""Postfix: the lines each mail leaves at the gateway, by queue id.

Stamps are RFC 3339; every fifth day the machine logged in the old syslog style, without year or zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from demo.company import HOUR
from demo.lines import EPOCH, DayFile, Line, Vendor, file_day, moment, numbers
from demo.streams import hex_text, mix
from demo.words import DOMAIN

GATEWAY = "mx1"
OLD_STYLE, OLD_REST = 5, 2
ZONE = 8
MS, MINUTE = 1000, 60_000_000


def _line(program: str, text: str, after: int = 0) -> Line:
    return Line("mail", f"$stamp {GATEWAY} postfix/{program}[$pid]: {text}", after)


RELAYED = [
    _line("smtpd", f"$queue: client=exchange.{DOMAIN}[10.20.255.5]"),
    _line("cleanup", f"$queue: message-id=<$message@{DOMAIN}>", 12 * MS),
    _line("qmgr", "$queue: from=<$email>, size=$n, nrcpt=1 (queue active)", 19 * MS),
]
"""What the mailbox server sends on by itself: nobody logs in."""


def _accepted(recipients: int) -> list[Line]:
    """A mail handed in by somebody of the company."""
    return [
        _line("smtpd", "$queue: client=$client[$lan_ip], sasl_method=PLAIN, sasl_username=$email"),
        _line("cleanup", f"$queue: message-id=<$message@{DOMAIN}>", 18 * MS),
        _line("qmgr", f"$queue: from=<$email>, size=$n, nrcpt={recipients} (queue active)", 25 * MS),
    ]


def _delivery(to: str, status: str, after: int, program: str = "smtp") -> Line:
    delay = "delay=1.1, delays=0.04/0.01/0.42/0.63"
    return _line(program, f"$queue: to=<{to}>, relay=$relay[$relay_ip]:25, {delay}, {status}", after)


def _removed(after: int) -> Line:
    return _line("qmgr", "$queue: removed", after)


SENT = "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as $remote)"
ANSWERED = "(host $relay[$relay_ip] said: {} (in reply to RCPT TO command))"
DEFERRED = "dsn=4.2.0, status=deferred " + ANSWERED.format("450 4.2.0 Greylisted, try again later")
BOUNCED = "dsn=5.1.1, status=bounced " + ANSWERED.format("550 5.1.1 User unknown")
LINES: dict[str, Sequence[Line]] = {
    "mail": [*_accepted(1), _delivery("$to", SENT, 1100 * MS), _removed(1102 * MS)],
    "mail_forwarded": [*RELAYED, _delivery("$to", SENT, 900 * MS), _removed(902 * MS)],
    "mail_two": [
        *_accepted(2),
        _delivery("$to", SENT, 1100 * MS),
        _delivery("$second", SENT, 1900 * MS),
        _removed(1903 * MS),
    ],
    "mail_deferred": [
        *_accepted(1),
        _delivery("$to", DEFERRED, 1100 * MS),
        _line("qmgr", "$queue: from=<$email>, size=$n, nrcpt=1 (queue active)", 11 * MINUTE),
        _delivery("$to", SENT, 11 * MINUTE + 900 * MS),
        _removed(11 * MINUTE + 902 * MS),
    ],
    "mail_bounced": [
        *_accepted(1),
        _delivery("$to", BOUNCED, 1100 * MS),
        _line("bounce", "$queue: sender non-delivery notification: $remote", 1110 * MS),
        _removed(1112 * MS),
    ],
    "inbound": [
        _line("smtpd", "connect from $relay[$relay_ip]"),
        _line("smtpd", "$queue: client=$relay[$relay_ip]", 200 * MS),
        _line("cleanup", "$queue: message-id=<$message@$to_domain>", 220 * MS),
        _line("qmgr", "$queue: from=<$to>, size=$n, nrcpt=1 (queue active)", 230 * MS),
        _line("smtpd", "disconnect from $relay[$relay_ip] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5", 240 * MS),
        _line(
            "lmtp",
            f"$queue: to=<$email>, relay=exchange.{DOMAIN}[10.20.255.5]:24, delay=0.4, delays=0.2/0.01/0.05/0.14, "
            "dsn=2.1.5, status=sent (250 2.1.5 OK)",
            400 * MS,
        ),
        _removed(402 * MS),
    ],
    "rejected": [
        _line(
            "smtpd",
            "NOQUEUE: reject: RCPT from $relay[$relay_ip]: 554 5.7.1 <$email>: Recipient address rejected: "
            "Access denied; from=<$to> to=<$email> proto=ESMTP helo=<$relay>",
        )
    ],
}


def _prepare(deeds: pl.DataFrame) -> pl.DataFrame:
    number = numbers(deeds)
    domain = pl.col("to").str.extract("@(.+)$").fill_null(DOMAIN)
    return deeds.with_columns(
        # A queue id of the short style: eleven capital hexadecimal digits.
        hex_text(mix(number, "queue"), 3, upper=True).str.slice(0, 11).alias("queue"),
        hex_text(mix(number, "remote"), 3, upper=True).str.slice(2).alias("remote"),
        hex_text(mix(number, "message")).alias("message"),
        pl.Series("pid", 1_000 + number % 29_000),
        (pl.col("host").str.to_lowercase() + f".{DOMAIN}").alias("client"),
        domain.alias("to_domain"),
        ("mx." + domain).alias("relay"),
        pl.Series([f"192.0.2.{last}" for last in range(1, 255)]).gather(number % 254).alias("relay_ip"),
        (pl.col("dept") + f"@{DOMAIN}").alias("second"),
    )


def _is_old(day: int) -> bool:
    return day % OLD_STYLE == OLD_REST


def _stamp() -> pl.Expr:
    """RFC 3339, or the old style on its days: both in company time."""
    local = (pl.col("at") + ZONE * HOUR).cast(pl.Datetime("us"))
    day_of_month = local.dt.day().cast(pl.String).str.pad_start(2)
    old = pl.concat_str(local.dt.strftime("%b "), day_of_month, local.dt.strftime(" %H:%M:%S"))
    is_old = file_day("at", ZONE) % OLD_STYLE == OLD_REST
    return pl.when(is_old).then(old).otherwise(moment("%Y-%m-%dT%H:%M:%S%.6f+08:00", ZONE))


def _name(_: str, day: date) -> DayFile:
    old = _is_old((day - EPOCH).days)
    zipped = not old and day.toordinal() % 4 == 1
    return DayFile(f"mail.log-{day:%Y%m%d}{'.gz' if zipped else ''}", tail="\n", zipped=zipped, stamped=old)


POSTFIX = Vendor("postfix", _prepare, LINES, _name, {"stamp": _stamp()}, zone=ZONE)
