"""An alert freezes what it rests on at once, and nothing that comes later alters it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from app import freezing, jobs
from app.config import load
from app.freezing import freeze
from app.jobs import judge_marked
from app.pipeline import keep, tagged
from app.wiring import House, open_house
from core.alert import MAX_EVENTS, Outcome
from core.auditing import check
from core.batch import Batch
from core.canonical import content_id
from core.errors import Broken
from core.evidence import AuditEntry, Deed, Snapshot
from core.person import Filing
from core.retention import Expiry
from core.schema import SCHEMA, conform
from tests.app.test_grounds import NOON, config, export, people, store, weekly

MASS = "mass_export"
OWN = """
title: Changed rules have everybody judged again
id: 5a1a3c1c-6e0e-4b9e-9f6e-2f1d5b0c7a11
name: of_our_own
logsource: {product: leaverwatch}
detection: {selection: {event.action: delete}, condition: selection}
level: low
"""


def alert_of(house: House) -> str:
    (found,) = (alert.id for alert in house.records.alerts() if alert.rule == MASS)
    return found


def snapshots(house: House) -> list[Snapshot]:
    return list(house.records.snapshots([alert_of(house)]))


def body(snapshot: Snapshot) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(snapshot.body)
    return found


def test_an_alert_is_frozen_with_all_that_it_rests_on(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        filings = [
            Filing(account="mail:li.na@corp.example", filed=NOON, last_day=date(2026, 4, 30)),
            Filing(account="mail:li.na@corp.example", filed=NOON.replace(year=2027), withdrawn=True),
        ]
        house.records.save_filings(filings, 10)
        store(house, export(0, **{"event.original": '{"who":"李娜"}'}))
        judge_marked(house)
        (snapshot,) = snapshots(house)
        found = body(snapshot)
        assert snapshot.id == hashlib.sha256(snapshot.body).hexdigest()
        assert found["alert"]["terms"][0]["points"] > 0
        assert found["alert"]["event_ids"] == found["events"]
        (event,) = found["events"]
        ((frozen, content),) = house.records.frozen_events([event])
        stored = json.loads(content)
        assert (frozen, stored["event.id"], stored["data.records"]) == (event, event, 20_000)
        assert stored["event.original"] == '{"who":"李娜"}'
        assert "rule.matched" not in stored
        assert (found["counted"], found["missing"]) == (1, [])
        rule = house.records.frozen_text(found["rule"]["sha256"])
        assert rule is not None
        assert rule.decode() == house.book.origins[MASS]
        assert found["rule"]["version"] == house.book.version
        for below in found["rule"]["on"]:
            assert house.records.frozen_text(below["sha256"])
        person = found["person"]
        assert (person["id"], person["department"], person["stage"]) == ("li.na", "Sales", "notice")
        assert [account["account"] for account in person["accounts"]] == ["mail:li.na@corp.example"]
        assert [one["last_day"] for one in person["filings"]] == ["2026-04-30"], "what HR filed later was not known"
        (source,) = found["sources"]
        assert (source["source"], source["events"]) == ("crm", 2)


def test_nothing_that_comes_later_alters_what_was_frozen(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0))
        judge_marked(house)
        (before,) = snapshots(house)
        house.records.add([jobs.EVERYBODY])
        judge_marked(house)
        assert snapshots(house) == [before], "judged again with the same answer"
        store(house, export(0, 30_000, **{"event.original": "more"}))
        judge_marked(house)
        first, second = snapshots(house)
        assert first == before
        assert len(body(second)["events"]) == 2
        house.events.expire(Expiry(before=datetime.now(UTC)))
        assert house.events.count() == 0
        assert snapshots(house) == [first, second]
        assert len(list(house.records.frozen_events(body(second)["events"]))) == 2
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yml").write_text(OWN)
    with open_house(load(tmp_path)) as house:
        judge_marked(house)
        assert list(house.records.snapshots([first.alert])) == [first, second]


def test_whoever_dies_between_settling_and_freezing_has_it_done_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: House) -> int:
        raise KeyboardInterrupt

    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0))
        with monkeypatch.context() as patch:
            patch.setattr(jobs, "freeze", killed)
            with pytest.raises(KeyboardInterrupt):
                judge_marked(house)
        assert snapshots(house) == []
    with open_house(load(tmp_path)) as house:
        assert {one.alert for one in house.records.unfrozen(9)} == {alert.id for alert in house.records.alerts()}
        judge_marked(house)
        assert len(snapshots(house)) == 1
        assert house.records.unfrozen(9) == []


def test_whoever_dies_while_freezing_leaves_nothing_half_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na", "wang.wei")
        store(house, export(0), export(0, account="mail:wang.wei@corp.example"))
        monkeypatch.setattr(freezing, "EVENTS_AT_ONCE", 1)
        pieces, make = [], freezing.Desk.evidence

        def dying(desk: freezing.Desk, alerts: Any) -> Any:
            pieces.append([alert.person for alert in alerts])
            if len(pieces) == 2:
                raise KeyboardInterrupt
            return make(desk, alerts)

        with monkeypatch.context() as patch:
            patch.setattr(freezing.Desk, "evidence", dying)
            with pytest.raises(KeyboardInterrupt):
                judge_marked(house)
        done = [one.person for alert in house.records.alerts() for one in house.records.snapshots([alert.id])]
        assert done == pieces[0], "some alerts at a time, each whole"
        freeze(house)
        alerts = house.records.alerts()
        assert all(len(house.records.snapshots([alert.id])) == 1 for alert in alerts)


def test_of_many_events_the_first_are_frozen_and_it_is_said_how_many_there_were(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        count = MAX_EVENTS + 50
        rows = {
            "event.id": [content_id("many", str(number)) for number in range(count)],
            "@timestamp": [NOON] * count,
            "event.module": ["salesforce"] * count,
            "event.action": ["export"] * count,
            "user.account": ["mail:li.na@corp.example"] * count,
            "data.records": [20] * count,
        }
        batch = Batch(source="crm", read=count, events=conform(pl.DataFrame(rows, schema_overrides=SCHEMA)))
        tagger = house.tagger()
        keep(house, tagger, tagged(batch, tagger))
        judge_marked(house)
        found = body(snapshots(house)[0])
        assert found["counted"] > MAX_EVENTS == len(found["events"])
        assert len(list(house.records.frozen_events(found["events"]))) == MAX_EVENTS


def test_events_that_are_gone_when_an_alert_is_frozen_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0))
        with monkeypatch.context() as patch:
            patch.setattr(jobs, "freeze", lambda _: 0)
            judge_marked(house)
        house.events.expire(Expiry(before=datetime.now(UTC)))
        assert freeze(house) >= 1
        found = body(snapshots(house)[0])
        assert found["missing"] == found["events"] != []


def test_an_alert_the_budget_has_no_room_for_is_not_frozen(tmp_path: Path) -> None:
    with open_house(config(tmp_path, cases_per_week=1)) as house:
        weekly(house)
        alerts = house.records.alerts(outcome=None)
        assert {alert.outcome for alert in alerts} == {Outcome.ALERT, Outcome.OVERFLOW}
        for alert in alerts:
            assert bool(house.records.snapshots([alert.id])) == (alert.outcome is Outcome.ALERT)


def test_entries_taken_from_the_end_of_the_audit_log_are_missed(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        for number in range(3):
            entry = AuditEntry(at=NOON, by="ann", deed=Deed.SAW, about=[f"e{number}"])
            house.records.note(entry)
        people(house, "li.na")
        store(house, export(0))
        judge_marked(house)
        assert body(snapshots(house)[0])["audit"]["entries"] == 3
        house.records.note(replace(entry, about=["e9"]))
        assert check(house.records) == 4
        with house.records.database.writing() as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql("delete from audit where number >= 2")
        with pytest.raises(Broken, match="audit entry 2 is missing"):
            check(house.records)
