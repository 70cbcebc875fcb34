"""Looks are in the audit log before anything is shown, also where many look at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from access.lens import Lens
from api.looks import Looks
from core.calendar import CompanyCalendar
from core.directory import Directory
from core.evidence import AuditEntry, check_chain
from store.records import SqlRecords
from tests.api.shops import EVERYTHING

LENS = Lens(EVERYTHING, Directory([], [], [], {}, CompanyCalendar()), str)


class Slow(SqlRecords):
    """Its first entry takes until the others wait."""

    def __init__(self, address: str, others: Event) -> None:
        super().__init__(address)
        self.others = others
        self.written: list[int] = []
        self.broken = False

    def note_all(self, entries: Sequence[AuditEntry]) -> None:
        self.others.wait(5)
        self.written.append(len(entries))
        if self.broken:
            raise OSError("the disk is full")
        super().note_all(entries)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


def looked(looks: Looks, records: SqlRecords, person: str) -> bool:
    """Whether a look is in the log once it is noted."""
    looks.note(LENS, "alert", [person])
    return any(person in entry.about for entry in records.audited())


def test_looks_that_come_together_are_written_together_and_each_before_its_answer(address: str) -> None:
    others = Event()
    records = Slow(address, others)
    looks = Looks(records)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(looked, looks, records, "p0")
        rest = [pool.submit(looked, looks, records, f"p{number}") for number in range(1, 12)]
        while len(looks._log._waiting) < 11:
            pass
        others.set()
        assert all(one.result() for one in (first, *rest))
    assert records.written == [1, 11]
    assert check_chain(records.audited())
    records.close()


def test_a_look_that_cannot_be_written_is_not_shown_to_anybody(address: str) -> None:
    others = Event()
    records = Slow(address, others)
    records.broken = True
    looks = Looks(records)
    with ThreadPoolExecutor(4) as pool:
        all_ = [pool.submit(looks.note, LENS, "alert", [f"p{number}"]) for number in range(4)]
        others.set()
        for one in all_:
            with pytest.raises(OSError, match="full"):
                one.result()
    records.broken = False
    assert looked(looks, records, "p1"), "nor remembered as written"
    records.close()
