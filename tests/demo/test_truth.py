"""The truth is what the logs hold, and the cast is what the company promises."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from core.calendar import CompanyCalendar
from core.grounds import ApprovalKind
from demo.company import HOUR, found
from demo.intents import Intents
from demo.plot import KINDS, cast
from demo.quiet import act_quietly, quiet_crew
from demo.scene import Scene
from demo.thieves import ramp
from ingest.approvals import read_approvals
from tests.demo.logs import files, rows, text_of

PAPERS = {"approvals.csv": ApprovalKind.APPROVAL, "changes.csv": ApprovalKind.CHANGE}


@pytest.fixture(scope="module")
def written(made):
    return json.loads((made.path / "truth.json").read_text())


@pytest.fixture(scope="module")
def audit(made):
    lines = [line for file in files(made, "m365", "*") for line in text_of(file).splitlines() if len(line) > 1]
    return [json.loads(line.rstrip(",")) for line in lines]


def of_kind(made, kind: str):
    return [thief for thief in made.truth.thieves if thief.kind == kind]


def acts(thief, records, operation: str, inside: bool = True):
    """The person's records of that operation, within the time of the bad acts."""
    start, end = thief.start.replace(microsecond=0), thief.end + timedelta(seconds=1)
    return [
        record
        for record in records
        if record["UserId"] == thief.email
        and record["Operation"] == operation
        and (not inside or start <= datetime.fromisoformat(record["CreationTime"]).replace(tzinfo=UTC) <= end)
    ]


def test_a_thousand_people_have_every_kind_of_thief():
    for seed in (7, 8, 9):
        players = cast(found(1000, 120, seed, date(2026, 6, 30)))
        kinds = Counter(part.kind for part in players.thieves)
        assert set(kinds) == set(KINDS)
        assert 3 <= len({part.who for part in players.thieves if part.kind == "crew"}) <= 8
        assert 15 <= len(players.thieves) <= 24
        assert len(players.leavers) >= 2.9 * len(players.thieves)
        everybody = [part.who for part in (*players.thieves, *players.leavers)]
        assert len(set(everybody)) == len(everybody)


def test_sixty_people_have_as_many_kinds_as_fit(made):
    assert len({thief.kind for thief in made.truth.thieves}) >= 8


def test_nobody_is_both_guilty_and_honest(written):
    guilty = {thief["person"] for thief in written["thieves"]}
    honest = {one["person"] for one in written["honest"]}
    assert guilty
    assert honest
    assert not guilty & honest


def test_written_truth_has_the_promised_fields(written):
    assert {"seed", "employees", "days", "start", "end", "thieves", "honest", "counts"} == written.keys()
    wanted = {"person", "email", "kind", "crew", "start", "end", "last_day", "filed", "volume", "systems"}
    assert all(wanted == thief.keys() for thief in written["thieves"])
    assert all({"person", "email", "why"} == one.keys() for one in written["honest"])
    for thief in written["thieves"]:
        assert written["start"] <= thief["start"][:10] <= thief["end"][:10] <= "2026-07-01"


def test_notices_of_thieves_are_in_the_hr_file(made):
    text = (made.path / "hr" / "resignations.csv").read_text()
    filed = {row["邮箱"]: row["离职申请日期"] for row in csv.DictReader(io.StringIO(text))}
    for thief in made.truth.thieves:
        assert filed.get(thief.email) == (thief.filed.isoformat() if thief.filed else None)


def test_persons_are_employee_numbers(made):
    with (made.path / "hr" / "employees.csv").open() as file:
        numbers = {row["employee_no"]: row["email"] for row in csv.DictReader(file)}
    for one in (*made.truth.thieves, *made.truth.honest):
        assert numbers[one.person] == one.email


def test_ghosts_act_after_their_last_day(made):
    ghosts = of_kind(made, "ghost")
    assert ghosts
    for ghost in ghosts:
        assert ghost.last_day
        assert ghost.start.date() > ghost.last_day


def test_downloads_and_renames_are_in_the_log(made, audit):
    disguise, downloads = of_kind(made, "disguise"), of_kind(made, "mass_download")
    assert disguise
    assert downloads
    for thief in disguise:
        renamed = acts(thief, audit, "FileRenamed")
        assert len(renamed) >= thief.volume["rename"]
        assert any(record["DestinationFileExtension"] in ("jpg", "png", "mp3", "mp4", "gif") for record in renamed)
    for thief in downloads:
        done = acts(thief, audit, "FileDownloaded") + acts(thief, audit, "FileSyncDownloadedFull")
        assert len(done) >= thief.volume.get("download", 0) + thief.volume.get("sync_download", 0) >= 300


def test_a_forwarding_rule_names_the_address_outside(made, audit):
    thieves = of_kind(made, "forward")
    assert thieves
    for thief in thieves:
        (rule, *_) = [
            record for record in acts(thief, audit, "New-InboxRule") if "ForwardTo" in str(record["Parameters"])
        ]
        address = next(one["Value"] for one in rule["Parameters"] if one["Name"] == "ForwardTo")
        assert not address.endswith("lanhai.example")


def test_a_burst_is_in_the_log_with_all_its_rows(made):
    ids = {row["USER_NAME"]: row["USER_ID"] for row in rows(made, "Login")}
    logged: Counter[str] = Counter()
    for kind, column in (("Report", "ROW_COUNT"), ("API", "ROWS_PROCESSED"), ("BulkApi", "ROWS_PROCESSED")):
        for row in rows(made, kind):
            logged[row["USER_ID"]] += int(row[column])
    for file in files(made, "salesforce", "realtime*"):
        for line in text_of(file).splitlines():
            event = json.loads(line)
            logged[event["UserId"][:15]] += int(event["RowsProcessed"])
    thieves = of_kind(made, "burst")
    assert thieves
    for thief in thieves:
        stolen = sum(count for name, count in thief.volume.items() if name.endswith("_rows"))
        assert 15_000 * 0.9 <= stolen <= logged[ids[thief.email]]


def test_what_was_approved_was_approved_before_it_was_done_and_names_what_was_done(made, audit):
    calendar = CompanyCalendar()
    papers = {kind: read_approvals(made.path / "hr" / file, kind, calendar) for file, kind in PAPERS.items()}
    assert not any(paper.problems for paper in papers.values())
    granted = [one for paper in papers.values() for one in paper.approvals]
    assert {one.account.partition(":")[2] for one in granted} == {
        honest.email for honest in made.truth.honest if honest.why.startswith("approved")
    }
    assert all(one.filed < one.since + timedelta(hours=9) for one in granted)
    drawn = {row["REPORT_ID_DERIVED"].lower() for row in rows(made, "Report") if row["ORIGIN"] == "ReportExported"}
    named = {name for one in papers[ApprovalKind.APPROVAL].approvals for name in one.files}
    assert named <= drawn


def test_a_quiet_crew_shares_files_and_weeks_and_plays_no_other_part():
    company = found(150, 90, 3, date(2026, 6, 30))
    players = cast(company)
    busy = {part.who for part in (*players.thieves, *players.leavers)}
    crew = quiet_crew(company, busy)
    assert len(crew) == 3
    assert not busy & {part.who for part in crew}
    assert len({company.staff.column("team")[part.who] for part in crew}) == 1
    assert max(part.filed for part in crew) - min(part.filed for part in crew) <= 28
    assert all(part.act < part.filed < len(company.days) < part.last for part in crew)
    assert quiet_crew(found(60, 90, 3, date(2026, 6, 30)), set()) == []
    intents, each = Intents(), []
    for part in crew:
        act_quietly(Scene(company, part, intents))
    taken = intents.of("m365")
    for part in crew:
        own = taken.filter(taken["who"] == part.who)
        each.append(set(own["doc"]))
        assert own.height == len(each[-1])
        days = (own["at"] - int(company.starts[0])) // (24 * HOUR)
        assert own.group_by(days).len()["len"].max() <= 3
    assert each[0] == each[1] == each[2]


def test_thieves_who_are_asked_for_are_the_only_ones_and_steal_when_asked():
    company = found(100, 120, 3, date(2026, 6, 30))
    players = cast(company, ("drip", "ramp", "burst", "ghost"), since=60)
    acts = {part.kind: part.act for part in players.thieves}
    assert acts.keys() == {"drip", "ramp", "burst", "ghost"}
    assert min(acts["drip"], acts["burst"], acts["ghost"]) >= 60 > acts["ramp"] >= 15
    assert "ramp" not in KINDS, "only where asked for"


def test_a_ramp_grows_over_two_months_without_a_leap():
    company = found(100, 120, 3, date(2026, 6, 30))
    (part,) = cast(company, ("ramp",), since=60).thieves
    intents = Intents()
    ramp(Scene(company, part, intents))
    taken = intents.of("m365")
    days = ((taken["at"] - int(company.starts[0])) // (24 * HOUR)).value_counts().sort("at")
    assert days["at"][-1] - days["at"][0] > 50
    third = days.height // 3
    assert days["count"][-third:].mean() > 5 * days["count"][:third].mean()
    grown = days["count"][third:] / days["count"].rolling_median(5)[third:]
    assert grown.max() < 2.5
