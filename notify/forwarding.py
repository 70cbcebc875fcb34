"""Alerts, cases and entries of the audit log as a SIEM takes them: CEF, or JSON with the fields of ECS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from core.canonical import moment_text
from core.evidence import AuditEntry
from core.happening import Happening, Kind
from notify.cef import cef, clean
from notify.planning import Outlook, document
from notify.syslog import message

Form = Literal["cef", "ecs"]
KINDS = frozenset(
    {
        Kind.ALERT_RAISED,
        Kind.ALERT_CHANGED,
        Kind.ALERT_GONE,
        Kind.CASE_OPENED,
        Kind.CASE_MOVED,
        Kind.CASE_DECIDED,
    }
)
_LEVELS: Mapping[str, int] = {"informational": 1, "low": 3, "medium": 5, "high": 8, "critical": 10}


def of_happening(happening: Happening, outlook: Outlook, form: Form, host: str, version: str) -> bytes:
    """A message about an alert or a case."""
    told = document(happening, outlook)
    rule = str(happening.details.get("rule", ""))
    title = outlook.title(rule) if rule else happening.kind.value
    person, case, link = (str(told[name] or "") for name in ("person", "case", "link"))
    score = str(happening.details.get("score", ""))
    if form == "cef":
        fields = {
            "rt": str(int(happening.at.timestamp() * 1000)),
            "externalId": happening.subject,
            "suser": person,
            "cs1Label": "rule" if rule else "",
            "cs1": rule,
            "cs2Label": "case" if case else "",
            "cs2": case,
            "cn1Label": "number",
            "cn1": str(happening.number),
            "cfp1Label": "score" if score else "",
            "cfp1": score,
            "request": link,
        }
        text = cef(happening.kind.value, title, happening.severity, fields, version=version)
    else:
        text = _json(
            {
                "@timestamp": moment_text(happening.at),
                "ecs": {"version": "8.17"},
                "event": {
                    "kind": "alert" if happening.kind.value.startswith("alert.") else "event",
                    "action": happening.kind.value,
                    "id": happening.subject,
                    "sequence": happening.number,
                    "severity": _LEVELS.get(happening.severity),
                    "risk_score": happening.details.get("score"),
                    "reason": title,
                    "url": link or None,
                    "provider": "leaverwatch",
                },
                "rule": {"id": rule, "name": title} if rule else None,
                "user": {"id": person} if person else None,
                "leaverwatch": {"case": case} if case else None,
                "observer": {"vendor": "leaverwatch", "product": "leaverwatch", "version": version},
            }
        )
    return message(happening.at, host, happening.kind.value, happening.severity, text)


def of_entry(entry: AuditEntry, form: Form, host: str, version: str) -> bytes:
    """A message about an entry of the audit log: who did what, when, and the digest that it can be found by. Whom it
    was about and why stays in the log."""
    kind = f"audit.{entry.deed.value}"
    if form == "cef":
        fields = {
            "rt": str(int(entry.at.timestamp() * 1000)),
            "suser": entry.by,
            "cn1Label": "number",
            "cn1": str(entry.number),
            "cs1Label": "digest",
            "cs1": entry.digest,
        }
        text = cef(kind, kind, "", fields, version=version)
    else:
        text = _json(
            {
                "@timestamp": moment_text(entry.at),
                "ecs": {"version": "8.17"},
                "event": {"kind": "event", "action": kind, "sequence": entry.number, "hash": entry.digest},
                "user": {"name": entry.by},
            }
        )
    return message(entry.at, host, kind, "", text)


def _json(document_: Mapping[str, object]) -> str:
    """One line. JSON writes control characters with a backslash; what else ends lines somewhere is taken out."""
    return clean(json.dumps(_without_none(document_), ensure_ascii=False, sort_keys=True), " ")


def _without_none(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: _without_none(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if value is not None
    }
