"""Freezing evidence: what an alert rests on is laid down beside it for good, as soon as it is raised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from access.lens import everything
from api.views import alert_views
from app.wiring import House
from core.alert import Alert
from core.canonical import moment_or_none, moment_text
from core.directory import ALWAYS, NEVER, Directory
from core.evidence import FREEZING, Evidence, Snapshot, Unfrozen
from core.leaf import NAMES, contents
from core.model import ModelState
from core.ports import EventQuery
from core.proof import canonical
from detection.rulebook import RuleBook
from detection.unusual import of_models

ALERTS_AT_ONCE, EVENTS_AT_ONCE = 200, 20_000
NEAR_DAYS = 31
Text = Mapping[str, Any]


def freeze(house: House) -> int:
    """Freeze the evidence of every alert that came or changed since; returns how many snapshots that made. Whoever dies
    in between has it done by the next. One process at a time, some alerts at a time."""
    made = 0
    if not house.records.unfrozen(1):
        return made
    with house.records.alone(FREEZING):
        desk: Desk | None = None
        while due := house.records.unfrozen(ALERTS_AT_ONCE):
            # Made here, so that it knows whatever was stored with the alerts.
            desk = desk or Desk.of(house)
            for some in _pieces(due):
                evidence = desk.evidence([one.now for one in some if one.now and not one.same])
                house.records.freeze(evidence, some)
                made += len(evidence.snapshots)
    return made


def _pieces(due: Sequence[Unfrozen]) -> Iterator[list[Unfrozen]]:
    """Some alerts at a time, with so many events together at most."""
    some: list[Unfrozen] = []
    events = 0
    for one in due:
        own = len(one.now.events) if one.now and not one.same else 0
        if some and events + own > EVENTS_AT_ONCE:
            yield some
            some, events = [], 0
        some.append(one)
        events += own
    yield some


@dataclass(slots=True)
class Desk:
    """What is the same for all alerts that are frozen together."""

    house: House
    directory: Directory
    sources: Sequence[Text]
    model: Text | None
    texts: dict[str, bytes]

    @classmethod
    def of(cls, house: House) -> Desk:
        house.events.catch_up()
        desk = cls(house, house.directory(), _sources(house), None, {})
        champion = next((one.card for one in house.records.models() if one.state is ModelState.CHAMPION), None)
        if champion:
            desk.model = {"id": champion.id, "sha256": desk._kept(champion.to_json())}
        return desk

    def evidence(self, alerts: Sequence[Alert]) -> Evidence:
        """The snapshots of alerts, and what they rest on that is not frozen yet."""
        if not alerts:
            return Evidence(snapshots=(), events={}, texts=())
        house = self.house
        wanted = list(dict.fromkeys(one for alert in alerts for one in alert.events))
        left = set(house.records.not_frozen(wanted))
        events = self._events(alerts, left)
        missing = left - events.keys()
        views = alert_views(alerts, house.records, house.events, everything(self.directory), house.book)
        last = house.records.last_noted()
        audit = {"entries": last.number + 1, "digest": last.digest} if last else {"entries": 0, "digest": ""}
        now = datetime.now(UTC)
        snapshots = []
        for alert, view in zip(alerts, views, strict=True):
            body = canonical(
                {
                    "alert": json.loads(view.model_dump_json()),
                    "rule": self._rule(alert.rule),
                    "model": self.model if alert.rule in of_models(house.book) else None,
                    "person": _person(alert, self.directory),
                    "sources": self.sources,
                    "events": list(alert.events),
                    "counted": alert.facts.get("events", len(alert.events)),
                    "missing": [one for one in alert.events if one in missing],
                    "audit": audit,
                }
            )
            name = hashlib.sha256(body).hexdigest()
            snapshots.append(Snapshot(id=name, alert=alert.id, person=alert.person, at=now, body=body))
        return Evidence(snapshots=snapshots, events=events, texts=list(self.texts.values()))

    def _events(self, alerts: Sequence[Alert], wanted: set[str]) -> dict[str, bytes]:
        """The content of these events. Most lie near their alert's day: those are found without reading far back."""
        found = self._read(alerts, wanted, NEAR_DAYS)
        left = wanted - found.keys()
        far = [alert for alert in alerts if not left.isdisjoint(alert.events)]
        return found | self._read(far, left, self.house.book.reach)

    def _read(self, alerts: Sequence[Alert], ids: set[str], reach: int) -> dict[str, bytes]:
        if not ids:
            return {}
        calendar = self.directory.calendar
        query = EventQuery(
            ids=ids,
            start=calendar.start_of(min(alert.day for alert in alerts) - timedelta(days=reach)),
            end=calendar.end_of(max(alert.day for alert in alerts)),
            columns=NAMES,
        )
        events = self.house.events.read(query)
        return dict(zip(events["event.id"], contents(events).cast(pl.Binary), strict=True))

    def _rule(self, name: str) -> Text:
        book = self.house.book
        below = [{"id": one, "sha256": self._text_of(one)} for one in _below(book, name)]
        return {"id": name, "sha256": self._text_of(name), "version": book.version, "on": below}

    def _text_of(self, rule: str) -> str | None:
        text = self.house.book.origins.get(rule)
        return None if text is None else self._kept(text)

    def _kept(self, text: str) -> str:
        data = text.encode()
        name = hashlib.sha256(data).hexdigest()
        self.texts[name] = data
        return name


def _below(book: RuleBook, name: str) -> list[str]:
    """The rules that a rule builds on, and those that these build on, by name."""
    found: set[str] = set()
    left = [name]
    while left:
        rule = book.rules.get(left.pop())
        new = {one for one in rule.builds_on if one not in found} if rule else set()
        found |= new
        left += new
    return sorted(found)


def _sources(house: House) -> list[Text]:
    """What has arrived of each source."""
    return [
        {
            "source": status.source,
            "events": status.events,
            "quarantined": status.quarantined,
            "ignored": dict(status.ignored),
            "waiting": status.waiting,
            "first_event": moment_or_none(status.first_event),
            "last_event": moment_or_none(status.last_event),
        }
        for status in house.events.sources()
    ]


def _person(alert: Alert, directory: Directory) -> Text:
    """Who it was on the alert's day, from what was known by its end, or by the alert's time where that is later."""
    known = directory.person(alert.person)
    by = max(directory.calendar.end_of(alert.day), alert.time)
    return {
        "id": known.id,
        "name": known.name,
        "email": known.email,
        "department": known.department,
        "title": known.title,
        "stage": directory.stage(alert.person, alert.time).value,
        "days_left": directory.days_left(alert.person, alert.time),
        "accounts": [
            {
                "account": account,
                "since": None if since == ALWAYS else moment_text(since),
                "until": None if until == NEVER else moment_text(until),
            }
            for account, since, until in directory.spans_of(alert.person)
            if since < by
        ],
        "filings": [
            {
                "filed": moment_text(filing.filed),
                "last_day": filing.last_day and filing.last_day.isoformat(),
                "withdrawn": filing.withdrawn,
            }
            for filing in directory.filings_of(alert.person)
            if filing.filed <= by
        ],
    }
