"""A change that is sent again is made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from api.wire import repeated
from core.access import Caller, Permission
from core.answering import GIVEN_UP, KEPT
from core.errors import Unavailable
from store.records import SqlRecords
from store.records.answertables import answers
from tests.api.shops import EVERYTHING
from tests.api.small import KEY, Things, small
from tests.records import fresh_file

THING = {"id": "a", "size": 3}
ONCE = {"Idempotency-Key": KEY}


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    opened = SqlRecords(fresh_file(tmp_path / "records.db"))
    yield opened
    opened.close()


def rows(records: SqlRecords) -> list[tuple[object, ...]]:
    with records.database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(answers))]


def test_the_same_again_is_the_same_answer_and_done_once(records: SqlRecords) -> None:
    things = Things()
    client = small(things, records=records)
    first = client.post("/things", json=THING, headers=ONCE)
    again = client.post("/things", json=THING, headers=ONCE)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert (again.headers["idempotency-replayed"], again.headers["content-type"]) == ("true", "application/json")
    assert things.made == ["api:a"]
    client.post("/things", json=THING)
    assert len(things.made) == 2


def test_a_key_is_one_callers_for_one_body(records: SqlRecords) -> None:
    things = Things()
    client = small(things, records=records)
    client.post("/things", json=THING, headers=ONCE)
    other = client.post("/things", json=THING | {"size": 4}, headers=ONCE)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-used")
    small(things, replace(EVERYTHING, name="wang"), records).post("/things", json=THING, headers=ONCE)
    assert things.made == ["api:a", "wang:a"]


def test_who_may_not_any_more_is_not_shown_what_was_answered(records: SqlRecords) -> None:
    things = Things()
    small(things, records=records).post("/things", json=THING, headers=ONCE)
    nobody = Caller(name="api", roles=frozenset(), permissions=frozenset({Permission.READ_CASES}))
    assert small(things, nobody, records).post("/things", json=THING, headers=ONCE).status_code == 403


def test_while_one_is_under_way_the_other_waits(records: SqlRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    things = Things()
    client = small(things, records=records)
    monkeypatch.setattr(records, "keep_answer", lambda *_: None)  # as if the process had died here
    client.post("/things", json=THING, headers=ONCE)
    waits = client.post("/things", json=THING, headers=ONCE)
    assert (waits.status_code, waits.json()["code"], waits.headers["retry-after"]) == (409, "under-way", "1")
    monkeypatch.undo()
    monkeypatch.setattr(repeated, "datetime", _Later)
    assert client.post("/things", json=THING, headers=ONCE).status_code == 201
    assert len(things.made) == 2


class _Later:
    """The clock after a process was given up."""

    @staticmethod
    def now(zone: object) -> datetime:
        return datetime.now(UTC) + GIVEN_UP


@pytest.mark.parametrize("size", [-1, 0])
def test_what_was_refused_or_failed_may_be_tried_again(records: SqlRecords, size: int) -> None:
    client = small(records=records)
    for _ in range(2):
        assert client.post("/things", json={"id": "a", "size": size}, headers=ONCE).status_code in (409, 500)
    assert rows(records) == []


def test_nothing_is_kept_of_logins(records: SqlRecords) -> None:
    things = Things()
    client = small(things, records=records)
    for _ in range(2):
        client.post("/login", json=THING, headers=ONCE)
    assert (len(things.made), rows(records)) == (2, [])


def test_what_is_kept_cannot_be_read_without_the_key(records: SqlRecords) -> None:
    small(records=records).post("/things", json=THING, headers=ONCE)
    ((request, body, _, done, answer),) = rows(records)
    assert done
    assert not any(word in f"{request}{body}{answer!r}" for word in ("api", "things", "nnn", KEY))


def test_a_large_answer_is_not_kept_but_the_deed_is_known(records: SqlRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated, "MOST_BYTES", 10)
    things = Things()
    client = small(things, records=records)
    client.post("/things", json=THING, headers=ONCE)
    assert client.post("/things", json=THING, headers=ONCE).json()["code"] == "done-before"
    assert len(things.made) == 1


def test_where_the_records_cannot_be_reached_nothing_is_done(
    records: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise Unavailable("the records database is gone")

    things = Things()
    monkeypatch.setattr(records, "begin_answer", gone)
    answer = small(things, records=records).post("/things", json=THING, headers=ONCE)
    assert (answer.status_code, answer.json()["code"], things.made) == (503, "unavailable", [])


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    records: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise Unavailable("the records database is gone")

    monkeypatch.setattr(records, "keep_answer", gone)
    client = small(records=records)
    assert client.post("/things", json=THING, headers=ONCE).status_code == 201
    assert client.post("/things", json=THING, headers=ONCE).json()["code"] == "under-way"


@pytest.mark.parametrize("key", ["short", "x" * 129])
def test_keys_that_somebody_guesses_are_refused(records: SqlRecords, key: str) -> None:
    answer = small(records=records).post("/things", json=THING, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-idempotency-key")


def test_old_ones_are_forgotten_now_and_then(records: SqlRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    client = small(records=records)
    client.post("/things", json=THING, headers=ONCE)
    records.forget_answers(datetime.now(UTC) + KEPT - timedelta(minutes=1), 10)
    assert len(rows(records)) == 1
    monkeypatch.setattr(repeated, "TIDY_SECONDS", -1.0)
    monkeypatch.setattr(repeated, "MOST_KEPT", 0)
    client.post("/things", json=THING, headers={"Idempotency-Key": KEY[::-1]})
    assert len(rows(records)) == 1
