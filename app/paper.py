"""The report of a case that goes with its bundle: what is packed, said on paper."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rfc3161_client import decode_timestamp_response

from app.dossier import latest
from core.proof import SignedHead
from detection.explain import unit_words
from evidence.account import favour_words, missing_words
from evidence.marks import Mark
from evidence.pack import Copy, Dossier
from evidence.printing import Language
from evidence.report import (
    CaseReport,
    ReportAlert,
    ReportDeed,
    ReportPerson,
    ReportSource,
    ReportTerm,
    ReportText,
    ReportTrust,
    render,
)

Values = Mapping[str, Any]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_SCOPE: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "persons": "{n} persons",
        "person": "1 person",
        "since": "from {value} on",
        "until": "before {value}",
        "sources": "of {value} only",
        "redacted_fields": "without records that have {value}",
        "redacted_persons": "without records that name {value} third parties",
        "comma": ", ",
    },
    "zh": {
        "persons": "{n} 人",
        "person": "1 人",
        "since": "自 {value} 起",
        "until": "{value} 之前",
        "sources": "仅限 {value}",
        "redacted_fields": "不含带有 {value} 的记录",
        "redacted_persons": "不含提及 {value} 名第三方的记录",
        "comma": "，",
    },
}


def case_paper(
    dossier: Dossier, copy: Copy, head: SignedHead, hours: Mapping[str, int], zone: str, lang: Language
) -> bytes:
    """The PDF of a copy. `hours` counts the events that are shown by the UTC hour with which their time begins."""
    case = dossier.case
    bodies = latest([one for one in dossier.snapshots if one.id not in dossier.hidden])
    bodies.sort(key=lambda body: (body["alert"]["time"], body["alert"]["id"]))
    newest = {body["person"]["id"]: body["person"] for body in bodies}
    names = {one["id"]: _called(one) for one in case["persons"]}
    ids = {one.alert: one.id for one in dossier.snapshots}
    mark = Mark(recipient=copy.recipient, number=str(copy.number), at=copy.at, known_as=copy.code)
    return render(
        CaseReport(
            lang=lang,
            mark=mark,
            case=case["id"],
            state=case["state"],
            opened=_moment(case["opened"]) or copy.at,
            score=case["score"],
            decided=_moment(case["decided"]),
            decided_by=case["by"],
            reason=case["reason"],
            purpose=copy.purpose,
            exported_by=copy.by,
            scope=_scope(copy.scope, lang),
            zone=zone,
            persons=[_person(one, newest.get(one["id"])) for one in case["persons"]],
            alerts=[_alert(body["alert"], names, ids, lang) for body in bodies],
            account={one: _account(bodies, zone, one) for one in LANGUAGES},
            favour=favour_words(dossier.favour, lang),
            missing=missing_words(dossier.favour, case, lang),
            events=_days(hours, zone),
            sources=[_source(one) for one in dossier.coverage["sources"]],
            custody=[ReportDeed(at=one.at, by=one.by, deed=one.deed, why=one.why) for one in dossier.custody],
            texts=_texts(bodies),
            trust=[ReportTrust(name="Ed25519", fingerprint=head.key), *_stampers(head)],
            log=head.head.log,
            size=head.head.size,
            root=head.head.roots["sha256"],
            head_at=head.head.at,
        )
    )


def _scope(scope: Values, lang: Language) -> str:
    words, count = _SCOPE[lang], len(scope["persons"])
    said = [words["person" if count == 1 else "persons"].format(n=count)]
    for name in ("since", "until", "sources", "redacted_fields", "redacted_persons"):
        value = ", ".join(scope[name]) if isinstance(scope[name], list) else scope[name]
        said += [words[name].format(value=value)] if value else []
    return words["comma"].join(said)


def _called(person: Values) -> str:
    return (
        f"{person['name'] or person['email']} ({person['id']})" if person["name"] or person["email"] else person["id"]
    )


def _person(one: Values, frozen: Values | None) -> ReportPerson:
    filings = [filing for filing in frozen["filings"] if not filing["withdrawn"]] if frozen else []
    filed = _moment(filings[-1]["filed"]) if filings else None
    last_day = filings[-1]["last_day"] if filings else None
    return ReportPerson(
        name=_called(one),
        post=", ".join(part for part in (one["title"], one["department"]) if part),
        notice=filed.date() if filed else None,
        last_day=date.fromisoformat(last_day) if last_day else None,
        accounts=[account["account"] for account in frozen["accounts"]] if frozen else (),
    )


def _alert(alert: Values, names: Mapping[str, str], ids: Mapping[str, str], lang: Language) -> ReportAlert:
    return ReportAlert(
        id=alert["id"],
        title=alert["title"],
        person=names.get(alert["person"], alert["person"]),
        at=datetime.fromisoformat(alert["time"]),
        severity=alert["severity"],
        stage=alert["stage"],
        score=alert["score"],
        message=alert["messages"].get(lang, ""),
        terms=[_term(term, lang) for term in alert["terms"]],
        outcome=alert["outcome"],
        why=alert["why"],
        snapshot=ids[alert["id"]],
    )


def _term(term: Values, lang: Language) -> ReportTerm:
    names = ("name", "points", "observed", "own_usual", "peers_usual", "limit", "silent_below")
    return ReportTerm(**{name: term[name] for name in names}, unit=unit_words(term["unit"], lang))


def _account(bodies: Sequence[Values], zone: str, lang: Language) -> str:
    """A sentence for each alert, in order."""
    local = ZoneInfo(zone)
    alerts = (body["alert"] for body in bodies)
    return "\n".join(
        f"{datetime.fromisoformat(one['time']).astimezone(local):%Y-%m-%d %H:%M} {one['messages'].get(lang, '')}"
        for one in alerts
    )


def _days(hours: Mapping[str, int], zone: str) -> dict[date, int]:
    local, days = ZoneInfo(zone), Counter[date]()
    for hour, count in hours.items():
        days[datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC).astimezone(local).date()] += count
    return days


def _source(one: Values) -> ReportSource:
    return ReportSource(
        name=one["source"],
        events=one["events"],
        quarantined=one["quarantined"],
        first=_moment(one["first_event"]),
        last=_moment(one["last_event"]),
    )


def _texts(bodies: Sequence[Values]) -> list[ReportText]:
    rules = (rule for body in bodies for rule in (body["rule"], *body["rule"].get("on", ())))
    used = {("rule", rule["id"], rule["sha256"]) for rule in rules if rule["sha256"]}
    used |= {("model", body["model"]["id"], body["model"]["sha256"]) for body in bodies if body["model"]}
    return [ReportText(kind=kind, name=name, sha256=digest) for kind, name, digest in sorted(used)]


def _stampers(head: SignedHead) -> Iterator[ReportTrust]:
    """The certificates in a head's time stamps: who stamped it, and who is above them."""
    for token in head.tokens:
        for data in sorted(decode_timestamp_response(token.data).signed_data.certificates):
            yield ReportTrust(name=token.authority, fingerprint=hashlib.sha256(data).hexdigest())


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
