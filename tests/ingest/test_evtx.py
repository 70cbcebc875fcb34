"""Binary event logs: what is whole is read, what is damaged is kept with its bytes and its number, all is counted."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from core.batch import Batch
from core.errors import Refused
from ingest.catalog import sources
from ingest.evtx import CHUNK, CHUNK_HEAD, HEAD
from ingest.reading import Limits
from tests.ingest.evtx_writer import log

SOURCE = sources()["windows_security"]


def logon(number: int, name: str = "li.na") -> dict[str, str]:
    return {
        "EventID": "4624",
        "Channel": "Security",
        "Computer": "DC01.corp.example",
        "TimeCreated": f"2026-03-02T01:{number // 60:02}:{number % 60:02}+00:00",
        "TargetUserName": name,
        "TargetDomainName": "CORP",
    }


def only(path: Path, **options: object) -> Batch:
    (batch,) = SOURCE.batches(path, **options)  # type: ignore[arg-type]
    kept = batch.events.height + len(batch.quarantined) + sum(batch.ignored.values())
    assert batch.read == kept
    return batch


def chunks(*logs: bytes) -> bytes:
    """One log of the chunks of several."""
    return logs[0][:HEAD] + b"".join(whole[HEAD:] for whole in logs)


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "security.evtx"
    path.write_bytes(data)
    return path


def test_every_record_of_every_chunk_is_read_in_order(tmp_path: Path) -> None:
    parts = [log([logon(number * 3 + at) for at in range(3)]) for number in range(40)]
    batch = only(written(tmp_path, chunks(*parts)))
    assert (batch.events.height, batch.quarantined) == (120, [])
    assert batch.events["@timestamp"].is_sorted()
    assert set(batch.events["user.account"]) == {"login:corp\\li.na"}
    assert batch.events["event.original"].str.contains('"EventID"').all(), "a record is kept as the library's JSON"


def test_a_damaged_record_is_kept_with_its_bytes_and_number_and_the_rest_is_read(tmp_path: Path) -> None:
    data = log([logon(number) for number in range(4)], damage=3)
    batch = only(written(tmp_path, data))
    assert (batch.read, batch.events.height) == (4, 3)
    (bad,) = batch.quarantined
    assert bad.reason == "record 3 of the event log is damaged"
    assert bad.sequence == 2
    assert bad.original in data
    assert bad.original.startswith(b"\x2a\x2a\0\0")


@pytest.mark.parametrize(
    ("where", "with_what"),
    [(HEAD + CHUNK, b"XXXXXXXX"), (HEAD + CHUNK + CHUNK_HEAD, b"zzzz"), (HEAD + CHUNK + CHUNK_HEAD + 4, b"\xff" * 4)],
)
def test_a_damaged_chunk_costs_no_other(where: int, with_what: bytes, tmp_path: Path) -> None:
    data = bytearray(chunks(*(log([logon(number)]) for number in range(3))))
    data[where : where + len(with_what)] = with_what
    batch = only(written(tmp_path, bytes(data)))
    assert batch.events["@timestamp"].dt.second().to_list() == [0, 2]
    (bad,) = batch.quarantined
    assert bad.reason.startswith("a chunk of the event log is damaged")
    assert bad.original.startswith(bytes(data[HEAD + CHUNK : HEAD + CHUNK + 100]))


def test_a_log_cut_short_gives_its_whole_records_and_says_so(tmp_path: Path) -> None:
    whole = log([logon(number) for number in range(4)])
    records_end = int.from_bytes(whole[HEAD + 48 : HEAD + 52], "little")
    batch = only(written(tmp_path, whole[: HEAD + records_end - 40]))
    assert batch.events.height == 3
    (bad,) = batch.quarantined
    assert bad.reason.startswith("a chunk of the event log is cut short after record 3")
    assert bad.original.startswith(b"\x2a\x2a\0\0")


def test_a_chunk_that_was_never_used_is_nothing(tmp_path: Path) -> None:
    batch = only(written(tmp_path, log([logon(1)]) + bytes(3 * CHUNK)))
    assert (batch.read, batch.events.height) == (1, 1)


@pytest.mark.parametrize("data", [b"ElfFile\0", b"ElfFile\0" + bytes(100)])
def test_a_log_without_its_head_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has not the head of an event log"):
        list(SOURCE.batches(written(tmp_path, data)))


def test_a_record_that_is_too_long_is_kept_apart(tmp_path: Path) -> None:
    path = written(tmp_path, log([logon(1), logon(2, "x" * 5000)]))
    batch = only(path, limits=Limits(max_record_bytes=4096))
    assert batch.events.height == 1
    assert [bad.reason for bad in batch.quarantined] == ["is longer than 4096 bytes"]


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    part = log([logon(number) for number in range(60)])
    path = written(tmp_path, chunks(*[part] * 320))
    tracemalloc.start()
    try:
        read = sum(batch.read for batch in SOURCE.batches(path, batch_bytes=200_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == 60 * 320
    assert peak < path.stat().st_size
