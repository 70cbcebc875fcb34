"""The directory is kept until anything of it changes, in whatever process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from app.directories import Directories
from core.calendar import CompanyCalendar
from core.person import Person
from store.records import SqlRecords

LI = Person(id="1", name="李娜")
ELSEWHERE = dedent(
    """
    import sys
    from core.person import Person
    from store.records import SqlRecords
    SqlRecords(sys.argv[1]).save_persons([Person(id="1", name=sys.argv[2])], [])
    """
)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


@pytest.fixture
def records(address: str) -> Iterator[SqlRecords]:
    with closing(SqlRecords(address)) as opened:
        yield opened


def test_it_is_read_once_while_nothing_changes(records: SqlRecords) -> None:
    directory = Directories(records, CompanyCalendar())
    records.save_persons([LI], [])
    assert directory() is directory()
    records.save_persons([LI], [])
    records.set_setting("anything", "else")
    assert directory() is directory()


def test_what_another_process_has_written_is_known_at_once(records: SqlRecords, address: str) -> None:
    directory = Directories(records, CompanyCalendar())
    records.save_persons([LI], [])
    for name in ("王伟", "陈静"):
        before = directory()
        subprocess.run([sys.executable, "-c", ELSEWHERE, address, name], check=True)
        assert directory().person("1").name == name != before.person("1").name


def test_what_is_written_while_it_is_read_is_known_to_whoever_asks_next(records: SqlRecords) -> None:
    class Slow(SqlRecords):
        """Somebody else is quicker than whoever reads the filings."""

        def filings(self):  # type: ignore[no-untyped-def]
            if self.persons() == [LI]:
                self.save_persons([replace(LI, name="Li Na")], [])
            return super().filings()

    with closing(Slow(str(records.database.engine.url))) as slow:
        slow.save_persons([LI], [])
        directory = Directories(slow, CompanyCalendar())
        directory()
        assert directory().person("1").name == "Li Na"
