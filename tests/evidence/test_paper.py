"""A report as PDF, HTML and CSV says the same, and nothing that data says is markup, script or formula."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest

from core.pseudonyms import Pseudonyms
from evidence.compliance import ComplianceReport, compliance_paper, runs
from evidence.compliancewords import HEADS, INTRO, LABELS, SHEETS, TITLES, TOLD
from evidence.mapping import ASKED
from evidence.marks import Mark
from evidence.paper import Paper, Section, Sheet, as_csv, as_html, as_pdf
from evidence.printing import Language
from evidence.tracing import find_mark
from tests.evidence.test_report import text_of

MARK = Mark(recipient="<b>DPO</b>", number="CR-1", at=datetime(2026, 11, 1, tzinfo=UTC))
HOSTILE = "<script>alert(1)</script>&amp;]]>\u202e\x00"


def paper(*cells: str, lang: Language = "en") -> Paper:
    sheet = Sheet(name="t", caption="A table", head=("first", "second"), rows=[cells], widths=(1, 1), empty="nothing")
    section = Section(title=HOSTILE, text=[HOSTILE], facts=[("fact", HOSTILE)], sheets=[sheet])
    return Paper(title="A report", lang=lang, mark=MARK, labels=LABELS[lang], sections=[section])


class Outline(HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_runs_nothing_needs_nothing_and_shows_what_data_says() -> None:
    outline = Outline(as_html(paper(HOSTILE, "b")))
    assert {tag for tag, _ in outline.tags}.isdisjoint({"script", "img", "link", "iframe", "b"})
    assert not any(name in ("src", "style") or name.startswith("on") for _, names in outline.tags for name in names)
    assert "<script>alert(1)</script>&amp;]]>[U+202E][U+0000]" in outline.text
    assert any("default-src 'none'" in str(names.get("content")) for tag, names in outline.tags if tag == "meta")


def test_html_can_be_heard_as_well_as_seen() -> None:
    outline = Outline(as_html(paper("a", "b", lang="zh")))
    assert ("html", {"lang": "zh-CN"}) in outline.tags
    tags = [tag for tag, _ in outline.tags]
    assert tags.count("h1") == 1
    assert tags.count("h2") == 1
    assert tags.count("caption") == tags.count("table") == 1
    scopes = [names.get("scope") for tag, names in outline.tags if tag == "th"]
    assert scopes == ["col", "col", "row"]


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_runs_nothing(cell: str) -> None:
    text = as_csv(paper(cell, "-18").sections[0].sheets[0], paper("x")).decode("utf-8-sig")
    (_, row) = csv.reader(StringIO(text, newline=""))
    assert row[0][0] in "'["
    assert row[1] == "-18"
    assert row[2].startswith("Copy for <b>DPO</b>")


def test_every_form_carries_the_mark() -> None:
    made = paper("a", "b")
    forms = (as_pdf(made), as_html(made), as_csv(made.sections[0].sheets[0], made))
    assert [find_mark(form) for form in forms] == [MARK.code] * 3
    assert find_mark(as_html(made).split(b"<h1>")[1]) == MARK.code


def report(lang: Language = "en") -> ComplianceReport:
    day = MARK.at.date()
    return ComplianceReport(
        lang=lang, mark=MARK, first=day, last=day, zone="Asia/Shanghai", named=False, purpose="", persons=3,
        departures=(), counts={}, decided=(), open_cases=0, looks=(), erasures=(), sources=(),
    )  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_report_of_nothing_says_so(lang: Language) -> None:
    words = text_of(as_pdf(compliance_paper(report(lang))))
    assert words.count("".join(TOLD[lang]["nothing"].split())) == 6


def test_both_languages_have_the_same_words() -> None:
    for words in (LABELS, TITLES, INTRO, TOLD, SHEETS, HEADS):
        assert words["en"].keys() == words["zh"].keys()
    assert all(len(HEADS["en"][name]) == len(HEADS["zh"][name]) for name in HEADS["en"])


def test_every_provision_names_sections_that_there_are() -> None:
    assert all(asked.sections and set(asked.sections) <= TITLES["en"].keys() for asked in ASKED)


@pytest.mark.parametrize(("page", "lang"), [("docs/compliance.md", "en"), ("docs/compliance.zh.md", "zh")])
def test_the_page_lists_the_provisions_as_the_report_does(page: str, lang: Language) -> None:
    text = Path(page).read_text(encoding="utf-8")
    numbers = {name: number for number, name in enumerate(TITLES[lang], 1)}
    for asked in ASKED:
        sections = ", ".join(str(numbers[name]) for name in asked.sections)
        row = f"| {asked.law[lang]} | {asked.article[lang]} | {asked.asks[lang]} | {sections} | {asked.left[lang]} |"
        assert row in text


def test_days_that_follow_each_other_are_said_as_one_run() -> None:
    days = [date(2026, 3, day) for day in (2, 3, 6, 9, 20)]
    assert runs(days) == "2026-03-02 – 2026-03-09, 2026-03-20"
    assert runs([]) == ""


def test_a_pseudonym_is_the_same_as_long_as_the_key_is() -> None:
    one, other = Pseudonyms(b"one"), Pseudonyms(b"other")
    assert one("li.na") == one("li.na") != other("li.na")
    assert one("li.na") != one("li.mei")
    assert "li" not in one("li.na")
