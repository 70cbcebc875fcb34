"""Looking back finds what the judge found when it was live, and changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import detection.hunt
import detection.judge
from app.backtesting import backtest, hunt_with
from app.config import load
from app.files import inputs_below
from app.hr import import_folder
from app.jobs import judge_marked
from app.pipeline import ingest
from app.wiring import House, aside_in, open_house
from core.alert import Alert
from core.case import CaseState
from core.ports import EventQuery
from detection.hunt import Retold, hunt
from detection.rulebook import RuleBook
from tests.app.conftest import by_id, run


@pytest.fixture(scope="module")
def data(imported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo company, imported and judged."""
    return shutil.copytree(imported / "data", tmp_path_factory.mktemp("company") / "data")


@pytest.fixture
def house(data: Path) -> Iterator[House]:
    with open_house(load(data)) as house:
        before = state(house)
        yield house
        assert state(house) == before, "looking back writes nothing"


def state(house: House) -> dict[str, Any]:
    """Everything that looking back might have changed."""
    tagged = house.events.read(EventQuery(columns=["event.id", "rule.matched"]))
    return {
        "alerts": house.records.alerts(),
        "cases": house.records.cases(),
        "marks": house.records.pending(),
        "version": house.records.setting("rules_version"),
        "tags": tagged.hash_rows().to_list(),
    }


def in_order(alerts: list[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (alert.time, alert.id))


@pytest.mark.parametrize("way", ["by the tags stored", "tagged in memory", "a little at a time"])
def test_looking_back_with_every_rule_finds_the_alerts_that_were_raised_live(
    house: House, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    book = house.book
    store: Any = house.events
    if way != "by the tags stored":
        least = {rule.name: rule.least for rule in book.event_rules}
        store = Retold(house.events, book, house.surroundings(), least, aside_in(tmp_path))
    if way == "a little at a time":
        monkeypatch.setattr(detection.hunt, "ROWS_AT_ONCE", 700)
        monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 9_000)
    bench = house.bench(house.directory(), book, store)
    judged = list(hunt({rule.name for rule in book.judged}, bench, None, None))
    found = [alert for one in judged for alert in one.alerts]
    assert in_order(found) == in_order(list(house.records.alerts(outcome=None)))
    assert len(found) > 30
    assert not any(one.marks for one in judged)


def test_a_hunt_between_two_moments_finds_the_alerts_raised_between_them(house: House) -> None:
    live = [alert for alert in house.records.alerts(outcome=None) if alert.rule == "mass_export"]
    since, until = live[0].time, live[-1].time
    found = hunt_with(house, "mass_export", since, until)
    assert list(found.alerts) == [alert for alert in live if since <= alert.time < until]
    back = [alert for alert in house.records.alerts(outcome=None) if house.book.rules[alert.rule].extra.lookback]
    assert back
    for name in {alert.rule for alert in back}:
        own = [alert for alert in back if alert.rule == name]
        assert list(hunt_with(house, name, own[0].time, None).alerts) == own


LEAVING = """
title: Signs of two kinds
name: signs_of_two_kinds
behaviour:
  type: joint
  signs: {exports: {rules: [crm_export], least: 2}, files: {rules: [file_download], least: 10}}
  kinds: 2
  days: 30
level: low
"""


def test_a_hunt_knows_the_stage_without_hr_as_live(logs: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "leaving.yml").write_text(LEAVING)
    config = tmp_path / "leaverwatch.toml"
    config.write_text(f'[detection]\nrules = "{rules}"\npre_departure = "protect the list"\n')
    with open_house(load(tmp_path / "data", config)) as house:
        import_folder(house, logs / "hr")
        ingest(house, inputs_below(house.sources, logs)[0])
        judge_marked(house)
        live = house.records.alerts(outcome=None)
        ahead = {alert.rule for alert in live if alert.stage == "pre_departure"} - {"signs_of_two_kinds"}
        assert ahead
        for name in sorted(ahead)[:3]:
            assert list(hunt_with(house, name, None, None).alerts) == [alert for alert in live if alert.rule == name]
        file = changed_rule(tmp_path / "more", "about_to_leave", "kinds: 2", "kinds: 3")
        assert set(backtest(house, str(file), None, None).rules) >= ahead


def changed_rule(folder: Path, name: str, old: str, new: str) -> Path:
    text = RuleBook.load().origins[name]
    assert old in text
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.yml"
    file.write_text(text.replace(old, new))
    return file


NEW = """
title: Any view of a customer record at night
name: night_views
logsource: {product: leaverwatch}
detection: {s: {event.action: [view, search], calendar.off_hours: true}, condition: s}
level: low
---
title: Many views at night
name: many_night_views
correlation: {type: event_count, rules: [night_views], group-by: [person.id], timespan: 2d, condition: {gte: 3}}
level: medium
"""


def test_a_backtest_says_what_bringing_the_change_into_force_does(house: House, logs: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    changed_rule(rules, "mass_export", "gte: 10000", "gte: 400")
    changed_rule(rules, "file_download", "event.action: download", "event.action: [download, view]")
    (rules / "new.yml").write_text(NEW)
    told = backtest(house, str(rules), None, None)
    # In force: our rules with these in the place of those of the same name.
    book = house.book.with_texts({str(file): file.read_text() for file in rules.iterdir()})
    with open_house(load(tmp_path / "anew")) as other:
        other.__dict__["book"] = book
        import_folder(other, logs / "hr")
        ingest(other, inputs_below(other.sources, logs)[0])
        judge_marked(other)
        after, cases = other.records.alerts(outcome=None), {case.person: case for case in other.records.cases()}
    before = house.records.alerts(outcome=None)
    was, now = {alert.id: alert for alert in before}, {alert.id: alert for alert in after}
    added = {alert.id for one in told.differences for alert in one.added}
    removed = {alert.id for one in told.differences for alert in one.removed}
    changed = {pair.after.id: pair.after for one in told.differences for pair in one.changed}
    assert added == now.keys() - was.keys()
    assert removed == was.keys() - now.keys()
    assert changed == {one: now[one] for one in was.keys() & now.keys() if was[one] != now[one]}
    assert {alert.rule for one in told.differences for alert in one.added} >= {"many_night_views", "mass_export"}
    assert {one.person: one.case_after for one in told.differences} == {
        one.person: cases.get(one.person) for one in told.differences
    }
    old = {case.person: case for case in house.records.cases()}
    assert all(one.case_before == old.get(one.person) for one in told.differences)
    assert {"mass_export", "night_views", "many_night_views", "file_download", "file_drip"} <= set(told.rules)
    assert "mass_delete_crm" not in told.rules


OF_EVERYBODY = """
title: A spreadsheet or a document, whatever happens to it
name: office_file
logsource: {product: leaverwatch}
detection: {s: {file.name|re: '(?i)\\.(xls|doc)x?$'}, condition: s}
level: informational
---
title: Leavers with the same files
name: leavers_files
behaviour:
  {type: common, rules: [office_file], field: file.name, common: 2, apart: 90, at_most: 4, before: 60, after: 60,
   share: 0.01}
level: medium
---
title: More than colleagues
name: more_files
behaviour: {type: cumulative, rules: [office_file], field: file.name, a_day: 2, limit: 4, history: 14, min_history: 3}
level: medium
"""


def test_a_rule_added_later_on_what_everybody_does_finds_what_it_finds_live(
    house: House, logs: Path, tmp_path: Path
) -> None:
    """Its base never tagged a stored event, and stores cannot answer its condition."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "new.yml").write_text(OF_EVERYBODY)
    found = hunt_with(house, str(rules), None, None)
    config = tmp_path / "leaverwatch.toml"
    config.write_text(f'[detection]\nrules = "{rules}"\n')
    with open_house(load(tmp_path / "anew", config)) as other:
        import_folder(other, logs / "hr")
        ingest(other, inputs_below(other.sources, logs)[0])
        judge_marked(other)
        live = [alert for alert in other.records.alerts(outcome=None) if alert.rule in found.rules]
    assert list(found.alerts) == live
    assert {alert.rule for alert in live} == {"leavers_files", "more_files"}


def test_a_change_that_changes_nothing_says_so(house: House, tmp_path: Path) -> None:
    file = changed_rule(tmp_path / "rules", "mass_export", "description: ", "description: Now. ")
    told = backtest(house, str(file), None, None)
    assert (told.rules, told.differences, told.lost) == (["mass_export"], [], [])


def test_a_confirmed_case_that_the_change_would_lose_is_named(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    with open_house(load(copy)) as house:
        (alert, *_) = [one for one in house.records.alerts() if one.rule == "mass_export" and one.score >= 30]
        (case,) = house.records.cases(persons=[alert.person])
        house.records.settle([], [], [], [replace(case, state=CaseState.CONFIRMED)])
        names = {one.rule for one in house.records.alerts(persons=[alert.person])}
    rules = tmp_path / "rules"
    rules.mkdir()
    for name in names:
        text = yaml.safe_load(RuleBook.load().origins[name])
        (rules / f"{name}.yml").write_text(yaml.safe_dump(text | {"points": 0, "floor": 0}, allow_unicode=True))
    done = run("backtest", rules, "--json", data=copy, expect=1)
    told = json.loads(done.stdout)
    assert [one["case"] for one in told["confirmed_lost"]] == [case.id]
    assert told["confirmed_lost"][0]["opens"] is None
    assert told["cases_gone"] >= 1
    assert "confirmed case" in run("backtest", rules, data=copy, expect=1).stderr


def test_tags_of_other_rules_are_not_believed(data: Path, tmp_path: Path) -> None:
    """The rules have changed since the events were tagged, and nobody has judged since."""
    copy, rules = tmp_path / "data", tmp_path / "rules"
    shutil.copytree(data, copy)
    (rules).mkdir()
    (rules / "new.yml").write_text(NEW)
    config = tmp_path / "leaverwatch.toml"
    config.write_text(f'[detection]\nrules = "{rules}"\n')
    asked = ("--json", "--unmask", "test")
    found = by_id(run("--config", config, "hunt", "many_night_views", *asked, data=copy).stdout)
    assert found["persons"] > 0
    assert found == by_id(run("hunt", rules, *asked, data=data).stdout)


THEIRS = """
title: A file server's object is read
id: 5a1b3c5d-0000-4000-8000-000000000001
logsource: {product: windows, service: security}
detection: {s: {EventID: 4663, AccessMask: '0x1'}, condition: s}
level: low
"""


def test_a_rule_over_a_vendors_records_is_hunted_in_the_store(house: House, tmp_path: Path) -> None:
    file = tmp_path / "theirs.yml"
    file.write_text(THEIRS)
    found = hunt_with(house, str(file), None, None)
    stored = house.events.read(EventQuery(columns=["event.id", "event.original"]))
    reads = stored.filter(pl.col("event.original").str.contains('(?i)"event_?id":"?4663'))
    meant = set(reads.filter(pl.col("event.original").str.contains('"AccessMask":"0x1"'))["event.id"])
    events = {event for alert in found.alerts for event in alert.events}
    assert events
    assert events <= meant


def test_a_filter_brought_in_takes_findings_away(house: House, tmp_path: Path) -> None:
    """A rule that a filter is on has changed, though its own text has not."""
    filter_ = {
        "title": "Nobody exports",
        "logsource": {"product": "leaverwatch"},
        "filter": {"rules": ["crm_export"], "s": {"event.action": "export"}, "condition": "not s"},
    }
    (tmp_path / "filter.yml").write_text(yaml.safe_dump(filter_))
    told = backtest(house, str(tmp_path / "filter.yml"), None, None)
    assert {"crm_export", "mass_export"} <= set(told.rules)
    assert "mass_download" not in told.rules
    gone = {alert.id for one in told.differences for alert in one.removed}
    assert gone >= {alert.id for alert in house.records.alerts() if alert.rule == "mass_export"} != set()
    assert not any(one.added for one in told.differences)


def test_a_hunt_prints_one_document_with_the_names_of_alerts(data: Path) -> None:
    told = json.loads(run("hunt", "mass_export", "--json", data=data).stdout)
    kept = [json.loads(run("alerts", *also, "--json", data=data).stdout) for also in ((), ("--suppressed",))]
    live = sorted((a for one in kept for a in one if a["rule"] == "mass_export"), key=lambda a: (a["time"], a["id"]))
    for alert in live:
        del alert["detected_at"]
    assert not any(term["peers_usual"] for alert in told["alerts"] for term in alert["terms"])
    for alert in (*live, *told["alerts"]):
        for term in alert["terms"]:
            # A hunt asks nobody else.
            del term["peers_usual"], term["messages"]
    assert told == {"rules": ["mass_export"], "persons": len({one["person"] for one in live}), "alerts": live}
    assert f"{len(live)} findings of mass_export" in run("hunt", "mass_export", data=data).stdout


@pytest.mark.parametrize("command", ["hunt", "backtest"])
def test_what_is_no_rule_is_wrong_use(command: str, data: Path, tmp_path: Path) -> None:
    assert "there is no such rule" in run(command, "no_such_rule", data=data, expect=2).stderr
    broken = tmp_path / "broken.yml"
    broken.write_text("title: [")
    assert "broken.yml:1" in run(command, broken, data=data, expect=2).stderr
