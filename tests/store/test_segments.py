"""What only a store on disk can break: kills, readers elsewhere, damaged files, compaction, a second writer."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from storing import START, a_batch, an_event, batch_of, per_account
from writing import the_batch, write

from core.errors import Damaged, Refused
from core.ports import EventQuery, Mark
from core.retention import Expiry, Kept
from core.schema import SCHEMA
from store import compaction, idindex
from store.expiry import noted_expiries, noted_expiry
from store.folder import OURS
from store.records import SqlRecords
from store.segments import SegmentStore

HERE = Path(__file__).parent
BATCHES, KILLS = 40, 12


def opened(data: Path, address: str = "") -> tuple[SqlRecords, SegmentStore]:
    records = SqlRecords(address or f"sqlite:///{data / 'records.db'}")
    return records, SegmentStore(data / "events", records)


def content(data: Path) -> dict[str, Any]:
    """Everything a reader would be told."""
    records, store = opened(data)
    whole = EventQuery()
    found = {
        "events": store.read(whole).to_dicts(),
        "lines": store.fragments("crm", [], START, START).height,
        "sources": list(store.sources()),
        "quarantined": sorted(store.quarantined(), key=lambda record: record.sequence),
        "accounts": records.accounts(),
        "marks": [(mark.subject, mark.first, mark.last) for mark in records.pending()],
        "problems": list(store.problems()),
    }
    store.close()
    records.close()
    return found


def files_of(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if OURS.fullmatch(file.name)}


def listed(data: Path) -> set[str]:
    records, store = opened(data)
    found = store._manifest.files()
    records.close()
    return found


def child(*arguments: object) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parents[1]}", "POLARS_MAX_THREADS": "1"}
    line = [sys.executable, *(str(argument) for argument in arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def test_kills_at_any_moment_of_appending_and_compacting_leave_no_trace(tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    write(undisturbed, BATCHES)
    dice = random.Random(3)
    for turn in range(KILLS):
        # Most kills hit between two steps, where a moment drawn by the clock hardly ever falls.
        timed = turn % 4 == 3
        process = child(HERE / "writing.py", killed, BATCHES, *([] if timed else [dice.randrange(1, 40)]))
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        if timed:
            time.sleep(dice.random() * 0.3)
            process.kill()
        _, errors = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), errors.decode()
        records, store = opened(killed)
        assert list(store.problems()) == [], "what was visible when it was killed is whole"
        records.close()
    write(killed, BATCHES)
    assert content(killed) == content(undisturbed)
    assert files_of(killed / "events") == listed(killed), "nothing unlisted is left behind"


class Crash(BaseException):
    """Strikes where a kill would."""


def crash_before(step: int, patch: pytest.MonkeyPatch, records: SqlRecords) -> None:
    """Crash before that renaming, removal or writing commit."""
    left = iter([False] * (step - 1) + [True])

    def before() -> None:
        if next(left, False):
            raise Crash

    for name in ("rename", "unlink"):
        real = getattr(Path, name)
        patch.setattr(Path, name, lambda *a, real=real, **k: (before(), real(*a, **k))[1])

    def committing(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("writing"):
            before()

    sa.event.listen(records.database.engine, "commit", committing)


def test_a_crash_before_any_step_is_made_good_by_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "FAN_OUT", 2)
    monkeypatch.setattr(idindex, "FAN_OUT", 2)
    SqlRecords(f"sqlite:///{tmp_path / 'records.db'}").close()

    def append_all(data: Path, step: int = 0) -> None:
        records, store = opened(data)
        with monkeypatch.context() as patch:
            try:
                if step:
                    crash_before(step, patch, records)
                for number in range(2):
                    store.append(the_batch(number), [Mark(subject="login:a", first=START.date(), last=START.date())])
                store.compact()
            finally:
                if store._folder._writer:
                    store._folder._writer.close()  # as the system does for a killed process
                records.close()

    def fresh(name: str) -> Path:
        (tmp_path / name).mkdir()
        shutil.copy(tmp_path / "records.db", tmp_path / name / "records.db")
        return tmp_path / name

    append_all(fresh("undisturbed"))
    expected = content(tmp_path / "undisturbed")
    for step in range(1, 200):
        data = fresh(str(step))
        try:
            append_all(data, step)
            break
        except Crash:
            append_all(data)
        assert content(data) == expected, f"step {step}"
        assert files_of(data / "events") == listed(data), f"step {step}: nothing unlisted is left behind"
    assert step > 30


def test_readers_elsewhere_see_whole_batches_while_one_writes_and_compacts(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from core.ports import EventQuery; from test_segments import opened\n"
        "records, store = opened(Path(sys.argv[1])); before = reads = 0\n"
        "print('ready', flush=True)\n"
        "while before < int(sys.argv[2]):\n"
        "    found = store.read(EventQuery(columns=['event.id', 'user.account']))\n"
        "    assert found.height >= before and found.height % 10 == 0, (before, found.height)\n"
        "    assert found['event.id'].n_unique() == found.height\n"
        "    assert sum(s.events for s in store.sources()) % 10 == 0\n"
        "    before = found.height; reads += 1\n"
        "print(reads)"
    )
    records, store = opened(tmp_path)
    store.append(the_batch(0), [])
    readers = [child("-c", code, tmp_path, BATCHES * 10) for _ in range(2)]
    for reader in readers:
        assert reader.stdout
        assert reader.stdout.readline() == b"ready\n"
    for number in range(1, BATCHES):
        store.append(the_batch(number), [])
        store.compact()
    for reader in readers:
        out, errors = reader.communicate(timeout=120)
        assert reader.returncode == 0, errors.decode()
        assert int(out) > 1
    store.close()
    assert files_of(tmp_path / "events") == store._manifest.files(), "files go once nobody reads them"
    records.close()


def test_nothing_is_visible_before_the_transaction(segments: SegmentStore, records: SqlRecords) -> None:
    segments.append(batch_of(1), [])
    events = [an_event(2, user__email="new@corp.example"), an_event(3)]
    broken = [Mark(subject=None, first=START.date(), last=START.date())]  # type: ignore[arg-type]
    with pytest.raises(sa.exc.IntegrityError):
        segments.append(a_batch(events), broken)
    assert segments.read(EventQuery())["event.sequence"].to_list() == [1]
    assert records.accounts() == {"login:b": []}
    assert list(records.pending()) == []
    assert segments.append(a_batch(events), []).stored == 2
    assert set(records.accounts()) == {"login:a", "login:b", "login:c"}


def test_a_second_writer_is_refused_until_the_first_is_done(
    tmp_path: Path, address: str, segments: SegmentStore
) -> None:
    segments.append(batch_of(1), [])
    records, other = opened(tmp_path, address)
    assert other.count() == 1, "reading needs no turn"
    with pytest.raises(Refused, match="another process is writing"):
        other.append(batch_of(2), [])
    segments.close()
    assert other.append(batch_of(2), []).stored == 1
    other.close()
    assert segments.append(batch_of(2, 3), []).stored == 1, "and sees what the other wrote"
    records.close()


def test_a_new_writer_clears_away_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    records, store = opened(tmp_path)
    store.append(batch_of(1), [])
    store.close()
    left = ["0" * 32 + ".parquet", "1" * 32 + ".npy", "2" * 32 + ".parquet.part"]
    for name in [*left, "notes.txt", "export.parquet"]:
        (tmp_path / "events" / name).write_text("x")
    (tmp_path / "events" / "folder").mkdir()
    store.append(batch_of(2), [])
    names = {file.name for file in (tmp_path / "events").iterdir()}
    assert names.isdisjoint(left)
    assert {"notes.txt", "export.parquet", "folder"} <= names
    assert store.count() == 2
    store.close()
    records.close()


def test_events_are_not_cleared_away_under_another_records_database(tmp_path: Path) -> None:
    records, store = opened(tmp_path)
    store.append(batch_of(1), [])
    store.close()
    records.close()
    before = files_of(tmp_path / "events")
    stranger = SqlRecords(f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(Refused, match="not the one that lists the events"):
        SegmentStore(tmp_path / "events", stranger).append(batch_of(2), [])
    stranger.close()
    assert files_of(tmp_path / "events") == before
    records, store = opened(tmp_path)
    assert store.append(batch_of(2), []).stored == 1
    store.close()
    records.close()


def segment_file(folder: Path) -> Path:
    return next(file for file in folder.iterdir() if file.suffix == ".parquet")


def test_what_was_let_go_once_is_known_though_a_hold_came_later(segments: SegmentStore, records: SqlRecords) -> None:
    first, later = Expiry(before=START), Expiry(before=START + timedelta(days=1))
    for one in (first, later):
        segments.expire(one)
    assert noted_expiries(records) == [later], "of what goes on and on only the last is kept"
    held = replace(later, before=START + timedelta(days=2), kept=[Kept(hold="h", account="login:a", until=START)])
    segments.expire(held)
    segments.expire(replace(held, before=START + timedelta(days=3), ids=["x"]))
    assert noted_expiries(records) == [later, noted_expiry(records)]
    shorter = Expiry(sources={"crm": START})
    segments.expire(shorter)
    assert (len(noted_expiries(records)), noted_expiry(records)) == (3, shorter)


@pytest.mark.parametrize("how", ["missing", "cut", "empty", "overwritten"])
def test_a_broken_segment_is_named(tmp_path: Path, segments: SegmentStore, how: str) -> None:
    segments.append(batch_of(1, 2, 3), [])
    file = segment_file(tmp_path / "events")
    data = file.read_bytes()
    if how == "missing":
        file.unlink()
    else:
        broken = {"cut": data[: len(data) // 2], "empty": b"", "overwritten": data[:4] + b"\xff" * (len(data) - 8)}
        file.write_bytes(broken.get(how, b"") + (data[-4:] if how == "overwritten" else b""))
    segments.append(batch_of(4), [])
    asks: list[Callable[[], object]] = [
        lambda: segments.read(EventQuery()),
        lambda: segments.totals(EventQuery(), ["user.account"]),
        lambda: segments.retag("2", lambda events: events),
        lambda: segments.expire(Expiry(before=START + timedelta(minutes=2))),
    ]
    for ask in asks:
        with pytest.raises(Damaged, match=file.name):
            ask()
    assert [file.name in problem for problem in segments.problems()] == [True]


def test_a_broken_id_index_is_named(tmp_path: Path, address: str, segments: SegmentStore) -> None:
    segments.append(batch_of(1), [])
    segments.close()
    run = next(file for file in (tmp_path / "events").iterdir() if file.suffix == ".npy")
    run.write_bytes(run.read_bytes()[:-3])
    records, again = opened(tmp_path, address)
    with pytest.raises(Damaged, match=run.name):
        again.append(batch_of(2), [])
    again.close()
    records.close()


def test_a_segment_with_other_rows_than_were_sealed_is_reported(tmp_path: Path, segments: SegmentStore) -> None:
    segments.append(batch_of(1, 2, 3), [])
    file = segment_file(tmp_path / "events")
    pl.read_parquet(file).head(2).write_parquet(file)
    (problem,) = segments.problems()
    assert file.name in problem
    assert "2 rows" in problem


def test_segments_older_than_a_column_have_null_there(tmp_path: Path, segments: SegmentStore) -> None:
    segments.append(batch_of(1), [])
    file = segment_file(tmp_path / "events")
    pl.read_parquet(file).drop("vendor", "share.scope").write_parquet(file)
    segments.append(batch_of(2), [])
    found = segments.read(EventQuery())
    assert found.columns == list(SCHEMA)
    assert found["share.scope"].to_list() == [None, None]


def test_compaction_leaves_few_files_of_one_month_each(tmp_path: Path, segments: SegmentStore) -> None:
    for number in range(60):
        segments.append(a_batch([an_event(number * 10 + at * 40_000) for at in range(3)]), [])
    assert len(segments._manifest.segments("event")) == 60
    segments.compact()
    left = segments._manifest.segments("event")
    assert len(left) < 12
    assert len([s for s in left if s.last and s.last.month == 3]) == 1, "a month that has passed is one file"
    files = files_of(tmp_path / "events")
    segments.compact()
    assert files_of(tmp_path / "events") == files, "nothing is left to do"


ACCOUNTS = st.sampled_from(["login:a", "login:b", "mail:c"])
Plan = list[tuple[str, str, list[tuple[int, str]]]]
PLANS = st.lists(
    st.tuples(
        st.sampled_from(["crm", "files"]),
        st.sampled_from(["1", "2"]),
        st.lists(
            st.tuples(st.integers(-150_000, 150_000), st.sampled_from(["login:a", "login:b", "mail:c"])), max_size=6
        ),
    ),
    min_size=8,
    max_size=25,
)


@settings(max_examples=12, deadline=None)
@given(plan=PLANS)
def test_compaction_never_changes_an_answer(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> None:
    records, store = opened(tmp_path_factory.mktemp("compaction"))
    queries = [
        EventQuery(),
        EventQuery(start=START, end=START + timedelta(days=40), accounts=["login:a", "mail:c"]),
        EventQuery(tagged=["odd"], columns=["event.id", "rule.matched"]),
    ]
    for source, version, rows in plan:
        events = [an_event(n, user__account=who, rule__matched=["odd"] if n % 2 else []) for n, who in rows]
        store.append(a_batch(events, source=source, rules_version=version), [])
    before = [store.read(query) for query in queries]
    counts, status = per_account(store), store.sources()
    store.compact()
    for query, answer in zip(queries, before, strict=True):
        assert store.read(query).equals(answer)
    assert per_account(store) == counts
    assert store.sources() == status
    assert list(store.problems()) == []
    again = sum(store.append(a_batch([an_event(n) for n, _ in rows]), []).stored for _, _, rows in plan if rows)
    assert again == 0, "ids stay known"
    store.close()
    records.close()


def test_lines_and_quarantine_survive_compaction(segments: SegmentStore) -> None:
    for number in range(20):
        segments.append(the_batch(number), [])
    lines_before = segments.fragments("crm", [f"A{n}" for n in range(20)], START, START + timedelta(days=1))
    segments.compact()
    after = segments.fragments("crm", [f"A{n}" for n in range(20)], START, START + timedelta(days=1))
    assert lines_before.height == 20
    assert after.equals(lines_before)
    assert len(list(segments.quarantined())) == 20
