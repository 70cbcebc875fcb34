"""Ids, calendar and the field list."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from core.calendar import CompanyCalendar
from core.canonical import content_id, record_ids
from core.fieldpage import page
from core.schema import BY_NAME, COMPARED, DERIVED, FIELDS, JOINED, SCHEMA, conform, vendor_value


def test_ids_tell_parts_apart() -> None:
    assert content_id("ab", "c") != content_id("a", "bc")
    assert len(content_id("a")) == 32


def test_equal_records_of_a_file_are_told_apart_by_how_many_came_before() -> None:
    one, two = record_ids("m365_audit", [b"line", b"line"], [0, 1])
    assert one != two
    assert record_ids("m365_audit", [b"line"], [0]) == [one], "a copy of the file gives the same id"
    assert record_ids("postfix", [b"line"], [0]) != [one]
    forged = [b"1\0line", b"#1\0line", b"line1", b"\0line"]
    assert two not in record_ids("m365_audit", forged, [0] * len(forged)), "no record can pass for a repetition"


def test_holidays_and_make_up_days_are_known() -> None:
    calendar = CompanyCalendar()
    assert not calendar.is_working_day(date(2026, 2, 18)), "Spring Festival"
    assert calendar.is_working_day(date(2026, 2, 28)), "a Saturday worked instead"
    assert not calendar.is_working_day(date(2026, 3, 1))
    assert not CompanyCalendar(extra_holidays=frozenset({date(2026, 3, 2)})).is_working_day(date(2026, 3, 2))


def test_a_day_begins_and_ends_in_company_time() -> None:
    calendar = CompanyCalendar()
    assert calendar.start_of(date(2026, 3, 2)) == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert calendar.end_of(date(2026, 3, 2)) == datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert calendar.day_of(datetime(2026, 3, 1, 23, 30, tzinfo=UTC)) == date(2026, 3, 2)


def test_the_page_of_fields_is_the_list() -> None:
    assert Path("docs/fields.md").read_text(encoding="utf-8") == page()


def test_no_field_is_listed_twice() -> None:
    assert len(BY_NAME) == len(FIELDS) + len(JOINED) + len(COMPARED) + len(DERIVED)


def test_a_frame_gets_every_column_in_order() -> None:
    frame = conform(pl.DataFrame({"data.records": ["7"], "event.id": ["x"], "unknown": [1]}))
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame["data.records"].to_list() == [7]
    with pytest.raises(pl.exceptions.InvalidOperationError):
        conform(pl.DataFrame({"data.records": ["many"]}))


def test_vendor_fields_are_read_from_the_record() -> None:
    frame = pl.DataFrame(
        {"vendor": [None, '{"A":"1","x.y":"2"}'], "event.original": ['{"A":{"b":"3"},"x":{"y":"4"}}', "line"]}
    )
    assert frame.select(vendor_value("x.y").alias("v"))["v"].to_list() == ["4", "2"]
    assert frame.select(vendor_value("A").alias("v"))["v"].to_list() == ['{"b":"3"}', "1"]
