"""Passwords, second factors, keys, sealed secrets, and how long nobody gets in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pyotp
import pytest
from argon2 import PasswordHasher

from access import passwords
from access.keys import id_of, new_key, opens
from access.lockout import counted, locked, of_address, of_user
from access.passwords import Hasher, check_password
from access.roles import check_roles
from access.sealing import Sealer
from access.sessions import csrf_token, is_csrf_token
from access.totp import recovery_codes, recovery_digest, step_of
from core.access import Permission, Role
from core.errors import Damaged, Refused, Unavailable
from core.keyring import Keys
from core.users import Attempts, User

AT = datetime(2026, 11, 27, 8, 0, 10, tzinfo=UTC)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def test_a_hash_is_argon2id_with_the_memory_that_is_promised() -> None:
    hashed = Hasher().hash("correct horse battery")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_password_is_verified_as_it_was_given() -> None:
    hasher = Hasher(QUICK)
    hashed = hasher.hash(" Ünï 密码 with spaces ")
    assert hasher.verify(hashed, " Ünï 密码 with spaces ")
    assert not hasher.verify(hashed, "Ünï 密码 with spaces")
    assert not hasher.verify("", "nobody has this password")
    assert not hasher.verify("not a hash", "x")
    assert hasher.outdated(hashed) is False
    assert Hasher().outdated(hashed)


@pytest.mark.parametrize("password", ["short", "x" * 11, "x" * 257, "my name is LI.NA ok"])
def test_passwords_nobody_should_use_are_refused(password: str) -> None:
    with pytest.raises(Refused):
        check_password(password, "li.na")


def test_a_flood_of_logins_is_sent_away_and_few_hash_at_once() -> None:
    inside, most = 0, 0
    gate = Barrier(passwords.AT_ONCE + 1, timeout=10)

    class Slow(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            gate.wait()
            inside -= 1
            return True

    hasher = Hasher(Slow(time_cost=1, memory_cost=8, parallelism=1))
    waiting = [Thread(target=hasher.verify, args=("x", "y")) for _ in range(passwords.IN_LINE)]
    for thread in waiting:
        thread.start()
    while hasher._places._value:  # type: ignore[attr-defined]
        pass
    with pytest.raises(Unavailable):
        hasher.hash("one too many")
    for _ in range(passwords.IN_LINE // passwords.AT_ONCE):
        gate.wait()
    for thread in waiting:
        thread.join(10)
    assert most == passwords.AT_ONCE


def test_codes_of_now_and_beside_it_are_right_and_none_twice() -> None:
    secret = pyotp.random_base32()
    codes = {shift: pyotp.TOTP(secret).at(AT + timedelta(seconds=30 * shift)) for shift in (-2, -1, 0, 1, 2)}
    now = int(AT.timestamp()) // 30
    assert step_of(secret, codes[0], AT, -1) == now
    assert step_of(secret, codes[-1], AT, -1) == now - 1
    assert step_of(secret, codes[1], AT, -1) == now + 1
    assert step_of(secret, codes[-2], AT, -1) is None
    assert step_of(secret, codes[2], AT, -1) is None
    assert step_of(secret, codes[0], AT, now) is None
    assert step_of(secret, "一二三四五六", AT, -1) is None


def test_rfc_6238s_own_example() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert step_of(secret, "287082", datetime(1970, 1, 1, 0, 0, 59, tzinfo=UTC), -1) == 1


def test_recovery_codes_are_ten_that_differ_and_are_read_however_they_are_typed() -> None:
    codes = recovery_codes()
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) * 5 == 120 for code in codes), "bits"
    assert recovery_digest(f" {codes[0].upper()} ") == recovery_digest(codes[0])


def user(*roles: Role) -> User:
    return User(name="li", roles=frozenset(roles), created=AT)


def test_a_key_may_do_what_its_owner_may_and_no_more() -> None:
    with pytest.raises(Refused, match="audit:read"):
        new_key(user(Role.ANALYST), "x", [Permission.READ_AUDIT], 1, AT)
    for only_people in (Permission.MANAGE_USERS, Permission.MANAGE_KEYS, Permission.OWN_ACCOUNT):
        with pytest.raises(Refused):
            new_key(user(Role.ADMIN), "x", [only_people], 1, AT)
    for days in (0, 367):
        with pytest.raises(Refused):
            new_key(user(Role.ANALYST), "x", [Permission.READ_ALERTS], days, AT)


def test_a_key_opens_as_a_whole_and_until_it_is_over() -> None:
    key, text = new_key(user(Role.ANALYST), "x", [Permission.READ_ALERTS], 1, AT)
    assert text.startswith(f"lw_{key.id}_")
    assert len(text) >= len("lw_") + 12 + 43
    assert id_of(text) == key.id
    assert opens(key, text, AT)
    assert not opens(key, text[:-1], AT)
    assert not opens(key, text, AT + timedelta(days=1))
    assert text.split("_", 2)[2] not in repr(key)
    assert key.digest not in repr(key)
    assert id_of("lw_x") is None
    assert id_of("xx_a_b") is None


@pytest.mark.parametrize("both", [Role.ANALYST, Role.SENIOR_ANALYST, Role.HR, Role.LEGAL])
def test_an_admin_sees_no_persons(both: Role) -> None:
    with pytest.raises(Refused, match="admin sees no persons"):
        check_roles({Role.ADMIN, both})


@pytest.mark.parametrize("both", [Role.ANALYST, Role.SENIOR_ANALYST, Role.LEGAL])
def test_hr_who_knows_names_sees_no_cases(both: Role) -> None:
    with pytest.raises(Refused, match="HR sees no cases"):
        check_roles({Role.HR, both})


def test_a_service_has_no_other_role_and_nobody_none() -> None:
    for roles in ({Role.SERVICE, Role.ADMIN}, set()):
        with pytest.raises(Refused):
            check_roles(roles)
    check_roles({Role.ANALYST, Role.AUDITOR})


def test_what_is_sealed_opens_with_the_same_key_as_the_same_thing() -> None:
    sealer = Sealer(Keys([bytes(32)], "test"))
    sealed = sealer.seal("secret", "totp|li")
    assert sealer.open(sealed, "totp|li") == "secret"
    assert "secret" not in sealed
    assert sealer.seal("secret", "totp|li") != sealed
    for opener, text, of in (
        (sealer, sealed, "totp|wang"),
        (Sealer(Keys([b"1" * 32], "test")), sealed, "totp|li"),
        (sealer, sealed[:-4] + "AAAA", "totp|li"),
        (sealer, "", "totp|li"),
        (sealer, "密", "totp|li"),
    ):
        with pytest.raises(Damaged):
            opener.open(text, of)


def test_a_sessions_token_is_its_own() -> None:
    assert is_csrf_token("cookie", csrf_token("cookie"))
    assert not is_csrf_token("other", csrf_token("cookie"))
    assert not is_csrf_token("cookie", "")
    assert not is_csrf_token("cookie", "é\udc80")


def test_locks_grow_up_to_an_hour_and_are_forgotten_after_a_day() -> None:
    kept, at, lasted = Attempts(subject=of_user("li")), AT, []
    for _ in range(12):
        kept = counted(kept, at)
        lasted.append((kept.until - at).total_seconds() if kept.until else 0)
        assert locked(kept, at) is (kept.until is not None)
        assert counted(kept, at) == kept or not kept.until, "while it is locked nothing is counted"
        at = kept.until or at
    assert lasted == [0, 0, 0, 0, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert counted(kept, at + timedelta(hours=25)).failed == 1


def test_an_office_behind_one_address_has_more_attempts_and_a_network_is_one() -> None:
    kept = Attempts(subject=of_address("10.0.0.5"))
    for _ in range(49):
        kept = counted(kept, AT)
    assert not locked(kept, AT)
    assert locked(counted(kept, AT), AT)
    assert of_address("2001:db8::1") == of_address("2001:db8::ffff")
    assert of_address("2001:db8::1") != of_address("2001:db8:0:1::1")
    assert of_address("::ffff:10.0.0.5") == "address:10.0.0.5"
    assert len(of_address("x" * 5_000)) < 200
