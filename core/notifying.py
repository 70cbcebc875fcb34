"""Who is told of what, when and by which channel, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Literal, Protocol

from core.access import Caller, Role
from core.alert import Severity
from core.happening import Kind

Language = Literal["zh", "en"]


class ChannelKind(StrEnum):
    EMAIL = "email"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    SLACK = "slack"
    TEAMS = "teams"
    WEBHOOK = "webhook"


def sealed_as(channel: str) -> str:
    """What the address of a channel is sealed as."""
    return f"channel {channel}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way out. `sealed` is its `Address`, encrypted, `shown` what may be seen of it: nothing where mail goes to the
    members that a rule names. A webhook is told of the happenings of `kinds` by itself, and does the response actions
    named in `actions`; rules use the others. Of messages at most `per_hour` go out; what is more goes with the next
    digest. `why_off` says what turned it off."""

    name: str
    kind: ChannelKind
    shown: str
    sealed: bytes
    kinds: frozenset[Kind] = frozenset()
    actions: frozenset[str] = frozenset()
    per_hour: int = 60
    enabled: bool = True
    why_off: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a channel leads: a URL, or mail addresses. `secret` is what a webhook is signed with, or DingTalk's; the
    one `before` it signs too until `before_until`."""

    url: str = field(default="", repr=False)
    to: tuple[str, ...] = field(default=(), repr=False)
    secret: str = field(default="", repr=False)
    before: str = field(default="", repr=False)
    before_until: datetime | None = None

    def keys(self, at: datetime) -> tuple[str, ...]:
        """The secrets that are good at a moment, the newest first."""
        both = self.before and self.before_until is not None and at < self.before_until
        return (self.secret, self.before) if both else (self.secret,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Hours of the day in which nobody is told, from `starts` to `ends`, which may be past midnight."""

    starts: time
    ends: time
    zone: str
    critical_passes: bool = True


class Digest(StrEnum):
    AT_ONCE = "at_once"
    HOURLY = "hourly"
    DAILY = "daily"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When somebody is told: `daily_at` is a time of day in `zone`."""

    digest: Digest = Digest.AT_ONCE
    daily_at: time = time(9)
    zone: str = "UTC"
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Tell of happenings of some kinds, from a severity on (what has none is always told), by a channel. Mail without
    addresses of its own goes to each of the `users`, and to whoever has one of the `roles`; whatever is read by several
    tells only what each of the roles may know. Departments named: only of persons who are in one of them."""

    name: str
    channel: str
    kinds: frozenset[Kind]
    roles: frozenset[Role]
    users: frozenset[str] = frozenset()
    least: Severity = Severity.INFORMATIONAL
    departments: frozenset[str] = frozenset()
    language: Language = "zh"
    timing: Timing = Timing()
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What somebody wants for the mail that goes to them alone; what is None is as the rule says."""

    user: str
    muted: frozenset[Kind] = frozenset()
    language: Language | None = None
    timing: Timing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who works with leaverwatch: what they may do and see, where mail reaches them, and in which language."""

    caller: Caller
    email: str = ""
    language: Language = "en"


class Staff(Protocol):
    """Everybody who works with leaverwatch now."""

    def members(self) -> Sequence[Member]: ...

    def member(self, name: str) -> Member | None: ...


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One thing to be told by one channel, and what became of that. `id` follows from the two, so that told again it is
    known again; `number` is that of what happened. `body` is what is told, with pseudonyms; `recipient` a user whom it
    goes to alone. `action` is the response action it asks for, composed when it is sent. `message` is what it was sent
    with: a digest has several."""

    id: str
    channel: str
    kind: str
    at: datetime
    body: str
    due: datetime
    number: int = -1
    recipient: str = ""
    language: Language = "zh"
    action: str = ""
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    changed: datetime | None = None
    message: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Which deliveries go again: one, or all that happened in `since` <= at < `until`."""

    delivery: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of deliveries that were tried together."""

    ids: Sequence[str]
    state: DeliveryState
    at: datetime
    message: str = ""
    note: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChange:
    """What somebody changes of a channel; None stays as it is. Being turned on again forgets why it was off."""

    url: str | None = field(default=None, repr=False)
    to: tuple[str, ...] | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    kinds: frozenset[Kind] | None = None
    actions: frozenset[str] | None = None
    per_hour: int | None = None
    enabled: bool | None = None


class Notifying(Protocol):
    """Channels, rules and deliveries. Changing a channel or a rule is noted in the audit log, in the same
    transaction."""

    def save_channel(self, channel: Channel, *, by: str, at: datetime, what: str) -> None:
        """Added, or changed where the name agrees; `what` says in a word what was done to it."""

    def remove_channel(self, name: str, *, by: str, at: datetime) -> None:
        """It goes, with what was to go by it. Raises `Refused` where a rule uses it."""

    def channels(self) -> Sequence[Channel]:
        """Ordered by name."""

    def save_rule(self, rule: Rule, *, by: str, at: datetime) -> None:
        """Added, or changed where the name agrees. Raises `Refused` where there is no such channel."""

    def remove_rule(self, name: str, *, by: str, at: datetime) -> None: ...

    def rules(self) -> Sequence[Rule]:
        """Ordered by name."""

    def save_preferences(self, preferences: Preferences) -> None: ...

    def preferences(self) -> Mapping[str, Preferences]:
        """By user."""

    def plan(self, deliveries: Sequence[Delivery], place: int) -> None:
        """In one transaction: what is to be told, and up to which happening that was thought of. What is there already
        stays as it is."""

    def planned(self) -> int | None:
        """The number of the last happening that was thought of; None where none was ever."""

    def due(self, channel: str, at: datetime, most: int) -> Sequence[Delivery]:
        """What waits and may go by a channel now, so many at most; ordered by (due, number, id)."""

    def tried(self, tried: Tried) -> None:
        """Keep what became of them. What waits still has had one attempt more, and is due again when it says."""

    def turn_off(self, channel: str, why: str, at: datetime) -> None:
        """A channel that fails again and again; that happened, and what was to go by it waits."""

    def messages_since(self, channel: str, since: datetime) -> int:
        """How many messages went by a channel."""

    def deliveries(self, channel: str | None, after: tuple[datetime, str] | None, most: int) -> Sequence[Delivery]:
        """What was and is to be told, the newest first, by (at, id); those that come after one."""

    def replay(self, channel: str, which: Replay, *, by: str, at: datetime) -> int:
        """Have what was told, or failed, told again under its ids; returns how much that is."""

    def forget_deliveries(self, before: datetime, keep: int) -> None:
        """Those that are done and older go, and of each channel all but the newest `keep`."""

    def save_calendar_token(self, user: str, digest: str | None, at: datetime) -> None:
        """Somebody's calendar is read by whoever knows what has this digest; None: by nobody any more."""

    def calendar_user(self, digest: str) -> str | None:
        """Whose calendar it is."""
