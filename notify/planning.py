"""From what happened to what is to be told, to whom and when."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.access import Caller, Permission, Role
from core.alert import Severity
from core.canonical import content_id, moment_text
from core.deadline import case_link
from core.happening import Happening
from core.hearing import OF_ACCOUNT, is_told, names_of
from core.notifying import Channel, ChannelKind, Delivery, Language, Member, Preferences, Rule
from notify.timing import due
from notify.words import Facts, line


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of persons, rules and cases: `within` says whether somebody may look at a person, `permissions`
    what a role may do, `case_of` which case an alert (of a person, by id) belongs to. Without `base_url` there are no
    links."""

    within: Callable[[Caller, str], bool]
    permissions: Callable[[Role], frozenset[Permission]]
    department: Callable[[str], str]
    pseudonym: Callable[[str], str]
    title: Callable[[str], str]
    case_of: Callable[[str, str], str]
    base_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Who wants to be told of what."""

    channels: Mapping[str, Channel]
    rules: Sequence[Rule]
    members: Sequence[Member]
    preferences: Mapping[str, Preferences]


def plan(happenings: Sequence[Happening], wishes: Wishes, outlook: Outlook, now: datetime) -> Iterator[Delivery]:
    """What is to be told of these happenings, each once by a channel and recipient."""
    seen: set[str] = set()
    for happening in happenings:
        for delivery in (
            *_to_its_user(happening, wishes, outlook, now),
            *_by_rules(happening, wishes, outlook, now),
            *_by_webhooks(happening, wishes, outlook, now),
        ):
            if delivery.id not in seen:
                seen.add(delivery.id)
                yield delivery


def _to_its_user(happening: Happening, wishes: Wishes, outlook: Outlook, now: datetime) -> Iterator[Delivery]:
    """Of their own account somebody is told at once by every channel that reaches them alone: no rule has to say so,
    and it is not muted."""
    if happening.kind not in OF_ACCOUNT:
        return
    alone = [one for one in wishes.channels.values() if _reaches_each(one)]
    for member in wishes.members:
        if member.email and is_for(member, happening, outlook):
            own = wishes.preferences.get(member.caller.name)
            language = (own and own.language) or member.language
            for channel in alone:
                yield _delivery(happening, channel.name, outlook, now, language, member.caller.name)


def _reaches_each(channel: Channel) -> bool:
    """Whether it is mail to users, each their own."""
    return channel.kind is ChannelKind.EMAIL and not channel.shown


def _by_rules(happening: Happening, wishes: Wishes, outlook: Outlook, now: datetime) -> Iterator[Delivery]:
    for rule in wishes.rules:
        channel = wishes.channels.get(rule.channel)
        if channel is None or not _asks(rule, happening, outlook):
            continue
        if _reaches_each(channel):
            yield from _to_members(happening, rule, wishes, outlook, now)
        elif _all_is_told(rule, happening, outlook):
            when = due(now, rule.timing, happening.severity)
            yield _delivery(happening, rule.channel, outlook, when, rule.language)


def _asks(rule: Rule, happening: Happening, outlook: Outlook) -> bool:
    if not rule.enabled or happening.kind not in rule.kinds:
        return False
    order = [one.value for one in Severity]
    if happening.severity in order and order.index(happening.severity) < order.index(rule.least.value):
        return False
    return not rule.departments or outlook.department(happening.person) in rule.departments


def _all_is_told(rule: Rule, happening: Happening, outlook: Outlook) -> bool:
    """Whoever reads a channel together."""
    return bool(rule.roles) and all(
        is_told(outlook.permissions(role), happening, names=names_of([role])) for role in rule.roles
    )


def _to_members(
    happening: Happening, rule: Rule, wishes: Wishes, outlook: Outlook, now: datetime
) -> Iterator[Delivery]:
    for member in wishes.members:
        caller = member.caller
        wanted = caller.name in rule.users or not caller.roles.isdisjoint(rule.roles)
        own = wishes.preferences.get(caller.name, Preferences(user=caller.name))
        if not wanted or not member.email or happening.kind in own.muted:
            continue
        if not is_for(member, happening, outlook):
            continue
        when = due(now, own.timing or rule.timing, happening.severity)
        yield _delivery(happening, rule.channel, outlook, when, own.language or rule.language, caller.name)


def is_for(member: Member, happening: Happening, outlook: Outlook) -> bool:
    """Whether somebody may be told of it."""
    caller = member.caller
    told = is_told(caller.permissions, happening, names=names_of(caller.roles, caller.name))
    return told and (not happening.person or outlook.within(caller, happening.person))


def _delivery(
    happening: Happening, channel: str, outlook: Outlook, when: datetime, language: Language, recipient: str = ""
) -> Delivery:
    return Delivery(
        id=f"msg_{content_id(str(happening.number), moment_text(happening.at), channel, recipient)}",
        channel=channel,
        kind=happening.kind.value,
        at=happening.at,
        body=line(_facts(happening, outlook), language),
        due=when,
        number=happening.number,
        recipient=recipient,
        language=language,
    )


def _facts(happening: Happening, outlook: Outlook) -> Facts:
    case = _case(happening, outlook)
    return Facts(
        kind=happening.kind,
        subject=happening.subject,
        person=outlook.pseudonym(happening.person) if happening.person else "",
        severity=happening.severity,
        title=outlook.title(str(happening.details.get("rule", ""))),
        what=str(happening.details.get("what", "")),
        link=case_link(outlook.base_url, case),
    )


def _case(happening: Happening, outlook: Outlook) -> str:
    """The case it is about, where there is one."""
    if happening.kind.value.startswith("alert."):
        return outlook.case_of(happening.person, happening.subject)
    if happening.kind.value.startswith(("case.", "task.")):
        return happening.subject
    return str(happening.details.get("case", ""))


def _by_webhooks(happening: Happening, wishes: Wishes, outlook: Outlook, now: datetime) -> Iterator[Delivery]:
    for channel in wishes.channels.values():
        if channel.kind is ChannelKind.WEBHOOK and happening.kind in channel.kinds:
            yield Delivery(
                id=f"msg_{content_id(str(happening.number), moment_text(happening.at), channel.name)}",
                channel=channel.name,
                kind=happening.kind.value,
                at=happening.at,
                body=envelope(happening.kind.value, happening.at, document(happening, outlook)),
                due=now,
                number=happening.number,
            )


def document(happening: Happening, outlook: Outlook) -> dict[str, object]:
    """A happening as programs are told of it."""
    facts = _facts(happening, outlook)
    named = {"subject": facts.subject, "person": facts.person or None, "severity": facts.severity or None}
    linked = {"case": _case(happening, outlook) or None, "link": facts.link or None}
    return {"number": happening.number, **named, **linked, "details": dict(happening.details)}


def envelope(kind: str, at: datetime, data: Mapping[str, object]) -> str:
    """What is posted, as the Standard Webhooks specification has it."""
    return json.dumps({"type": kind, "timestamp": moment_text(at), "data": data}, ensure_ascii=False, sort_keys=True)
