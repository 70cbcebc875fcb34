"""What a compliance report of a period is made of, and when one is written by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.compliance import Asked, collect, write_report
from app.config import Config, Evidence
from app.jobs import judge_marked
from app.pseudonyms import pseudonyms
from app.reporting import SETTING, period_before, report_due, reporting
from app.tracing import trace
from app.wiring import House, open_house
from core.alert import Outcome
from core.case import CaseState
from core.errors import Refused
from core.evidence import AuditEntry, Deed
from core.grounds import Approval, ApprovalKind
from core.person import Filing
from evidence.marks import Mark
from evidence.tracing import find_mark
from tests.app.conftest import run
from tests.app.test_grounds import NOON, export, people, store

MARCH = Asked(
    first=date(2026, 3, 1), last=date(2026, 3, 31), recipient="DPO", lang="en", at=datetime(2026, 4, 2, tzinfo=UTC)
)
LI, WANG = "mail:li.na@corp.example", "mail:wang.wei@corp.example"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(Config(data=tmp_path, evidence=Evidence(report="monthly"))) as made:
        people(made, "li.na", "wang.wei")
        yield made


def resign(house: House, account: str, last_day: date | None, filed: datetime = NOON, withdrawn: bool = False) -> None:
    house.records.save_filings([Filing(account=account, filed=filed, last_day=last_day, withdrawn=withdrawn)], 30)


class Keeping:
    """Records that keep an audit log, holds and erasures beside what they keep."""

    def __init__(self, records: Any, entries: Sequence[AuditEntry] = (), erasures: Sequence[Any] = ()) -> None:
        self._records, self.entries, self._erasures = records, list(entries), erasures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def note(self, entry: AuditEntry) -> AuditEntry:
        self.entries.append(entry)
        return entry

    def audited(self, about: str | None = None, since: datetime | None = None) -> Sequence[AuditEntry]:
        return [entry for entry in self.entries if since is None or entry.at >= since]

    def holds(self) -> Sequence[Any]:
        return [SimpleNamespace(placed=NOON, lifted=None), SimpleNamespace(placed=NOON, lifted=NOON)]

    def erasures(self) -> Sequence[Any]:
        return self._erasures


def test_access_ended_late_is_what_accounts_did_after_the_last_day_was_over(house: House) -> None:
    resign(house, LI, date(2026, 3, 10))
    evening = datetime(2026, 3, 10, 15, 59, tzinfo=UTC)
    store(
        house,
        export(0, 1, LI, **{"@timestamp": evening}),
        export(0, 2, LI, **{"@timestamp": evening + timedelta(minutes=2)}),
        export(20, 3, LI),
        export(21, 4, LI, **{"event.action": "login_failed", "event.module": "entra"}),
        export(60, 5, LI),
    )
    (departure,) = collect(house, MARCH).departures
    assert (departure.late, departure.refused, departure.late_systems) == (2, 1, ["salesforce"])
    assert departure.late_last == NOON + timedelta(days=20)
    assert departure.last_day == date(2026, 3, 10)


def test_who_left_long_ago_is_named_only_while_accounts_are_used(house: House) -> None:
    resign(house, LI, date(2026, 2, 10), filed=NOON - timedelta(days=40))
    resign(house, WANG, date(2026, 2, 10), filed=NOON - timedelta(days=40))
    store(house, export(3, 1, LI))
    (departure,) = collect(house, MARCH).departures
    assert departure.late == 1
    assert departure.person == pseudonyms(house.records)("li.na")


def test_a_withdrawn_notice_leaves_nobody_late_and_a_new_one_counts_from_its_own_day(house: House) -> None:
    resign(house, LI, date(2026, 3, 5))
    resign(house, LI, None, filed=NOON + timedelta(days=1), withdrawn=True)
    store(house, export(10, 1, LI))
    (departure,) = collect(house, MARCH).departures
    assert (departure.withdrawn, departure.late) == (True, 0)
    resign(house, LI, date(2026, 3, 25), filed=NOON + timedelta(days=12))
    (again,) = collect(house, MARCH).departures
    assert (again.withdrawn, again.noticed) == (False, NOON + timedelta(days=12))


def test_handovers_are_counted_and_those_that_still_run(house: House) -> None:
    resign(house, LI, date(2026, 3, 10))
    task = Approval(
        id="H-1", kind=ApprovalKind.HANDOVER, account=LI, recipients=["wang.wei"], files=[], purpose="customers",
        since=NOON, until=NOON + timedelta(days=5), filed=NOON,
    )  # fmt: skip
    running = replace(task, id="H-2", until=NOON + timedelta(days=90))
    house.records.save_approvals([task, running, replace(task, id="A-1", kind=ApprovalKind.APPROVAL)])
    (departure,) = collect(house, MARCH).departures
    assert (departure.handovers, departure.open_handovers) == (2, 1)


def test_alerts_suppressed_and_overflow_add_up_to_the_matches_of_the_period(house: House) -> None:
    store(house, export(0), export(2), export(40))
    judge_marked(house)
    counts = collect(house, MARCH).counts
    in_march = [alert for alert in house.records.alerts(outcome=None) if alert.day.month == 3]
    assert sum(sum(own.values()) for own in counts.values()) == len(in_march) >= 2
    assert counts["mass_export"][Outcome.ALERT] == 2


def test_a_decision_counts_with_its_time_and_who_decided(house: House) -> None:
    store(house, export(0))
    judge_marked(house)
    (case,) = house.records.cases()
    known = min(house.records.detected_at(case.alerts).values())
    asked = replace(MARCH, last=date(2099, 1, 1), at=datetime(2099, 1, 2, tzinfo=UTC))
    assert collect(house, asked).open_cases == 1
    house.records.decide(case.id, CaseState.BENIGN, "a quarter's end", known + timedelta(hours=6), "chen")
    report = collect(house, asked)
    (decided,) = report.decided
    assert (decided.by, decided.state, decided.decided - decided.known) == ("chen", "benign", timedelta(hours=6))
    assert report.open_cases == 0


def test_who_looked_at_whom_goes_by_person_whatever_was_looked_at(house: House) -> None:
    store(house, export(0))
    judge_marked(house)
    (case,) = house.records.cases()
    look = AuditEntry(at=NOON, by="chen", deed=Deed.SAW, about=[case.id, *case.alerts], why="triage")
    other = replace(look, at=NOON + timedelta(days=1), about=["li.na", "nobody-known"], why=" ")
    later = replace(look, at=NOON + timedelta(days=90))
    house.records = Keeping(house.records, [look, other, later])  # type: ignore[assignment]
    (found,) = collect(house, MARCH).looks
    assert (found.by, found.person, found.times, found.reasoned) == ("chen", pseudonyms(house.records)("li.na"), 2, 1)


def test_erasures_and_holds_of_the_period_are_told(house: House) -> None:
    parts = [SimpleNamespace(kind="event", records=7), SimpleNamespace(kind="quarantine", records=2)]
    due = SimpleNamespace(erased=parts, held={"H-1": 3})
    erasure = SimpleNamespace(begun=NOON, done=None, before={"": NOON}, due=due)
    before = SimpleNamespace(begun=NOON - timedelta(days=60), done=None, before={}, due=due)
    house.records = Keeping(house.records, erasures=[before, erasure])  # type: ignore[assignment]
    report = collect(house, MARCH)
    (line,) = report.erasures
    assert (line.events, line.others, line.held, line.before) == (7, 2, 3, "2026-03-02")
    assert report.holds == 1


def test_a_source_is_silent_on_working_days_without_events_since_it_was_heard_of(house: House) -> None:
    own = {"event.module": "crm", "event.dataset": "crm"}
    store(house, *(export(day, 1, **own) for day in range(30) if day not in (8, 9, 12)))
    (source,) = collect(house, MARCH).sources
    assert (source.name, source.events) == ("crm", 27)
    assert source.silent == [date(2026, 3, 10), date(2026, 3, 11)], "the 14th is a Saturday"


def test_persons_are_pseudonyms_unless_names_are_asked_for(house: House) -> None:
    resign(house, LI, date(2026, 3, 10))
    masked, named = collect(house, MARCH), collect(house, replace(MARCH, named=True))
    assert masked.departures[0].person == pseudonyms(house.records)("li.na")
    assert named.departures[0].person == "li.na@corp.example"


def test_what_is_written_is_marked_and_noted(house: House, tmp_path: Path) -> None:
    keeping = Keeping(house.records)
    house.records = keeping  # type: ignore[assignment]
    files = write_report(house, MARCH, tmp_path / "out")
    mark = Mark(recipient="DPO", number=MARCH.number, at=MARCH.at)
    assert {find_mark(file.read_bytes()) for file in files if file.suffix != ".csv"} == {mark.code}
    assert [entry.details["code"] for entry in keeping.entries] == [mark.code]
    assert {file.name for file in files} == {file.name for file in (tmp_path / "out").iterdir()}


def test_equal_questions_give_equal_files(house: House, tmp_path: Path) -> None:
    one, other = (write_report(house, MARCH, tmp_path / name) for name in ("one", "other"))
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in other]


@pytest.mark.parametrize(
    ("day", "every", "period"),
    [
        (date(2026, 4, 1), "monthly", (date(2026, 3, 1), date(2026, 3, 31), "2026-03")),
        (date(2026, 1, 15), "monthly", (date(2025, 12, 1), date(2025, 12, 31), "2025-12")),
        (date(2026, 1, 5), "weekly", (date(2025, 12, 29), date(2026, 1, 4), "2026-W01")),
        (date(2026, 1, 4), "weekly", (date(2025, 12, 22), date(2025, 12, 28), "2025-W52")),
    ],
)
def test_the_last_whole_period_is_reported(day: date, every: str, period: tuple[date, date, str]) -> None:
    assert period_before(day, every) == period


def test_a_period_is_reported_once(house: House) -> None:
    folder = report_due(house, MARCH.at)
    assert folder is not None
    assert folder.name == "2026-03"
    assert (folder / "report.pdf").exists()
    assert report_due(house, MARCH.at + timedelta(days=9)) is None
    later = report_due(house, MARCH.at + timedelta(days=30))
    assert later is not None
    assert later.name == "2026-04"


def test_who_dies_while_writing_leaves_no_half_a_report(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(folder: Path, target: Path) -> Path:
        raise OSError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", dies)
        with pytest.raises(OSError, match="no room"):
            report_due(house, MARCH.at)
    assert not (house.config.data / "reports" / "2026-03").exists()
    assert house.records.setting(SETTING) is None
    folder = report_due(house, MARCH.at)
    assert folder is not None
    house.records.set_setting(SETTING, "")
    written = (folder / "report.pdf").stat().st_mtime_ns
    assert report_due(house, MARCH.at) == folder
    assert (folder / "report.pdf").stat().st_mtime_ns == written, "what lies there whole is not written again"


def test_without_a_period_nothing_is_reported(tmp_path: Path) -> None:
    with open_house(Config(data=tmp_path)) as house:
        assert report_due(house, MARCH.at) is None
    with reporting(Config(data=tmp_path), every=0.01):
        assert not (tmp_path / "reports").exists()


def test_serving_writes_what_is_due(tmp_path: Path) -> None:
    with reporting(Config(data=tmp_path, evidence=Evidence(report="weekly", report_lang="en"))):
        pass
    (folder,) = (tmp_path / "reports").iterdir()
    assert (folder / "mapping.csv").exists()


def test_a_report_by_command_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run(
        "evidence", "report", "--since", "2026-03-01", "--until", "2026-03-31", "--out", out, "--json",
        data=tmp_path / "data",
    )  # fmt: skip
    assert len(json.loads(said.stdout)["files"]) == len(list(out.iterdir())) == 9


@pytest.mark.parametrize(("since", "until"), [("2026-03-31", "2026-03-01"), ("yesterday", "2026-03-01")])
def test_a_period_that_is_none_is_wrong_use(since: str, until: str, tmp_path: Path) -> None:
    arguments = ["--data", str(tmp_path), "evidence", "report", "--since", since, "--until", until, "--out", "x"]
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_a_copy_leads_to_its_export_and_that_somebody_asked_is_noted(house: House, tmp_path: Path) -> None:
    files = write_report(house, MARCH, tmp_path / "out")
    for file in files[:2]:
        (found,) = trace(house, file, "legal")
        assert (found.number, found.recipient, found.case, found.sure) == (MARCH.number, "DPO", "", True)
    other = tmp_path / "other.txt"
    other.write_text("nothing of ours")
    with pytest.raises(Refused, match="nothing in"):
        trace(house, other, "legal")
    assert [entry.deed for entry in house.records.audited()] == [Deed.EXPORTED, Deed.TRACED, Deed.TRACED]
