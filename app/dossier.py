"""What a case's bundle says besides its events: the account, what speaks for the person, what was seen, who did it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from app.wiring import House
from core.alert import Outcome
from core.canonical import moment_or_none, moment_text
from core.case import Case
from core.directory import Directory
from core.errors import Broken
from core.evidence import AuditEntry, Deed, Hold, HoldScope, Snapshot
from evidence.account import LANGUAGES, account
from evidence.pack import Dossier
from evidence.scope import Redaction, Scope

QUIET = timedelta(days=3)
"""Of a source that was silent for so long, it is said that nothing is known."""
OF_COPIES = frozenset({Deed.EXPORTED, Deed.PREVIEWED, Deed.TRACED})
"""Deeds that are told of in the export record, so that an export does not change what the next one has."""
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many events are shown, by the UTC hour with which their time begins (2026-11-27T03), how many withheld and
    why, and how many are in no signed tree."""

    hours: Mapping[str, int]
    withheld: Mapping[str, int]
    unproven: int

    @property
    def shown(self) -> int:
        return sum(self.hours.values())


def dossier_of(
    house: House,
    directory: Directory,
    case: Case,
    scope: Scope,
    snapshots: Sequence[Snapshot],
    redaction: Redaction,
    hidden: frozenset[str],
    counted: Counted,
) -> Dossier:
    """Everything as it was frozen; of what is not frozen, as it is now."""
    bodies = sorted(latest(snapshots), key=lambda body: (body["alert"]["time"], body["alert"]["id"]))
    own = frozenset({case.id, *case.alerts, *scope.persons})
    coverage = _coverage(snapshots)
    favour = _favour(house, directory, scope, bodies, coverage)
    values = _case(house, case, scope, bodies, directory) | {
        "events": {"shown": counted.shown, "withheld": sum(counted.withheld.values())},
        "left_out": {"withheld": dict(counted.withheld), "unproven": counted.unproven, "snapshots": sorted(hidden)},
    }
    gone = {one.alert for one in snapshots if one.id in hidden}
    shown = [{"hidden": body["alert"]["time"]} if body["alert"]["id"] in gone else body for body in bodies]
    return Dossier(
        case=_struck(values, redaction),
        account={lang: account(values, shown, favour, redaction.without, lang) for lang in LANGUAGES},
        favour=_struck(favour, redaction),
        coverage=coverage,
        custody=_custody(house, case),
        snapshots=snapshots,
        texts=texts_of(house, snapshots),
        hidden=hidden,
        own=own,
    )


def latest(snapshots: Iterable[Snapshot]) -> list[Any]:
    """Of each alert what was frozen last."""
    return [orjson.loads(one.body) for one in {one.alert: one for one in snapshots}.values()]


def texts_of(house: House, snapshots: Sequence[Snapshot]) -> dict[str, bytes]:
    """The rules and models that snapshots rest on, by their names in the bundle. Raises `Broken` where one is gone."""
    wanted: dict[str, str] = {}
    for one in snapshots:
        body = orjson.loads(one.body)
        rules = [body["rule"], *body["rule"].get("on", ())]
        wanted |= {rule["sha256"]: f"data/rules/{rule['sha256']}.yml" for rule in rules if rule["sha256"]}
        if body["model"]:
            wanted[body["model"]["sha256"]] = f"data/models/{body['model']['sha256']}.json"
    found: dict[str, bytes] = {}
    for digest, name in sorted(wanted.items()):
        text = house.records.frozen_text(digest)
        if text is None or hashlib.sha256(text).hexdigest() != digest:
            raise Broken(f"the frozen text {digest} is missing or was changed")
        found[name] = text
    return found


def _case(house: House, case: Case, scope: Scope, bodies: Sequence[Values], directory: Directory) -> dict[str, Any]:
    frozen = {body["person"]["id"]: body["person"] for body in bodies}
    persons = [frozen.get(person) or asdict(directory.person(person)) for person in scope.persons]
    names = ("id", "name", "email", "title", "department")
    return {
        "id": case.id,
        "number": case.number,
        "state": case.state.value,
        "opened": moment_text(case.opened),
        "score": case.score,
        "decided": moment_or_none(case.decided),
        "by": case.decided_by,
        "reason": case.reason,
        "persons": [{name: person[name] for name in names} for person in persons],
        "alerts": sorted(case.alerts),
        "holds": [_hold(one) for one in house.records.holds() if _concerns(one, case, scope)],
    }


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "scope": hold.scope.value,
        "reason": hold.reason,
        "placed": moment_text(hold.placed),
        "placed_by": hold.placed_by,
        "since": moment_or_none(hold.since),
        "until": moment_or_none(hold.until),
        "lifted": moment_or_none(hold.lifted),
        "lifted_by": hold.lifted_by,
    }


def _concerns(hold: Hold, case: Case, scope: Scope) -> bool:
    return hold.scope is HoldScope.RANGE or hold.subject == case.id or hold.subject in scope.persons


def _coverage(snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    """What had arrived of each source when evidence was frozen last, and which were silent by then."""
    if not snapshots:
        return {"at": None, "sources": [], "quiet": []}
    last = max(snapshots, key=lambda one: (one.at, one.id))
    sources = orjson.loads(last.body)["sources"]
    times = [datetime.fromisoformat(one["last_event"]) for one in sources if one["last_event"]]
    newest = max(times, default=last.at)
    quiet = [
        {"source": one["source"], "last": one["last_event"]}
        for one in sources
        if not one["last_event"] or datetime.fromisoformat(one["last_event"]) < newest - QUIET
    ]
    return {"at": moment_text(last.at), "sources": sources, "quiet": quiet}


def _favour(
    house: House, directory: Directory, scope: Scope, bodies: Sequence[Values], coverage: Values
) -> dict[str, Any]:
    persons = set(scope.persons)
    terms = [(body["alert"]["id"], term) for body in bodies for term in body["alert"]["terms"]]
    grounds = {ground for body in bodies for ground in body["alert"]["grounds"]}
    names = ("observed", "own_usual", "peers_usual", "unit")
    return {
        "approvals": [
            _plain(asdict(one))
            for one in house.records.approvals()
            if one.id in grounds or not directory.persons_of(one.account).isdisjoint(persons)
        ],
        "exceptions": [
            _plain(asdict(one))
            for one in house.records.exceptions()
            if one.id in grounds or (one.person and not directory.called(one.person).isdisjoint(persons))
        ],
        "usual": [
            {"alert": alert, "term": term["name"]} | {name: term[name] for name in names}
            for alert, term in terms
            if term["own_usual"] is not None or term["peers_usual"] is not None
        ],
        "lowered": [
            {"alert": alert, "term": term["name"], "points": term["points"]}
            for alert, term in terms
            if term["points"] < 0
        ],
        "suppressed": len(house.records.alerts(persons=scope.persons, outcome=Outcome.SUPPRESSED)),
        "quiet": coverage["quiet"],
    }


def _custody(house: House, case: Case) -> list[AuditEntry]:
    found = {entry.number: entry for about in (case.id, *case.alerts) for entry in house.records.audited(about=about)}
    return [found[number] for number in sorted(found) if found[number].deed not in OF_COPIES]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: moment_text(value) if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


def _struck(values: Mapping[str, Any], redaction: Redaction) -> dict[str, Any]:
    """Values with every name of a third party struck out."""
    found: dict[str, Any] = orjson.loads(redaction.without(orjson.dumps(values).decode()))
    return found
