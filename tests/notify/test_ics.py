"""Deadlines in a calendar."""

from __future__ import annotations

from datetime import UTC, datetime

from icalendar import Calendar

from core.deadline import Deadline, DeadlineKind
from notify.ics import calendar

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_a_calendar_has_pseudonyms_links_and_ids_that_stay() -> None:
    due = datetime(2026, 3, 5, 1, tzinfo=UTC)
    task = Deadline(id="t1", kind=DeadlineKind.TASK, due=due, person="li.na", case="c1")
    plain = Deadline(id="n1", kind=DeadlineKind.NOTICE, due=NOW)
    made = calendar([task, plain], lambda person: "P01", "https://watch.corp", "zh", NOW)
    first, second = Calendar.from_ical(made).walk("VEVENT")
    assert (first["summary"], first["uid"]) == ("通知待回复", "notice-n1@leaverwatch")
    assert (second["summary"], second["url"], second.end) == ("任务到期 (P01)", "https://watch.corp/cases/c1", due)
    assert b"li.na" not in made


def test_every_kind_has_words() -> None:
    for kind in DeadlineKind:
        assert calendar([Deadline(id="x", kind=kind, due=NOW)], str, "", "en", NOW)
