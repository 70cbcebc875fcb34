"""The command line as its user has it: what is printed, where, and with which exit code."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.cli import lifted, main
from app.config import Config
from app.wiring import open_house
from demo.simulate import simulate
from tests.app.test_grounds import NOON, export, people, store
from tests.app.told import Told, config
from tests.notify.receivers import receiving

Line = Callable[..., tuple[int, str, str]]
LOGIN = (
    '"EVENT_TYPE","TIMESTAMP","TIMESTAMP_DERIVED","USER_ID","USER_NAME","LOGIN_STATUS","SOURCE_IP"\n'
    '"Login","20260302030000.000","2026-03-02T03:00:00.000Z","005xx000001Sv1m","li.na@example.com","LOGIN_NO_ERROR","10.0.0.5"\n'
)


UNMASKED = ("--unmask", "a case")


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    """Type a line; its data directory is the test's own."""

    def typed(*arguments: object, data: Path = tmp_path / "data") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["leaverwatch", *map(str, arguments), "--data", str(data)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return typed


def test_options_of_the_whole_program_may_stand_anywhere() -> None:
    assert lifted(["alerts", "--data", "d", "--json"]) == ["--data", "d", "alerts", "--json"]
    assert lifted(["alerts", "--config=c", "--json"]) == ["--config=c", "alerts", "--json"]
    assert lifted(["parse", "x", "--", "--data"]) == ["parse", "x", "--", "--data"]
    assert lifted(["alerts", "--data"]) == ["--data", "alerts"]


def test_parse_prints_events_and_stores_nothing(line: Line, tmp_path: Path) -> None:
    file = tmp_path / "login.csv"
    file.write_text(LOGIN + '"Login","nonsense"\n')
    code, out, err = line("parse", "salesforce_event_log", file)
    (event,) = map(json.loads, out.splitlines())
    assert (code, event["event.action"], event["source.ip"]) == (0, "login", "10.0.0.5")
    assert "1 records could not be read" in err
    code, out, err = line("parse", "salesforce_event_log", file, "--explain")
    (bad,) = map(json.loads, out.splitlines())
    assert bad["reason"] == "has 2 columns, the header 7"
    assert not (tmp_path / "data" / "events").exists()


def test_wrong_use_is_told_in_a_sentence(line: Line, tmp_path: Path) -> None:
    code, _, err = line("parse", "oracle_audit", tmp_path)
    assert code == 2
    assert "no source is called oracle_audit; there are: " in err
    assert "entra_signin, m365_audit" in err
    assert line("ingest", "--all", tmp_path / "nowhere")[0] == 2
    assert line("ingest")[0] == 2
    assert line("ingest", "m365_audit")[0] == 2
    assert line("alerts", "--lang", "fr")[0] == 2
    assert line("alerts", "--since", "yesterday")[0] == 2


def test_a_folder_of_rubbish_is_refused_or_quarantined_and_the_rest_goes_on(line: Line, tmp_path: Path) -> None:
    crm = tmp_path / "logs" / "salesforce"
    crm.mkdir(parents=True)
    (crm / "good.csv").write_text(LOGIN)
    (crm / "empty.csv").touch()
    (crm / "nulls.csv").write_bytes(b"\0" * 100_000)
    (crm / "cut.csv.gz").write_bytes(gzip.compress(LOGIN.encode() * 1000)[:200])
    (crm / "other.csv").write_text("a,b\n1,2\n")
    (crm / "deep.json").write_text('{"EventIdentifier":' + "[" * 10_000)
    (crm / "binary.csv").write_bytes(bytes(range(256)) * 500)
    (crm / "half.csv").write_text(LOGIN.replace("10.0.0.5", "10.0.0.6") + '"Login","2026')
    (crm / "folder").mkdir()
    code, out, _ = line("ingest", "--all", tmp_path / "logs", "--json")
    summary = json.loads(out)
    tally = summary["sources"]["salesforce_event_log"]
    assert code == 1
    assert tally["stored"] == 2
    assert tally["read"] == tally["stored"] + tally["duplicate"] + tally["quarantined"] + sum(tally["ignored"].values())
    refused = {Path(entry["file"]).name for entry in summary["refused"]}
    assert {"nulls.csv", "other.csv", "binary.csv"} <= refused
    assert "good.csv" not in refused
    assert all(entry["reason"] for entry in summary["refused"])


def test_what_is_quarantined_is_listed_and_stays_until_it_can_be_read(line: Line, tmp_path: Path) -> None:
    file = tmp_path / "login.csv"
    file.write_text(
        LOGIN + LOGIN.splitlines()[1].replace("2026-03-02T03", "2026-13-02T03").replace("20260302", "20261302")
    )
    assert line("ingest", "salesforce_event_log", file)[0] == 0
    (masked,) = json.loads(line("quarantine", "list", "--json")[1])
    assert masked["original"] is None
    assert masked["reason"].endswith("is not a time")
    (bad,) = json.loads(line("quarantine", "list", "--json", "--unmask", "to mend the source")[1])
    assert "is not a time: " in bad["reason"]
    assert bad["original"].startswith('"Login"')
    assert json.loads(line("quarantine", "replay", "--json")[1]) == {"replayed": 0, "left": 1}
    code, out, _ = line("doctor")
    assert code == 1
    assert "FAIL source salesforce_event_log: 1 events" in out


def test_a_check_names_every_bad_row_and_changes_nothing(line: Line, tmp_path: Path) -> None:
    file = tmp_path / "resignations.csv"
    file.write_text(
        "EmailAddress,ResignationDate,LastWorkingDate\n"
        "li.na@example.com,2026-03-02,2026-03-31\n"
        "wang.wei@example.com,the day after,2026-03-31\n"
        ",2026-03-02,2026-03-31\n"
    )
    code, out, err = line("leavers", "import", "--check", file)
    assert code == 1
    assert "line 3" in err
    assert "line 4" in err
    assert "3 rows read, 1 good" in out
    code, out, _ = line("leavers", "import", file, "--json")
    assert (code, json.loads(out)["taken"]) == (1, 1)


def test_the_demo_never_takes_the_place_of_real_logs(line: Line, tmp_path: Path) -> None:
    file = tmp_path / "login.csv"
    file.write_text(LOGIN)
    assert line("ingest", "salesforce_event_log", file)[0] == 0
    code, _, err = line("demo", "--no-serve", "--employees", 20, "--days", 5)
    assert code == 2
    assert "real logs" in err


def test_the_demo_prints_what_was_found(line: Line) -> None:
    code, out, _ = line("demo", "--no-serve", "--employees", 40, "--days", 15, "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["employees"], report["days"]) == (40, 15)
    assert line("alerts", "--json")[0] == 0
    persons = json.loads(line("risk", "--json")[1])
    assert [person["score"] for person in persons] == sorted((p["score"] for p in persons), reverse=True)
    for person in persons:
        assert person["score"] == pytest.approx(sum(term["points"] for term in person["terms"]), abs=0.02)


def test_rules_are_listed_and_tested(line: Line, tmp_path: Path) -> None:
    listed = {rule["name"]: rule for rule in json.loads(line("rules", "list", "--json")[1])}
    found = listed["mass_export"]
    assert (found["points"], found["limit"], found["alerts"]) == (35, 10000, True)
    assert "attack.t1213.004" in found["tags"]
    assert found["runbooks"].keys() == {"zh", "en"}
    assert not listed["crm_export"]["alerts"]
    assert line("rules", "test")[0] == 0
    broken = tmp_path / "broken.yml"
    broken.write_text("title: x\ndetection: [")
    assert line("rules", "test", broken)[0] != 0


def test_simulate_writes_logs_only(line: Line, tmp_path: Path) -> None:
    code, _, _ = line("simulate", tmp_path / "logs", "--employees", 10, "--days", 3)
    assert code == 0
    assert {"salesforce", "m365", "windows", "postfix", "hr", "truth.json"} <= {
        f.name for f in (tmp_path / "logs").iterdir()
    }
    simulate(tmp_path / "again", employees=10, days=3, seed=7)
    assert (tmp_path / "logs/truth.json").read_bytes() == (tmp_path / "again/truth.json").read_bytes()


def test_events_are_searched_and_added_up(line: Line, tmp_path: Path) -> None:
    file = tmp_path / "login.csv"
    later = LOGIN.splitlines()[1].replace("2026-03-02T03", "2026-03-02T19").replace("10.0.0.5", "10.0.0.6")
    file.write_text(LOGIN + later)
    assert line("ingest", "salesforce_event_log", file)[0] == 0
    events = json.loads(line("search", "source.ip:10.0.0.5", "--json", *UNMASKED)[1])
    assert [event["event.action"] for event in events] == ["login"]
    newest = json.loads(line("search", "li.na", "--newest", "--limit", 1, "--json", *UNMASKED)[1])
    assert newest[0]["source.ip"] == "10.0.0.6"
    masked = json.loads(line("search", "event.action:login", "--json")[1])
    assert [event.keys() & {"source.ip", "user.account", "event.original"} for event in masked] == [set(), set()]
    for telling in ("source.ip:10.0.0.5", "li.na", "NOT user.name:x", "vendor.Name:x"):
        assert "may tell who somebody is" in line("search", telling)[2]
    assert "second person" in line("search", "email.subject:x", *UNMASKED)[2]
    code, out, _ = line("search", "@timestamp:2026-03-03")
    assert code == 0
    assert "1 events" in out
    assert "2026-03-03 03:00:00" in out, "company time"
    totals = json.loads(line("search", "*", "--by", "day", "--by", "event.action", "--json")[1])
    assert [(total["by"]["day"], total["events"]) for total in totals] == [("2026-03-02", 1), ("2026-03-03", 1)]
    assert "2026-03-03" in line("search", "*", "--by", "day", "--since", "2026-03-03")[1]
    for wrong in (["data.records:many"], ["(("], ["*", "--by", "source.ip"], ["*", "--order", "name"]):
        code, out, err = line("search", *wrong)
        assert (code, out) == (2, "")
        assert err


def test_hr_files_and_is_told_by_the_command_line(line: Line, tmp_path: Path) -> None:
    with open_house(Config(data=tmp_path / "data")) as house:
        today = (datetime.now(UTC) - NOON).days
        people(house, "li.na")
        store(house, *(export(today - back, 4_000) for back in (20, 12, 5)))
    assert line("leavers", "file", "404")[0] == 2
    assert "before the resignation" in line("leavers", "file", "li.na@corp.example", "--last-day", "2020-01-01")[2]
    assert line("leavers", "file", "li.na@corp.example")[:2] == (0, "filed\n")
    assert line("leavers", "file", "li.na@corp.example")[1] == "nothing changes\n"
    (case,) = json.loads(line("cases", "--json")[1])
    draft = line("notices", "send", case["id"][:8], "--check")[1]
    assert "该员工已提出离职。" in draft
    assert "The employee has resigned." in draft
    assert line("notices", "send", case["id"][:8])[1] == f"{draft}sent as notice 1\n"
    assert "already" in line("notices", "send", case["id"][:8])[2]
    code, out, _ = line("notices", "list", "--json")
    (notice,) = json.loads(out)
    assert (code, notice["number"], notice["state"], notice["identity"]) == (0, 1, "sent", None)
    assert "li.na" not in out
    assert line("notices", "show", 1)[1] == draft
    assert line("notices", "show", 2)[0] == 2
    assert line("notices", "acknowledge", 1)[0] == 0
    line("leavers", "withdraw", "li.na@corp.example", "--mistake")
    assert json.loads(line("notices", "show", 1, "--json")[1])["state"] == "withdrawn"
    assert json.loads(line("cases", "--json")[1]) == []


def test_channels_are_listed_tried_and_told_again(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAVERWATCH_NOTIFY_ALLOW_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("LEAVERWATCH_NOTIFY_ALLOW_HTTP", "127.0.0.1")
    with receiving() as receiver:
        with open_house(config(tmp_path / "data")) as house:
            told = Told(house)
            told.hook(receiver.port)
            told.happen("a1")
            told.notifier.run()
        code, out, _ = line("notify", "list", "--json")
        assert (code, json.loads(out)[0]["address"]) == (0, "http://127.0.0.1/****")
        assert line("notify", "test", "hook")[:2] == (0, "hook took it\n")
        assert [json.loads(body)["type"] for _, _, body in receiver.got] == ["alert.raised", "test"]
        code, out, _ = line("notify", "replay", "hook", "--since", "2026-03-01")
        assert (code, out) == (0, "1 deliveries go again while `serve` runs\n")
        receiver.fails(1)
        code, _, err = line("notify", "test", "hook")
        assert (code, err) == (2, "leaverwatch: it answered 500\n")
    assert line("notify", "test", "other")[0] == 2
    assert line("notify", "replay", "hook")[0] == 2
