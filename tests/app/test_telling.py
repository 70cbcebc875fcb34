"""Who listens never holds up who judges, and hears of everything in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.pseudonyms import pseudonyms
from app.telling import tell, telling
from core.errors import Unavailable
from core.ports import News
from store.records import SqlRecords
from store.records.tables import untold
from tests.store.storing import an_alert


class Deaf:
    """Hears nothing the first time, for a reason of its own."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.heard: list[str] = []

    def tell(self, news: Sequence[News]) -> None:
        error, self.error = self.error, None
        if error:
            raise error
        self.heard += [one.alert for one in news]


class Listener:
    def __init__(self) -> None:
        self.heard: list[News] = []

    def tell(self, news: Sequence[News]) -> None:
        self.heard += news


def test_other_systems_hear_of_persons_by_pseudonym(tmp_path: Path) -> None:
    records, listener = SqlRecords(f"sqlite:///{tmp_path / 'records.db'}"), Listener()
    alert = replace(an_alert("li.na", 2), facts={"records": 9, "example": "李娜.xlsx"}, why="she asked")
    records.settle([], {("li.na", alert.day, alert.day)}, [alert], [])
    assert tell(records, listener) == 1
    (one,) = listener.heard
    assert one.now == replace(alert, person=pseudonyms(records)("li.na"), facts={"records": 9}, why="")
    records.close()


def until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


@pytest.mark.parametrize("error", [Unavailable("away"), ValueError("a number too large")])
def test_what_could_not_be_told_is_told_later(tmp_path: Path, error: Exception) -> None:
    records = SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")
    with records._database.writing() as connection:
        connection.execute(untold.insert(), [{"alert": "a", "person": "p", "stamp": 1}])
    deaf = Deaf(error)
    with telling(records, deaf, every=0.01):
        assert until(lambda: deaf.heard == ["a"])
        assert until(lambda: not records.untold(9))
    records.close()
