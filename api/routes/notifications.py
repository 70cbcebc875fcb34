"""Who is notified of what: rules for everybody, and what each user wants for themselves."""

from __future__ import annotations

from dataclasses import asdict
from datetime import time
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema, field_validator

from api.caller import needs
from api.paging import After, Limit, Page, page, place
from api.problems import answers, not_found
from api.routes.channels import NAME
from api.routing import Router
from api.shop import InShop, now
from core.access import Caller, Permission, Role
from core.alert import Severity
from core.happening import Kind
from core.notifying import Digest, Language, Preferences, Quiet, Rule, Timing

Name = Annotated[str, InPath(pattern=NAME, description="Name of the rule")]
ShortName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Few = Field(max_length=200)
CLOCK = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
TimeOfDay = Annotated[
    time,
    WithJsonSchema(
        {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$", "examples": ["09:00"]}
    ),
]
"""Without a zone, which JSON Schema's own format demands."""


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone") from None
    return value


class QuietFile(BaseModel):
    """Hours in which nobody is told, past midnight where they end before they start."""

    model_config = ConfigDict(extra="forbid")

    starts: TimeOfDay
    ends: TimeOfDay
    zone: Annotated[str, StringConstraints(max_length=60)] = "UTC"
    critical_passes: bool = True

    _zone = field_validator("zone")(_zone)

    def quiet(self) -> Quiet:
        return Quiet(
            starts=_bare(self.starts), ends=_bare(self.ends), zone=self.zone, critical_passes=self.critical_passes
        )


class TimingFile(BaseModel):
    """At once, once an hour, or once a day at a time, in a zone; and not in quiet hours."""

    model_config = ConfigDict(extra="forbid")

    digest: Digest = Digest.AT_ONCE
    daily_at: TimeOfDay = time(9)
    zone: Annotated[str, StringConstraints(max_length=60)] = "UTC"
    quiet: QuietFile | None = None

    _zone = field_validator("zone")(_zone)

    def timing(self) -> Timing:
        quiet = self.quiet.quiet() if self.quiet else None
        return Timing(digest=self.digest, daily_at=_bare(self.daily_at), zone=self.zone, quiet=quiet)


class RuleFile(BaseModel):
    """Tell of happenings of these kinds. Mail without addresses of its own goes to each of `users`, and to whoever has
    one of `roles`, as far as each may look; a channel that several read tells what all of `roles` may know."""

    model_config = ConfigDict(extra="forbid")

    channel: Annotated[str, StringConstraints(pattern=NAME)]
    kinds: Annotated[set[Kind], Field(min_length=1)]
    roles: set[Role] = set()
    users: Annotated[set[ShortName], Few] = set()
    least: Severity = Severity.INFORMATIONAL
    departments: Annotated[set[ShortName], Few] = set()
    language: Language = "zh"
    timing: TimingFile = TimingFile()
    enabled: bool = True


class NotificationRuleView(RuleFile):
    name: str


class PreferencesFile(BaseModel):
    """What a user wants for the mail that goes to them alone; null: as the rule says."""

    model_config = ConfigDict(extra="forbid")

    muted: set[Kind] = set()
    language: Language | None = None
    timing: TimingFile | None = None


router = Router(prefix="/api/v1", tags=["notifications"], responses=answers(401, 403, 503))


@router.get("/notification-rules", operation_id="list_notification_rules", responses=answers(422))
def list_rules(
    shop: InShop, limit: Limit = 100, after: After = None, _: Caller = needs(Permission.MANAGE_NOTIFICATIONS)
) -> Page[NotificationRuleView]:
    """Notification rules, by name."""
    key = place(after, (str,))
    found = [one for one in shop.records.rules() if key is None or one.name > str(key[0])]
    shown, following = page(found[: limit + 1], limit, lambda one: (one.name,))
    return Page(items=[_view(one) for one in shown], next=following)


@router.put("/notification-rules/{name}", operation_id="save_notification_rule", responses=answers(409, 422))
def save_rule(
    shop: InShop, name: Name, file: RuleFile, caller: Caller = needs(Permission.MANAGE_NOTIFICATIONS)
) -> NotificationRuleView:
    """Add or change a rule; its channel has to be there."""
    rule = Rule(
        name=name,
        channel=file.channel,
        kinds=frozenset(file.kinds),
        roles=frozenset(file.roles),
        users=frozenset(file.users),
        least=file.least,
        departments=frozenset(file.departments),
        language=file.language,
        timing=file.timing.timing(),
        enabled=file.enabled,
    )
    shop.records.save_rule(rule, by=caller.name, at=now())
    return _view(rule)


@router.delete(
    "/notification-rules/{name}",
    operation_id="remove_notification_rule",
    status_code=HTTPStatus.NO_CONTENT,
    responses=answers(404, 422),
)
def remove_rule(shop: InShop, name: Name, caller: Caller = needs(Permission.MANAGE_NOTIFICATIONS)) -> None:
    """Remove a rule. What it had planned is still told."""
    if all(one.name != name for one in shop.records.rules()):
        raise not_found("rule")
    shop.records.remove_rule(name, by=caller.name, at=now())


@router.get("/notifications/mine", operation_id="get_my_notifications")
def get_mine(shop: InShop, caller: Caller = needs(Permission.OWN_ACCOUNT)) -> PreferencesFile:
    """What the caller wants for the mail that goes to them alone."""
    found = shop.records.preferences().get(caller.name)
    return _preferences(found) if found else PreferencesFile()


@router.put("/notifications/mine", operation_id="save_my_notifications", responses=answers(422))
def save_mine(shop: InShop, file: PreferencesFile, caller: Caller = needs(Permission.OWN_ACCOUNT)) -> PreferencesFile:
    """Change it."""
    preferences = Preferences(
        user=caller.name,
        muted=frozenset(file.muted),
        language=file.language,
        timing=file.timing.timing() if file.timing else None,
    )
    shop.records.save_preferences(preferences)
    return _preferences(preferences)


def _view(rule: Rule) -> NotificationRuleView:
    return NotificationRuleView(
        name=rule.name,
        channel=rule.channel,
        kinds=set(rule.kinds),
        roles=set(rule.roles),
        users=set(rule.users),
        least=rule.least,
        departments=set(rule.departments),
        language=rule.language,
        timing=_timing(rule.timing),
        enabled=rule.enabled,
    )


def _preferences(found: Preferences) -> PreferencesFile:
    return PreferencesFile(
        muted=set(found.muted), language=found.language, timing=_timing(found.timing) if found.timing else None
    )


def _timing(timing: Timing) -> TimingFile:
    quiet = QuietFile.model_validate(asdict(timing.quiet)) if timing.quiet else None
    return TimingFile(digest=timing.digest, daily_at=timing.daily_at, zone=timing.zone, quiet=quiet)


def _bare(at: time) -> time:
    """A time of day without an offset: the zone beside it says where."""
    return at.replace(tzinfo=None)
