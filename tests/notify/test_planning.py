"""Everybody is told what they asked for, as far as they may know, in words that give nobody away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from access.permissions import permissions_of
from core.access import Caller, Role
from core.alert import Severity
from core.happening import Happening, Kind
from core.hearing import OF_ACCOUNT, is_told, names_of
from core.notifying import Channel, ChannelKind, Delivery, Digest, Member, Preferences, Rule, Timing
from notify.planning import Outlook, Wishes, plan
from notify.words import LINES_AT_MOST, Facts, line, message

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ALERT = Happening(
    at=NOW,
    kind=Kind.ALERT_RAISED,
    subject="a1",
    person="li.na",
    severity="high",
    details={"rule": "crm_export", "score": 40.0},
    number=7,
)
OUTLOOK = Outlook(
    within=lambda caller, person: person != caller.person,
    permissions=lambda role: permissions_of([role]),
    department=lambda person: "sales",
    pseudonym=lambda person: "P0123456789ABCDEF",
    title=lambda rule: {"crm_export": "Mass export"}.get(rule, rule),
    case_of=lambda person, alert: "c1",
    base_url="https://watch.corp",
)
MAIL = Channel(name="mail", kind=ChannelKind.EMAIL, shown="", sealed=b"")
CHAT = Channel(name="chat", kind=ChannelKind.WECOM, shown="https://qyapi.weixin.qq.com/****", sealed=b"")
HOOK = Channel(
    name="hook", kind=ChannelKind.WEBHOOK, shown="https://x/****", sealed=b"", kinds=frozenset({Kind.ALERT_RAISED})
)
RULE = Rule(
    name="r", channel="mail", kinds=frozenset({Kind.ALERT_RAISED}), roles=frozenset({Role.ANALYST}), language="en"
)


def member(name: str, role: Role, person: str = "", email: str = "x@corp.example") -> Member:
    caller = Caller(name=name, roles=frozenset({role}), permissions=permissions_of([role]), person=person)
    return Member(caller=caller, email=email)


def told(
    *happenings: Happening,
    rules: Sequence[Rule] = (RULE,),
    members: Sequence[Member] = (),
    channels: Sequence[Channel] = (MAIL, CHAT),
    preferences: Mapping[str, Preferences] | None = None,
) -> list[Delivery]:
    wishes = Wishes(
        channels={one.name: one for one in channels}, rules=rules, members=members, preferences=preferences or {}
    )
    return list(plan(happenings, wishes, OUTLOOK, NOW))


def recipients(*happenings: Happening, **given: object) -> list[str]:
    return [one.recipient for one in told(*happenings, **given)]  # type: ignore[arg-type]


def test_mail_goes_to_each_who_has_the_role_and_says_a_pseudonym() -> None:
    ann, bo = member("ann", Role.ANALYST), member("bo", Role.HR)
    (one,) = told(ALERT, members=[ann, bo])
    assert (one.recipient, one.channel, one.due) == ("ann", "mail", NOW)
    assert one.body == "[high] New alert: Mass export (P0123456789ABCDEF) https://watch.corp/cases/c1"


def test_nobody_is_told_of_themselves() -> None:
    assert recipients(ALERT, members=[member("na", Role.ANALYST, person="li.na")]) == []


def test_whoever_has_no_mail_or_muted_it_is_not_told() -> None:
    members = [member("a", Role.ANALYST, email=""), member("b", Role.ANALYST), member("c", Role.ANALYST)]
    muted = {"b": Preferences(user="b", muted=frozenset({Kind.ALERT_RAISED}))}
    assert recipients(ALERT, members=members, preferences=muted) == ["c"]


def test_somebody_named_is_told_only_what_they_may_look_up() -> None:
    rule = replace(RULE, roles=frozenset(), users=frozenset({"hr"}))
    assert recipients(ALERT, rules=[rule], members=[member("hr", Role.HR)]) == []


@pytest.mark.parametrize(
    ("role", "kind", "to", "known"),
    [
        (Role.HR, Kind.NOTICE_SENT, (), True),
        (Role.HR, Kind.ALERT_RAISED, (), False),
        (Role.HR, Kind.CASE_OPENED, ("role:hr",), False),
        (Role.ANALYST, Kind.CASE_OPENED, (), True),
        (Role.ANALYST, Kind.ALERT_GONE, (), True),
        (Role.ANALYST, Kind.TASK_SET, ("user:somebody",), False),
        (Role.LEGAL, Kind.CASE_OPENED, (), False),
        (Role.LEGAL, Kind.CASE_MOVED, ("role:legal",), True),
        (Role.LEGAL, Kind.ALERT_RAISED, ("role:legal",), False),
        (Role.SENIOR_ANALYST, Kind.ACTION_ASKED, (), True),
        (Role.ANALYST, Kind.ACTION_ASKED, (), False),
        (Role.ADMIN, Kind.CHANNEL_OFF, (), True),
        (Role.ADMIN, Kind.CASE_OPENED, (), False),
        (Role.AUDITOR, Kind.CASE_OPENED, (), False),
        (Role.AUDITOR, Kind.ACCOUNT_LINK_MADE, ("user:ann",), True),
        (Role.ADMIN, Kind.ACCOUNT_LINK_MADE, ("user:somebody",), False),
    ],
)
def test_each_role_knows_its_own_things(role: Role, kind: Kind, to: tuple[str, ...], known: bool) -> None:
    happening = replace(ALERT, kind=kind, to=to)
    assert is_told(permissions_of([role]), happening, names=names_of([role], "ann")) is known


def test_every_kind_has_words_and_whoever_may_know_it() -> None:
    everything = permissions_of(list(Role))
    for kind in Kind:
        happening = replace(ALERT, kind=kind, to=("user:ann",))
        assert is_told(everything, happening, names=["user:ann"]), kind
        assert line(Facts(kind=kind, subject="s"), "zh")
        assert line(Facts(kind=kind, subject="s"), "en")


def test_a_shared_channel_tells_what_each_of_its_readers_is_told() -> None:
    shared = replace(RULE, channel="chat", roles=frozenset({Role.ANALYST, Role.SENIOR_ANALYST}))
    assert recipients(ALERT, rules=[shared]) == [""]
    assert recipients(ALERT, rules=[replace(shared, roles=frozenset({Role.ANALYST, Role.HR}))]) == []
    assert recipients(ALERT, rules=[replace(shared, roles=frozenset())]) == []


def test_severity_department_and_being_off_are_heeded() -> None:
    ann = [member("ann", Role.ANALYST)]
    assert recipients(ALERT, rules=[replace(RULE, least=Severity.HIGH)], members=ann) == ["ann"]
    assert recipients(ALERT, rules=[replace(RULE, least=Severity.CRITICAL)], members=ann) == []
    assert recipients(ALERT, rules=[replace(RULE, departments=frozenset({"sales"}))], members=ann) == ["ann"]
    assert recipients(ALERT, rules=[replace(RULE, departments=frozenset({"legal"}))], members=ann) == []
    assert recipients(ALERT, rules=[replace(RULE, enabled=False)], members=ann) == []


@pytest.mark.parametrize("kind", sorted(OF_ACCOUNT))
def test_of_their_own_account_a_user_is_told_by_every_mail_of_their_own_whatever_rules_say(kind: Kind) -> None:
    happening = Happening(at=NOW, kind=kind, subject="ann", by="boss", to=("user:ann",), number=7)
    members = [replace(member("ann", Role.ANALYST), language="zh"), member("boss", Role.ADMIN)]
    shared = replace(MAIL, name="shared", shown="soc@corp.example")
    daily = replace(RULE, kinds=frozenset({kind}), timing=Timing(digest=Digest.DAILY))
    for rules in ([], [daily, replace(daily, name="chat", channel="chat", roles=frozenset(Role))]):
        got = told(
            happening,
            rules=rules,
            members=members,
            channels=[MAIL, replace(MAIL, name="other"), CHAT, HOOK, shared],
            preferences={"ann": Preferences(user="ann", muted=frozenset(Kind))},
        )
        assert [(one.channel, one.recipient, one.due) for one in got] == [("mail", "ann", NOW), ("other", "ann", NOW)]
        assert {one.language for one in got} == {"zh"}


def test_two_rules_tell_somebody_once() -> None:
    assert recipients(ALERT, rules=[RULE, replace(RULE, name="again")], members=[member("ann", Role.ANALYST)]) == [
        "ann"
    ]


def test_a_user_chooses_the_language() -> None:
    own = {"ann": Preferences(user="ann", language="zh")}
    (one,) = told(ALERT, members=[member("ann", Role.ANALYST)], preferences=own)
    assert one.body.startswith("[高] 新告警：Mass export（P0123456789ABCDEF）")


def test_a_webhook_gets_a_document_under_an_id_that_stays_the_same() -> None:
    first, again = told(ALERT, channels=[HOOK]), told(ALERT, channels=[HOOK])
    assert [one.id for one in first] == [one.id for one in again]
    body = json.loads(first[0].body)
    assert (body["type"], body["timestamp"]) == ("alert.raised", "2026-03-02T09:30:00.000000Z")
    assert body["data"] == {
        "number": 7,
        "subject": "a1",
        "person": "P0123456789ABCDEF",
        "severity": "high",
        "case": "c1",
        "link": "https://watch.corp/cases/c1",
        "details": {"rule": "crm_export", "score": 40.0},
    }


def test_a_digest_counts_what_it_does_not_list() -> None:
    assert message(["one https://x"], "en") == ("one", "one https://x")
    subject, text = message([f"line {n}" for n in range(LINES_AT_MOST + 3)], "en")
    assert subject == "leaverwatch: 53 notifications"
    assert text.splitlines()[-1] == "and 3 more that are not listed: see leaverwatch"
    assert "另有 3 条" in message([f"{n}" for n in range(LINES_AT_MOST + 3)], "zh")[1]


def test_a_digest_fits_where_it_goes_to() -> None:
    lines = [f"[高] 新告警：批量导出客户记录（P{n:016}） https://watch.corp/cases/{n:032}" for n in range(60)]
    for room in (1_000, 2_048, 15_000):
        subject, text = message(lines, "zh", room)
        assert len(f"{subject}\n\n{text}".encode()) <= room
        *shown, last = text.splitlines()
        assert last.startswith(f"另有 {60 - len(shown)} 条")
