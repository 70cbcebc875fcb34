"""Raw logs in, alerts out: what must hold whatever happens on the way."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import detection.judge
from app.config import load
from app.jobs import EVERYBODY, judge_marked
from app.pipeline import keep, tagged
from app.wiring import open_house
from core.batch import Batch
from core.calendar import CompanyCalendar
from core.canonical import content_id
from core.directory import Directory
from core.ports import EventQuery
from core.schema import SCHEMA, conform
from detection.judge import judge
from ingest.hr import read_resignations
from tests.app.conftest import answers, command, run, run_apart
from tests.detection.conftest import Reader


def test_importing_the_same_files_twice_stores_nothing_and_changes_no_alert(
    logs: Path, imported: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    data, copy = tmp_path / "data", tmp_path / "copied"
    shutil.copytree(imported / "data", data)
    shutil.copytree(logs, copy)
    again = json.loads(run_apart("ingest", "--all", copy, "--json", data=data).stdout)
    for tally in again["sources"].values():
        assert tally["stored"] == 0
        assert tally["read"] == tally["duplicate"] + tally["quarantined"] + sum(tally["ignored"].values())
    assert answers(data) == undisturbed


def test_a_person_with_more_events_than_fit_gets_the_alerts_of_one_judged_at_once(
    imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_house(load(imported / "data")) as house:
        known = house.records.alerts(outcome=None)
        persons = sorted({alert.person for alert in known}, key=lambda p: -sum(a.person == p for a in known))[:4]
        directory = house.directory()
        accounts = directory.accounts_of([f"person:{person}" for person in persons])
        store = Reader(house.events.read(EventQuery(accounts=accounts)))
        monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 60)
        marks = [replace(EVERYBODY, subject=f"person:{person}") for person in persons]
        judged = list(judge(marks, house.bench(directory, store=store)))
    found = [alert for one in judged for alert in one.alerts]
    assert sorted(found, key=lambda a: a.id) == sorted((a for a in known if a.person in persons), key=lambda a: a.id)
    assert len(found) > 10


def test_counts_add_up(imported: Path) -> None:
    summary = json.loads((imported / "told.json").read_text())
    assert set(summary["sources"]) == {"salesforce_event_log", "m365_audit", "windows_security", "postfix"}
    for tally in summary["sources"].values():
        parts = tally["stored"] + tally["duplicate"] + tally["quarantined"] + sum(tally["ignored"].values())
        assert tally["read"] == parts > 0


def test_killing_an_import_at_any_moment_loses_and_doubles_nothing(
    logs: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    chance = random.Random(5)
    for _ in range(8):
        child = subprocess.Popen(
            command("ingest", "--all", logs, data=tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.6, 4.0))
        child.send_signal(signal.SIGKILL)
        child.wait()
    run("ingest", "--all", logs, data=tmp_path)
    assert answers(tmp_path) == undisturbed


@pytest.mark.parametrize("late", ["hr", "salesforce", "windows"])
def test_what_comes_late_gives_the_alerts_it_would_have_given_before(
    late: str, logs: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    first, data = tmp_path / "first", tmp_path / "data"
    shutil.copytree(logs, first, ignore=lambda folder, names: [late] if Path(folder) == logs else [])
    run("ingest", "--all", first, data=data)
    run("ingest", "--all", logs, data=data)
    assert answers(data) == undisturbed


def test_files_in_any_order_give_the_same_alerts(logs: Path, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    chance = random.Random(3)
    order = [
        (source, path)
        for folder, source in (
            ("salesforce", "salesforce_event_log"),
            ("m365", "m365_audit"),
            ("windows", "windows_security"),
            ("postfix", "postfix"),
        )
        for path in (logs / folder).rglob("*")
        if path.is_file()
    ]
    chance.shuffle(order)
    middle = len(order) // 2
    for part in (order[:middle], order[middle:]):
        for name in sorted({source for source, _ in part}):
            run("ingest", name, *(path for source, path in part if source == name), data=tmp_path)
    run("people", "import", logs / "hr/employees.csv", data=tmp_path)
    run("leavers", "import", logs / "hr/resignations.csv", data=tmp_path)
    run("approvals", "import", logs / "hr/approvals.csv", data=tmp_path)
    run("approvals", "import", logs / "hr/changes.csv", "--kind", "change", data=tmp_path)
    assert answers(tmp_path) == undisturbed


def test_two_equal_lines_in_one_file_are_two_events(tmp_path: Path) -> None:
    line = json.dumps(
        {
            "CreationTime": "2026-03-02T03:04:05",
            "Id": "one",
            "Operation": "FileDownloaded",
            "RecordType": 6,
            "Workload": "SharePoint",
            "UserId": "li.na@example.com",
            "ObjectId": "https://example.com/a.xlsx",
        }
    )
    file = tmp_path / "audit.json"
    file.write_text(f"{line}\n{line}\n")
    summary = json.loads(run("ingest", "m365_audit", file, "--json", data=tmp_path / "data").stdout)
    assert summary["sources"]["m365_audit"]["stored"] == 2


def test_a_withdrawn_notice_gives_the_alerts_of_a_notice_never_filed(
    logs: Path, imported: Path, tmp_path: Path
) -> None:
    never, withdrawn = tmp_path / "never", tmp_path / "withdrawn"
    quiet = tmp_path / "logs"
    shutil.copytree(logs, quiet)
    filed = read_resignations(quiet / "hr/resignations.csv", CompanyCalendar()).filings
    (quiet / "hr/resignations.csv").unlink()
    run("ingest", "--all", quiet, data=never)
    shutil.copytree(imported / "data", withdrawn)
    keys = [filing.account.partition(":") for filing in filed]
    assert {realm for realm, _, _ in keys} <= {"mail", "employee"}
    rows = [
        f"{key if realm == 'mail' else ''},{key if realm == 'employee' else ''},{filing.filed.isoformat()},withdrawn"
        for (realm, _, key), filing in zip(keys, filed, strict=True)
    ]
    file = tmp_path / "withdrawals.csv"
    file.write_text("\n".join(["EmailAddress,employee_no,ResignationDate,Status", *rows]) + "\n")
    run("leavers", "import", file, data=withdrawn)
    assert answers(withdrawn) == answers(never)


def test_a_mark_of_somebody_met_while_the_judge_looks_is_not_settled_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process stores a stranger's theft just after the judge has read who there is."""
    with open_house(load(tmp_path)) as house:
        tagger = house.tagger()

        def steals(account: str) -> None:
            row = {"event.id": content_id(account), "@timestamp": datetime(2026, 3, 2, 3, tzinfo=UTC)}
            row |= {"event.module": "salesforce", "event.action": "export", "data.records": 50_000}
            frame = pl.DataFrame([row | {"user.account": account}], schema_overrides=SCHEMA)
            keep(house, tagger, tagged(Batch(source="crm", read=1, events=conform(frame)), tagger))

        strangers = iter(["login:second", "login:third"])
        read = house.directory

        def directory() -> Directory:
            found = read()
            if stranger := next(strangers, None):
                steals(stranger)
            return found

        monkeypatch.setattr(house, "directory", directory)
        steals("login:first")
        judge_marked(house)
        thieves = {alert.person for alert in house.records.alerts() if alert.rule == "mass_export"}
    assert thieves == {"login:first", "login:second", "login:third"}
