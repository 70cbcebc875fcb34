"""Of the same request sent several times one is the first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from core.answering import GIVEN_UP, KEPT, Earlier
from store.records import SqlRecords

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_the_first_is_done_and_the_others_are_told(records: SqlRecords) -> None:
    assert records.begin_answer("r", "b", NOW) is None
    assert records.begin_answer("r", "c", NOW) == Earlier(body="b", done=False, answer=b"")
    records.keep_answer("r", NOW, b"\0answer")
    assert records.begin_answer("r", "b", NOW + KEPT / 2) == Earlier(body="b", done=True, answer=b"\0answer")
    assert records.begin_answer("r", "b", NOW + KEPT) is None


def test_of_many_at_once_one_is_the_first(records: SqlRecords) -> None:
    def begin(n: int) -> bool:
        return records.begin_answer("r", "b", NOW + timedelta(microseconds=n)) is None

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(begin, range(12))) == 1


def test_one_that_was_given_up_may_be_done_again_and_does_not_disturb_that(records: SqlRecords) -> None:
    records.begin_answer("r", "b", NOW)
    later = NOW + GIVEN_UP
    assert records.begin_answer("r", "b", later) is None
    records.keep_answer("r", NOW, b"late")
    records.drop_answer("r", NOW)
    assert records.begin_answer("r", "b", later) == Earlier(body="b", done=False, answer=b"")
    records.drop_answer("r", later)
    assert records.begin_answer("r", "b", later) is None


def test_what_is_old_or_too_many_goes(records: SqlRecords) -> None:
    for n in range(5):
        records.begin_answer(f"r{n}", "b", NOW + timedelta(hours=n))
    records.forget_answers(NOW + KEPT + timedelta(hours=1), 2)
    left = [n for n in range(5) if records.begin_answer(f"r{n}", "b", NOW + timedelta(hours=n)) is not None]
    assert left == [3, 4]
