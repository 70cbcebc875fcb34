"""Events as XML: whatever their form they read the same; nothing is expanded and nothing hostile is costly."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from core.batch import Batch
from ingest.catalog import sources
from ingest.reading import Limits

SOURCE = sources()["windows_security"]
SPACE = 'xmlns="http://schemas.microsoft.com/win/2004/08/events/event"'


def event(name: str = r"D:\Shares\a.xlsx", second: int = 0) -> str:
    return (
        f'<Event {SPACE}><System><Provider Name="Microsoft-Windows-Security-Auditing" Guid="{{0}}"/>'
        '<EventID Qualifiers="0">4663</EventID><Task>12800</Task><Keywords>0x8020000000000000</Keywords>'
        f'<TimeCreated SystemTime="2026-03-02T01:00:{second:02}.1234567Z"/><Correlation/><Channel>Security</Channel>'
        "<Computer>FS01.corp.example</Computer><Security/></System><EventData>"
        '<Data Name="SubjectUserName">li.na</Data><Data Name="SubjectDomainName">CORP</Data>'
        f'<Data Name="ObjectType">File</Data><Data Name="ObjectName">{name}</Data><Data Name="HandleId">0x1a4</Data>'
        '<Data Name="AccessMask">0x1</Data><Data Name="ProcessId">0x4</Data><Data Name="ProcessName"/></EventData>'
        "</Event>"
    )


def read(tmp_path: Path, data: str | bytes, **options: object) -> list[Batch]:
    path = tmp_path / "security.xml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    batches = list(SOURCE.batches(path, **options))  # type: ignore[arg-type]
    for batch in batches:
        assert batch.read == batch.events.height + len(batch.quarantined) + sum(batch.ignored.values())
    return batches


def pretty(text: str) -> str:
    return text.replace("><", ">\r\n  <").replace('"', "'")


@pytest.mark.parametrize(
    "data",
    [
        event() + "\n" + event(second=1) + "\n",
        f'<?xml version="1.0" encoding="utf-8"?>\n<Events {SPACE}>{event()}{event(second=1)}</Events>\n',
        "\ufeff" + event() + event(second=1),
        f"<Events>{pretty(event())}\n\n{pretty(event(second=1))}</Events>",
        ("\ufeff<Events>" + event() + event(second=1) + "</Events>").encode("utf-16-le"),
    ],
    ids=["lines", "one document", "one after the other", "pretty", "UTF-16"],
)
def test_every_form_of_file_reads_the_same(data: str | bytes, tmp_path: Path) -> None:
    (batch,) = read(tmp_path, data)
    assert batch.quarantined == []
    said = batch.events.select("event.action", "user.account", "file.path", "host.name").rows()
    assert said == [("view", "login:corp\\li.na", r"D:\Shares\a.xlsx", "fs01.corp.example")] * 2
    assert batch.events["@timestamp"].dt.microsecond().to_list() == [123456] * 2


def test_references_cdata_and_comments_read_as_the_text_they_stand_for(tmp_path: Path) -> None:
    names = [r"D:\R&amp;D\&lt;a&gt;.xlsx", r"D:\<![CDATA[R&D\<a>.xlsx]]>", r"D:\R&#38;D\&#x3c;a&#62;.xls<!-- no -->x"]
    (batch,) = read(tmp_path, "".join(map(event, names)))
    assert batch.events["file.path"].to_list() == [r"D:\R&D\<a>.xlsx"] * 3


def test_the_data_of_an_event_stay_under_their_names(tmp_path: Path) -> None:
    rendered = "<RenderingInfo Culture='en-US'><Message>An attempt</Message></RenderingInfo></Event>"
    (batch,) = read(tmp_path, event().replace("</Event>", rendered))
    vendor = json.loads(batch.events["vendor"][0])
    assert vendor["ObjectType"] == "File"
    assert "Message" not in vendor
    assert "ProcessName" not in vendor


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (event("&xxe;"), "is not well-formed XML"),
        (event("a").replace("<Security/>", "<Security>"), "is not well-formed XML"),
        (
            event("a").replace("<System>", '<!DOCTYPE x [<!ENTITY xxe SYSTEM "file:///etc/passwd">]><System>'),
            "declares",
        ),
        (event("a").replace("<System>", '<!ENTITY a "b"><System>'), "declares"),
        (event("a" * 5000), "is longer than 4096 bytes"),
        (event("<a>" * 500), "is not well-formed XML"),
    ],
)
def test_a_hostile_record_is_kept_apart_and_its_neighbours_are_read(record: str, reason: str, tmp_path: Path) -> None:
    (batch,) = read(tmp_path, event() + record + event(second=1), limits=Limits(max_record_bytes=4096))
    assert batch.events.height == 2
    assert all(bad.reason.startswith(reason) for bad in batch.quarantined)
    assert b"".join(bad.original for bad in batch.quarantined) == record.encode()


def test_entities_declared_before_the_events_are_never_expanded(tmp_path: Path) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    (batch,) = read(tmp_path, bomb + event("&b;") + event())
    assert batch.events["file.path"].to_list() == [r"D:\Shares\a.xlsx"]
    assert {bad.reason for bad in batch.quarantined} == {"stands outside of any event", "is not well-formed XML"}


@pytest.mark.parametrize(
    "data", ["<Event>" * 100_000 + "</Event>", "<Event>" + "</Event" * 100_000, "<Event><" * 100_000]
)
def test_tags_that_never_meet_cost_no_more_than_their_length(data: str, tmp_path: Path) -> None:
    start = time.monotonic()
    batches = read(tmp_path, data, limits=Limits(max_record_bytes=2**17))
    assert time.monotonic() - start < 20
    kept = b"".join(bad.original for batch in batches for bad in batch.quarantined)
    assert kept == data.encode()
