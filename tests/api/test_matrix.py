"""Every operation as everybody: what the table of `access.permissions` says is what happens, cell by cell. New routes
are in it by being there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from access.keys import ONLY_PEOPLE
from access.permissions import OF_ROLE
from api.caller import Needs
from api.routes import routers
from core.access import Permission, Role
from core.errors import Refused
from tests.api.people import NOTED, House

OPEN = frozenset(
    {
        "health",
        "ready",
        "login",
        "login_ways",
        "login_at_provider",
        "back_from_provider",
        "first_admin",
        "accept_invitation",
    }
)
"""Who is not known yet may ask for these."""
ENDLESS = frozenset({"listen"})
"""Operations whose answer does not end by itself: that they are answered at all is not tried here."""
SECRETS: Mapping[str, tuple[Permission, ...]] = {
    "get_deadlines": (Permission.OWN_ACCOUNT,),
    "report_action": (Permission.REPORT_ACTIONS,),
}
"""Operations that also take a secret of their own in the caller's place: their tests try that."""
FIRST = frozenset({"get_me", "logout", "enrol_second_factor", "confirm_second_factor"})
"""What those do who have to set up a second factor: no more than it takes, and leave."""
SHUT = (401, 403)


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    needs: tuple[Permission, ...]

    @cached_property
    def url(self) -> str:
        return re.sub(r"\{[^}]*\}", "none", self.path)


def needed(dependant: Dependant) -> Iterator[Permission]:
    """What a route needs, itself or by what it depends on."""
    if isinstance(dependant.call, Needs):
        yield dependant.call.permission
    for one in dependant.dependencies:
        yield from needed(one)


ROUTES = [route for router in routers() for route in router.routes if isinstance(route, APIRoute)]
OPERATIONS = [
    Operation(
        route.operation_id or "",
        method,
        route.path,
        SECRETS.get(route.operation_id or "") or tuple(dict.fromkeys(needed(route.dependant))),
    )
    for route in ROUTES
    for method in sorted(route.methods - {"HEAD"})
]
GUARDED = [one for one in OPERATIONS if one.needs]


class Desk:
    """Whatever is asked of it is refused: it is not what is tried here."""

    def __getattr__(self, name: str) -> None:
        raise Refused("not here")


@pytest.fixture
def staffed(house: House) -> House:
    """Somebody of each role, and all desks taken."""
    for name, value in vars(house.shop).items():
        if value is None:
            setattr(house.shop, name, Desk())
    for role in Role:
        house.add(role.value, role, password="")
    return house


def asked(client: TestClient, operation: Operation) -> int:
    return client.request(operation.method, operation.url).status_code


@contextmanager
def cells() -> Iterator[list[str]]:
    """Cells that are not as they should be, told all at once."""
    wrong: list[str] = []
    yield wrong
    assert not wrong, "\n".join(wrong)


def test_every_operation_is_named_and_is_guarded_or_said_to_be_open() -> None:
    assert all(one.name for one in OPERATIONS)
    assert {one.name for one in OPERATIONS if not one.needs} == OPEN
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)


def test_the_app_serves_no_more_operations_than_are_tried(staffed: House) -> None:
    served = {
        operation["operationId"] for path in staffed.app.openapi()["paths"].values() for operation in path.values()
    }
    assert served == {one.name for one in OPERATIONS}


@pytest.mark.parametrize("role", Role)
def test_each_role_gets_exactly_what_the_table_says(staffed: House, role: Role) -> None:
    client = staffed.logged_in(role)
    with cells() as wrong:
        for one in GUARDED:
            allowed = set(one.needs) <= OF_ROLE[role]
            if allowed and one.name in ENDLESS:
                continue
            status = asked(client, one)
            if allowed:  # it may well have ended the session
                client = staffed.logged_in(role)
            if (status in SHUT) is allowed or (not allowed and status != 403):
                wrong.append(f"{role}: {one.name} answered {status}, allowed: {allowed}")


@pytest.mark.parametrize("role", Role)
def test_a_key_gets_what_its_owner_may_but_what_only_people_may(staffed: House, role: Role) -> None:
    if not OF_ROLE[role] - ONLY_PEOPLE:
        return
    _, client = staffed.key(role)
    with cells() as wrong:
        for one in GUARDED:
            allowed = set(one.needs) <= OF_ROLE[role] - ONLY_PEOPLE
            if allowed and one.name in ENDLESS:
                continue
            if ((status := asked(client, one)) in SHUT) is allowed:
                wrong.append(f"a key of {role}: {one.name} answered {status}, allowed: {allowed}")


def test_a_key_with_one_permission_opens_that_alone(staffed: House) -> None:
    _, client = staffed.key(Role.SERVICE, Permission.READ_METRICS)
    open_to_it = {one.name for one in GUARDED if asked(client, one) not in SHUT}
    assert open_to_it == {one.name for one in GUARDED if one.needs == (Permission.READ_METRICS,)}


@pytest.mark.parametrize("role", [role for role in Role if Permission.OWN_ACCOUNT in OF_ROLE[role]])
def test_who_has_to_set_up_a_second_factor_does_that_or_leaves(staffed: House, role: Role) -> None:
    staffed.demands(role)
    client, (_, program) = staffed.logged_in(role), staffed.key(role)
    with cells() as wrong:
        for one in GUARDED:
            answer = client.request(one.method, one.url)
            held = answer.status_code == 403 and "set one up by POST /api/v1/me/totp" in answer.text
            if (answer.status_code in SHUT and not held) or held is (one.name in FIRST):
                wrong.append(f"{role}: {one.name} answered {answer.status_code}")
            if one.name == "logout":
                client = staffed.logged_in(role)
            if asked(program, one) != 403:
                wrong.append(f"a key of {role}: {one.name} was answered")


def nobody(house: House) -> TestClient:
    return house.client()


def made_up(house: House) -> TestClient:
    client = house.client()
    client.cookies.set(house.entrance.cookie, "made-up")
    return client


def idle_too_long(house: House) -> TestClient:
    client = house.logged_in(Role.SENIOR_ANALYST)
    house.clock.on(minutes=61)
    return client


def over(house: House) -> TestClient:
    client = house.logged_in(Role.SENIOR_ANALYST)
    for _ in range(13):
        assert client.get("/api/v1/me").status_code == 200
        house.clock.on(minutes=59)
    return client


def disabled(house: House) -> TestClient:
    client = house.logged_in(Role.SENIOR_ANALYST)
    house.change(Role.SENIOR_ANALYST, disabled_by="boss")
    return client


def key_of_somebody_disabled(house: House) -> TestClient:
    _, client = house.key(Role.SENIOR_ANALYST)
    disabled(house)
    return client


def revoked(house: House) -> TestClient:
    key, client = house.key(Role.SENIOR_ANALYST)
    house.records.revoke_key(key, house.clock(), NOTED)
    return client


def expired(house: House) -> TestClient:
    _, client = house.key(Role.SENIOR_ANALYST, days=1)
    house.clock.on(days=1)
    return client


def another_scheme(house: House) -> TestClient:
    _, client = house.key(Role.SENIOR_ANALYST)
    client.headers["Authorization"] = client.headers["Authorization"].replace("Bearer", "Basic")
    return client


def a_bad_key_beside_a_good_session(house: House) -> TestClient:
    client = house.logged_in(Role.SENIOR_ANALYST)
    client.headers["Authorization"] = "Bearer lw_000000000000_made-up"
    return client


@pytest.mark.parametrize(
    "whoever",
    [
        nobody,
        made_up,
        idle_too_long,
        over,
        disabled,
        key_of_somebody_disabled,
        revoked,
        expired,
        another_scheme,
        a_bad_key_beside_a_good_session,
    ],
)
def test_who_is_not_known_any_more_gets_nothing(staffed: House, whoever) -> None:
    client = whoever(staffed)
    with cells() as wrong:
        for one in GUARDED:
            if (status := asked(client, one)) != 401:
                wrong.append(f"{whoever.__name__}: {one.name} answered {status}")


def test_without_the_sessions_token_nothing_is_changed(staffed: House) -> None:
    mine, others = staffed.logged_in(Role.ADMIN), staffed.logged_in(Role.HR).headers["X-CSRF-Token"]
    with cells() as wrong:
        for one in GUARDED:
            for token in (None, "", others):
                mine.headers.pop("X-CSRF-Token", None)
                if token is not None:
                    mine.headers["X-CSRF-Token"] = token
                if one.method != "GET" and (status := asked(mine, one)) != 403:
                    wrong.append(f"{one.name} answered {status} with the token {token}")
