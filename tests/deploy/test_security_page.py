"""The page about security answers every requirement of OWASP ASVS 5.0.0, levels 1 and 2, by what there is."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.deploy.contract import TOP

PAGE = (TOP / "docs" / "security.md").read_text(encoding="utf-8")
CHINESE = (TOP / "docs" / "security.zh.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("<!-- asvs -->")[2].partition("<!-- /asvs -->")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines() if line.startswith("| V")]
WANTED = dict(line.split() for line in (TOP / "tests/deploy/asvs5.txt").read_text(encoding="utf-8").splitlines())
STATES = ("yes", "partly", "no", "yours", "n/a")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`((?:[a-z]\w*/)+[\w.-]+\.\w+|pyproject\.toml)`")
LINK = re.compile(r"\]\(([\w.-]*)(?:#([\w-]*))?\)")


@cache
def _tests(file: str) -> frozenset[str]:
    tree = ast.parse((TOP / file).read_text(encoding="utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def _anchors(page: str) -> set[str]:
    text = (TOP / "docs" / page).read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_requirement_is_answered_once() -> None:
    assert len(WANTED) == 253
    assert [(row[0], row[1]) for row in ROWS] == list(WANTED.items())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_answer_is_whole_and_says_what_shows_it(row: list[str]) -> None:
    assert len(row) == 5
    assert all(row)
    _, _, _, state, how = row
    assert state in STATES
    if state == "yes":
        assert TEST.search(how) or FILE.search(how) or LINK.search(how)


def test_every_test_and_file_that_is_named_is_there() -> None:
    named = TEST.findall(PAGE)
    assert len(named) > 200
    assert [f"{file}::{test}" for file, test in named if test not in _tests(file)] == []
    assert [file for file in FILE.findall(PAGE) if not (TOP / file).is_file()] == []


def test_every_link_leads_somewhere() -> None:
    for text, itself in ((PAGE, "security.md"), (CHINESE, "security.zh.md")):
        for page, anchor in LINK.findall(text):
            assert (TOP / "docs" / (page or itself)).is_file(), page
            assert not anchor or anchor in _anchors(page or itself), f"{page}#{anchor}"


def test_the_counts_are_those_of_the_table() -> None:
    counts = [sum(row[3] == state for row in ROWS) for state in STATES]
    for page in (PAGE, CHINESE):
        assert [int(one) for one in re.findall(r"^\| `[\w/]+` \| (\d+) \|", page, re.MULTILINE)] == counts
