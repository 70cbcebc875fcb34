"""Who listens never holds up who judges, and hears of everything in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.telling import telling
from core.errors import Unavailable
from core.ports import News
from store.records import SqlRecords
from store.records.tables import untold


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
