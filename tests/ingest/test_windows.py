"""Windows: four ways to write an event, one meaning; and what only its neighbours tell."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ingest.catalog import sources

SOURCE = sources()["windows_security"]
SAMPLES = Path("ingest/sources/windows_security")


def events(path: Path, **options: int) -> pl.DataFrame:
    return pl.concat(batch.events for batch in SOURCE.batches(path, **options))


def test_every_shape_says_the_same() -> None:
    said = [
        "event.code",
        "event.action",
        "event.reason",
        "user.account",
        "user.id",
        "file.path",
        "device.id",
        "source.ip",
    ]
    wanted = events(SAMPLES / "sample_evtx_dump.jsonl").head(11).select(said)
    for name in ("sample.evtx", "sample.xml", "sample_winlogbeat.jsonl"):
        assert events(SAMPLES / name).head(11).select(said).equals(wanted), name


def file_event(number: int, code: int, path: str | None, handle: str, mask: str) -> str:
    data = {"SubjectUserName": "li.na", "SubjectDomainName": "CORP", "HandleId": handle, "ProcessId": "0x4"}
    data |= {"ObjectName": path, "AccessMask": mask} if path else {}
    time = f"2026-03-02T01:{number // 60:02}:{number % 60:02}Z"
    system = {"EventID": code, "Computer": "FS01", "TimeCreated": {"#attributes": {"SystemTime": time}}}
    return json.dumps({"Event": {"System": system, "EventData": data}})


def test_a_deletion_counts_once_however_it_is_logged_and_a_rename_is_none(tmp_path: Path) -> None:
    lines = []
    for number in range(300):
        handle = hex(0x100 + 4 * number)
        lines.append(file_event(number, 4663, rf"D:\S\old{number}.xlsx", handle, "0x10000"))
        if number % 3 == 0:
            lines.append(file_event(number, 4660, None, handle, ""))
        elif number % 3 == 1:
            lines.append(file_event(number, 4663, r"D:\S", handle, "0x2"))
    file = tmp_path / "security.jsonl"
    file.write_text("\n".join(lines))
    counts = Counter(events(file)["event.action"])
    assert (counts["delete"], counts["rename"], counts["other"]) == (200, 100, 200)
    assert events(file, batch_bytes=4000).equals(events(file)), "whatever the size of a batch"


@pytest.mark.parametrize(
    ("text", "events_left", "bad"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><Event><System><EventID>1</EventID></System></Event>', 0, 2),
        ("<Event><System><!ENTITY a SYSTEM 'file:///etc/passwd'><EventID>1</EventID></System></Event>", 0, 1),
        ("<Event><System><EventID>1</EventID>", 0, 1),
        ("<Event><a>" + '<Event><System><TimeCreated SystemTime="2026-03-02T01:00:00Z"/></System></Event>', 1, 1),
        ("<Events>\n</Events>", 0, 0),
    ],
)
def test_xml_that_is_cut_or_means_harm_is_kept_apart(tmp_path: Path, text: str, events_left: int, bad: int) -> None:
    file = tmp_path / "security.xml"
    file.write_text(text)
    batches = list(SOURCE.batches(file))
    assert sum(batch.events.height for batch in batches) == events_left
    assert sum(len(batch.quarantined) for batch in batches) == bad
    assert sum(batch.read for batch in batches) == events_left + bad


def shown(number: int, path: str, mask: str, **data: str) -> str:
    return (
        file_event(number, 4663, path, "0x5", mask)[:-3]
        + "".join(f", {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items())
        + "}}}"
    )


def meant(tmp_path: Path, *lines: str) -> list[str]:
    file = tmp_path / "security.jsonl"
    file.write_text("\n".join(lines))
    return events(file)["event.action"].to_list()


@pytest.mark.parametrize(
    ("mask", "action"),
    [
        ("0x10000", "delete"),
        ("0x40", "delete"),
        ("65538", "delete"),
        ("0x40002", "permission_change"),
        ("0x80000", "permission_change"),
        ("0x3", "modify"),
        ("4", "modify"),
        ("0x100", "modify"),
        ("0x1", "view"),
        ("0x20000", "other"),
        ("0xzz", "other"),
        ("99999999999999999999", "other"),
        ("", "other"),
    ],
)
def test_the_strongest_right_in_a_mask_says_what_was_done(tmp_path: Path, mask: str, action: str) -> None:
    assert meant(tmp_path, shown(1, r"D:\S\a.xlsx", mask)) == [action]


@pytest.mark.parametrize(
    ("listed", "action"),
    [("%%1537\n\t%%4416", "delete"), ("%%4422", "delete"), ("%%4424", "modify"), ("%%4416", "view"), ("%%9", "other")],
)
def test_rights_in_words_serve_where_there_is_no_mask(tmp_path: Path, listed: str, action: str) -> None:
    assert meant(tmp_path, shown(1, r"D:\S\a.xlsx", "-", AccessList=listed)) == [action]


def test_what_is_done_to_keys_and_processes_is_done_to_no_file(tmp_path: Path) -> None:
    lines = [shown(1, r"\REGISTRY\MACHINE", "0x10000", ObjectType="Key"), shown(2, "x", "0x40", ObjectType="Process")]
    assert meant(tmp_path, *lines) == ["other", "other"]


def test_neighbours_are_known_whatever_the_case_of_their_names_and_on_a_bare_drive(tmp_path: Path) -> None:
    lines = [shown(1, r"D:\Alt.docx", "0x10000"), shown(2, "d:\\", "0x2")]
    assert meant(tmp_path, *lines) == ["rename", "other"]


def test_neighbours_are_known_in_every_shape(tmp_path: Path) -> None:
    common = {"EventTime": "2026-03-02 09:00:00", "Hostname": "FS01", "HandleId": "0x5", "ProcessId": "0x4"}
    lines = [
        json.dumps(common | {"EventID": 4663, "ObjectName": r"D:\S\a.docx", "AccessMask": "0x10000"}),
        json.dumps(common | {"EventID": 4660}),
        json.dumps(common | {"EventID": 4660, "Hostname": "FS02"}),
    ]
    file = tmp_path / "nxlog.jsonl"
    file.write_text("\n".join(lines))
    found = events(file)
    assert found["event.action"].to_list() == ["delete", "other", "delete"]
    assert found["file.path"].to_list() == [r"D:\S\a.docx", r"D:\S\a.docx", None]


def test_what_neighbours_tell_is_the_same_whatever_the_size_of_a_batch(tmp_path: Path) -> None:
    chance = random.Random(7)
    lines = []
    for number in range(120):
        handle = hex(chance.randrange(6))
        code = chance.choice([4663, 4663, 4663, 4660, 4656])
        path = chance.choice([r"D:\S", r"D:\S\a.doc", r"D:\S\b.doc"]) if code != 4660 else None
        lines.append(file_event(number, code, path, handle, chance.choice(["0x10000", "0x2", "0x1"])))
        lines += [file_event(number, 4658, None, handle, "")] * chance.randrange(40)
    file = tmp_path / "security.jsonl"
    file.write_text("\n".join(lines))
    whole = events(file)
    assert {"delete", "rename", "modify", "other", "view"} <= set(whole["event.action"])
    for size in (6000, 50_000):
        assert events(file, batch_bytes=size).equals(whole)


def test_one_handle_used_again_and_again_costs_no_more_than_many(tmp_path: Path) -> None:
    lines = []
    for number in range(0, 3000, 3):
        lines.append(file_event(number, 4663, rf"D:\S\{number}.xlsx", "0x5", "0x10000"))
        lines.append(file_event(number, 4663, r"D:\S", "0x5", "0x2"))
        lines.append(file_event(number, 4660, None, "0x5", ""))
    lines *= 20
    started = time.monotonic()
    counts = Counter(meant(tmp_path, *lines))
    assert (counts["delete"], counts["rename"]) == (20_000, 0)
    assert time.monotonic() - started < 20
