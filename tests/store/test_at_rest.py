"""What is written about people lies encrypted; it is read, told apart, changed and moved as if it did not."""

from __future__ import annotations

import itertools
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.case import Case, CaseState
from core.casefiles import Comment
from core.errors import ConfigError, Damaged, Refused
from core.evidence import AuditEntry, Deed, Hold, HoldScope, check_chain
from core.person import Link, Person
from store.records import SqlRecords, atrest
from store.records.atrest import keys, rotate
from store.records.caserows import case_row
from store.records.copying import copy_records
from store.records.tables import Encrypted, metadata

LI = Person(id="e1", name="李娜", email="li.na@x", department="Sales", manager_email="boss@x")
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "records.key"


@pytest.fixture
def sealed(address: str, key: Path) -> Iterator[SqlRecords]:
    with closing(SqlRecords(address, keys=key)) as opened:
        fill(opened)
        yield opened


def fill(records: SqlRecords, persons: int = 1) -> None:
    others = [replace(LI, id=f"o{number}", name=f"王 {number}") for number in range(persons - 1)]
    records.save_persons([LI, *others], [Link(account="mail:li.na@x", person="e1")])
    records.note(AuditEntry(at=NOW, by="ann", deed=Deed.SAW, about=["e1"], why="李娜 asked"))
    records.save_hold(
        Hold(id="h", scope=HoldScope.PERSON, subject="e1", reason="李娜 sues", placed_by="ann", placed=NOW)
    )


def said(records: SqlRecords) -> tuple[Any, ...]:
    return (records.persons(), records.links(), records.holds(), records.audited())


def lying(records: SqlRecords) -> str:
    """All that the database holds in such columns, as it lies there."""
    hidden = [column for table in metadata.sorted_tables for column in table.c if isinstance(column.type, Encrypted)]
    with records.database.reading() as connection:
        rows = (
            value
            for column in hidden
            for value in connection.execute(sa.text(f"select {column.name} from {column.table.name}")).scalars()
        )
        return "\n".join(value for value in rows if value)


def test_what_is_written_about_people_is_not_readable_where_it_lies(
    sealed: SqlRecords, address: str, key: Path, tmp_path: Path
) -> None:
    (own,) = keys(sealed.database)
    assert all(line.startswith(f"k1.{own['key']}.") for line in lying(sealed).splitlines())
    assert sealed.persons() == [LI]
    assert sealed.holds()[0].reason == "李娜 sues"
    check_chain(sealed.audited())
    assert key.stat().st_mode & 0o777 == 0o600
    with closing(SqlRecords(address, keys=key)) as again:
        assert said(again) == said(sealed)
    if address.startswith("sqlite"):
        lies = b"".join(file.read_bytes() for file in tmp_path.glob("records.db*"))
        assert "李娜".encode() not in lies
        assert b"boss@x" not in lies


def test_what_is_the_same_changes_nothing(sealed: SqlRecords) -> None:
    before = lying(sealed)
    marks = sealed.pending()
    sealed.save_persons([LI], [Link(account="mail:li.na@x", person="e1")])
    assert lying(sealed) == before, "an equal person is known as such"
    assert sealed.pending() == marks


def test_a_database_that_was_not_encrypted_is_from_now_on(address: str, key: Path, tmp_path: Path) -> None:
    with closing(SqlRecords(address)) as plain:
        fill(plain, 30)
        before = said(plain)
        assert "李娜" in lying(plain)
    with closing(SqlRecords(address, keys=key)) as opened:
        assert said(opened) == before
        assert "李娜" not in lying(opened)
    if address.startswith("sqlite"):
        assert "李娜".encode() not in (tmp_path / "records.db").read_bytes(), "nor is it left in what is free"


def test_without_its_key_nothing_opens_and_nothing_is_lost(
    sealed: SqlRecords, address: str, key: Path, tmp_path: Path
) -> None:
    before, own = said(sealed), key.read_text()
    other = b64encode(bytes(32)).decode()
    for file in (None, tmp_path / "nothing"):
        with pytest.raises(ConfigError, match="encrypted by key"):
            SqlRecords(address, keys=file)
    for text in (other, "", "x", other[:-4], "käse"):
        key.write_text(text)
        with pytest.raises(ConfigError):
            SqlRecords(address, keys=key)
    key.write_text(own)
    key.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        SqlRecords(address, keys=key)
    key.chmod(0o600)
    with closing(SqlRecords(address, keys=key)) as opened:
        assert said(opened) == before
    assert not (tmp_path / "nothing").exists(), "no key is made for what another one encrypted"


def test_a_value_that_was_changed_or_put_elsewhere_is_noticed(sealed: SqlRecords) -> None:
    for change in ("name = email", "name = 'plain'", "name = substr(name, 1, 40)", "name = 'k1.' || name"):
        with sealed.database.writing() as connection:
            connection.execute(sa.text(f"update persons set {change}"))
        with pytest.raises((Damaged, ConfigError)):
            sealed.persons()


def test_a_new_key_encrypts_everything_while_others_read_and_write(
    sealed: SqlRecords, address: str, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atrest, "AT_ONCE", 7)
    fill(sealed, 40)
    before, old = said(sealed), keys(sealed.database)[-1]["key"]
    with closing(SqlRecords(address, keys=key)) as other:
        killed = sum(itertools.islice(rotate(other.database), 3))
        assert 3 <= killed <= 21
        assert said(sealed) == before, "both keys serve meanwhile, and the new one is noticed"
        sealed.save_persons([replace(LI, id="new")], [])
        assert keys(sealed.database)[-1]["done"] is None
        rest = sum(rotate(other.database))
        new = keys(other.database)[-1]
        assert (len(keys(other.database)), new["done"] is not None) == (2, True), "it went on with the same key"
        assert rest + killed >= 43
        assert f".{old}." not in lying(sealed)
        assert (said(other)[1:], len(other.persons())) == (before[1:], 41)
        kept = key.read_text().splitlines()
        key.write_text(kept[1])
        os.utime(key)
        assert said(other)[1:] == before[1:], "the old one is needed by backups alone"


def test_a_key_made_by_somebody_who_was_killed_then_is_the_next(sealed: SqlRecords, key: Path) -> None:
    made = atrest.KeyRing(key).add()
    list(rotate(sealed.database))
    assert keys(sealed.database)[-1]["key"] == made
    assert len(key.read_text().splitlines()) == 2


def test_only_what_is_encrypted_gets_a_new_key(records: SqlRecords) -> None:
    with pytest.raises(Refused, match="nothing is encrypted"):
        list(rotate(records.database))


def test_records_are_copied_into_a_database_with_a_key_of_its_own(sealed: SqlRecords, tmp_path: Path) -> None:
    with closing(SqlRecords(f"sqlite:///{tmp_path / 'new.db'}", keys=tmp_path / "other.key")) as new:
        copy_records(sealed.database, new.database, "moved")
        assert said(new) == said(sealed)
        assert keys(new.database) != keys(sealed.database)


def test_what_people_write_at_work_lies_encrypted(sealed: SqlRecords) -> None:
    written = {
        "case_tasks": {"title"},
        "case_comments": {"text"},
        "case_comment_texts": {"text"},
        "unmaskings": {"reason", "answer"},
        "actions": {"reason", "decision", "result"},
        "notices": {"answers", "feedback", "why"},
        "members": {"user_name"},
    }
    for name, columns in written.items():
        hidden = {one.name for one in metadata.tables[name].columns if isinstance(one.type, Encrypted)}
        assert columns <= hidden, name


def test_comments_and_what_they_said_before_are_read_and_lie_encrypted(sealed: SqlRecords) -> None:
    case = Case(id="c1", person="e1", number=1, state=CaseState.NEW, opened=NOW, score=1.0, alerts=(), scores=())
    with sealed.database.writing() as connection:
        connection.execute(sa.insert(metadata.tables["cases"]), [case_row(case)])
    said = Comment(id="m1", case="c1", text="李娜 was told", by="ann", at=NOW)
    sealed.add_comment(said)
    sealed.change_comment(replace(said, text="李娜 knows"), at=NOW)
    (found,) = sealed.comments("c1")
    assert (found.text, found.earlier) == ("李娜 knows", ("李娜 was told",))
    with sealed.database.reading() as connection:
        raw = connection.exec_driver_sql("select text from case_comments union all select text from case_comment_texts")
        lying_there = [row[0] for row in raw]
    assert len(lying_there) == 2
    assert all(text.startswith("k1.") for text in lying_there)
