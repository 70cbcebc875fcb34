"""Whatever somebody changes of what is stored, or of the ledger itself, is found, and the event is named."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from core.errors import Damaged
from core.leaf import contents
from core.retention import Expiry, Kept
from evidence.checking import Checked, check
from evidence.examining import Examined, Exempt, How, LetGo, examine
from evidence.heads import Exported, enrol, make_head
from evidence.signing import FileSigner, make_key
from store.memory import MemoryStore
from store.records import SqlRecords
from store.records.leaves import append_leaves
from store.segments import SegmentStore
from tests.store.storing import START, a_batch, an_event, batch_of

NOW = START + timedelta(days=30)
EVENTS = 600


@pytest.fixture
def filled(store: SegmentStore, records: SqlRecords, signer: FileSigner) -> SegmentStore:
    """600 events in three batches, with a head after each."""
    enrol(records, signer, NOW)
    for number, start in enumerate(range(0, EVENTS, 200)):
        store.append(batch_of(*range(start, start + 200)), ())
        make_head(records, signer, NOW + timedelta(minutes=number))
    return store


def looked(
    store: SegmentStore | MemoryStore, records: SqlRecords, tmp_path: Path, let_go: Sequence[LetGo] = ()
) -> Examined:
    folder = tmp_path / f"aside{random.random()}"
    folder.mkdir()
    return examine(records, store.stored, lambda: let_go, folder)


def checked(records: SqlRecords, elsewhere: Exported | None = None) -> Checked:
    return check(records, {}, NOW + timedelta(hours=1), elsewhere)


def rewrite(tmp_path: Path, change: Callable[[pl.DataFrame], pl.DataFrame], which: int = 0) -> None:
    """Change a sealed file as somebody could who knows how they are made."""
    file = sorted((tmp_path / "events").glob("*.parquet"))[which]
    change(pl.read_parquet(file)).write_parquet(file)


def sql(tmp_path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(tmp_path / "records.db") as connection:
        assert connection.execute(statement, values).rowcount
    connection.close()


def test_what_nobody_touched_is_whole(filled: SegmentStore, records: SqlRecords, tmp_path: Path) -> None:
    filled.retag("2", lambda events: events.with_columns(pl.lit(["x"]).alias("rule.matched")))
    filled.compact()
    found = looked(filled, records, tmp_path)
    assert (found.leaves, found.events, found.wrong, found.counts) == (EVENTS, EVENTS, [], Counter())
    assert (checked(records).problems, checked(records).heads) == ([], 3)


@pytest.mark.parametrize(
    "changed",
    [
        pl.lit("view").alias("event.action"),
        pl.col("event.original").str.replace("number", "numbes"),
        pl.lit(None, pl.Int64).alias("event.sequence"),
        pl.lit("sales").alias("user.domain"),
        (pl.col("@timestamp") + pl.duration(microseconds=1)).alias("@timestamp"),
        pl.lit(0, pl.Int64).alias("data.records"),
    ],
)
def test_a_changed_event_is_named(filled: SegmentStore, records: SqlRecords, tmp_path: Path, changed: pl.Expr) -> None:
    victims: list[str] = []

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        victims.append(rows["event.id"][17])
        name = changed.meta.output_name()
        return rows.with_columns(
            pl.when(pl.col("event.id") == victims[0]).then(changed).otherwise(pl.col(name)).alias(name)
        )

    rewrite(tmp_path, change)
    found = looked(filled, records, tmp_path)
    assert [(wrong.how, wrong.id) for wrong in found.wrong] == [(How.CHANGED, victims[0])]
    assert found.wrong[0].time


def test_removed_and_added_events_are_named(filled: SegmentStore, records: SqlRecords, tmp_path: Path) -> None:
    whole = pl.concat([part for part in filled.stored() if isinstance(part, pl.DataFrame)])
    gone: list[str] = []

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        gone.append(rows["event.id"][5])
        forged = rows[7:8].with_columns(pl.lit("f" * 32).alias("event.id"))
        nameless = rows[8:9].with_columns(pl.lit(None, pl.String).alias("event.id"))
        return pl.concat([rows[:5], rows[6:], rows[9:10], forged, nameless])

    rewrite(tmp_path, change, 1)
    found = looked(filled, records, tmp_path)
    assert found.counts == {How.REMOVED: 1, How.ADDED: 2, How.TWICE: 1}
    by = {wrong.how: wrong for wrong in found.wrong if wrong.id}
    (time,) = whole.filter(pl.col("event.id") == gone[0])["@timestamp"]
    assert (by[How.REMOVED].id, by[How.REMOVED].source) == (gone[0], "crm")
    assert datetime.fromisoformat(by[How.REMOVED].time) == time
    assert by[How.ADDED].id == "f" * 32


def test_an_event_under_another_id_is_one_removed_and_one_added(
    filled: SegmentStore, records: SqlRecords, tmp_path: Path
) -> None:
    rewrite(tmp_path, lambda rows: rows.with_columns(pl.col("event.id").str.replace("^.", "0").alias("event.id")))
    found = looked(filled, records, tmp_path)
    assert found.counts[How.REMOVED] == found.counts[How.ADDED] > 150
    assert len(found.wrong) == 200


def test_a_segment_that_is_gone_or_broken_names_its_events(
    filled: SegmentStore, records: SqlRecords, tmp_path: Path
) -> None:
    first, second, _ = sorted((tmp_path / "events").glob("*.parquet"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-200])
    found = looked(filled, records, tmp_path)
    assert (found.counts, len(found.damaged)) == ({How.REMOVED: 400}, 2)
    sql(tmp_path, "delete from segments where file = ?", first.name)
    assert looked(filled, records, tmp_path).counts == {How.REMOVED: 400}


def test_expired_events_are_told_from_removed_ones(filled: SegmentStore, records: SqlRecords, tmp_path: Path) -> None:
    before = START + timedelta(minutes=250)
    filled.expire(Expiry(before=before, kept=[Kept(hold="h", account="login:a")]))
    held = Exempt(account="login:a")
    found = looked(filled, records, tmp_path, [LetGo(before=before, exempt=[held])])
    assert (found.counts, found.expired) == (Counter(), 166)
    assert looked(filled, records, tmp_path, [LetGo(before=before, sources={"crm": START})]).counts == {
        How.REMOVED: 166
    }
    gone: list[str] = []

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        old = (pl.col("@timestamp") < before) & (pl.col("user.account") == "login:a")
        young = pl.col("@timestamp") == START + timedelta(minutes=580)
        gone.extend(rows.filter(old | young)["event.id"])
        return rows.filter(~(old | young))

    for which in range(len(list((tmp_path / "events").glob("*.parquet")))):
        rewrite(tmp_path, change, which)
    found = looked(filled, records, tmp_path, [LetGo(before=before, exempt=[held])])
    assert {wrong.id for wrong in found.wrong} == set(gone)
    assert found.counts == {How.REMOVED: 85}
    until = Exempt(account="login:a", until=START + timedelta(minutes=30))
    assert looked(filled, records, tmp_path, [LetGo(before=before, exempt=[until])]).counts == {How.REMOVED: 11}


def test_events_from_before_there_was_a_ledger_are_counted_and_no_more_of_them(
    tmp_path: Path, records: SqlRecords
) -> None:
    store = MemoryStore(records)
    old = pl.concat([batch_of(*range(50, 60)).events])
    records.begin_ledger(lambda: 10, ("sha256",))
    store.append(batch_of(*range(5)), ())
    whole = [*store.stored(), old]
    store.stored = lambda: iter(whole)  # type: ignore[method-assign]
    found = looked(store, records, tmp_path)
    assert (found.without, found.counts) == (10, Counter())
    whole.append(batch_of(77).events)
    found = looked(store, records, tmp_path)
    assert (found.without, found.counts) == (10, {How.ADDED: 1})


def test_whoever_says_there_were_more_before_is_found(
    filled: SegmentStore, records: SqlRecords, tmp_path: Path
) -> None:
    sql(tmp_path, "update settings set value = replace(value, '\"before\": 0', '\"before\": 9') where name = 'ledger'")
    assert records.before_ledger() == 9
    assert "another ledger" in checked(records).problems[0]


def test_an_event_changed_with_its_leaf_is_not_of_any_head_signed_before(
    filled: SegmentStore, records: SqlRecords, tmp_path: Path
) -> None:
    """Somebody changes the first batch and makes the whole tree anew, as whoever has the program can."""
    elsewhere = Exported(heads=records.heads(), keys=records.keys())
    tree_made_anew(filled, records, tmp_path)
    assert looked(filled, records, tmp_path).counts == Counter()
    problems = checked(records).problems
    assert len(problems) == 1
    assert "is not of these leaves" in problems[0]
    assert "leaves 0 to 200" in problems[0]
    # He signs it anew too, with the ledger's own key: what was exported does not agree.
    sql(tmp_path, "delete from ledger_heads")
    make_head(records, FileSigner(tmp_path / "ledger.key"), NOW)
    assert checked(records).problems == []
    problems = checked(records, elsewhere).problems
    assert "was taken away" in problems[0]
    assert "is not of these leaves" in problems[1]
    # And under another key.
    make_key(tmp_path / "other")
    sql(tmp_path, "delete from ledger_heads")
    sql(tmp_path, "delete from ledger_keys")
    other = FileSigner(tmp_path / "other")
    enrol(records, other, NOW)
    make_head(records, other, NOW)
    assert any("is the ledger's elsewhere" in problem for problem in checked(records, elsewhere).problems)


def tree_made_anew(store: SegmentStore, records: SqlRecords, tmp_path: Path) -> None:
    rewrite(tmp_path, lambda rows: rows.with_columns(pl.lit("view").alias("event.action")))
    whole = pl.concat([part for part in store.stored() if isinstance(part, pl.DataFrame)]).sort("event.id")
    for table in ("ledger_tiles", "ledger_entries"):
        sql(tmp_path, f"delete from {table}")
    sql(tmp_path, "update ledger_trees set size = 0")
    with records.database.writing() as connection:
        made = [content.encode() for content in contents(whole)]
        append_leaves(connection, "event", whole["event.id"].to_list(), made)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("update ledger_tiles set hashes = zeroblob(8192) where level = 0 and number = 1", "leaves 256 to 512"),
        ("update ledger_tiles set hashes = zeroblob(64) where level = 1", "leaves 0 to 256"),
        ("delete from ledger_tiles where level = 0 and number = 1", "leaves 256 to 512 are missing"),
        ("delete from ledger_tiles where level = 0 and number = 2", "has 600 leaves, and hashes of 512"),
        ("delete from ledger_tiles where level = 1", "leaves 0 to 256"),
        ("delete from ledger_entries where first = 200", "leaves 200 to 600"),
        ("delete from ledger_entries where first = 400", "leaves 400 to 600 is gone"),
        ("update ledger_entries set ids = zeroblob(5) where first = 0", "leaves 0 to 200"),
        ("update ledger_entries set count = 0 where first = 0", "leaves 0 to 0"),
        ("update ledger_entries set times = zeroblob(5), accounts = zeroblob(0) where first = 0", "leaves 0 to 200"),
        ("update ledger_trees set size = 100", "head of 200 leaves"),
        ("update ledger_heads set size = 199 where size = 200", "signature"),
        ("update ledger_keys set public = zeroblob(32)", "not the ledger's"),
    ],
)
def test_a_change_of_the_ledger_is_found_and_breaks_nothing(
    filled: SegmentStore, records: SqlRecords, tmp_path: Path, statement: str, found: str
) -> None:
    sql(tmp_path, statement)
    problems = checked(records).problems
    assert any(found in problem for problem in problems), problems
    looked(filled, records, tmp_path)


def test_two_leaves_that_change_places_are_found(filled: SegmentStore, records: SqlRecords, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.db") as connection:
        (row,) = connection.execute("select hashes from ledger_tiles where level = 0 and number = 0").fetchone()
        swapped = row[32:64] + row[:32] + row[64:]
        connection.execute("update ledger_tiles set hashes = ? where level = 0 and number = 0", (swapped,))
    connection.close()
    assert looked(filled, records, tmp_path).counts == {How.CHANGED: 2}
    assert "leaves 0 to 256" in checked(records).problems[0]


def test_a_head_that_was_taken_away_is_missed(filled: SegmentStore, records: SqlRecords, tmp_path: Path) -> None:
    elsewhere = Exported(heads=records.heads(), keys=records.keys())
    sql(tmp_path, "delete from ledger_heads where size = 400")
    assert checked(records).problems == []
    assert "400 leaves" in checked(records, elsewhere).problems[0]


def test_what_is_stored_meanwhile_is_held_against_nobody(
    filled: SegmentStore, records: SqlRecords, tmp_path: Path
) -> None:
    before = filled.stored

    def stored() -> object:
        filled.append(batch_of(*range(EVENTS, EVENTS + 20)), ())
        return before()

    filled.stored = stored  # type: ignore[method-assign, assignment]
    found = looked(filled, records, tmp_path)
    assert (found.counts, found.under_way) == (Counter(), 20)


def test_an_event_that_came_again_after_it_was_deleted_has_two_leaves(tmp_path: Path, records: SqlRecords) -> None:
    store, again = MemoryStore(records), MemoryStore(records)
    for one in (store, again):
        one.append(batch_of(1, 2), ())
    assert records.size() == 4
    assert looked(store, records, tmp_path).counts == Counter()
    again = MemoryStore(records)
    again.append(a_batch([an_event(1, event__action="view")]), ())
    assert looked(store, records, tmp_path).counts == {How.CHANGED: 1}


def test_leaves_are_found_in_many_buckets(records: SqlRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evidence.copied.LEAVES_OF_A_BUCKET", 50)
    store = MemoryStore(records)
    store.append(batch_of(*range(300)), ())
    found = looked(store, records, tmp_path)
    assert (found.events, found.counts) == (300, Counter())


def test_what_cannot_be_read_is_told(records: SqlRecords, tmp_path: Path) -> None:
    found = examine(records, lambda: [Damaged("a segment")], list, tmp_path)
    assert found.damaged == ["a segment"]
