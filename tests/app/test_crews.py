"""A crew is one case, whoever of it is judged first, and falls apart when it was none."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from api.views import cases_of
from app.backtesting import backtest
from app.config import Config, Detection
from app.jobs import judge_marked
from app.pipeline import keep, tagged
from app.wiring import House, open_house
from core.alert import Alert, Severity
from core.batch import Batch
from core.canonical import content_id
from core.case import Case, CaseState
from core.casefiles import Comment
from core.person import Filing, Link, Person
from core.ports import Mark
from core.schema import SCHEMA, conform
from detection.judge import judge
from detection.rulebook import RuleBook

BEGIN = datetime(2026, 3, 2, 2, tzinfo=UTC)
NAMES = ("ann", "bob", "eve")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(Config(data=tmp_path)) as made:
        hire(made, dict.fromkeys((*NAMES, "dan"), "Sales"))
        yield made


def hire(house: House, departments: dict[str, str], since: datetime | None = None) -> None:
    persons = [Person(id=name, email=f"{name}@example.com", department=of) for name, of in departments.items()]
    links = [Link(account=f"mail:{p.email}", person=p.id, since=since) for p in persons]
    house.records.save_persons(persons, links)


def send(house: House, name: str, day: int, size: int = 6_000_000, to: str = "team@newco.cn") -> None:
    row = {
        "event.id": content_id(name, str(day), to),
        "@timestamp": BEGIN + timedelta(days=day),
        "event.action": "send",
        "event.outcome": "success",
        "event.module": "postfix",
        "user.account": f"mail:{name}@example.com",
        "email.to.address": to,
        "email.to.domain": to.partition("@")[2],
        "data.bytes": size,
    }
    frame = conform(pl.DataFrame([row], schema={key: SCHEMA[key] for key in row}))
    tagger = house.tagger()
    keep(house, tagger, tagged(Batch(source="postfix", read=1, events=frame), tagger))


def members(house: House) -> list[set[str]]:
    """Who is in each case."""
    alerts = {alert.id: alert.person for alert in house.records.alerts()}
    return [{alerts[one] for one in case.alerts} for case in house.records.cases()]


def crew_alerts(house: House) -> list[tuple[str, str, object]]:
    return sorted((a.person, a.day.isoformat(), a.facts["others"]) for a in house.records.alerts() if "crew" in a.facts)


@pytest.mark.parametrize("order", [("ann", "bob", "eve"), ("eve", "bob", "ann"), ("bob", "eve", "ann")])
@pytest.mark.parametrize("judged", ["each time", "at the end"])
def test_three_who_send_to_one_new_place_are_one_case(house: House, order: Sequence[str], judged: str) -> None:
    for name in order:
        send(house, name, NAMES.index(name))
        if judged == "each time":
            judge_marked(house)
    judge_marked(house)
    day = "2026-03-04"
    assert crew_alerts(house) == [("ann", day, "bob, eve"), ("bob", day, "ann, eve"), ("eve", day, "ann, bob")]
    assert members(house) == [set(NAMES)]
    assert house.records.cases()[0].person == "ann"
    assert house.records.pending() == []
    assert [len(cases_of(house.records, [name])) for name in (*NAMES, "dan")] == [1, 1, 1, 0]


def test_a_fourth_joins_the_same_case_and_the_same_crew(house: House) -> None:
    for day, name in enumerate((*NAMES, "dan")):
        send(house, name, day)
        judge_marked(house)
    assert members(house) == [{*NAMES, "dan"}]
    assert len({alert.facts["crew"] for alert in house.records.alerts() if "crew" in alert.facts}) == 1


def test_judging_again_changes_nothing(house: House) -> None:
    for day, name in enumerate(NAMES):
        send(house, name, day)
    judge_marked(house)
    before = house.records.alerts(), house.records.cases()
    house.records.add([Mark(subject="person:bob", first=BEGIN.date(), last=BEGIN.date() + timedelta(days=9))])
    judge_marked(house)
    assert (house.records.alerts(), house.records.cases()) == before


def test_a_crew_of_different_departments_after_all_falls_apart(house: House) -> None:
    for day, name in enumerate(NAMES):
        send(house, name, day)
    judge_marked(house)
    hire(house, {"eve": "Support"})
    judge_marked(house)
    assert crew_alerts(house) == []
    assert all(len(own) < 2 for own in members(house))


def test_a_place_the_company_knows_ties_nobody(house: House) -> None:
    send(house, "dan", -30, size=700_000)
    for day, name in enumerate(NAMES):
        send(house, name, day)
    judge_marked(house)
    assert crew_alerts(house) == []


def test_what_comes_late_from_before_takes_the_crew_away(house: House) -> None:
    for day, name in enumerate(NAMES):
        send(house, name, day)
    judge_marked(house)
    send(house, "dan", -30, size=700_000)
    judge_marked(house)
    assert crew_alerts(house) == []
    assert all(len(own) < 2 for own in members(house))


def test_two_places_on_one_day_come_to_rest(house: House) -> None:
    hire(house, dict.fromkeys((*NAMES, "dan", "fay", "gus", "hal"), "Sales"))
    for place, people in {
        "y@newco.cn": NAMES,
        "x@old.cn": ("bob", "dan", "fay", "gus"),
        "z@z.cn": ("ann", "hal", "gus", "fay"),
    }.items():
        for name in people:
            send(house, name, 0, to=place)
            judge_marked(house)
    assert {name: others for name, _, others in crew_alerts(house)} == {
        "ann": "bob, eve, fay, gus, hal",
        "bob": "ann, dan, eve, fay, gus",
        "dan": "bob, fay, gus",
        "eve": "ann, bob",
        "fay": "ann, bob, dan, gus, hal",
        "gus": "ann, bob, dan, fay, hal",
        "hal": "ann, fay, gus",
    }
    assert members(house) == [{*NAMES, "dan", "fay", "gus", "hal"}]


def take(house: House, name: str, files: range, day: int) -> None:
    rows = [
        {
            "event.id": content_id(name, str(day), str(file)),
            "@timestamp": BEGIN + timedelta(days=day, minutes=file),
            "event.action": "download",
            "event.module": "m365",
            "user.account": f"mail:{name}@example.com",
            "file.name": f"offer-{file}.docx",
            "file.path": f"https://example.com/offer-{file}.docx",
        }
        for file in files
    ]
    frame = conform(pl.DataFrame(rows, schema={key: SCHEMA[key] for key in rows[0]}))
    tagger = house.tagger()
    keep(house, tagger, tagged(Batch(source="m365_audit", read=len(rows), events=frame), tagger))


def resign(house: House, name: str, day: int, *, withdrawn: bool = False, last_day: date | None = None) -> None:
    filed = BEGIN + timedelta(days=day)
    filing = Filing(account=f"mail:{name}@example.com", filed=filed, withdrawn=withdrawn, last_day=last_day)
    house.records.save_filings([filing], 180)


STEPS: dict[str, Callable[[House], None]] = {
    "ann takes": lambda house: take(house, "ann", range(12), 0),
    "bob takes": lambda house: take(house, "bob", range(2, 14), 3),
    "eve takes": lambda house: take(house, "eve", range(4, 16), 5),
    "ann resigns": lambda house: resign(house, "ann", 6),
    "bob resigns": lambda house: resign(house, "bob", 8),
    "eve resigns": lambda house: resign(house, "eve", 9),
}


@pytest.mark.parametrize("judged", ["each time", "at the end"])
@pytest.mark.parametrize("seed", range(3))
def test_leavers_who_took_the_same_files_are_one_case_in_any_order(house: House, judged: str, seed: int) -> None:
    steps = list(STEPS)
    random.Random(seed).shuffle(steps)
    for step in steps:
        STEPS[step](house)
        if judged == "each time":
            judge_marked(house)
    judge_marked(house)
    of_two, of_three = "2026-03-10", "2026-03-11"
    assert crew_alerts(house) == [
        ("ann", of_two, "bob"),
        ("ann", of_three, "bob, eve"),
        ("bob", of_two, "ann"),
        ("bob", of_three, "ann, eve"),
        ("eve", of_three, "ann, bob"),
    ]
    assert members(house) == [set(NAMES)]
    assert house.records.pending() == []


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[House]:
    """A company that has named a purpose for looking at who is about to leave."""
    with open_house(Config(data=tmp_path, detection=Detection(pre_departure="the list of customers"))) as made:
        hire(made, dict.fromkeys((*NAMES, "dan"), "Sales"))
        yield made


def looks_elsewhere(house: House, name: str, day: int) -> None:
    """Visits to job sites and bulky private mail, which nobody had of this person before."""
    visit = {"event.action": "view", "url.full": "https://www.zhipin.com/job/1"}
    mail = {
        "event.action": "send",
        "event.outcome": "success",
        "email.to.address": f"{name}@qq.com",
        "email.to.domain": "qq.com",
        "data.bytes": 900_000,
    }
    rows = [
        {
            "event.id": content_id(name, str(day), str(number)),
            "@timestamp": BEGIN + timedelta(days=day, minutes=number),
            "user.account": f"mail:{name}@example.com",
            **dict.fromkeys({*visit, *mail}),
            **(visit if number < 10 else mail),
        }
        for number in range(15)
    ]
    frame = conform(pl.DataFrame(rows, schema={key: SCHEMA[key] for key in rows[0]}))
    tagger = house.tagger()
    keep(house, tagger, tagged(Batch(source="proxy_cef", read=len(rows), events=frame), tagger))


ABOUT: dict[str, Callable[[House], None]] = {
    "ann takes": lambda house: take(house, "ann", range(12), 0),
    "bob takes": lambda house: take(house, "bob", range(2, 14), 1),
    "eve takes": lambda house: take(house, "eve", range(2, 14), 1),
    "ann resigns": lambda house: resign(house, "ann", 6),
    "bob looks elsewhere": lambda house: looks_elsewhere(house, "bob", 8),
}


@pytest.mark.parametrize("judged", ["each time", "at the end"])
@pytest.mark.parametrize("seed", range(3))
def test_who_is_about_to_leave_is_of_a_leavers_crew_and_a_colleague_is_not(
    watched: House, judged: str, seed: int
) -> None:
    steps = list(ABOUT)
    random.Random(seed).shuffle(steps)
    for step in steps:
        ABOUT[step](watched)
        if judged == "each time":
            judge_marked(watched)
    judge_marked(watched)
    assert crew_alerts(watched) == [("ann", "2026-03-10", "bob"), ("bob", "2026-03-10", "ann")]
    assert {"ann", "bob"} in members(watched)
    assert watched.records.pending() == []


def test_who_is_judged_of_other_days_beside_a_crews_first_is_told_of_it(house: House) -> None:
    """Both are judged in one turn, bob of days of which none is the crew's."""
    for day, name in enumerate(NAMES[:2]):
        send(house, name, day)
    judge_marked(house)
    send(house, "eve", 2)
    house.records.add([Mark(subject="person:bob", first=date(2026, 6, 1), last=date(2026, 6, 2))])
    judge_marked(house)
    assert [name for name, _, _ in crew_alerts(house)] == list(NAMES)
    assert house.records.pending() == []


def test_signs_that_were_none_leave_no_crew(watched: House) -> None:
    """What shows later that bob always did so takes stage and crew away, of both."""
    for step in ABOUT.values():
        step(watched)
    judge_marked(watched)
    looks_elsewhere(watched, "bob", -40)
    judge_marked(watched)
    assert crew_alerts(watched) == []
    assert watched.records.pending() == []


def test_who_moves_to_another_department_is_of_no_crew_there(watched: House) -> None:
    for step in ABOUT.values():
        step(watched)
    judge_marked(watched)
    hire(watched, {"bob": "Support"})
    judge_marked(watched)
    assert crew_alerts(watched) == []


def test_who_once_withdrew_a_notice_counts_as_anybody(watched: House) -> None:
    resign(watched, "bob", -60)
    resign(watched, "bob", -50, withdrawn=True)
    for step in ABOUT.values():
        step(watched)
    judge_marked(watched)
    assert crew_alerts(watched) == [("ann", "2026-03-10", "bob"), ("bob", "2026-03-10", "ann")]


def test_who_showed_signs_long_ago_is_not_asked_about(watched: House) -> None:
    for step in ABOUT.values():
        step(watched)
    judge_marked(watched)
    assert watched.departing(watched.book, date(2026, 3, 10)).keys() == {"bob"}
    assert watched.departing(watched.book, date(2027, 3, 10)) == {}
    before = crew_alerts(watched)
    watched.records.add([Mark(subject="*", first=date(2026, 3, 10), last=date(2026, 3, 10))])
    judge_marked(watched)
    assert crew_alerts(watched) == before != []


@pytest.mark.parametrize("began", [8, -22, -23, -300, -900])
def test_of_a_stage_that_lasts_the_beginning_counts_however_little_of_it_is_read(watched: House, began: int) -> None:
    """Signs every five weeks are one stage; ann's notice is of the same weeks as its beginning, or of later ones."""
    for step in list(ABOUT)[:4]:
        ABOUT[step](watched)
    judge_marked(watched)
    times = [BEGIN + timedelta(days=day) for day in range(began, 60, 35)]
    until = [(time + timedelta(days=60)).strftime("%Y-%m-%dT%H:%M:%S+00:00") for time in times]
    signs = [
        Alert(
            id=f"{time}", rule="about_to_leave", person="bob", day=time.date(), time=time, severity=Severity.LOW,
            score=0.0, stage="active", terms=(), facts={"until": end}, events=(),
        )
        for time, end in zip(times, until, strict=True)
    ]  # fmt: skip
    day = date(2026, 3, 8)
    since = BEGIN.replace(hour=0) + timedelta(days=6 - watched.book.stages_bear)
    found = []
    for some in (signs, [sign for sign in signs if sign.time >= since]):
        bench = watched.bench(watched.directory(), departing={"bob": some})
        marks = [Mark(subject="person:ann", first=day, last=day + timedelta(days=60))]
        found.append([a for one in judge(marks, bench) for a in (*one.alerts, *one.beside.alerts) if "crew" in a.facts])
    assert found[0] == found[1]
    assert bool(found[0]) == (began >= -22)


def test_a_backtest_of_who_is_about_to_leave_says_what_becomes_of_crews(watched: House, tmp_path: Path) -> None:
    for step in ABOUT.values():
        step(watched)
    judge_marked(watched)
    text = RuleBook.load().origins["about_to_leave"]
    (tmp_path / "r.yml").write_text(text.replace("kinds: 2", "kinds: 3"))
    told = backtest(watched, str(tmp_path / "r.yml"), None, None)
    gone = {(alert.rule, alert.person) for one in told.differences for alert in one.removed}
    assert {("about_to_leave", "bob"), ("crew_documents", "ann"), ("crew_documents", "bob")} <= gone
    (tmp_path / "r.yml").write_text(text.replace("description: ", "description: Now. ", 1))
    assert backtest(watched, str(tmp_path / "r.yml"), None, None).differences == []


def test_without_a_purpose_nobody_is_about_to_leave(house: House) -> None:
    for step in ABOUT.values():
        step(house)
    judge_marked(house)
    assert crew_alerts(house) == []


def test_what_hr_files_later_takes_the_place_of_the_signs(watched: House) -> None:
    for step in ABOUT.values():
        step(watched)
    resign(watched, "bob", 9)
    judge_marked(watched)
    before = crew_alerts(watched)
    assert ("bob", "2026-03-10", "ann") in before
    watched.records.add([Mark(subject="*", first=BEGIN.date(), last=BEGIN.date() + timedelta(days=60))])
    judge_marked(watched)
    assert crew_alerts(watched) == before


def test_a_crew_by_documents_stays_the_same_whoever_joins_it(house: House) -> None:
    for step in ("bob takes", "eve takes", "bob resigns", "eve resigns"):
        STEPS[step](house)
    judge_marked(house)
    (crew,) = {alert.facts["crew"] for alert in house.records.alerts() if "crew" in alert.facts}
    take(house, "ann", range(2, 14), 10)
    resign(house, "ann", 11)
    judge_marked(house)
    assert {name for name, _, _ in crew_alerts(house)} == set(NAMES)
    assert {alert.facts["crew"] for alert in house.records.alerts() if "crew" in alert.facts} == {crew}


def test_a_backtest_knows_a_crews_case_by_its_members(house: House, tmp_path: Path) -> None:
    """Confirmed under its first member; the change concerns what another one did."""
    for number, name in enumerate(NAMES):
        send(house, name, number)
    judge_marked(house)
    (case,) = house.records.cases()
    house.records.decide(case.id, CaseState.CONFIRMED, "seen", BEGIN)
    judge_marked(house)
    kept = backtest(house, str(changed(tmp_path, "crew_mail", "people: 3", "people: 2")), None, None)
    gone = backtest(house, str(changed(tmp_path, "crew_mail", "people: 3", "people: 4")), None, None)
    assert kept.lost == []
    assert [(one.case.id, one.opens) for one in gone.lost] == [(case.id, None)]
    assert {one.person for one in gone.differences if one.case_before} == {"ann"}


def changed(folder: Path, rule: str, old: str, new: str) -> Path:
    text = RuleBook.load().origins[rule]
    assert old in text
    file = folder / f"{rule}.yml"
    file.write_text(text.replace(old, new))
    return file


def test_leaving_in_the_same_week_with_files_of_ones_own_is_no_case(house: House) -> None:
    for number, name in enumerate(NAMES):
        take(house, name, range(100 * number, 100 * number + 40), number)
        resign(house, name, 6)
    judge_marked(house)
    assert crew_alerts(house) == []
    assert house.records.cases() == []


@pytest.mark.parametrize(("later", "tied"), [(85, True), (100, False)])
def test_who_leaves_on_one_day_is_tied_by_it_a_quarter_at_most(house: House, later: int, tied: bool) -> None:
    last_day = (BEGIN + timedelta(days=120)).date()
    take(house, "ann", range(12), 0)
    take(house, "bob", range(12), later)
    resign(house, "ann", 1, last_day=last_day)
    resign(house, "bob", 1 + later, last_day=last_day)
    judge_marked(house)
    assert [name for name, _, _ in crew_alerts(house)] == (["ann", "bob"] if tied else [])
    # What a look at that day alone finds is what a look at everything found.
    day = (BEGIN + timedelta(days=1 + later)).date()
    house.records.add([Mark(subject="person:ann", first=day, last=day)])
    judge_marked(house)
    assert [name for name, _, _ in crew_alerts(house)] == (["ann", "bob"] if tied else [])


def test_somebody_whose_account_was_linked_on_a_day_is_one_taker(house: House) -> None:
    everybody = ("dan", "eve", "fay", "gus", "ann", "bob")
    hire(house, dict.fromkeys(everybody, "Sales"), since=BEGIN - timedelta(days=300))
    for number, name in enumerate(everybody):
        take(house, name, range(12), number)
    for name in ("ann", "bob"):
        resign(house, name, 6)
    judge_marked(house)
    assert [name for name, _, _ in crew_alerts(house)] == ["ann", "bob"]


def test_a_notice_taken_back_before_the_other_came_leaves_no_crew(house: House) -> None:
    for step in ("ann takes", "bob takes", "ann resigns", "bob resigns"):
        STEPS[step](house)
    judge_marked(house)
    assert [name for name, _, _ in crew_alerts(house)] == ["ann", "bob"]
    resign(house, "ann", 7, withdrawn=True)
    judge_marked(house)
    assert crew_alerts(house) == []
    assert house.records.pending() == []


def case_of_all(house: House) -> Case:
    (case,) = house.records.cases()
    return case


@pytest.mark.parametrize("newcomer", ["abe", "zoe"])
def test_whoever_joins_work_on_the_crews_case_goes_on(house: House, newcomer: str) -> None:
    """abe's id comes before that of all others, so that the case becomes his; zoe's after."""
    hire(house, {newcomer: "Sales"})
    for day, name in enumerate(NAMES):
        send(house, name, day)
    judge_marked(house)
    before = case_of_all(house)
    house.records.add_comment(Comment(id="c", case=before.id, text="asked their lead", by="li", at=BEGIN))
    send(house, newcomer, 3)
    judge_marked(house)
    after = case_of_all(house)
    assert members(house) == [{*NAMES, newcomer}]
    assert (after.person, after.id == before.id) == (min(newcomer, "ann"), newcomer > "ann")
    assert [one.text for one in house.records.comments(after.id)] == ["asked their lead"]
    assert house.records.case(before.id) == after


def test_a_crews_decision_answers_its_members_alerts_whoever_joins_later(house: House) -> None:
    hire(house, {"abe": "Sales"})
    for day, name in enumerate(NAMES):
        send(house, name, day)
    judge_marked(house)
    decided = case_of_all(house)
    house.records.decide(decided.id, CaseState.BENIGN, "a partner", BEGIN, "li")
    judge_marked(house)
    assert [case.id for case in house.records.cases()] == [decided.id]
    send(house, "abe", 3)
    judge_marked(house)
    new = [case for case in house.records.cases() if case.state is CaseState.NEW]
    assert {alert for case in new for alert in case.alerts}.isdisjoint(decided.alerts), "nobody is accused twice"


def test_a_crew_that_falls_apart_leaves_its_decision_with_each(house: House) -> None:
    for day, name in enumerate(NAMES):
        send(house, name, day, size=900_000_000)
    judge_marked(house)
    decided = case_of_all(house)
    house.records.decide(decided.id, CaseState.BENIGN, "a partner", BEGIN, "li")
    hire(house, {"eve": "Support"})
    judge_marked(house)
    new = [case for case in house.records.cases() if case.state is CaseState.NEW]
    assert {alert for case in new for alert in case.alerts}.isdisjoint(decided.alerts)
