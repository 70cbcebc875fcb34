"""Every file is what its vendor writes: read here with plain parsers, and by our own sources without quarantine."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from core.calendar import CompanyCalendar
from demo.intents import SYSTEMS
from ingest.catalog import sources
from ingest.hr import read_employees, read_resignations
from tests.demo.logs import files, rows, text_of

SYSLOG = re.compile(
    r"(?:\w{3} [ \d]\d \d\d:\d\d:\d\d|2026-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+08:00) mx1 postfix/\w+\[\d+\]: "
    r"(?:[0-9A-F]{11}: |NOQUEUE: |connect |disconnect )"
)


def test_event_log_files_are_quoted_csv_of_one_type(made):
    lines = 0
    for file in files(made, "salesforce", "*.csv*"):
        kind, text = file.name.split("-")[0], text_of(file)
        read = list(csv.DictReader(io.StringIO(text), strict=True))
        lines += len(read)
        assert read
        assert all(None not in row and None not in row.values() for row in read)
        assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())
        if kind != "SetupAuditTrail":
            assert {row["EVENT_TYPE"] for row in read} == {kind}
            assert all(re.fullmatch(r"\d{14}\.\d{3}", row["TIMESTAMP"]) for row in read)
            assert all(row["USER_ID_DERIVED"].startswith(row["USER_ID"]) for row in read)
    live = [json.loads(line) for file in files(made, "salesforce", "realtime*") for line in text_of(file).splitlines()]
    assert {"ListViewEvent", "ReportEvent", "ApiEvent"} == {event["attributes"]["type"] for event in live}
    assert lines + len(live) == made.truth.counts["salesforce"]


def test_request_ids_name_one_request(made):
    ids = Counter(row["REQUEST_ID"] for row in rows(made, "Report"))
    assert max(ids.values()) == 1


def test_audit_records_are_json_lines_or_arrays(made):
    records = []
    for file in files(made, "m365", "audit-*"):
        text = text_of(file)
        records += json.loads(text) if ".jsonl" not in file.name else [json.loads(line) for line in text.splitlines()]
    assert len(records) == made.truth.counts["m365"]
    assert len({record["Id"] for record in records}) == len(records)
    assert all({"CreationTime", "Operation", "RecordType", "Workload", "UserId"} <= record.keys() for record in records)


def test_security_events_are_json_lines_or_xml(made):
    codes: Counter[int] = Counter()
    for file in files(made, "windows", "*"):
        text = text_of(file)
        if file.suffix == ".xml":
            space = "{http://schemas.microsoft.com/win/2004/08/events/event}"
            codes.update(int(code.text or 0) for code in ElementTree.fromstring(text).iter(f"{space}EventID"))
        elif file.name.startswith(("FS01", "DC01")):
            codes.update(json.loads(line)["Event"]["System"]["EventID"] for line in text.splitlines())
        else:
            codes.update(int(json.loads(line)["winlog"]["event_id"]) for line in text.splitlines())
    assert sum(codes.values()) == made.truth.counts["windows"]
    assert {4624, 4625, 4656, 4660, 4663, 4670, 5140, 5145} <= codes.keys()
    assert codes.keys() & {4720, 4722, 4724, 4725, 4726}


def test_mail_logs_are_syslog_of_whole_queue_ids(made):
    parts: dict[str, set[str]] = {}
    count = 0
    for file in files(made, "postfix", "mail.log-*"):
        for line in text_of(file).splitlines():
            count += 1
            assert SYSLOG.match(line), line
            if found := re.search(r"postfix/(\w+)\[\d+\]: ([0-9A-F]{11}): (\w+)", line):
                parts.setdefault(found[2], set()).add("removed" if found[3] == "removed" else found[1])
    assert count == made.truth.counts["postfix"]
    assert all({"smtpd", "cleanup", "qmgr", "removed"} <= seen for seen in parts.values())


def test_old_style_mail_logs_carry_the_time_of_their_day(made):
    old = [file for file in files(made, "postfix", "mail.log-*") if re.match("[A-Z]", text_of(file))]
    assert old
    for file in old:
        assert datetime.fromtimestamp(file.stat().st_mtime, UTC).strftime("%Y%m%d") == file.name[-8:]


@pytest.mark.parametrize("folder", SYSTEMS)
def test_our_own_sources_read_every_line(made, folder):
    (source,) = [source for source in sources().values() if source.folder == folder]
    read = taken = 0
    for file in files(made, source.folder, "*"):
        assert source.recognises(file), file.name
        for batch in source.batches(file):
            assert [bad.reason for bad in batch.quarantined] == [], file.name
            read += batch.read
            taken += batch.events.height + batch.fragments.height
    ignored = read - taken
    assert taken <= made.truth.counts[source.folder] <= read
    assert ignored < read / 5


def test_hr_files_are_read_without_a_problem(made):
    staff = read_employees(made.path / "hr" / "employees.csv", CompanyCalendar())
    assert (len(staff.persons), staff.problems) == (60, [])
    departures = read_resignations(made.path / "hr" / "resignations.csv", CompanyCalendar())
    assert list(departures.problems) == []
    assert len(departures.filings) == departures.rows > 10
