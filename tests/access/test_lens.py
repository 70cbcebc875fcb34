"""Whom somebody may look at, and what they see."""

from __future__ import annotations

import pytest

from access.lens import Lens
from access.permissions import OF_ROLE, permissions_of
from core.access import Caller, Depth, Permission, Role, Scope
from core.calendar import CompanyCalendar
from core.directory import Directory
from core.person import Person
from core.pseudonyms import Pseudonyms
from tests.access.unmasked import unmasked

LI = Person(id="1", name="李娜", email="li@x.cn", department="Sales", manager_email="wang@x.cn", country="CN")
WANG = Person(id="2", name="王伟", email="Wang@x.cn", department="Sales", manager_email="chen@x.cn", country="CN")
CHEN = Person(id="3", name="陈静", email="chen@x.cn", department="Board", manager_email="wang@x.cn", country="SG")
DIRECTORY = Directory([LI, WANG, CHEN], [], [], {}, CompanyCalendar())
NAMES = Pseudonyms(b"key")


def lens(scope: Scope | None = None, person: str = "", **depths: Depth) -> Lens:
    may = permissions_of([Role.ANALYST])
    caller = Caller(name="a", roles=frozenset({Role.ANALYST}), permissions=may, scope=scope or Scope(), person=person)
    return Lens(caller, DIRECTORY, NAMES, unmasked({key.removeprefix("p"): depth for key, depth in depths.items()}))


def test_everybody_goes_by_a_pseudonym_until_unmasked() -> None:
    masked, shown = lens(), lens(p1=Depth.IDENTITY)
    assert masked.name("1") == masked.pseudonym("1") == shown.pseudonym("1") != masked.pseudonym("2")
    assert (shown.name("1"), shown.name("2")) == ("李娜", shown.pseudonym("2"))
    assert shown.shows("1")
    assert not shown.shows("1", Depth.CONTENT)
    assert lens(p1=Depth.CONTENT).shows("1", Depth.CONTENT)
    assert masked.person(masked.pseudonym("1")) == "1"
    assert masked.person("1") is None


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (Scope(), {"1", "2", "3"}),
        (Scope(departments=frozenset({"Sales"})), {"1", "2"}),
        (Scope(countries=frozenset({"SG"})), {"3"}),
        (Scope(departments=frozenset({"Sales"}), countries=frozenset({"SG"})), set()),
    ],
)
def test_a_scope_is_of_departments_and_countries(scope: Scope, seen: set[str]) -> None:
    asked = lens(scope)
    assert {person for person in "123" if asked.within(person)} == seen
    assert {person for person in "123" if asked.person(asked.pseudonym(person))} == seen


def test_somebody_without_a_department_is_in_no_narrower_scope() -> None:
    assert lens().within("mail:new@x.cn")
    assert not lens(Scope(departments=frozenset({"Sales"}))).within("mail:new@x.cn")


def test_nobody_looks_at_themselves_or_at_whoever_manages_them() -> None:
    # 王伟 and 陈静 manage each other: a circle ends.
    assert {person for person in "123" if lens(person="1").within(person)} == set()
    assert {person for person in "123" if lens(person="2").within(person)} == {"1"}


def test_every_role_is_in_the_table_and_every_permission_is_somebodys() -> None:
    assert OF_ROLE.keys() == set(Role)
    assert permissions_of(Role) == set(Permission)
    assert Permission.READ_CASES not in permissions_of([Role.ADMIN, Role.HR, Role.AUDITOR])
