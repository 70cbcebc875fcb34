"""A dismissed case is forgotten once nobody needs it, and what it was made of cannot accuse anybody again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.config import Config, Retention
from app.doctor import examine
from app.freezing import freeze
from app.heads import keep_heads
from app.jobs import EVERYBODY, judge_marked
from app.ledgerdoctor import examine_ledger
from app.retention import check, retain, retain_daily
from app.wiring import House, open_house
from core.case import CaseState
from core.casefiles import Comment
from core.retention import Due
from tests.app.conftest import run
from tests.app.test_grounds import LI, NOON, export, people, store
from tests.app.test_retention import NOW

KINDS = ["writing", "case", "alert", "snapshot"]


def config(data: Path, **days: int) -> Config:
    return Config(data=data, retention=Retention(**days))  # type: ignore[arg-type]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A person exported much; the case was decided benign on the same day, and somebody wrote why."""
    with open_house(config(tmp_path, events=60, dismissed=30)) as opened:
        people(opened, "li.na")
        store(opened, export(0, 90_000, LI), export(95, 5, LI))
        judge_marked(opened)
        freeze(opened)
        keep_heads(opened)
        (case,) = opened.records.cases()
        opened.records.add_comment(Comment(id="c", case=case.id, text="their own list", by="ann", at=NOON))
        opened.records.decide(case.id, CaseState.BENIGN, "in order", NOON, "ann")
        yield opened


def kinds(due: Due) -> list[str]:
    return [one.kind.value for one in due.erased if one.source == "dismissed"]


def test_a_dismissed_case_goes_after_its_events_and_nothing_brings_it_back(house: House) -> None:
    assert kinds(check(house, NOW)) == KINDS
    done = retain(house, "ann", NOW)
    assert [kind for one in done for kind in kinds(one.due)] == KINDS
    assert (house.records.cases(), house.records.alerts(outcome=None)) == ([], [])
    assert list(house.records.every_snapshot()) == []
    house.records.add([EVERYBODY])
    judge_marked(house)
    assert (house.records.cases(), house.records.alerts(outcome=None)) == ([], [])
    assert [finding.text for finding in (*examine_ledger(house), *examine(house.config)) if not finding.ok] == []
    assert retain(house, "ann", NOW) == []


def test_while_its_events_are_there_the_decision_answers_them(house: House, tmp_path: Path) -> None:
    (case,) = house.records.cases()
    house.events.close()  # type: ignore[attr-defined]
    kept = config(tmp_path, dismissed=30, alerts=30)
    assert [kinds(one.due) for one in retain_daily(kept, NOW)] == [["writing"]]
    assert retain_daily(kept, NOW) == [], "today is done"
    with open_house(kept) as again:
        assert again.records.comments(case.id) == []
        again.records.add([EVERYBODY])
        judge_marked(again)
        assert [(one.id, one.state) for one in again.records.cases()] == [(case.id, CaseState.BENIGN)]


def test_the_command_says_what_would_go_and_what_went(house: House, tmp_path: Path) -> None:
    house.events.close()  # type: ignore[attr-defined]
    file = tmp_path / "retention.toml"
    file.write_text("[retention]\ndismissed = 30\n")
    front = ("--config", str(file))
    told = run(*front, "retention", "run", "--check", data=tmp_path).stdout
    assert "1 records would go" in told
    assert "writing" in told
    assert "1 records went" in run(*front, "retention", "run", data=tmp_path).stdout
    assert "nothing was due" in run(*front, "retention", "run", data=tmp_path).stdout
    assert "dismissed: " in run(*front, "retention", "list", data=tmp_path).stdout


def test_what_is_frozen_of_alerts_that_judging_took_away_goes_and_the_ledger_knows_why(tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(days=100)
    with open_house(config(tmp_path, events=60, alerts=30)) as house:
        people(house, "li.na")
        store(house, export(0, 90_000, LI))
        judge_marked(house)
        freeze(house)
        keep_heads(house)
        retain(house, "ann", later)
        frozen = [one.id for one in house.records.every_snapshot()]
        assert frozen, "its case is open"
        house.records.add([EVERYBODY])
        judge_marked(house)
        assert (house.records.cases(), house.records.alerts(outcome=None)) == ([], [])
        (done,) = retain(house, "ann", later)
        assert [(one.kind.value, one.source, one.records) for one in done.due.erased] == [
            ("snapshot", "alerts", len(frozen))
        ]
        assert list(house.records.every_snapshot()) == []
        assert [finding.text for finding in examine_ledger(house) if not finding.ok] == []
