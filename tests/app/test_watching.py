"""Watching somebody who leaves ends by itself, and that it did is written down once."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from app.config import Config, Privacy
from app.pseudonyms import pseudonyms
from app.watching import end_watches, every_watch
from app.wiring import open_house
from core.calendar import CompanyCalendar
from core.evidence import Deed
from core.happening import Kind
from core.person import Filing
from core.watching import Ended, Watch, watches
from tests.app.conftest import run
from tests.app.test_grounds import LI, people

FILED = datetime(2026, 3, 2, 4, tzinfo=UTC)
LAST = date(2026, 3, 31)
END = CompanyCalendar().end_of(date(2026, 4, 10))


def notice(days: int = 0, last_day: date | None = LAST) -> Filing:
    return Filing(account=LI, filed=FILED + timedelta(days=days), last_day=last_day)


def withdrawal(days: int) -> Filing:
    return Filing(account=LI, filed=FILED + timedelta(days=days), withdrawn=True)


def watch(days: int, until: datetime | None, ended: Ended | None) -> Watch:
    return Watch(person="li", since=FILED + timedelta(days=days), until=until, ended=ended)


@pytest.mark.parametrize(
    ("filings", "expected"),
    [
        ([], []),
        ([withdrawal(0)], []),
        ([notice()], [watch(0, END, Ended.OVER)]),
        ([notice(last_day=None)], [watch(0, None, None)]),
        ([notice(last_day=None), notice(3)], [watch(0, END, Ended.OVER)]),
        ([notice(), withdrawal(5)], [watch(0, FILED + timedelta(days=5), Ended.WITHDRAWN)]),
        ([notice(), withdrawal(100)], [watch(0, END, Ended.OVER)]),
        (
            [notice(), withdrawal(5), notice(9)],
            [watch(0, FILED + timedelta(days=5), Ended.WITHDRAWN), watch(9, END, Ended.OVER)],
        ),
        ([notice(100)], [watch(100, FILED + timedelta(days=100), Ended.OVER)]),
    ],
)
def test_it_lasts_from_the_notice_to_some_days_after_the_last_day_or_the_withdrawal(
    filings: list[Filing], expected: list[Watch]
) -> None:
    assert watches("li", filings, 10, CompanyCalendar()) == expected


def test_that_it_ended_is_written_down_once(tmp_path: Path) -> None:
    with open_house(Config(data=tmp_path, privacy=Privacy(watch_days_after=10))) as house:
        people(house, "li.na")
        house.records.save_filings([notice()], 400)
        assert end_watches(house, END - timedelta(seconds=1)) == []
        (ended,) = end_watches(house, END)
        assert end_watches(house, END + timedelta(days=1)) == []
        assert house.records.ended_watches() == [ended] == every_watch(house)
        (entry,) = [one for one in house.records.audited("li.na") if one.deed is Deed.STOPPED_WATCHING]
        assert entry.details["ended"] == "over"
        (told,) = house.records.happened(-1, 10, [Kind.WATCHING_ENDED])
        assert (told.person, told.details) == ("li.na", {"ended": "over"})
        house.records.save_filings([notice(20, date(2026, 5, 31))], 400)
        assert end_watches(house, END + timedelta(days=1)) == [], "HR put it off: it goes on"
        assert len(end_watches(house, END + timedelta(days=100))) == 1


def test_by_command_line(tmp_path: Path) -> None:
    with open_house(Config(data=tmp_path)) as house:
        people(house, "li.na")
        house.records.save_filings([notice()], 400)
    (found,) = json.loads(run("subject", "watched", "--json", data=tmp_path).stdout)
    with open_house(Config(data=tmp_path)) as house:
        assert (found["person"], found["ended"]) == (pseudonyms(house.records)("li.na"), "over")
