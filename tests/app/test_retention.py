"""What is old goes on time, but for what somebody holds; what went is written down, and so is who looked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app import jobs
from app.cli import app
from app.config import Config, Retention
from app.holds import ask_to_lift, lift, place
from app.jobs import judge_marked
from app.retention import check, retain, retain_daily, retaining
from app.wiring import House, open_house
from core.batch import Batch, Quarantined
from core.errors import Refused
from core.evidence import Deed, HoldScope
from core.model import ModelFinding, ScoredDay
from core.ports import EventQuery
from core.retention import Due, Stored
from tests.app.conftest import run
from tests.app.test_grounds import NOON, export, people, store
from tests.app.test_telling import until

LI, WANG, OLD = "mail:li.na@corp.example", "mail:wang.wei@corp.example", "mail:old@corp.example"
NOW = NOON + timedelta(days=100)


def config(data: Path, days: int | None = 60, **of: int) -> Config:
    return Config(data=data, retention=Retention(events=days, events_of=of))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Two persons export on three days; 60 days before now is in the middle of the second."""
    with open_house(config(tmp_path)) as opened:
        people(opened, "li.na", "wang.wei")
        store(opened, *(export(day, 5, who) for day in (0, 20, 45) for who in (LI, WANG)))
        judge_marked(opened)
        yield opened


def left(house: House) -> list[tuple[str, int]]:
    found = house.events.read(EventQuery(columns=["user.account", "@timestamp"]))
    return sorted(((account, (at - NOON).days) for account, at in found.iter_rows()), key=lambda one: (one[1], one[0]))


def events_in(due: Due) -> int:
    return due.count(Stored.EVENT)


def test_what_is_old_goes_and_is_written_down(house: House) -> None:
    bad = Quarantined(id="b" * 32, source="crm", file="a", sequence=0, reason="r", original=b"x")
    house.events.append(Batch(source="crm", read=1, quarantined=[bad]), [])
    assert events_in(check(house, NOW)) == 5
    assert len(left(house)) == 7, "looking deletes nothing"
    (erasure,) = retain(house, "ann", NOW)
    assert left(house) == [(LI, 45), (WANG, 45)]
    assert house.records.erasures() == [erasure]
    assert (erasure.by, events_in(erasure.due)) == ("ann", 5)
    assert erasure.before == {"": datetime(2026, 4, 10, 16, tzinfo=UTC)}, "from the start of the company's day on"
    days = {(one.source, one.day): one.records for one in erasure.due.erased}
    assert days == {("crm", date(2026, 1, 21)): 1, ("crm", date(2026, 3, 2)): 2, ("crm", date(2026, 3, 22)): 2}
    (entry,) = [one for one in house.records.audited() if one.deed is Deed.ERASED]
    assert (entry.by, entry.details["records"]) == ("ann", {"event": 5})
    assert retain(house, "ann", NOW) == [], "nothing more is due"
    assert len(list(house.events.quarantined())) == 1, "it was stored today"


def test_a_source_may_be_kept_shorter_and_everything_without_a_limit(tmp_path: Path) -> None:
    with open_house(config(tmp_path, None, crm=60)) as house:
        people(house, "li.na")
        store(house, export(0, 5, LI), export(45, 5, LI))
        assert events_in(check(house, NOW)) == 2
    with open_house(config(tmp_path, None, files=60)) as house:
        assert retain(house, "ann", NOW) == []
    with open_house(config(tmp_path, None)) as house:
        assert check(house, NOW) == Due(erased=(), held={})
        assert retain(house, "ann", NOW) == []
        assert len(left(house)) == 3


def hold(house: House, scope: HoldScope, subject: str = "", **times: Any) -> str:
    return place(house, scope, subject, reason="lawsuit", by="ann", at=datetime.now(UTC), **times).id


def test_a_hold_placed_while_it_is_found_out_what_goes_keeps_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    found, held = type(house.records).old_findings, list[str]()

    def late(records: Any, before: Any) -> Any:
        if not held:
            held.append(hold(house, HoldScope.PERSON, "li.na"))
        return found(records, before)

    monkeypatch.setattr(type(house.records), "old_findings", late)
    (erasure,) = retain(house, "ann", NOW)
    assert left(house) == [(LI, 0), (LI, 20), (LI, 45), (WANG, 45)]
    assert erasure.due.held == {held[0]: 2}


def test_a_hold_of_a_person_keeps_their_events_until_two_have_lifted_it(house: House) -> None:
    held = hold(house, HoldScope.PERSON, "li.na")
    (erasure,) = retain(house, "ann", NOW)
    assert left(house) == [(LI, 0), (LI, 20), (LI, 45), (WANG, 45)]
    assert erasure.due.held == {held: 2}
    with pytest.raises(Refused, match="nobody has asked"):
        lift(house, held, by="bob", at=NOW)
    ask_to_lift(house, held, reason="settled", by="bob")
    assert retain(house, "ann", NOW) == [], "asking lifts nothing"
    with pytest.raises(Refused, match="somebody else"):
        lift(house, held, by="Bob", at=NOW)
    lift(house, held, by="carl", at=NOW)
    (erasure,) = retain(house, "ann", NOW)
    assert (left(house), erasure.due.held) == ([(LI, 45), (WANG, 45)], {})


def test_a_hold_of_a_person_may_be_of_some_time_only(house: House) -> None:
    hold(house, HoldScope.PERSON, "li.na", since=NOON + timedelta(days=1), until=NOON + timedelta(days=30))
    retain(house, "ann", NOW)
    assert left(house) == [(LI, 20), (LI, 45), (WANG, 45)]


def test_a_hold_of_everybody_keeps_a_time(house: House) -> None:
    held = hold(house, HoldScope.RANGE, since=NOON, until=NOON + timedelta(days=20))
    (erasure,) = retain(house, "ann", NOW)
    assert left(house) == [(LI, 0), (WANG, 0), (LI, 45), (WANG, 45)]
    assert erasure.due.held == {held: 2}
    with pytest.raises(Refused, match="needs a time"):
        hold(house, HoldScope.RANGE)
    with pytest.raises(Refused, match="ends before"):
        hold(house, HoldScope.RANGE, since=NOW, until=NOON)


def test_a_hold_of_a_case_keeps_its_persons_events_though_the_case_is_gone(house: House) -> None:
    store(house, export(21, 90_000, LI))
    judge_marked(house)
    (case,) = house.records.cases()
    held = hold(house, HoldScope.CASE, case.id)
    house.records.settle((), [("li.na", date(2026, 1, 1), date(2026, 12, 1))], (), ())
    assert house.records.cases() == []
    retain(house, "ann", NOW)
    assert left(house) == [(LI, 0), (LI, 20), (LI, 21), (LI, 45), (WANG, 45)]
    assert [one.about for one in house.records.audited(case.id)] == [(case.id, "li.na")]
    with pytest.raises(Refused, match="no case"):
        hold(house, HoldScope.CASE, "none")
    assert [one.id for one in house.records.holds()] == [held]


def test_what_an_alert_rests_on_is_frozen_before_it_may_go(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "freeze", lambda _: 0)
        store(house, export(0, 90_000, LI))
        judge_marked(house)
    alerts = house.records.alerts()
    assert house.records.snapshots([alert.id for alert in alerts]) == []
    with monkeypatch.context() as patch:
        patch.setattr("app.retention.freeze", lambda _: 0)
        retain(house, "ann", NOW)
        assert left(house) == [(LI, 0), (LI, 0), (LI, 45), (WANG, 45)], "they wait for their alert"
    retain(house, "ann", NOW)
    assert left(house) == [(LI, 45), (WANG, 45)]
    events = [event for alert in alerts for event in alert.events]
    assert {one for one, _ in house.records.frozen_events(events)} == set(events)


def test_what_models_found_of_days_that_are_gone_goes_with_them(house: House) -> None:
    days = [date(2026, 3, 2), date(2026, 3, 22), date(2026, 4, 16)]
    found = [ModelFinding(person=who, day=day, one_in=400, votes=()) for who in ("li.na", "wang.wei") for day in days]
    house.records.save_findings("m", [ScoredDay(day=day, first=0, last=65535, fingerprint="f") for day in days], found)
    hold(house, HoldScope.PERSON, "li.na", since=NOON + timedelta(days=10))
    kept = house.config.data / "person-days" / "version" / "0"
    kept.mkdir(parents=True)
    for day in days:
        (kept / f"{day}-x.rows.parquet").touch()
    (erasure,) = retain(house, "ann", NOW)
    assert [(one.person, one.day.day) for one in house.records.findings("m")] == [
        ("li.na", 22), ("li.na", 16), ("wang.wei", 16),
    ]  # fmt: skip
    assert erasure.due.count(Stored.FINDING) == 3
    assert [file.name[:10] for file in kept.iterdir()] == ["2026-04-16"]


def test_an_erasure_that_was_cut_short_is_finished_first(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("store.segments.expire", killed)
        with pytest.raises(KeyboardInterrupt):
            retain(house, "ann", NOW)
    (begun,) = house.records.erasures()
    assert (begun.done, events_in(begun.due), len(left(house))) == (None, 5, 7)
    (done,) = retain(house, "bob", NOW)
    assert (done.id, done.by, done.due) == (begun.id, "ann", begun.due)
    assert left(house) == [(LI, 45), (WANG, 45)]
    assert [one.done is not None for one in house.records.erasures()] == [True]


def test_it_runs_by_itself_once_a_day_and_lets_go_of_the_store(tmp_path: Path) -> None:
    with open_house(config(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0, 5, LI))
    today = datetime.now(UTC)
    with retaining(config(tmp_path)):
        assert until(lambda: _count(tmp_path) == 0)
    (erasure,) = _erasures(tmp_path)
    assert erasure.by == "leaverwatch"
    with open_house(config(tmp_path)) as house:
        store(house, export(1, 5, LI))
        assert retain_daily(config(tmp_path), today) == [], "today is done"
        with pytest.raises(Refused, match="another process is writing"):
            retain_daily(config(tmp_path), today + timedelta(days=1))
    assert len(retain_daily(config(tmp_path), today + timedelta(days=1))) == 1, "what could not be done is tried again"


def _count(data: Path) -> int:
    with open_house(Config(data=data)) as house:
        return house.events.count()


def _erasures(data: Path) -> Any:
    with open_house(Config(data=data)) as house:
        return house.records.erasures()


@pytest.fixture
def line(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line on the house's data."""
    house.events.close()  # type: ignore[attr-defined]
    monkeypatch.setattr("getpass.getuser", lambda: "whoever")
    (tmp_path / "config.toml").write_text("[retention]\nevents = 60\n")

    def ask(*words: str, expect: int = 0) -> Any:
        front = ["--data", str(tmp_path), "--config", str(tmp_path / "config.toml")]
        done = CliRunner().invoke(app, [*front, *words], catch_exceptions=True)
        assert done.exit_code == expect, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in words else done.output

    return ask


def test_holds_and_retention_by_command_line(line: Any, house: House) -> None:
    made = line("holds", "place", "--person", "li.na@corp.example", "--reason", "lawsuit", "--by", "ann", "--json")
    (listed,) = line("holds", "list", "--json", "--unmask", "lawsuit")
    assert (made["subject"], made["persons"], made["placed_by"]) == (listed["subject"], [listed["subject"]], "ann")
    assert (made["reason"], listed["reason"], house.records.holds()[0].subject) == (None, "lawsuit", "li.na")
    line("holds", "place", "--everybody", "--since", "2026-03-02", "--until", "2026-03-02", "--reason", "audit")
    assert [one["scope"] for one in line("holds", "list", "--json")] == ["person", "range"]
    due = line("retention", "run", "--check", "--json")
    assert sum(one["records"] for one in due["erased"]) == 3
    line("retention", "run", "--by", "ann")
    assert left(house) == [(LI, 0), (WANG, 0), (LI, 20), (LI, 45)]
    (erasure,) = line("retention", "list", "--json")
    assert erasure["due"]["held"] == due["held"]
    assert "somebody else" in line("holds", "ask-to-lift", made["id"][:8], "--reason", "settled", "--by", "bob")
    line("holds", "lift", made["id"][:8], "--by", "bob", expect=1)
    line("holds", "lift", made["id"][:8], "--by", "carl")
    assert line("holds", "list", "--json")[0]["lifted_by"] == "carl"
    line("holds", "place", "--person", "nobody@corp.example", "--reason", "x", expect=2)
    line("holds", "place", "--reason", "x", expect=2)


def test_every_look_is_noted_with_who_looked_at_whom(line: Any, house: House) -> None:
    store(house, export(0, 90_000, LI))
    judge_marked(house)
    house.events.close()  # type: ignore[attr-defined]
    (case,) = house.records.cases()
    for words in (["alerts"], ["cases"], ["risk"], ["search", "event.code:none"], ["search", "*"]):
        line(*words, "--json")
    line("cases", "--unmask", "a talk", "--json")
    line("search", "user.email:nobody", expect=1)
    looks = [one for one in line("audit", "list", "--unmask", "audit", "--json") if one["deed"] == "saw"]
    assert [(one["by"], one["details"]["what"], set(one["about"]), one["why"]) for one in looks] == [
        ("whoever", "alerts", {"li.na"}, ""),
        ("whoever", "cases", {"li.na", case.id}, ""),
        ("whoever", "persons", {"li.na"}, ""),
        ("whoever", "events", {"li.na", "wang.wei", OLD}, ""),
        ("whoever", "cases", {"li.na", case.id}, "a talk"),
    ]
    assert "li.na" not in json.dumps(line("audit", "list", "--json"))
    assert [one["details"]["what"] for one in line("audit", "list", "--about", case.id, "--json")] == ["cases"] * 2
    assert line("audit", "verify", "--json") == {"entries": len(house.records.audited()), "broken": None}
    with house.records.database.writing() as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("update audit set about = '[]' where number = 1")
    assert line("audit", "verify", "--json", expect=1)["broken"] == "audit entry 1 was changed"
    findings = {one["check"]: one for one in line("doctor", "--json", expect=1)}
    assert findings["audit"]["text"] == "audit entry 1 was changed"


def test_whoever_has_no_name_is_noted_by_number(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    line("search", "*", "--json")
    assert [one["by"] for one in line("audit", "list", "--json")] == [f"user {os.getuid()}"]


def test_the_command_says_where_nothing_is_deleted(tmp_path: Path) -> None:
    assert "[retention] is not set" in run("retention", "run", data=tmp_path).stdout
