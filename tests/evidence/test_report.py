"""The report of a case: readable, whole, the same every time, and nobody's text is its code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from io import BytesIO

import pypdfium2
import pytest

from core.errors import Refused
from evidence.marks import Mark, unseen
from evidence.printing import characters, shown
from evidence.report import CaseReport, ReportAlert, ReportDeed, ReportPerson, ReportSource, ReportTerm, render
from evidence.timeline import Day, timeline
from evidence.tracing import find_mark

NOON = datetime(2026, 3, 16, 4, tzinfo=UTC)
MARK = Mark(recipient="劳动仲裁委员会", number="EX-7", at=datetime(2026, 11, 27, 3, 2, 6, tzinfo=UTC))
HOSTILE = '#read("/etc/passwd") ] $x^2$ *b* `raw` @ref <label> \\ // /* #import "@preview/x:1.0.0": y'


def alert(number: int, person: str = "P-1") -> ReportAlert:
    terms = [ReportTerm(name="mass_export", points=40, observed=18480, own_usual=770, limit=2310, silent_below=2310)]
    return ReportAlert(
        id=f"{number:032x}",
        title="Mass export",
        person=person,
        at=NOON + timedelta(hours=number),
        severity="high",
        stage="notice",
        score=40,
        message=f"exported {18480 + number} records",
        terms=terms,
    )


def case(name: str = "王喆", alerts: int = 2, **changes: object) -> CaseReport:
    report = CaseReport(
        lang="zh",
        mark=MARK,
        case="3f" * 16,
        state="confirmed",
        opened=NOON,
        score=131,
        purpose="arbitration",
        exported_by="legal",
        scope="everything",
        persons=[ReportPerson(name=name, notice=date(2026, 3, 10), last_day=date(2026, 4, 10))],
        alerts=[alert(number, name) for number in range(alerts)],
        account={"en": "She exported 18,480 records.", "zh": "她导出了 18,480 条记录。"},
        zone="Asia/Shanghai",
        events={date(2026, 3, 1) + timedelta(days=day): day for day in range(20)},
        sources=[ReportSource(name="salesforce_export", events=12)],
        custody=[ReportDeed(at=NOON, by="analyst", deed="saw", why="triage")],
    )
    return replace(report, **changes)  # type: ignore[arg-type]


def text_of(pdf: bytes) -> str:
    """All words of the pages, without the places where lines were broken."""
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    return "".join("".join(pages).replace("\u200b", "").replace("\ufffe", "").split())


def test_equal_reports_are_equal_bytes_and_another_copy_is_another_one() -> None:
    assert render(case()) == render(case())
    assert render(case()) != render(case(mark=replace(MARK, number="EX-8")))


def test_a_report_says_what_happened_in_both_languages_and_numbers_its_pages() -> None:
    words = text_of(render(case(alerts=12)))
    for said in (
        "她导出了18,480条记录。",
        "Sheexported18,480records.",
        "exported18491records",
        "1/3",
        "3/3",
        "离职申请",
    ):
        assert said in words


def test_an_account_in_markdown_is_shown_without_its_signs() -> None:
    account = {"zh": "# 案件\n\n- off\\_hours \\+20\n#1 is no heading, * nor - an item", "en": ""}
    words = text_of(render(case(account=account)))
    assert "off_hours+20" in words
    assert "#1isnoheading,*nor-anitem" in words
    assert "#案件" not in words


def test_a_report_is_made_for_the_archive() -> None:
    made = render(case())
    assert b"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in made.replace(b"\n", b"")


def test_what_data_says_is_never_code() -> None:
    words = text_of(render(case(name=HOSTILE, reason=HOSTILE, favour=[HOSTILE], missing=[HOSTILE])))
    assert words.count("".join(HOSTILE.split())) >= 4
    assert "root:x:" not in words


@pytest.mark.parametrize("name", ["𠮷田", "王喆", "陈堃", "㛃", "張學友", "Zoë Ångström", "Дмитрий", "佐藤ゆき"])
def test_names_are_shown_in_their_own_characters(name: str) -> None:
    assert "".join(name.split()) in text_of(render(case(name=name)))


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("\u202egnp.exe", "[U+202E]gnp.exe"),
        ("a\x00b\x1bc", "a[U+0000]b[U+001B]c"),
        ("مر", "[U+0645][U+0631]"),
        ("\U000300f7", "[U+300F7]"),
        ("\ufeff", "[U+FEFF]"),
        ("\ud800", "[U+D800]"),
    ],
)
def test_a_character_that_cannot_be_shown_is_named_and_does_not_vanish(name: str, seen: str) -> None:
    assert seen in text_of(render(case(name=name)))


def test_a_text_of_any_length_is_cut_and_says_so() -> None:
    made = render(case(name="x" * 100_000, reason="长" * 100_000))
    assert "另有98,000个字符" in text_of(made)
    assert len(made) < 1_000_000


def test_what_is_not_shown_of_a_large_case_is_counted() -> None:
    words = text_of(render(case(alerts=400)))
    assert "另有100条未在此列出" in words
    assert "另有340个得分较低的告警的明细未在此列出" in words


def test_the_fonts_have_every_character_of_the_standards_that_they_are_made_for() -> None:
    standard = {ord(one) for one in (files("deploy") / "fonts.txt").read_text(encoding="utf-8") if not one.isspace()}
    frequent = {code for row in range(0xB0, 0xF8) for code in _row(row)}
    assert len(standard - characters()) == 0
    assert len(frequent) == 6763
    assert frequent <= characters()
    assert shown("[U+202E]\n两行", "zh") == "[U+202E] 两行"


def _row(row: int) -> list[int]:
    return [ord(one) for one in bytes(b for cell in range(0xA1, 0xFF) for b in (row, cell)).decode("gb2312", "ignore")]


def test_the_time_line_holds_every_event_and_alert() -> None:
    days = {date(2025, 1, 1) + timedelta(days=day): 3 for day in range(500)}
    drawn = timeline(days, [date(2026, 1, 1)] * 4, [Day(day=date(2026, 5, 1), name="last day")])
    assert drawn is not None
    assert sum(one["count"] for one in drawn["alerts"]) == 4
    assert all(0 <= one["x"] <= 1 for part in ("bars", "alerts", "days", "ticks") for one in drawn[part])
    assert len(drawn["bars"]) <= 121
    assert timeline({}, [], []) is None


def test_every_page_carries_the_mark_however_it_was_passed_on() -> None:
    made = render(case(alerts=12))
    assert find_mark(made) == MARK.code
    for number in range(3):
        assert find_mark(_taken_out(made, number)) == MARK.code
    assert find_mark(_taken_out(made, 0, picture=200)) == MARK.code
    assert find_mark(_taken_out(made, 1, picture=150, size=0.8)) == MARK.code


def _taken_out(pdf: bytes, number: int, picture: int = 0, size: float = 1.0) -> bytes:
    """One page in a document of its own; as a picture of so many dots an inch, printed smaller or larger."""
    out = BytesIO()
    with pypdfium2.PdfDocument(pdf) as document, pypdfium2.PdfDocument.new() as other:
        if not picture:
            other.import_pages(document, [number])
        else:
            page = document[number]
            bitmap = page.render(scale=picture / 72)
            image = pypdfium2.PdfImage.new(other)
            image.set_bitmap(bitmap)
            width, height = (side * size for side in page.get_size())
            image.set_matrix(pypdfium2.PdfMatrix().scale(width, height).translate(30, 40))
            sheet = other.new_page(width + 60, height + 60)
            sheet.insert_obj(image)
            sheet.gen_content()
        other.save(out)
    return out.getvalue()


def test_an_exporter_may_have_codes_of_its_own() -> None:
    mark = replace(MARK, known_as="00000000deadbeef")
    assert find_mark(render(case(mark=mark))) == "00000000deadbeef"


def test_texts_carry_marks_too_and_a_changed_mark_is_none() -> None:
    text = f"case,score{unseen(MARK.code)}\n1,2\n"
    assert find_mark(text.encode()) == MARK.code
    assert find_mark(text.replace("\u200b", "\u200c", 1).encode()) is None
    assert find_mark(b"case,score\n1,2\n") is None
    assert find_mark(b"\xff\xfe\x00") is None


def test_a_pdf_that_nobody_marked_has_none_and_a_broken_one_is_refused() -> None:
    blank = pypdfium2.PdfDocument.new()
    blank.new_page(600, 800)
    out = BytesIO()
    blank.save(out)
    blank.close()
    assert find_mark(out.getvalue()) is None
    with pytest.raises(Refused, match="cannot be read"):
        find_mark(b"%PDF-1.7\nnothing")
