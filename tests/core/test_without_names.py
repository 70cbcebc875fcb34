"""Texts without somebody's name."""

from __future__ import annotations

import pytest

from core.calendar import CompanyCalendar
from core.directory import Directory
from core.nameless import nameless
from core.person import Link, Person

LI = Person(id="1", name="李娜", email="li.na@x.cn")
ADA = Person(id="2", name="Ada Núñez", email="can@x.cn")
DIRECTORY = Directory(
    [LI, ADA],
    [
        Link(account="login:lina7", person="1"),
        Link(account="login:corp\\ln", person="1"),
        Link(account="login:never.seen", person="1"),
        Link(account="login:ñu", person="2"),
    ],
    [],
    {"login:corp\\lina7": ["login:lina7"], "login:corp\\ln": []},
    CompanyCalendar(),
)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("ask 李娜about it", "ask P1about it"),
        ("Li.Na@x.cn, LI.NA and corp\\lina7", "P1, P1 and P1"),
        ("lina7 copied it, 让lina7说", "P1 copied it, 让P1说"),
        ("ln did, corp\\LN did, never.seen too", "P1 did, P1 did, P1 too"),
        ("lina70, kiln and also_lina7", "lina70, kiln and also_P1"),
        ("", ""),
    ],
)
def test_names_addresses_and_accounts_are_gone_with_their_domain_and_without(said: str, kept: str) -> None:
    assert nameless(said, "1", DIRECTORY, "P1") == kept


def test_a_name_that_is_part_of_a_word_is_none() -> None:
    said = "can somebody scan cañon, Ada Núñez or ñu? ñuñu"
    assert nameless(said, "2", DIRECTORY, "P2") == "P2 somebody scan cañon, P2 or P2? ñuñu"
    assert nameless("nobody", "3", DIRECTORY, "P3") == "nobody"
