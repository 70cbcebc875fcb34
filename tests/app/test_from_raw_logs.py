"""Rules that live on one source each fire on that source's own logs, from the file to the alert."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.config import Config, Detection
from app.jobs import judge_marked
from app.pipeline import Input, ingest
from app.wiring import House, open_house
from core.alert import Alert
from core.person import Link, Person
from core.ports import EventQuery

BEGIN = datetime(2026, 1, 12, 2, tzinfo=UTC)
ACCOUNTS = {"ann": "0055e0000000Ann", "li.na": "0055e000000LiNa"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    purpose = Detection(pre_departure="protect customers' data")
    with open_house(Config(data=tmp_path / "data", detection=purpose)) as made:
        persons = [Person(id=name, email=f"{name}@example.com") for name in ACCOUNTS]
        links = [Link(account=f"salesforce:{account}", person=name) for name, account in ACCOUNTS.items()]
        links += [Link(account=f"login:{name}", person=name) for name in ACCOUNTS]
        made.records.save_persons(persons, [*links, *(Link(account=f"mail:{p.email}", person=p.id) for p in persons)])
        yield made


def brought_in(house: House, source: str, path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert house.sources[source].recognises(path)
    imported = ingest(house, [Input(house.sources[source], path)])
    assert (imported.tally(source).quarantined, imported.refused) == (0, [])


def alerts(house: House, rule: str) -> Sequence[Alert]:
    judge_marked(house)
    return [alert for alert in house.records.alerts() if alert.rule == rule]


def lightning_pages(name: str, customers: range, day: int) -> Iterator[str]:
    yield '"EVENT_TYPE","TIMESTAMP","USER_ID","PAGE_ENTITY_ID","PAGE_ENTITY_TYPE","PAGE_URL","UI_EVENT_ID"'
    for number in customers:
        time = BEGIN + timedelta(days=day, minutes=number % 300)
        record = f"0015e0000{number:06}AAA"
        url = f"/lightning/r/Account/{record}/view"
        account = ACCOUNTS[name]
        yield (
            f'"LightningPageView","{time:%Y%m%d%H%M%S}.000","{account}","{record}","Account","{url}","ltng:pageView"'
        )


def record_events(name: str, customers: range, day: int) -> Iterator[str]:
    for number in customers:
        time = BEGIN + timedelta(days=day, minutes=number % 300)
        yield (
            f'{{"attributes": {{"type": "UriEvent"}}, "EventDate": "{time:%Y-%m-%dT%H:%M:%S}.000Z", '
            f'"Operation": "Read", "UserId": "{ACCOUNTS[name]}AAK", "RecordId": "0015e0000{number:06}AAA", '
            '"QueriedEntities": "Account"}'
        )


def test_who_opens_a_quarter_of_the_customers_page_by_page_is_found(house: House, tmp_path: Path) -> None:
    pages = lightning_pages("ann", range(800), day=0)
    brought_in(house, "salesforce_event_log", tmp_path / "LightningPageView-01.csv", pages)
    assert alerts(house, "customer_book_touched") == []
    half = lightning_pages("li.na", range(100), day=30)
    brought_in(house, "salesforce_event_log", tmp_path / "LightningPageView-02.csv", half)
    assert alerts(house, "customer_book_touched") == []
    others = record_events("li.na", range(100, 200), day=31)
    brought_in(house, "salesforce_event_log", tmp_path / "UriEvent.jsonl", others)
    (found,) = alerts(house, "customer_book_touched")
    assert (found.person, found.facts["observed"], found.facts["share"]) == ("li.na", 200, 25)


def test_a_record_that_is_opened_and_then_changed_is_one_customer_and_one_change(house: House, tmp_path: Path) -> None:
    steps = [("Read", ""), ("Update", "Initiated"), ("Update", "Success"), ("Delete", "Failure")]
    lines = [
        f'{{"attributes": {{"type": "LightningUriEvent"}}, "EventDate": "2026-02-02T02:00:0{number}.000Z", '
        f'"Operation": "{operation}", "OperationStatus": "{status}", "UserId": "0055e000000LiNaAAK", '
        f'"RecordId": "0015e0000000001AAA", "QueriedEntities": "Account"}}'
        for number, (operation, status) in enumerate(steps)
    ]
    brought_in(house, "salesforce_event_log", tmp_path / "UriEvent.jsonl", lines)
    totals = house.events.totals(EventQuery(), ["event.action", "crm.record_id"])
    assert totals.rows() == [
        ("modify", "0015e0000000001AAA", 1),
        ("other", "0015e0000000001AAA", 2),
        ("view", "0015e0000000001AAA", 1),
    ]


def proxy_lines(name: str, hosts: Sequence[str], day: int) -> Iterator[str]:
    for number, host in enumerate(hosts):
        time = BEGIN + timedelta(days=day, minutes=number)
        yield (
            f"<134>{time:%b %d %H:%M:%S} gw01 CEF:0|Lanhai|Gateway|7.1|200|HTTP access|1|"
            f"rt={int(time.timestamp()) * 1000} src=10.20.0.41 suser={name} "
            f"request=https://{host}/job/{number} requestMethod=GET act=allowed"
        )


def look_ups(name: str, hosts: Sequence[str], day: int) -> Iterator[str]:
    for number, host in enumerate(hosts):
        time = BEGIN + timedelta(days=day, minutes=number)
        asked = {"QueryName": host, "Image": "C:\\chrome.exe", "User": f"CORP\\{name}"}
        log = {"event_id": 22, "channel": "Microsoft-Windows-Sysmon/Operational", "event_data": asked}
        yield json.dumps({"@timestamp": time.isoformat(), "winlog": log})


def mails_home(name: str, day: int) -> Iterator[str]:
    """Five large mails to a private mailbox."""
    for number in range(5):
        time = (BEGIN + timedelta(days=day, minutes=number)).isoformat()
        queue = f"{len(name)}F00A{number}B"
        yield f"{time} mx postfix/smtpd[7]: {queue}: client=pc[10.20.0.41], sasl_username={name}@example.com"
        yield f"{time} mx postfix/cleanup[7]: {queue}: message-id=<{number}@example.com>"
        yield f"{time} mx postfix/qmgr[7]: {queue}: from=<{name}@example.com>, size=900000, nrcpt=1 (queue active)"
        yield (
            f"{time} mx postfix/smtp[7]: {queue}: to=<me@qq.com>, relay=mx3.qq.com[203.0.113.9]:25, delay=1, "
            "dsn=2.0.0, status=sent (250 Ok)"
        )


@pytest.mark.parametrize(("source", "written"), [("proxy_cef", proxy_lines), ("windows_security", look_ups)])
def test_job_sites_and_private_mail_together_are_a_sign_and_neither_is_alone(
    house: House, tmp_path: Path, source: str, written: Callable[..., Iterator[str]]
) -> None:
    sites = ["www.zhipin.com", "www.liepin.com"] * 5
    brought_in(house, source, tmp_path / "sites", written("li.na", sites, day=30))
    assert alerts(house, "about_to_leave") == []
    brought_in(house, "postfix", tmp_path / "ann.log", mails_home("ann", day=31))
    assert alerts(house, "about_to_leave") == []
    brought_in(house, "postfix", tmp_path / "li.na.log", mails_home("li.na", day=31))
    (found,) = alerts(house, "about_to_leave")
    assert (found.person, found.facts["signs"]) == ("li.na", "job sites, private mail")


FAILED_LOGIN = """title: Logins that fail
name: failed_on_windows
logsource: {product: windows, service: security}
detection:
  failed: {EventID: 4625, Computer|startswith: FS, TargetUserName: ann}
  condition: failed
level: high
"""


def windows_event(number: str, channel: str, computer: str) -> str:
    return (
        f'<Event><System><Provider Name="Microsoft-Windows-Security-Auditing"/><EventID>{number}</EventID>'
        f'<TimeCreated SystemTime="2026-01-12T02:00:00Z"/><Channel>{channel}</Channel><Computer>{computer}</Computer>'
        '</System><EventData><Data Name="TargetUserName">ann</Data><Data Name="TargetDomainName">CORP</Data>'
        "</EventData></Event>"
    )


def test_a_rule_of_others_finds_windows_events_that_came_as_xml_by_number_channel_and_computer(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "data")
    (config.data / "rules").mkdir(parents=True)
    (config.data / "rules" / "failed.yml").write_text(FAILED_LOGIN)
    meant = ("4625", "Security", "FS01")
    others = [("4624", "Security", "FS01"), ("4625", "System", "FS01"), ("4625", "Security", "PC7")]
    with open_house(config) as house:
        ann = Person(id="ann", name="ann", email="ann@example.com")
        house.records.save_persons([ann], [Link(account="login:corp\\ann", person="ann")])
        brought_in(house, "windows_security", tmp_path / "s.xml", [windows_event(*one) for one in (*others, meant)])
        (alert,) = alerts(house, "failed_on_windows")
        (found,) = house.events.read(EventQuery(ids=alert.events))["event.original"]
        assert found == windows_event(*meant)


def sysmon(code: int, time: datetime, **told: str) -> str:
    data = {"UtcTime": f"{time:%Y-%m-%d %H:%M:%S}.000", "User": "CORP\\li.na", **told}
    channel = "Microsoft-Windows-Sysmon/Operational"
    winlog = {"event_id": code, "channel": channel, "computer_name": "PC-7", "event_data": data}
    log = {"@timestamp": f"{time:%Y-%m-%dT%H:%M:%S}.000Z", "event": {"code": str(code)}, "winlog": winlog}
    return json.dumps(log)


def downloaded(number: int) -> str:
    """Sysmon: the mark of origin of a file that came from the web."""
    return sysmon(
        15,
        BEGIN + timedelta(minutes=number),
        Image="C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
        TargetFilename=f"C:\\Users\\li.na\\Downloads\\kunden{number}.xlsx:Zone.Identifier",
        Hash=f"MD5={number:032X},SHA256={number:064X}",
    )


def carried_off(number: int) -> str:
    """Purview: a file copied to a stick."""
    record = {
        "CreationTime": f"{BEGIN + timedelta(days=1, minutes=number):%Y-%m-%dT%H:%M:%S}",
        "Operation": "FileCopiedToRemovableMedia",
        "Workload": "Endpoint",
        "UserId": "li.na@example.com",
        "ObjectId": f"C:\\Users\\li.na\\Pictures\\IMG_{number}.jpg",
        "TargetFilePath": f"E:\\IMG_{number}.jpg",
        "FileExtension": "jpg",
        "Sha256": f"{number:064x}",
    }
    return json.dumps(record)


@pytest.mark.parametrize("order", [("downloaded", "carried off"), ("carried off", "downloaded")])
def test_what_was_downloaded_is_known_again_on_the_stick_by_its_content(
    house: House, tmp_path: Path, order: Sequence[str]
) -> None:
    logs = {"downloaded": ("windows_security", downloaded), "carried off": ("m365_audit", carried_off)}
    for step in order:
        source, line = logs[step]
        assert alerts(house, "disguised_taken_out") == []
        brought_in(house, source, tmp_path / f"{source}.jsonl", (line(number) for number in range(1, 4)))
    (alert,) = alerts(house, "disguised_taken_out")
    assert (alert.person, alert.facts["linked"], alert.facts["observed"]) == ("li.na", "content", 3)
    assert alert.facts["phases"] == "disguise, take out"


def deleted(number: int, path: str, day: int) -> str:
    """Sysmon: a file deleted, whose content was carried off."""
    time = BEGIN + timedelta(days=day, minutes=number)
    return sysmon(23, time, TargetFilename=path, Hashes=f"SHA256={number:064X}", Image="C:\\WINWORD.EXE")


def test_who_edits_documents_after_copying_them_deleted_nothing_and_who_deletes_them_did(
    house: House, tmp_path: Path
) -> None:
    """Programs save by writing a new file and deleting the old one under a name of their own, in the same folder."""
    files = range(1, 11)
    brought_in(house, "m365_audit", tmp_path / "copies.jsonl", (carried_off(number) for number in files))
    folder = "C:\\Users\\li.na\\Documents"
    names = ("~WRL{:04}.tmp", "{:08X}", "plan{}.docx~RF3F2A1.TMP", "plan{}.docx.partial")
    saved = (deleted(number, f"{folder}\\{name.format(number)}", day=2) for number in files for name in names)
    brought_in(house, "windows_security", tmp_path / "saved.jsonl", saved)
    assert alerts(house, "taken_out_then_deleted") == []
    gone = (deleted(number, f"\\\\?\\{folder}\\plan{number}.docx", day=3) for number in files)
    brought_in(house, "windows_security", tmp_path / "gone.jsonl", gone)
    (alert,) = alerts(house, "taken_out_then_deleted")
    assert (alert.facts["linked"], alert.facts["observed"]) == ("content", 10)
    assert alert.facts["example"].startswith("plan")


def test_reports_exported_and_then_deleted_are_known_again_by_their_ids(house: House, tmp_path: Path) -> None:
    head = '"EVENT_TYPE","TIMESTAMP","USER_ID","REPORT_ID","ROW_COUNT","ORIGIN"'
    exported = [
        f'"Report","{BEGIN:%Y%m%d%H%M%S}.000","{ACCOUNTS["ann"]}","00O5g00000AbcD{number}","900","ReportExported"'
        for number in range(3)
    ]
    deleted = [
        f'{{"attributes": {{"type": "UriEvent"}}, "EventDate": "{BEGIN + timedelta(days=2):%Y-%m-%dT%H:%M:%S}.000Z",'
        f' "Operation": "Delete", "OperationStatus": "Success", "UserId": "{ACCOUNTS["ann"]}AAK",'
        f' "RecordId": "00O5g00000AbcD{number}EAJ", "QueriedEntities": "Report"}}'
        for number in range(3)
    ]
    brought_in(house, "salesforce_event_log", tmp_path / "uri.jsonl", deleted)
    brought_in(house, "salesforce_event_log", tmp_path / "Report.csv", [head, *exported])
    (alert,) = alerts(house, "reports_taken_then_deleted")
    assert (alert.person, alert.facts["linked"], alert.facts["observed"]) == ("ann", "record", 3)
