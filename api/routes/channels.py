"""Channels: the ways by which people and systems are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Response
from fastapi import Path as InPath
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.caller import needs
from api.desks import NotifyDesk
from api.paging import After, Limit, Page, moment_place, page, place
from api.problems import Problem, answers, not_found
from api.routing import Router
from api.shop import InShop, Shop, now
from core.access import Caller, Permission
from core.action import ActionKind
from core.happening import Kind
from core.notifying import Channel, ChannelChange, ChannelKind, Delivery, DeliveryState, Replay

NAME = r"^[a-z0-9][a-z0-9_.-]{0,59}$"
Name = Annotated[str, InPath(pattern=NAME, description="Name of the channel")]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Mail = Annotated[
    str,
    StringConstraints(max_length=254, pattern=r"^[^\s@<>,;\"]{1,64}@[A-Za-z0-9.-]{1,189}$"),
    Field(examples=["security@corp.example"]),
]
Secret = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9_+/=-]*$")]
_DOES = "|".join(kind.value for kind in ActionKind if kind is not ActionKind.PLAYBOOK)
Does = Annotated[
    str,
    StringConstraints(pattern=rf"^({_DOES}|playbook:[a-z0-9][a-z0-9_.-]{{0,59}})$"),
    Field(examples=["suspend_export"]),
]
HIDDEN = "****"


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such time in UTC") from None


When = Annotated[AwareDatetime, AfterValidator(_in_utc)]
PerHour = Annotated[int, Field(ge=1, le=10_000)]


class ChannelPatch(BaseModel):
    """What is changed; what is left out stays. A channel that was turned off is turned on with `enabled`."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    to: Annotated[list[Mail], Field(max_length=100)] | None = None
    secret: Secret | None = None
    kinds: set[Kind] | None = None
    actions: Annotated[set[Does], Field(max_length=100)] | None = None
    per_hour: PerHour | None = None
    enabled: bool | None = None

    def change(self) -> ChannelChange:
        return ChannelChange(
            url=self.url,
            to=None if self.to is None else tuple(self.to),
            secret=self.secret,
            kinds=None if self.kinds is None else frozenset(self.kinds),
            actions=None if self.actions is None else frozenset(self.actions),
            per_hour=self.per_hour,
            enabled=self.enabled,
        )


class ChannelFile(ChannelPatch):
    """A channel to be made. `url` is the address that a chat service gives out, or a webhook's; `to` are addresses of
    mail, none: the users whom a rule names. `secret` is DingTalk's; a webhook's is made."""

    name: Annotated[str, StringConstraints(pattern=NAME)]
    kind: ChannelKind


class ChannelView(BaseModel):
    """A channel. Of its address only the host is shown, of its secrets nothing."""

    name: str
    kind: ChannelKind
    address: str
    secret: str
    kinds: list[Kind]
    actions: list[str]
    per_hour: int
    enabled: bool
    why_off: str


class ChannelMade(BaseModel):
    """A channel that was made. The `secret` of a webhook is shown here and never again."""

    channel: ChannelView
    secret: str | None


class Rotation(BaseModel):
    """For how many hours the secret before signs too."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[int, Field(ge=0, le=720)] = 24


class NewSecret(BaseModel):
    """Shown once."""

    secret: str


class ReplayAsked(BaseModel):
    """Which deliveries go again, under the ids that they had: one, or all of a time, `since` <= time < `until`."""

    model_config = ConfigDict(extra="forbid")

    delivery: Annotated[str, StringConstraints(max_length=100)] = ""
    since: When | None = None
    until: When | None = None


class Replayed(BaseModel):
    deliveries: int


class DeliveryView(BaseModel):
    """That something was, or is to be, told by a channel; what it said is for those it was told to. `note` is what went
    wrong last."""

    id: str
    kind: str
    at: datetime
    recipient: str
    action: str
    state: DeliveryState
    attempts: int
    due: datetime
    changed: datetime | None
    note: str


def _desk(shop: InShop) -> NotifyDesk:
    if shop.notify is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no-notifications", "nobody is notified from here")
    return shop.notify


AtDesk = Annotated[NotifyDesk, Depends(_desk)]
router = Router(prefix="/api/v1/channels", tags=["notifications"], responses=answers(401, 403, 422, 503))


@router.get("", operation_id="list_channels")
def list_channels(
    shop: InShop, limit: Limit = 100, after: After = None, _: Caller = needs(Permission.MANAGE_NOTIFICATIONS)
) -> Page[ChannelView]:
    """Channels, by name."""
    key = place(after, (str,))
    found = [one for one in shop.records.channels() if key is None or one.name > str(key[0])]
    shown, following = page(found[: limit + 1], limit, lambda one: (one.name,))
    return Page(items=[channel_view(one) for one in shown], next=following)


@router.post("", operation_id="make_channel", status_code=HTTPStatus.CREATED, responses=answers(409))
def make_channel(
    desk: AtDesk, file: ChannelFile, response: Response, caller: Caller = needs(Permission.MANAGE_NOTIFICATIONS)
) -> ChannelMade:
    """Make a channel."""
    channel, secret = desk.make_channel(file.name, file.kind, file.change(), by=caller.name)
    response.headers["Cache-Control"] = "no-store"
    return ChannelMade(channel=channel_view(channel), secret=secret or None)


@router.patch("/{name}", operation_id="change_channel", responses=answers(404, 409))
def change_channel(
    shop: InShop,
    desk: AtDesk,
    name: Name,
    patch: ChannelPatch,
    caller: Caller = needs(Permission.MANAGE_NOTIFICATIONS),
) -> ChannelView:
    """Change a channel, or turn it on or off."""
    return channel_view(desk.change_channel(_known(shop, name), patch.change(), by=caller.name))


@router.delete("/{name}", operation_id="remove_channel", status_code=HTTPStatus.NO_CONTENT, responses=answers(404, 409))
def remove_channel(shop: InShop, name: Name, caller: Caller = needs(Permission.MANAGE_NOTIFICATIONS)) -> None:
    """Remove a channel that no rule uses, with what was to go by it."""
    shop.records.remove_channel(_known(shop, name).name, by=caller.name, at=now())


@router.post("/{name}/rotate", operation_id="rotate_channel_secret", responses=answers(404, 409))
def rotate(
    shop: InShop,
    desk: AtDesk,
    name: Name,
    rotation: Rotation,
    response: Response,
    caller: Caller = needs(Permission.MANAGE_NOTIFICATIONS),
) -> NewSecret:
    """Give a webhook a new secret. For some hours messages are signed with the old one too."""
    response.headers["Cache-Control"] = "no-store"
    overlap = timedelta(hours=rotation.overlap_hours)
    return NewSecret(secret=desk.rotate(_known(shop, name), overlap, by=caller.name))


@router.post("/{name}/test", operation_id="try_channel", status_code=HTTPStatus.NO_CONTENT, responses=answers(404, 409))
def try_channel(
    shop: InShop, desk: AtDesk, name: Name, caller: Caller = needs(Permission.MANAGE_NOTIFICATIONS)
) -> None:
    """Send a test by a channel now."""
    desk.try_channel(_known(shop, name), by=caller.name)


@router.post("/{name}/replay", operation_id="replay_deliveries", responses=answers(404, 409))
def replay(
    shop: InShop, name: Name, asked: ReplayAsked, caller: Caller = needs(Permission.MANAGE_NOTIFICATIONS)
) -> Replayed:
    """Have deliveries go again."""
    if not (asked.delivery or asked.since):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "name a delivery, or since when")
    which = Replay(delivery=asked.delivery, since=asked.since, until=asked.until)
    count = shop.records.replay(_known(shop, name).name, which, by=caller.name, at=now())
    return Replayed(deliveries=count)


@router.get("/{name}/deliveries", operation_id="list_deliveries", responses=answers(404))
def list_deliveries(
    shop: InShop,
    name: Name,
    limit: Limit = 100,
    after: After = None,
    _: Caller = needs(Permission.MANAGE_NOTIFICATIONS),
) -> Page[DeliveryView]:
    """What was and is to be told by a channel, the newest first."""
    key = moment_place(after)
    found = shop.records.deliveries(_known(shop, name).name, key, limit + 1)
    shown, following = page(found, limit, lambda one: (one.at.isoformat(), one.id))
    return Page(items=[_delivery_view(one) for one in shown], next=following)


def channel_view(channel: Channel) -> ChannelView:
    """A channel as a document, the same for the API and for `--json`."""
    return ChannelView(
        name=channel.name,
        kind=channel.kind,
        address=channel.shown,
        secret=HIDDEN,
        kinds=sorted(channel.kinds),
        actions=sorted(channel.actions),
        per_hour=channel.per_hour,
        enabled=channel.enabled,
        why_off=channel.why_off,
    )


def _delivery_view(one: Delivery) -> DeliveryView:
    return DeliveryView(
        id=one.id,
        kind=one.kind,
        at=one.at,
        recipient=one.recipient,
        action=one.action,
        state=one.state,
        attempts=one.attempts,
        due=one.due,
        changed=one.changed,
        note=one.note,
    )


def _known(shop: Shop, name: str) -> Channel:
    found = next((one for one in shop.records.channels() if one.name == name), None)
    if found is None:
        raise not_found("channel")
    return found
