"""What people took apart stays apart, whoever judges."""

from __future__ import annotations

from dataclasses import replace

from test_inbox import alert, total

from cases.splitting import cases_of_one
from core.alert import Outcome
from core.case import Case, CaseState
from core.triage import FIRST_SPLIT, Split

ALERTS = [alert("a", 0, 20), alert("b", 1, 20), alert("c", 2, 20)]
APART = {ALERTS[2].id: Split(alert=ALERTS[2].id, person="1", number=FIRST_SPLIT, origin=0)}


def cases(alerts=ALERTS, decided=(), splits=APART, opens_at=30.0) -> dict[int, list[str]]:  # type: ignore[no-untyped-def]
    found = cases_of_one("1", alerts, decided, splits, total, opens_at)
    assert len({case.id for case in found}) == len(found)
    return {case.number: list(case.alerts) for case in found}


def decided(number: int, splits=APART) -> Case:  # type: ignore[no-untyped-def]
    found = cases_of_one("1", ALERTS, (), splits, total, 30)
    return next(replace(case, state=CaseState.BENIGN) for case in found if case.number == number)


def test_an_alert_that_was_taken_out_is_a_case_of_its_own() -> None:
    assert cases(splits={}) == {0: [one.id for one in ALERTS]}
    assert cases() == {0: [ALERTS[0].id, ALERTS[1].id], FIRST_SPLIT: [ALERTS[2].id]}


def test_both_parts_stay_open_however_little_they_weigh() -> None:
    assert set(cases(opens_at=60)) == {0, FIRST_SPLIT}
    assert cases(opens_at=61, splits={}) == {}


def test_each_part_is_decided_by_itself() -> None:
    assert set(cases(decided=[decided(0)])) == {FIRST_SPLIT}
    assert set(cases(decided=[decided(FIRST_SPLIT)])) == {0}
    later = alert("d", 5, 40)
    assert cases([*ALERTS, later], [decided(0), decided(FIRST_SPLIT)]) == {1: [later.id]}, (
        "numbers go on from the first"
    )


def test_what_weighs_more_after_its_part_was_decided_is_gathered_with_the_others() -> None:
    more = replace(ALERTS[2], score=50)
    assert cases([*ALERTS[:2], more], [decided(0), decided(FIRST_SPLIT)]) == {1: [more.id]}


def test_what_something_speaks_for_is_in_no_case() -> None:
    spoken = replace(ALERTS[2], outcome=Outcome.SUPPRESSED)
    assert cases([*ALERTS[:2], spoken]) == {0: [ALERTS[0].id, ALERTS[1].id]}


def test_a_split_of_another_lead_keeps_its_alerts_apart() -> None:
    theirs = {one: replace(split, person="2") for one, split in APART.items()}
    assert set(cases(splits=theirs)) == {0, FIRST_SPLIT}
    assert set(cases(splits=theirs, opens_at=61)) == {FIRST_SPLIT}
