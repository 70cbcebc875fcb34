"""The plan's arithmetic: each row is what its formula makes of the rows above, in both languages."""

from __future__ import annotations

import re
from math import ceil

import pytest

from app.config import Cluster
from store.elasticsearch.streams import ROLLS_OVER
from store.kafka.connection import COPIES, DAYS_KEPT
from tests.deploy.contract import TOP

ROW = re.compile(r"^\| (?P<name>\w+) \| [^|]+ \| (?P<how>[^|]+) \| (?P<value>[\d.,]+) \| [^|]*\|$", re.MULTILINE)
PAGES = {name: (TOP / "docs" / name).read_text(encoding="utf-8") for name in ("sizing.md", "sizing.zh.md")}


def _rows(page: str) -> list[tuple[str, str, str]]:
    return [row.group("name", "how", "value") for row in ROW.finditer(PAGES[page])]


def _number(text: str) -> float:
    return float(text.replace(",", ""))


@pytest.mark.parametrize("page", PAGES)
def test_every_row_adds_up(page: str) -> None:
    known: dict[str, float] = {}
    assert len(_rows(page)) == PAGES[page].count("\n| ") - PAGES[page].count("\n|---") > 60
    for name, how, value in _rows(page):
        if how.startswith("`"):
            exact = eval(how.strip("`"), {"__builtins__": {}, "ceil": ceil, "max": max}, known)
            decimals = len(value.partition(".")[2])
            assert _number(value) == pytest.approx(round(exact, decimals)), name
        known[name] = _number(value)


def test_both_languages_have_the_same_numbers() -> None:
    def figures(page: str) -> list[tuple[str, str]]:
        return [(name, value) for name, _, value in _rows(page)]

    assert figures("sizing.md") == figures("sizing.zh.md")


def test_what_the_code_decides_is_what_it_says() -> None:
    known = {name: value for name, _, value in _rows("sizing.md")}
    hows = {name: how for name, how, _ in _rows("sizing.md")}
    assert ROLLS_OVER["max_primary_shard_size"] == f"{known['rolls_gb']}gb"
    assert f"* {DAYS_KEPT} * {COPIES}" in hows["bus_gb"]
    assert Cluster(kafka_partitions=int(known["partitions"]))
