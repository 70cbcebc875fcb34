"""People work on cases while everything is judged again and again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_grounds import export, people, store

from app.config import load
from app.exceptiondesk import ExceptionDesk
from app.jobs import EVERYBODY, judge_marked
from app.labels import labels_of
from app.wiring import House, open_house
from cases.inbox import gather
from core.case import Case, CaseState
from core.errors import Refused
from core.evidence import Deed
from core.triage import FIRST_SPLIT, Change, Decision, Step, WorkState, contents_of
from detection.risk import score_at
from tests.app.conftest import run

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def change(house: House, case: Case, step: Step, **after: Any) -> Change:
    before = house.records.work([case.id])[case.id]
    return Change(
        before=before, after=replace(before, version=before.version + 1, **after), step=step, at=NOW, by="li", why="x"
    )


def decision(house: House, case: Case, verdict: CaseState) -> Decision:
    return Decision(
        case=case.id,
        version=house.records.work([case.id])[case.id].version,
        contents=contents_of(case),
        verdict=verdict,
        reason="the monthly report",
        at=NOW,
        by="li",
        because="approved" if verdict is CaseState.BENIGN else "",
    )


def judged(house: House) -> dict[int, Case]:
    house.records.add([EVERYBODY])
    judge_marked(house)
    return {case.number: case for case in house.records.cases()}


def split_off(house: House, case: Case, taken: set[str]) -> Case:
    alerts = [one for one in (house.records.alert(alert) for alert in case.alerts) if one]
    rest = gather(case.person, [one for one in alerts if one.id not in taken], score_at, 0.0)
    apart = gather(case.person, [one for one in alerts if one.id in taken], score_at, 0.0)
    assert rest
    assert apart
    return house.records.split(change(house, case, Step.SPLIT), replace(rest, id=case.id), apart)


def test_what_was_split_stays_apart_however_often_everybody_is_judged(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0), export(2))
        first = judged(house)[0]
        taken = {one for one in first.alerts if (alert := house.records.alert(one)) and alert.day.day == 4}
        assert 0 < len(taken) < len(first.alerts)
        made = split_off(house, first, taken)
        at_once = {case.number: case for case in house.records.cases()}
        again = judged(house)
        assert again == at_once, "judging makes what was made at once"
        assert set(again[FIRST_SPLIT].alerts) == taken
        house.records.change([change(house, made, Step.MOVED, state=WorkState.IN_REVIEW)])
        house.records.decide_all([decision(house, again[FIRST_SPLIT], CaseState.CONFIRMED)])
        store(house, export(5))
        later = judged(house)
        assert [(number, case.state) for number, case in sorted(later.items())] == [
            (0, CaseState.NEW),
            (FIRST_SPLIT, CaseState.CONFIRMED),
        ]
        assert taken.isdisjoint(later[0].alerts)
        assert set(first.alerts) - taken < set(later[0].alerts)
        house.records.decide_all([decision(house, later[0], CaseState.BENIGN)])
        store(house, export(8))
        assert set(judged(house)) == {0, 1, FIRST_SPLIT}


def test_a_decision_teaches_until_it_is_taken_back(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0))
        case = judged(house)[0]
        house.records.decide_all([decision(house, case, CaseState.CONFIRMED)])
        judge_marked(house)
        assert [label.guilty for label in labels_of(house)] == [True]
        store(house, export(2))
        judge_marked(house)
        assert [one.number for one in house.records.cases()] == [0, 1]
        house.records.reopen(change(house, case, Step.REOPENED))
        judge_marked(house)
        (whole,) = house.records.cases()
        assert (whole.number, whole.state) == (0, CaseState.NEW)
        assert set(case.alerts) < set(whole.alerts), "what came after belongs to it again"
        assert [label.guilty for label in labels_of(house)] == [None]


def test_work_survives_the_judge(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0))
        case = judged(house)[0]
        house.records.change([change(house, case, Step.MOVED, state=WorkState.TO_LEGAL, handed_over=NOW)])
        store(house, export(1))
        grown = judged(house)[0]
        assert len(grown.alerts) > len(case.alerts)
        assert house.records.work([case.id])[case.id].state is WorkState.TO_LEGAL
        assert house.records.handed_over([case.id]) == {case.id}


def test_a_benign_case_proposes_exceptions_of_which_one_call_files_one(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0))
        case = judged(house)[0]
        desk = ExceptionDesk(house)
        filing: dict[str, Any] = {"by": "chen", "reason": "monthly", "expires": datetime.now(UTC) + timedelta(days=9)}
        assert desk.suggested(case) == []
        with pytest.raises(Refused):
            desk.file(case, "mass_export", **filing)
        house.records.decide_all([decision(house, case, CaseState.BENIGN)])
        assert "mass_export" in {idea.rule for idea in desk.suggested(case)}
        made = desk.file(case, "mass_export", **filing)
        assert (made.person, made.owner, made.rule) == ("li.na", "chen", "mass_export")
        assert list(house.records.exceptions()) == [made]
        assert "mass_export" not in {idea.rule for idea in desk.suggested(case)}
        last = house.records.history(case.id)[-1]
        assert (last.deed, last.by, last.details["step"]) == (Deed.WORKED, "chen", "excepted")


def test_cases_are_worked_on_by_command_line(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0))
        case = judged(house)[0]

    def shown() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run("cases", "show", case.id[:8], "--json", data=tmp_path).stdout)
        return found

    def worked(*words: str, expect: int = 0) -> str:
        return str(run("cases", *words, data=tmp_path, expect=expect).stderr)

    assert (shown()["state"], shown()["assignee"]) == ("new", "")
    worked("move", case.id[:8], "in_review", "--by", "wang")
    worked("assign", case.id[:8], "chen")
    worked("comment", case.id[:8], "asked the manager", "--by", "wang")
    assert "needs a reason" in worked("move", case.id[:8], "escalated_legal", expect=2)
    worked("move", case.id[:8], "escalated_legal", "--reason", "a contract")
    assert (shown()["state"], shown()["assignee"]) == ("escalated_legal", "chen")
    worked("undo", case.id[:8])
    worked("decide", case.id[:8], "confirmed", "--reason", "seen")
    assert shown()["state"] == "closed"
    worked("undo", case.id[:8])
    found = shown()
    assert (found["state"], found["found"], found["comments"][0]["text"]) == ("in_review", "new", "asked the manager")
    steps = [one.get("step", one["deed"]) for one in found["history"]]
    assert steps == ["moved", "assigned", "commented", "moved", "undone", "decided", "reopened"]
    text = run("cases", "show", case.id[:8], data=tmp_path).stdout
    assert "asked the manager" in text
    assert "li.na" not in text


def test_why_a_case_was_decided_is_not_shown_without_unmasking(tmp_path: Path) -> None:
    with open_house(load(tmp_path)) as house:
        people(house, "li.na")
        store(house, export(0))
        case = judged(house)[0]
    run("cases", "decide", case.id[:8], "confirmed", "--reason", "Li Na admitted it", data=tmp_path)
    for more in ((), ("--json",)):
        assert "admitted" not in run("cases", "show", case.id[:8], *more, data=tmp_path).stdout
    assert "admitted" in run("cases", "--unmask", "an appeal", "--json", data=tmp_path).stdout
