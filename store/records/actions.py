"""Response actions, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, and_, insert, or_, select, update

from core.action import OPEN, Action, ActionKind, ActionState, decided, moved
from core.canonical import content_id
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from core.notifying import ChannelKind, Delivery, DeliveryState
from store.records.audit import note_in
from store.records.database import Database, Row, add_missing, upsert
from store.records.happenings import happen_in
from store.records.notifying import channel_of
from store.records.notifytables import actions as action_table
from store.records.notifytables import channels, deliveries

CONFIGURED = "[actions] automatic"
"""Who approves what the configuration lets run without anybody."""


class ActionRecords:
    """Adapter of `core.action.Actions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask_for(self, action: Action, *, automatic: bool = False) -> Action:
        with self._database.writing() as connection:
            _channel_for(connection, action)
            connection.execute(insert(action_table), _row(action))
            _tell(connection, action, by=action.asked_by, why=action.reason)
            if not automatic:
                return action
            approved = decided(action, ActionState.APPROVED, by=CONFIGURED, at=action.asked, why="")
            return _approve(connection, approved)

    def decide_action(self, action_id: str, state: ActionState, *, by: str, at: datetime, why: str) -> Action:
        with self._database.writing() as connection:
            action = decided(_known(connection, action_id), state, by=by, at=at, why=why)
            if state is ActionState.APPROVED:
                return _approve(connection, action)
            upsert(connection, action_table, [_row(action)])
            _tell(connection, action, by=by, why=why)
            return action

    def move_action(self, action_id: str, state: ActionState, *, by: str, at: datetime, result: str = "") -> Action:
        with self._database.writing() as connection:
            known = _known(connection, action_id)
            if (known.state, known.result) == (state, result or known.result):
                return known
            action = moved(known, state, at=at, result=result)
            upsert(connection, action_table, [_row(action)])
            _tell(connection, action, by=by)
            return action

    def action(self, action_id: str) -> Action | None:
        with self._database.reading() as connection:
            return _found(connection, action_id)

    def actions(
        self,
        *,
        case: str | None = None,
        states: frozenset[ActionState] | None = None,
        after: tuple[datetime, str] | None = None,
        most: int | None = None,
    ) -> Sequence[Action]:
        table = action_table.c
        query = select(action_table).order_by(table.asked.desc(), table.id.desc()).limit(most)
        if case is not None:
            query = query.where(table.case == case)
        if states is not None:
            query = query.where(table.state.in_(sorted(states)))
        if after is not None:
            query = query.where(or_(table.asked < after[0], and_(table.asked == after[0], table.id < after[1])))
        with self._database.reading() as connection:
            return [_action(dict(row)) for row in connection.execute(query).mappings()]

    def expire_actions(self, at: datetime) -> int:
        table = action_table.c
        late = select(action_table).where(table.state.in_(sorted(OPEN)), table.expires <= at).order_by(table.id)
        with self._database.reading() as connection:
            if connection.execute(late.limit(1)).first() is None:
                return 0
        with self._database.writing() as connection:
            found = [_action(dict(row)) for row in connection.execute(late).mappings().all()]
            for action in found:
                over = moved(action, ActionState.EXPIRED, at=at)
                upsert(connection, action_table, [_row(over)])
                waits = (deliveries.c.action == over.id) & (deliveries.c.state == DeliveryState.WAITING.value)
                not_sent = {"state": DeliveryState.FAILED.value, "note": "it expired before it was sent"}
                connection.execute(update(deliveries).where(waits).values(not_sent))
                _tell(connection, over, by="leaverwatch")
        return len(found)


def _approve(connection: Connection, action: Action) -> Action:
    """Keep what is approved, with its delivery, so that neither is there without the other."""
    channel = _channel_for(connection, action)
    assert action.decided is not None  # noqa: S101  # that is what approved means
    delivery = Delivery(
        id=f"msg_{content_id('action', action.id)}",
        channel=channel,
        kind=f"action.{action.what}",
        at=action.decided,
        body="",
        due=action.decided,
        action=action.id,
    )
    upsert(connection, action_table, [_row(action)])
    add_missing(connection, deliveries, [asdict(delivery)])
    _tell(connection, action, by=action.decided_by, why=action.decision)
    return action


def _channel_for(connection: Connection, action: Action) -> str:
    """The webhook that does such an action: the first by name, of those that are on."""
    on = select(channels).where(channels.c.enabled, channels.c.kind == ChannelKind.WEBHOOK.value)
    for row in connection.execute(on.order_by(channels.c.name)).mappings():
        channel = channel_of(dict(row))
        if action.what in channel.actions:
            return channel.name
    raise Refused(f"no channel that is on does {action.what}")


def _tell(connection: Connection, action: Action, *, by: str, why: str = "") -> None:
    at = action.changed or action.asked
    details = {"action": action.id, "what": action.what, "state": action.state.value}
    about = (action.person, action.case)
    note_in(connection, AuditEntry(at=at, by=by, deed=Deed.ACTED, about=about, why=why, details=details))
    told = {"what": action.what, "case": action.case}
    kind = Kind(f"action.{action.state.value}")
    happen_in(connection, [Happening(at=at, kind=kind, subject=action.id, person=action.person, by=by, details=told)])


def _known(connection: Connection, action_id: str) -> Action:
    action = _found(connection, action_id)
    if action is None:
        raise Refused(f"there is no action {action_id}")
    return action


def _found(connection: Connection, action_id: str) -> Action | None:
    row = connection.execute(select(action_table).where(action_table.c.id == action_id)).mappings().first()
    return _action(dict(row)) if row else None


def _row(action: Action) -> Row:
    return asdict(action) | {"kind": action.kind.value, "state": action.state.value}


def _action(row: Row) -> Action:
    return Action(**{**row, "kind": ActionKind(row["kind"]), "state": ActionState(row["state"])})
