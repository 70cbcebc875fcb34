"""Kept days: the same rows as the event store gives, whatever came late, moved, or was lost of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from test_person_days import START, an_event

from core.directory import Directory
from core.person import Filing, Link
from core.ports import EventQuery
from models import parts
from models.kept import KeptDays
from models.parts import parts_of
from models.stable import mixed, number_of, numbers_of
from tests.models.conftest import LI, LINKS, WANG, Reader, at, directory, events, rows

FIRST, LAST = date(2026, 3, 20), date(2026, 5, 20)
MOVED = Link(account=WANG, person="1001", since=START + timedelta(days=60), confidence=2.0)


class Counting(Reader):
    """Counts how many events are read, and by what totals are asked."""

    def __init__(self, events: pl.DataFrame) -> None:
        super().__init__(events)
        self.read_events = 0
        self.reads: list[int] = []
        self.asked: list[list[str]] = []

    def totals(self, query: EventQuery, by: Sequence[str], *rest: Any, **more: Any) -> pl.DataFrame:
        self.asked.append(list(by))
        return super().totals(query, by, *rest, **more)

    def read(self, query: EventQuery) -> pl.DataFrame:
        found = super().read(query)
        self.read_events += found.height
        self.reads.append(found.height)
        return found


def kept_rows(
    folder: Path, reader: Reader, people: Directory, first: date = FIRST, last: date = LAST, until: date = LAST
) -> pl.DataFrame:
    days = KeptDays(folder, reader, people, first, until)
    frames = [days.rows(part, first, last) for part in days.parts]
    return pl.concat(frames).sort("person", "day")


def given_rows(stored: pl.DataFrame, people: Directory, first: date = FIRST, last: date = LAST) -> pl.DataFrame:
    found = rows(stored, first, last, people)
    return found.sort("person", "day") if found.width else found


def assert_kept_is_right(folder: Path, stored: pl.DataFrame, people: Directory) -> None:
    expected, found = given_rows(stored, people), kept_rows(folder, Reader(stored), people)
    if expected.height or found.height:
        assert_frame_equal(found, expected, check_exact=True)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.lists(an_event(), min_size=1, max_size=40),
    st.lists(an_event(), max_size=6),
    st.randoms(use_true_random=False),
)
def test_kept_days_give_the_rows_that_the_store_gives(
    seen: list[dict[str, Any]], late: list[dict[str, Any]], random: Any
) -> None:
    everything = events(*seen, *late)
    before = everything.head(len(seen))
    with TemporaryDirectory() as folder:
        path = Path(folder)
        assert_kept_is_right(path, before, directory(everything))
        assert_kept_is_right(path, everything, directory(everything))
        people = directory(everything, links=[*LINKS, MOVED], filings=[Filing(account=LI, filed=at("04-01T09:00"))])
        assert_kept_is_right(path, everything, people)
        for file in random.sample(sorted(path.rglob("*.parquet")), min(5, len(list(path.rglob("*.parquet"))))):
            file.unlink() if random.random() < 0.5 else file.write_bytes(b"half a file")
        assert_kept_is_right(path, everything, people)
        assert_kept_is_right(path, before, people)


def busy(days: int = 120) -> list[dict[str, Any]]:
    """Li Na and Wang Wei look at customers, every hour of every day."""
    return [
        {
            "@timestamp": START + timedelta(hours=hour),
            "user.account": LI if hour % 3 else WANG,
            "event.module": "m365",
            "crm.record_id": f"customer {hour % 37}",
            "host.name": f"pc{hour % 5}",
        }
        for hour in range(24 * days)
    ]


def test_a_new_day_reads_the_events_of_that_day_alone(tmp_path: Path) -> None:
    stored = events(*busy())
    people = directory(stored)
    until = date(2026, 5, 1)
    kept_rows(tmp_path, Counting(stored), people, until, until, until)
    reader = Counting(stored)
    day = until + timedelta(days=1)
    found = kept_rows(tmp_path, reader, people, day, day, day)
    assert reader.read_events == 24
    assert_frame_equal(found, given_rows(stored, people, day, day), check_exact=True)
    again = Counting(stored)
    kept_rows(tmp_path, again, people, day, day, day)
    assert again.read_events == 0


def test_a_late_event_reads_its_day_again_and_no_other(tmp_path: Path) -> None:
    stored = events(*busy())
    people = directory(stored)
    kept_rows(tmp_path, Counting(stored), people)
    late = events(*busy(), {"@timestamp": at("04-10T10:00"), "event.action": "export", "data.records": 900})
    reader = Counting(late)
    found = kept_rows(tmp_path, reader, people)
    assert reader.read_events == 25
    assert_frame_equal(found, given_rows(late, people), check_exact=True)


def test_the_book_of_a_month_grows_with_what_comes_late_though_days_are_kept(tmp_path: Path) -> None:
    stored = events(*busy())
    people = directory(stored)
    before = kept_rows(tmp_path, Reader(stored), people)
    more = [
        {"@timestamp": at("03-10T10:00"), "event.module": "m365", "crm.record_id": f"new {number}"}
        for number in range(37)
    ]
    late = events(*busy(), *({**one, "user.account": "login:stranger"} for one in more))
    found = kept_rows(tmp_path, Reader(late), directory(late))
    assert_frame_equal(found, given_rows(late, directory(late)), check_exact=True)
    assert (found["book_share_30d"].min(), before["book_share_30d"].min()) == (0.5, 1)


def test_a_fingerprint_changes_with_what_rows_depend_on_and_with_nothing_else(tmp_path: Path) -> None:
    stored = events(*busy())
    day = date(2026, 4, 20)

    def prints(seen: pl.DataFrame, people: Directory) -> list[str]:
        days = KeptDays(tmp_path / "kept", Reader(seen), people, FIRST, LAST)
        (part,) = days.parts
        return [days.fingerprint(part, one - timedelta(days=9), one) for one in (day, day + timedelta(days=1))]

    first = prints(stored, directory(stored))
    assert prints(stored.sample(fraction=1, shuffle=True, seed=3), directory(stored)) == first
    after = {"@timestamp": at("04-21T00:00"), "event.action": "export"}
    same, other = prints(events(*busy(), after), directory(stored))
    assert same == first[0], "what happens on a day says nothing about the day before"
    assert other != first[1]
    long_before = {"@timestamp": at("01-12T00:00"), "event.action": "export"}
    assert prints(events(*busy(), long_before), directory(stored)) != first
    assert prints(stored, directory(stored, links=[*LINKS, MOVED]))[0] != first[0]


def test_persons_are_divided_evenly_and_stay_where_they_are() -> None:
    persons = [f"e{number}" for number in range(3000)]
    parts = parts_of(persons)
    assert len(parts) == 4
    assert sorted(person for part in parts for person in part.persons) == sorted(persons)
    assert max(len(part.persons) for part in parts) < 1000
    fewer = parts_of(persons[:2900])
    for one, other in zip(parts, fewer, strict=True):
        assert (one.first, one.last) == (other.first, other.last)
        assert set(other.persons) <= set(one.persons)
    assert parts_of([])[0].persons == ()


def test_many_parts_hold_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = events(*busy())
    monkeypatch.setattr(parts, "PERSONS_AT_ONCE", 1)
    assert len(KeptDays(tmp_path, Reader(stored), directory(stored), FIRST, LAST).parts) > 1
    assert_kept_is_right(tmp_path, stored, directory(stored))


def test_a_new_day_is_read_once_for_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = events(*busy())
    monkeypatch.setattr(parts, "PERSONS_AT_ONCE", 1)
    day = date(2026, 5, 2)
    people = directory(stored)
    kept_rows(tmp_path, Reader(stored), people, day - timedelta(days=1), day - timedelta(days=1), day)
    reader = Counting(stored)
    kept_rows(tmp_path, reader, people, day, day, day)
    assert reader.reads == [24]


@pytest.mark.parametrize("length", [1, 3, 70])
def test_what_lies_before_is_added_up_and_nothing_of_it_is_lost(tmp_path: Path, length: int) -> None:
    """Rows of few days and of many come of pasts that are shortened to different lengths."""
    stored = events(*busy(150))
    people = directory(stored)
    last = date(2026, 5, 30)
    first = last - timedelta(days=length - 1)
    found = kept_rows(tmp_path, Reader(stored), people, first, last, last)
    assert_frame_equal(found, given_rows(stored, people, first, last), check_exact=True)


def test_old_days_go_and_come_again(tmp_path: Path) -> None:
    stored = events(*busy())
    days = KeptDays(tmp_path, Reader(stored), directory(stored), FIRST, LAST)
    days.rows(days.parts[0], FIRST, LAST)
    days.prune(date(2026, 5, 1))
    assert min(file.name[:10] for file in tmp_path.rglob("0/*.parquet")) == "2026-05-01"
    reader = Counting(stored)
    KeptDays(tmp_path, reader, directory(stored), FIRST, LAST)
    assert reader.asked == [["day"]], "who was there on which day is not asked again"
    assert_kept_is_right(tmp_path, stored, directory(stored))


def test_numbers_of_texts_are_for_ever() -> None:
    texts: Sequence[str | None] = ["", None, "李娜", "a", "a"]
    found = numbers_of(pl.Series("x", texts)).to_list()
    assert found == [number_of(""), None, number_of("李娜"), number_of("a"), number_of("a")]
    assert number_of("李娜") == 8264726413792465625
    one, other = pl.Series([1, 1, 2]).to_numpy(), pl.Series([2, -1, 1]).to_numpy()
    assert len(set(mixed(one, other).tolist())) == 3, "which column a number stands in counts"
    assert mixed(one, other).tolist() == [mixed(one[n : n + 1], other[n : n + 1]).item() for n in range(3)]
