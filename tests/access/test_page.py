"""The pages of docs say what the table says."""

from __future__ import annotations

from pathlib import Path

import pytest

from access.page import PAGES, written
from access.permissions import OF_ROLE
from core.access import Permission, Role

TOP = Path(__file__).parents[2]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_the_table_of_today(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")
    assert written(page, text) == text, "python -m access.page writes it"
    assert set(PAGES[page][1]) == set(Role)


def test_every_permission_is_somebodys() -> None:
    assert set().union(*OF_ROLE.values()) == set(Permission)
