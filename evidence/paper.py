"""A report of sections and tables, and its three forms: PDF, HTML, CSV. Every text in it is data."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from evidence.marks import Mark, unseen, written
from evidence.printing import Language, printed, template

MOST_ROWS = 400
"""The PDF shows so many rows of a table; HTML and CSV have all."""
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"^[+-]?[\d,.]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table: `name` names its CSV file; `widths` are shares of the width, 0 as wide as its contents. `empty` is said
    where it has no rows."""

    name: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[float]
    empty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with what it says: sentences, named facts, tables."""

    title: str
    text: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    sheets: Sequence[Sheet] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A whole report. `labels` are the words around it: `copy_for`, `copy_number`, `more`, `contents`."""

    title: str
    lang: Language
    mark: Mark
    labels: Mapping[str, str]
    sections: Sequence[Section]


def as_pdf(paper: Paper) -> bytes:
    """The PDF of it, each page marked."""
    values = {"labels": paper.labels, "sections": [_printed(section, paper) for section in paper.sections]}
    return printed(
        "paper.typ", values, title=paper.title, mark=paper.mark, lang=paper.lang, at=paper.mark.at
    )  # fmt: skip


def _printed(section: Section, paper: Paper) -> dict[str, Any]:
    sheets = [
        {
            "caption": sheet.caption,
            "head": sheet.head,
            "rows": sheet.rows[:MOST_ROWS],
            "columns": sheet.widths,
            "empty": sheet.empty,
            "more": _more(len(sheet.rows) - MOST_ROWS, sheet, paper),
        }
        for sheet in section.sheets
    ]
    return {"title": section.title, "text": section.text, "facts": section.facts, "sheets": sheets}


def _more(count: int, sheet: Sheet, paper: Paper) -> str:
    return paper.labels["more"].format(n=f"{count:,}", file=f"{sheet.name}.csv") if count > 0 else ""


def as_html(paper: Paper) -> bytes:
    """One file that needs nothing else and runs nothing; marked."""
    page = Element("html", lang="zh-CN" if paper.lang == "zh" else "en")
    head, body = SubElement(page, "head"), SubElement(page, "body")
    SubElement(head, "meta", charset="utf-8")
    policy = {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"}
    SubElement(head, "meta", policy)
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "meta", name="keywords", content=written(paper.mark.code))
    _said(head, "title", paper.title)
    SubElement(head, "style").text = template("paper.css")
    main = SubElement(body, "main")
    _said(main, "h1", paper.title)
    contents = SubElement(SubElement(main, "nav", {"aria-label": paper.labels["contents"]}), "ol")
    for number, section in enumerate(paper.sections, 1):
        _said(SubElement(contents, "li"), "a", section.title, href=f"#s{number}")
        _section(SubElement(main, "section", id=f"s{number}"), section, number, paper)
    _said(body, "footer", copy_of(paper))
    html: bytes = tostring(page, encoding="utf-8", method="html")
    return b"<!DOCTYPE html>\n" + html + b"\n"


def _section(into: Element, section: Section, number: int, paper: Paper) -> None:
    heading = _said(into, "h2", f"{number}. {section.title}")
    heading.text = f"{heading.text}{unseen(paper.mark.code)}"
    for sentence in section.text:
        _said(into, "p", sentence)
    facts = SubElement(into, "dl") if section.facts else into
    for name, value in section.facts:
        _said(facts, "dt", name)
        _said(facts, "dd", value)
    for sheet in section.sheets:
        _sheet(into, sheet)


def _sheet(into: Element, sheet: Sheet) -> None:
    if not sheet.rows:
        _said(into, "h3", sheet.caption)
        _said(into, "p", sheet.empty, {"class": "note"})
        return
    table = SubElement(into, "table")
    _said(table, "caption", sheet.caption)
    top = SubElement(SubElement(table, "thead"), "tr")
    for name in sheet.head:
        _said(top, "th", name, scope="col")
    rows = SubElement(table, "tbody")
    for row in sheet.rows:
        line = SubElement(rows, "tr")
        for number, cell in enumerate(row):
            _said(line, "td", cell) if number else _said(line, "th", cell, scope="row")


def _said(into: Element, tag: str, text: str, attributes: Mapping[str, str] | None = None, **more: str) -> Element:
    made = SubElement(into, tag, dict(attributes or {}), **more)
    made.text = visible(text)
    return made


def as_csv(sheet: Sheet, paper: Paper) -> bytes:
    """A table for spreadsheets, which run nothing of it. The last column says whose copy it is, and is marked."""
    out = StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow([*sheet.head, paper.labels["copy_for"]])
    for row in sheet.rows:
        rows.writerow([*(_cell(cell) for cell in row), _cell(copy_of(paper)) + unseen(paper.mark.code)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(text: str) -> str:
    text = visible(text)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def copy_of(paper: Paper) -> str:
    """Whose copy it is, in words."""
    mark, labels = paper.mark, paper.labels
    at = f"{mark.at:%Y-%m-%d %H:%M:%S %Z}"
    return f"{labels['copy_for']} {mark.recipient} · {labels['copy_number']} {mark.number} · {at}"


def visible(text: str) -> str:
    """The text with what nobody sees, and what turns a line round, named by its code point."""
    return "".join(
        f"[U+{ord(one):04X}]" if unicodedata.category(one) in ("Cc", "Cf", "Cs") and one not in "\n\t" else one
        for one in text
    )
