"""Windows: four ways to write an event, one meaning; and what only its neighbours tell."""

from __future__ import annotations

import json
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
