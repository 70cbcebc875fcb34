"""Users, sessions and keys: every database keeps them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from access.noting import changed
from core.access import Permission, Role, Scope
from core.errors import Refused
from core.evidence import Deed
from core.happening import Kind
from core.notifying import Channel, ChannelKind
from core.users import Attempts, Invitation, Key, Session, User
from store.records import SqlRecords
from store.records.resealing import reseal, sealed_values

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
NOTED = changed("boss", "li", AT, "test")
BOSS = User(name="boss", roles=frozenset({Role.ADMIN}), created=AT)
LI = User(
    name="li",
    roles=frozenset({Role.ANALYST, Role.AUDITOR}),
    created=AT,
    scope=Scope(departments=frozenset({"销售部", "R&D"}), countries=frozenset({"CN"})),
    person="7",
    email="li@x.cn",
    language="zh",
)


def session(name: str = "li", number: int = 1) -> Session:
    return Session(
        id=f"s{number}", digest=f"d{number}", user=name, opened=AT, seen=AT, way="password", address="10.0.0.5"
    )


def key(number: int, name: str) -> Key:
    return Key(
        id=f"k{number}",
        digest="d",
        user=name,
        purpose="反馈",
        permissions=frozenset({Permission.READ_ALERTS}),
        created=AT,
        expires=AT + timedelta(days=1),
    )


def noted(records: SqlRecords) -> int:
    return len(records.audited())


def become(records: SqlRecords, user: User) -> None:
    records.change_user(user.name, lambda _: user, lambda _: NOTED)


def at_once(what: Callable[[int], object], times: int = 4) -> list[object]:
    """What each gets, where several do it at the same time; None for who is refused."""

    def tried(number: int) -> object:
        try:
            return what(number)
        except Refused:
            return None

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(tried, range(times)))


def test_a_user_is_kept_as_they_are_and_listed_by_name(records: SqlRecords) -> None:
    records.add_user(LI, NOTED)
    records.add_user(BOSS, NOTED)
    assert records.user("li") == LI
    assert records.users() == [BOSS, LI]
    assert records.users(after="boss", most=1) == [LI]
    assert records.user("nobody\0") is None
    assert noted(records) == 2


def test_a_name_is_nobody_elses_and_neither_is_a_subject(records: SqlRecords) -> None:
    theirs = replace(LI, issuer="https://idp.example", subject="1")
    records.add_user(theirs, NOTED)
    for other in (LI, replace(theirs, name="another")):
        with pytest.raises(Refused):
            records.add_user(other, NOTED)
    assert records.user_at("https://idp.example", "1") == theirs
    assert records.user_at("https://other.example", "1") is None
    assert noted(records) == 1


def test_the_last_admin_stays(records: SqlRecords) -> None:
    records.add_user(BOSS, NOTED)
    records.add_user(LI, NOTED)
    for less in (replace(BOSS, roles=frozenset({Role.AUDITOR})), replace(BOSS, disabled_by="li")):
        with pytest.raises(Refused, match="last admin"):
            become(records, less)
    assert records.user("boss") == BOSS
    become(records, replace(LI, roles=frozenset({Role.ADMIN})))
    become(records, replace(BOSS, disabled_by="li"))
    with pytest.raises(Refused, match="last admin"):
        become(records, LI)


def test_of_two_admins_who_remove_each_other_at_once_one_stays(records: SqlRecords) -> None:
    admins = [replace(BOSS, name=f"boss{number}") for number in range(2)]
    for admin in admins:
        records.add_user(admin, NOTED)
    at_once(lambda number: become(records, replace(admins[number], disabled_by="other")), times=2)
    assert sum(not user.disabled for user in records.users()) == 1


def test_of_two_changes_at_once_none_is_lost(records: SqlRecords) -> None:
    records.add_user(LI, NOTED)
    changes = [{"email": "new@x.cn"}, {"roles": frozenset({Role.HR})}, {"disabled_by": "boss"}, {"language": "en"}]
    at_once(lambda number: records.change_user("li", lambda one: replace(one, **changes[number]), lambda _: NOTED))
    user = records.user("li")
    assert user
    assert (user.email, user.roles, user.disabled_by, user.language) == ("new@x.cn", {Role.HR}, "boss", "en")
    before = noted(records)
    become(records, user)
    assert noted(records) == before, "nothing changed"


def test_sessions_end_where_what_somebody_may_see_changes(records: SqlRecords) -> None:
    records.add_user(LI, NOTED)
    ends = [
        replace(LI, roles=frozenset({Role.HR})),
        replace(LI, scope=Scope()),
        replace(LI, person="8"),
        replace(LI, disabled_by="boss"),
    ]
    for change in ends:
        become(records, LI)
        records.open_session(session(), NOTED)
        become(records, replace(LI, language="en"))
        become(records, LI)
        assert records.session("d1") == (session(), LI)
        become(records, change)
        assert records.session("d1") is None


def test_another_password_ends_sessions_and_links_and_the_same_hashed_anew_does_not(records: SqlRecords) -> None:
    records.add_user(LI, NOTED)
    records.open_session(session(), NOTED)
    records.set_password("li", "hash", None)
    assert records.session("d1")
    records.invite(Invitation(digest="i", user="li", expires=AT + timedelta(hours=1)), NOTED)
    records.set_password("li", "other", NOTED)
    assert records.session("d1") is None
    assert records.credentials("li").password == "other"
    with pytest.raises(Refused):
        records.accept("i", "third", NOTED)
    with pytest.raises(Refused):
        records.set_password("nobody", "hash", NOTED)


def test_sessions_end_one_by_one_or_all_but_one(records: SqlRecords) -> None:
    for number in range(4):
        records.open_session(session(number=number), NOTED)
    before = noted(records)
    assert records.end_sessions("li", NOTED, only="s3") == 1
    assert records.end_sessions("other", NOTED, only="s2") == 0
    assert records.end_sessions("li", NOTED, but="s0") == 2
    assert [one.id for one in records.sessions("li")] == ["s0"]
    assert noted(records) == before + 2
    records.saw_session("d0", AT + timedelta(minutes=5))
    assert records.sessions("li")[0].seen == AT + timedelta(minutes=5)
    records.forget_sessions(AT, AT + timedelta(minutes=6))
    assert records.sessions("li") == []


def test_a_link_for_the_first_admin_works_once_however_many_use_it(records: SqlRecords) -> None:
    records.invite(Invitation(digest="old", user="", expires=AT + timedelta(days=1)), NOTED)
    records.invite(Invitation(digest="link", user="", expires=AT + timedelta(days=1)), NOTED)
    with pytest.raises(Refused):
        records.add_first_admin(BOSS, "hash", "old", NOTED)
    names = at_once(
        lambda number: records.add_first_admin(replace(BOSS, name=f"b{number}"), "hash", "link", NOTED) or "in"
    )
    assert sorted(map(str, names)) == ["None", "None", "None", "in"]
    assert len(records.users()) == 1
    records.invite(Invitation(digest="again", user="", expires=AT + timedelta(days=1)), NOTED)
    with pytest.raises(Refused):
        records.add_first_admin(LI, "hash", "again", NOTED)


def test_a_link_that_is_over_or_for_something_else_does_not_work(records: SqlRecords) -> None:
    records.add_user(LI, NOTED)
    records.invite(Invitation(digest="late", user="", expires=AT), NOTED)
    records.invite(Invitation(digest="lis", user="li", expires=AT + timedelta(days=1), made_by="boss"), NOTED)
    for digest in ("late", "lis", "none"):
        with pytest.raises(Refused):
            records.add_first_admin(BOSS, "hash", digest, NOTED)
    assert [records.invitation(digest, AT) for digest in ("late", "none")] == [None, None]
    link = records.invitation("lis", AT)
    assert link
    assert (link.user, link.made_by) == ("li", "boss")
    records.accept("lis", "hash", NOTED)
    assert records.credentials("li").password == "hash"
    assert records.invitation("lis", AT) is None
    with pytest.raises(Refused):
        records.accept("lis", "hash", NOTED)


def test_a_link_ends_the_keys_and_sessions_of_its_user_alone_and_of_that_the_log_speaks(records: SqlRecords) -> None:
    for number, name in enumerate(("li", "li", "boss")):
        records.add_key(key(number, name), NOTED)
        records.open_session(session(name, number), NOTED)
    records.add_user(LI, NOTED)
    records.add_user(BOSS, NOTED)
    records.revoke_key("k0", AT - timedelta(days=1), NOTED)
    records.invite(Invitation(digest="lis", user="li", expires=AT + timedelta(days=1), made_by="boss"), NOTED)
    assert [one.revoked for one in records.keys_of()] == [AT - timedelta(days=1), None, None]
    records.accept("lis", "hash", changed("li", "li", AT, "password", link_made_by="boss"))
    assert [one.revoked for one in records.keys_of()] == [AT - timedelta(days=1), AT, None]
    assert [records.session(f"d{number}") is None for number in range(3)] == [True, True, False]
    last = records.last_noted()
    assert last
    assert last.details == {"what": "password", "link_made_by": "boss", "keys_revoked": ["k1"]}


def test_whoever_has_a_password_is_told_what_others_do_with_it(records: SqlRecords) -> None:
    def told() -> list[tuple[Kind, str, Sequence[str]]]:
        return [(one.kind, one.by, one.to) for one in records.happened(-1, 10)]

    link = Invitation(digest="lis", user="li", expires=AT + timedelta(days=1), made_by="boss")
    records.add_user(LI, NOTED)
    records.invite(link, NOTED)
    records.accept("lis", "hash", NOTED)
    records.set_password("li", "the same, hashed anew", None)
    records.set_totp("li", "sealed", [], confirmed=False, noted=NOTED)
    records.set_totp("li", "", [], confirmed=False, noted=NOTED)
    assert told() == [], "nobody who had none before, nor of what changed nothing"
    records.invite(link, NOTED)
    records.accept("lis", "other", NOTED)
    records.set_password("li", "third", NOTED)
    records.set_totp("li", "sealed", [], confirmed=True, noted=NOTED)
    records.set_totp("li", "", [], confirmed=False, noted=NOTED)
    kinds = [Kind.ACCOUNT_LINK_MADE, *[Kind.ACCOUNT_PASSWORD_CHANGED] * 2, Kind.ACCOUNT_FACTOR_REMOVED]
    assert told() == [(kind, "boss", ("user:li",)) for kind in kinds]


def test_steps_and_recovery_codes_are_used_once(records: SqlRecords) -> None:
    records.add_user(LI, NOTED)
    records.set_totp("li", "sealed", ["a", "b"], confirmed=True, noted=NOTED)
    assert records.credentials("li").second_factor
    assert sorted(map(bool, at_once(lambda _: records.use_step("li", 10)))) == [False, False, False, True]
    assert not records.use_step("li", 9)
    assert records.use_step("li", 11)
    assert sorted(map(bool, at_once(lambda _: records.use_recovery("li", "a")))) == [False, False, False, True]
    records.set_totp("li", "", [], confirmed=False, noted=NOTED)
    assert not records.use_recovery("li", "b")
    assert not records.credentials("li").second_factor


def test_attempts_are_counted_whoever_makes_them_at_once(records: SqlRecords) -> None:
    def more(before: Attempts) -> Attempts:
        return replace(before, failed=before.failed + 1, last=AT)

    before = at_once(lambda _: records.attempt("user:li", more).failed)
    assert sorted(map(int, map(str, before))) == [0, 1, 2, 3]
    records.attempt("user:wang", lambda one: replace(more(one), last=AT - timedelta(days=2)))
    records.forget_attempts("user:li", AT - timedelta(days=1))
    assert [records.attempt(f"user:{name}", more).failed for name in ("li", "wang")] == [0, 0]


def test_keys_are_kept_used_and_revoked_once(records: SqlRecords) -> None:
    records.add_user(LI, NOTED)
    own = key(1, "li")
    records.add_key(own, NOTED)
    records.add_key(key(2, "other"), NOTED)
    assert records.key("k1") == (own, LI)
    assert records.key("k2") is None, "a key of nobody opens nothing"
    assert [one.id for one in records.keys_of()] == ["k1", "k2"]
    assert records.keys_of("li") == [own]
    assert [one.id for one in records.keys_of(after="k1", most=5)] == ["k2"]
    records.used_key("k1", AT)
    assert records.revoke_key("k1", AT, NOTED)
    assert not records.revoke_key("k1", AT, NOTED)
    assert records.keys_of("li") == [replace(own, used=AT, revoked=AT)]


def test_what_changes_is_in_the_audit_log_or_does_not_change(records: SqlRecords) -> None:
    records.add_user(BOSS, changed("root", "boss", AT, "added"))
    with pytest.raises(Refused):
        become(records, replace(BOSS, roles=frozenset({Role.HR})))
    (entry,) = records.audited("user:boss")
    assert (entry.deed, entry.by, entry.details) == (Deed.CHANGED_ACCESS, "root", {"what": "added"})


def test_a_user_has_a_second_factor_once_it_is_confirmed(records: SqlRecords) -> None:
    records.add_user(replace(LI, second_factor=True), NOTED)
    assert records.user("li") == LI, "nobody has one by being added so"
    records.open_session(session(), NOTED)
    for sealed, confirmed in (("x", False), ("x", True), ("", False)):
        records.set_totp("li", sealed, [], confirmed=confirmed, noted=NOTED)
        assert (found := records.session("d1"))
        assert found[1] == records.users()[0] == replace(LI, second_factor=confirmed)


def test_what_lies_sealed_is_sealed_anew_all_or_nothing(records: SqlRecords) -> None:
    channel = Channel(name="hook", kind=ChannelKind.WEBHOOK, shown="", sealed=b"c")
    records.save_channel(channel, by="boss", at=AT, what="made")
    for user in (LI, BOSS, replace(BOSS, name="none")):
        records.add_user(user, NOTED)
        records.set_totp(user.name, "" if user.name == "none" else user.name, [], confirmed=True, noted=NOTED)
    before = sealed_values(records.database)
    assert sorted(before) == [("channel hook", "c"), ("totp|boss", "boss"), ("totp|li", "li")]

    def anew(value: str, of: str) -> str:
        return value if of == "totp|li" else f"{value} anew"

    def fails(value: str, of: str) -> str:
        if of.startswith("channel"):
            raise Refused("not this one")
        return "lost"

    entries = noted(records)
    with pytest.raises(Refused):
        reseal(records.database, fails, ("key", "b"), lambda _: NOTED)
    assert (sealed_values(records.database), records.setting("key"), noted(records)) == (before, None, entries)
    assert reseal(records.database, anew, ("key", "b"), lambda count: changed("boss", "", AT, f"{count}")) == 2
    assert records.channels() == [replace(channel, sealed=b"c anew")]
    assert [records.credentials(name).totp for name in ("boss", "li", "none")] == ["boss anew", "li", ""]
    assert (records.setting("key"), records.audited()[-1].details) == ("b", {"what": "2"})
