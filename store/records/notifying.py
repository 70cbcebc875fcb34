"""Channels, rules and what is told by them, in SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import and_, delete, func, insert, or_, select, update

from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.notifying import (
    Channel,
    ChannelKind,
    Delivery,
    DeliveryState,
    Preferences,
    Replay,
    Rule,
    Tried,
)
from store.records.audit import note_in
from store.records.database import Database, Row, add_missing, pieces, upsert
from store.records.happenings import happen_in
from store.records.notifytables import calendar_tokens, channels, deliveries, preferences, rules
from store.records.tables import settings

PLACE = "notified_until"
_RULE, _PREFERENCES = TypeAdapter(Rule), TypeAdapter(Preferences)


class NotifyingRecords:
    """Adapter of `core.notifying.Notifying`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_channel(self, channel: Channel, *, by: str, at: datetime, what: str) -> None:
        with self._database.writing() as connection:
            upsert(connection, channels, [_channel_row(channel)])
            note_in(connection, _entry(by, at, what, channel=channel.name))

    def remove_channel(self, name: str, *, by: str, at: datetime) -> None:
        with self._database.writing() as connection:
            used = connection.execute(select(rules.c.name).where(rules.c.channel == name)).scalars().all()
            if used:
                raise Refused(f"rules use this channel: {', '.join(sorted(used))}")
            connection.execute(delete(deliveries).where(deliveries.c.channel == name))
            if connection.execute(delete(channels).where(channels.c.name == name)).rowcount:
                note_in(connection, _entry(by, at, "removed", channel=name))

    def channels(self) -> Sequence[Channel]:
        with self._database.reading() as connection:
            rows = connection.execute(select(channels).order_by(channels.c.name)).mappings()
            return [channel_of(dict(row)) for row in rows]

    def save_rule(self, rule: Rule, *, by: str, at: datetime) -> None:
        with self._database.writing() as connection:
            if not connection.execute(select(channels.c.name).where(channels.c.name == rule.channel)).first():
                raise Refused(f"there is no channel {rule.channel}")
            body = _RULE.dump_json(rule).decode()
            upsert(connection, rules, [{"name": rule.name, "channel": rule.channel, "body": body}])
            note_in(connection, _entry(by, at, "saved", rule=rule.name, body=json.loads(body)))

    def remove_rule(self, name: str, *, by: str, at: datetime) -> None:
        with self._database.writing() as connection:
            if connection.execute(delete(rules).where(rules.c.name == name)).rowcount:
                note_in(connection, _entry(by, at, "removed", rule=name))

    def rules(self) -> Sequence[Rule]:
        with self._database.reading() as connection:
            found = connection.execute(select(rules.c.body).order_by(rules.c.name)).scalars()
            return [_RULE.validate_json(body) for body in found]

    def save_preferences(self, preferences_: Preferences) -> None:
        row = {"user": preferences_.user, "body": _PREFERENCES.dump_json(preferences_).decode()}
        with self._database.writing(alone=False) as connection:
            upsert(connection, preferences, [row])

    def preferences(self) -> Mapping[str, Preferences]:
        with self._database.reading() as connection:
            found = connection.execute(select(preferences.c.body)).scalars()
            return {one.user: one for one in map(_PREFERENCES.validate_json, found)}

    def plan(self, new: Sequence[Delivery], place: int) -> None:
        with self._database.writing(alone=False) as connection:
            for some in pieces(new):
                add_missing(connection, deliveries, [asdict(one) for one in some])
            upsert(connection, settings, [{"name": PLACE, "value": str(place)}])

    def planned(self) -> int | None:
        with self._database.reading() as connection:
            found = connection.execute(select(settings.c.value).where(settings.c.name == PLACE)).scalar()
            return None if found is None else int(found)

    def due(self, channel: str, at: datetime, most: int) -> Sequence[Delivery]:
        waits = (deliveries.c.state == DeliveryState.WAITING.value) & (deliveries.c.due <= at)
        query = select(deliveries).where(waits, deliveries.c.channel == channel)
        with self._database.reading() as connection:
            rows = connection.execute(
                query.order_by(deliveries.c.due, deliveries.c.number, deliveries.c.id).limit(most)
            ).mappings()
            return [_delivery(dict(row)) for row in rows]

    def tried(self, tried: Tried) -> None:
        values = {"state": tried.state.value, "changed": tried.at, "message": tried.message, "note": tried.note}
        values |= {} if tried.due is None else {"due": tried.due}
        with self._database.writing(alone=False) as connection:
            for some in pieces(sorted(tried.ids)):
                these = update(deliveries).where(deliveries.c.id.in_(some))
                connection.execute(these.values(values | {"attempts": deliveries.c.attempts + 1}))

    def turn_off(self, channel: str, why: str, at: datetime) -> None:
        with self._database.writing() as connection:
            on = (channels.c.name == channel) & channels.c.enabled
            if connection.execute(update(channels).where(on).values(enabled=False, why_off=why)).rowcount:
                note_in(connection, _entry("leaverwatch", at, "turned off", channel=channel))
                happen_in(connection, [Happening(at=at, kind=Kind.CHANNEL_OFF, subject=channel)])

    def messages_since(self, channel: str, since: datetime) -> int:
        went = (deliveries.c.channel == channel) & (deliveries.c.state == DeliveryState.SENT.value)
        query = select(func.count(deliveries.c.message.distinct())).where(went, deliveries.c.changed > since)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def deliveries(self, channel: str | None, after: tuple[datetime, str] | None, most: int) -> Sequence[Delivery]:
        query = select(deliveries).order_by(deliveries.c.at.desc(), deliveries.c.id.desc()).limit(most)
        if channel is not None:
            query = query.where(deliveries.c.channel == channel)
        if after is not None:
            at, last = after
            query = query.where(or_(deliveries.c.at < at, and_(deliveries.c.at == at, deliveries.c.id < last)))
        with self._database.reading() as connection:
            return [_delivery(dict(row)) for row in connection.execute(query).mappings()]

    def replay(self, channel: str, which: Replay, *, by: str, at: datetime) -> int:
        # An action is asked for once: whoever wants it done again asks for it again.
        these = [
            deliveries.c.channel == channel,
            deliveries.c.action == "",
            deliveries.c.state != DeliveryState.WAITING.value,
        ]
        these += [deliveries.c.id == which.delivery] if which.delivery else []
        these += [deliveries.c.at >= which.since] if which.since else []
        these += [deliveries.c.at < which.until] if which.until else []
        again = {"state": DeliveryState.WAITING.value, "due": at, "attempts": 0, "note": ""}
        with self._database.writing() as connection:
            count = connection.execute(update(deliveries).where(*these).values(again)).rowcount
            details = {"channel": channel, "deliveries": count}
            note_in(connection, AuditEntry(at=at, by=by, deed=Deed.REPLAYED, about=(), details=details))
        return count

    def forget_deliveries(self, before: datetime, keep: int) -> None:
        done = deliveries.c.state != DeliveryState.WAITING.value
        with self._database.writing(alone=False) as connection:
            connection.execute(delete(deliveries).where(done, deliveries.c.at < before))
            for name in connection.execute(select(deliveries.c.channel).distinct()).scalars().all():
                newest = select(deliveries.c.at).where(deliveries.c.channel == name).order_by(deliveries.c.at.desc())
                last = connection.execute(newest.offset(keep).limit(1)).scalar()
                if last is not None:
                    its_old = (deliveries.c.channel == name) & (deliveries.c.at <= last)
                    connection.execute(delete(deliveries).where(done, its_old))

    def save_calendar_token(self, user: str, digest: str | None, at: datetime) -> None:
        with self._database.writing(alone=False) as connection:
            connection.execute(delete(calendar_tokens).where(calendar_tokens.c.user == user))
            if digest is not None:
                connection.execute(insert(calendar_tokens), {"user": user, "digest": digest, "made": at})

    def calendar_user(self, digest: str) -> str | None:
        query = select(calendar_tokens.c.user).where(calendar_tokens.c.digest == digest)
        with self._database.reading() as connection:
            found: str | None = connection.execute(query).scalar()
        return found


def _entry(by: str, at: datetime, what: str, **details: object) -> AuditEntry:
    return AuditEntry(at=at, by=by, deed=Deed.SET_NOTIFYING, about=(), details={"what": what} | details)


def _channel_row(channel: Channel) -> Row:
    lists = {"kinds": json.dumps(sorted(channel.kinds)), "actions": json.dumps(sorted(channel.actions))}
    return asdict(channel) | lists | {"kind": channel.kind.value}


def channel_of(row: Row) -> Channel:
    """The channel of a row."""
    kinds = frozenset(Kind(kind) for kind in json.loads(row["kinds"]))
    return Channel(
        **{**row, "kind": ChannelKind(row["kind"]), "kinds": kinds, "actions": frozenset(json.loads(row["actions"]))}
    )


def _delivery(row: Row) -> Delivery:
    return Delivery(**{**row, "state": DeliveryState(row["state"])})
