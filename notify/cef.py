"""The Common Event Format (CEF): one line, in which nothing that somebody wrote can end a field or the line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.alert import Severity

_SEVERITIES = {
    Severity.INFORMATIONAL.value: 1,
    Severity.LOW.value: 3,
    Severity.MEDIUM.value: 5,
    Severity.HIGH.value: 8,
    Severity.CRITICAL.value: 10,
}
_NAME = re.compile(r"[A-Za-z0-9_]+\Z")


def cef(event: str, name: str, severity: str, fields: Mapping[str, str], *, version: str) -> str:
    """A line about one event; empty fields are left out. Severities that are none are 3."""
    head = ("CEF:0", "leaverwatch", "leaverwatch", version, event, name, str(_SEVERITIES.get(severity, 3)))
    told = " ".join(f"{_key(key)}={_value(value)}" for key, value in fields.items() if value)
    return "|".join([head[0], *map(_header, head[1:]), told])


def _key(text: str) -> str:
    if not _NAME.match(text):
        raise ValueError(f"no name of a CEF field: {text!r}")
    return text


def _header(text: str) -> str:
    """Pipes and backslashes are written with a backslash; a header has no way to write a line break."""
    return clean(text, " ").replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    """Equals signs and backslashes are written with a backslash, line breaks as \\n; a pipe stays as it is."""
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return clean(re.sub("\r\n|[\r\n]", "\\\\n", escaped), " ")


def clean(text: str, instead: str) -> str:
    """Without control characters and what else ends a line somewhere."""
    ends = "\x85\u2028\u2029"
    return "".join(instead if ord(one) < 32 or 127 <= ord(one) < 160 or one in ends else one for one in text)
