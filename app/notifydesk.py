"""Channels and response actions as the API works on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.channels import Channels
from app.deadlines import deadlines
from app.wiring import House
from core.access import Caller
from core.action import Action
from core.alert import Severity
from core.canonical import content_id, moment_text
from core.deadline import Deadline, Deadlines
from core.errors import Refused
from core.notifying import Address, Channel, ChannelChange, ChannelKind, Staff
from notify.planning import envelope
from notify.webhook import is_signed, new_secret
from notify.words import test_line


class NotifyDesk:
    """Adapter of `api.desks.NotifyDesk`. `deadlines_of` are the parts that know of deadlines."""

    def __init__(
        self, house: House, channels: Channels, staff: Staff, deadlines_of: Sequence[Deadlines] | None = None
    ) -> None:
        self.staff = staff
        self.base_url = house.config.access.address
        self._house = house
        self._records = house.records
        self._channels = channels
        self._deadlines_of = deadlines(house) if deadlines_of is None else deadlines_of

    def make_channel(self, name: str, kind: ChannelKind, change: ChannelChange, *, by: str) -> tuple[Channel, str]:
        if any(channel.name == name for channel in self._records.channels()):
            raise Refused(f"there is a channel {name} already")
        made = new_secret() if kind is ChannelKind.WEBHOOK else ""
        if made and change.secret:
            raise Refused("the secret of a webhook is made here: nobody chooses it")
        address = Address(url=change.url or "", to=change.to or (), secret=made or change.secret or "")
        bare = Channel(name=name, kind=kind, shown="", sealed=b"")
        channel = _changed(bare, change, self._sealed(bare, address))
        self._save(channel, by, "made")
        return channel, made

    def change_channel(self, channel: Channel, change: ChannelChange, *, by: str) -> Channel:
        address = self._channels.address(channel)
        if change.secret is not None and channel.kind is ChannelKind.WEBHOOK:
            raise Refused("the secret of a webhook is changed by rotating it")
        values = {"url": change.url, "to": change.to, "secret": change.secret}
        address = replace(address, **{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]
        channel = _changed(channel, change, self._sealed(channel, address))
        self._save(channel, by, "changed")
        return channel

    def rotate(self, channel: Channel, overlap: timedelta, *, by: str) -> str:
        if channel.kind is not ChannelKind.WEBHOOK:
            raise Refused("only webhooks have a secret of ours")
        address, secret = self._channels.address(channel), new_secret()
        address = replace(address, secret=secret, before=address.secret, before_until=_now() + overlap)
        self._save(replace(channel, sealed=self._channels.sealed(channel.name, address)), by, "rotated")
        return secret

    def try_channel(self, channel: Channel, *, by: str) -> None:
        now = _now()
        name = f"msg_{content_id('test', channel.name, moment_text(now))}"
        if channel.kind is ChannelKind.WEBHOOK:
            self._channels.webhook(channel, name, envelope("test", now, {"by": by}), now)
            return
        to: list[str] = []
        if channel.kind is ChannelKind.EMAIL and not channel.shown:
            member = self.staff.member(by)
            if member is None or not member.email:
                raise Refused("this channel has no address of its own, and neither has whoever tries it")
            to = [member.email]
        self._channels.message(channel, to, "leaverwatch", f"{test_line('zh')}\n{test_line('en')}", name, now)

    def is_result(self, action: str, headers: Mapping[str, str], body: bytes) -> bool:
        found = self._records.action(action)
        if found is None:
            return False
        doing = [channel for channel in self._records.channels() if found.what in channel.actions]
        return any(is_signed(headers, body, self._channels.address(channel).keys(_now())) for channel in doing)

    def is_automatic(self, action: Action) -> bool:
        known = self._house.config.actions
        if action.kind not in known.automatic:
            return False
        order = list(Severity)
        case = next((one for one in self._records.cases(persons=[action.person]) if one.id == action.case), None)
        alerts = map(self._records.alert, case.alerts if case else ())
        return any(alert and order.index(alert.severity) >= order.index(known.automatic_from) for alert in alerts)

    def deadlines(self, caller: Caller) -> Sequence[Deadline]:
        return [one for part in self._deadlines_of for one in part.deadlines(caller)]

    def _sealed(self, channel: Channel, address: Address) -> Channel:
        shown = self._channels.check(channel.kind, address)
        return replace(channel, shown=shown, sealed=self._channels.sealed(channel.name, address))

    def _save(self, channel: Channel, by: str, what: str) -> None:
        self._records.save_channel(channel, by=by, at=_now(), what=what)


def _changed(channel: Channel, change: ChannelChange, sealed: Channel) -> Channel:
    """The channel with what is changed. Only a webhook is told by itself, and does actions."""
    kinds = channel.kinds if change.kinds is None else change.kinds
    actions = channel.actions if change.actions is None else change.actions
    if channel.kind is not ChannelKind.WEBHOOK and (kinds or actions):
        raise Refused("only a webhook has kinds and actions: the others are used by rules")
    enabled = channel.enabled if change.enabled is None else change.enabled
    return replace(
        sealed,
        kinds=kinds,
        actions=actions,
        per_hour=change.per_hour or channel.per_hour,
        enabled=enabled,
        why_off="" if enabled else channel.why_off,
    )


def _now() -> datetime:
    return datetime.now(UTC)
