"""Who asks gets everything that is held about them, and nobody else's name."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from access.noting import changed
from access.permissions import OF_ROLE, permissions_of
from api.server import create_app
from api.shop import Shop
from app.answering import answer, hand_over
from app.answerwords import KINDS
from app.config import Config
from app.desk import SubjectDesk
from app.freezing import freeze
from app.jobs import judge_marked
from app.pseudonyms import pseudonyms
from app.subjects import ask
from app.wiring import House, open_house
from core.access import Caller, Depth, Permission, Role, Scope
from core.case import CaseState
from core.casefiles import Comment, Task
from core.errors import Refused
from core.evidence import AuditEntry, Deed, HoldScope
from core.happening import Happening, Kind
from core.person import Filing, Link, Person
from core.roster import Member
from core.subjects import Right
from core.unmasking import Purpose, Unmasking, UnmaskingState
from core.users import User
from tests.api.shops import Knows
from tests.app.conftest import run
from tests.app.test_grounds import LI, NOON, an_exception, export, people, store
from tests.app.test_retention import hold

WANG = "mail:wang.wei@corp.example"
PERSONS = [
    Person(id="1001", name="李娜", email="li.na@corp.example", department="Sales", title="Rep"),
    Person(id="1002", name="王伟", email="wang.wei@corp.example", department="Sales", title="Rep"),
    Person(id="1003", name="", email="na@corp.example", department="HR", title="Rep"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """李娜 exports, names 王伟, and has an alert, a hold and a look; she had a shared account once."""
    with open_house(Config(data=tmp_path_factory.mktemp("data"))) as opened:
        links = [Link(account=f"mail:{one.email}", person=one.id) for one in PERSONS]
        links.append(Link(account="login:desk", person="1001", until=NOON))
        store(opened, export(-40, 1, "mail:old@corp.example"))
        opened.records.save_persons(PERSONS, links)
        opened.records.save_filings([Filing(account=LI, filed=NOON, withdrawn=False, last_day=None)], 400)
        told = {
            "event.original": json.dumps(
                {"to": "王伟 <Wang.Wei@corp.example>", "cc": "na@corp.example; li.na@corp.example"}
            )
        }
        store(opened, export(0, **told), export(1), export(1, account=WANG))
        store(opened, export(-1, 3, "login:desk"), export(2, 3, "login:desk"))
        judge_marked(opened)
        freeze(opened)
        hold(opened, HoldScope.PERSON, "1001")
        opened.records.note(AuditEntry(at=NOON, by="zhao.min", deed=Deed.SAW, about=["1001", "1002"], why="王伟 asked"))
        member = Member(person=PERSONS[0], user_name="li.na")
        opened.records.save_member(member, [link for link in links if link.person == "1001"], by="hris", at=NOON)
        other = Member(person=PERSONS[1], user_name="wang.wei")
        opened.records.save_member(other, [link for link in links if link.person == "1002"], by="hris", at=NOON)
        for person in ("1001", "1002"):
            sent = Happening(at=NOON, kind=Kind.NOTICE_SENT, subject="n", person=person, to=["user:chen.jie"])
            opened.records.happen([sent])
        yield opened


def opened(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


@pytest.fixture
def found(house: House, tmp_path: Path) -> dict[str, str]:
    answer(house, "1001", tmp_path / "out.zip", by="legal")
    return opened(tmp_path / "out.zip")


def test_everything_that_is_held_is_there(found: dict[str, str], house: House) -> None:
    held = json.loads(found["held.json"])
    assert held["person"]["name"] == "李娜"
    assert {link["account"] for link in held["links"]} == {"mail:li.na@corp.example", "login:desk"}
    assert (len(held["filings"]), len(held["holds"])) == (1, 1)
    assert [look["deed"] for look in held["looks"]] == ["filed", "held", "saw", "entered"]
    own = {alert.id for alert in house.records.alerts(persons=["1001"])}
    assert own
    assert {alert["id"] for alert in held["alerts"]} == own
    assert {case["person"] for case in held["cases"]} == {"1001"}
    assert {json.loads(line)["alert"]["id"] for line in found["snapshots.ndjson"].splitlines()} == own


def test_what_an_hr_system_says_and_what_happened_is_there_without_whom_it_was_meant_for(
    found: dict[str, str], house: House
) -> None:
    held = json.loads(found["held.json"])
    assert [one["user_name"] for one in held["members"]] == ["li.na"]
    assert {"alert.raised", "notice.sent"} <= {one["kind"] for one in held["happenings"]}
    assert {one["person"] for one in held["happenings"]} == {held["person"]["id"]}
    assert "chen.jie" not in found["held.json"]
    assert "| entries of the HR or identity system | 1 |" in found["read-me.en.md"]


def test_events_are_those_of_her_accounts_while_they_were_hers(found: dict[str, str]) -> None:
    events = [json.loads(line) for line in found["events.ndjson"].splitlines()]
    assert sorted((one["user.account"], one["@timestamp"][:10]) for one in events) == [
        ("login:desk", "2026-03-01"), (LI, "2026-03-02"), (LI, "2026-03-03"),
    ]  # fmt: skip


def test_nobody_elses_name_is_in_it(found: dict[str, str], house: House) -> None:
    whole = "".join(found.values())
    for name in ("王伟", "wang.wei", "Wang.Wei", "\\u738b", "zhao.min", '"1002"', " na@corp"):
        assert name not in whole
    masked = pseudonyms(house.records)
    original = json.loads(json.loads(found["events.ndjson"].splitlines()[1])["event.original"])
    assert original == {"to": f"{masked('1002')} <{masked('1002')}>", "cc": f"{masked('1003')}; li.na@corp.example"}


def test_the_page_is_in_both_languages_and_what_it_says_is_no_markup(found: dict[str, str], house: House) -> None:
    assert "What is held about 李娜" in found["read-me.en.md"]
    assert "| events | 3 |" in found["read-me.en.md"]
    assert "关于李娜所保存的信息" in found["read-me.zh.md"]
    assert "| 日志事件 | 3 |" in found["read-me.zh.md"]


def test_that_it_was_answered_is_noted_and_nothing_is_overwritten(house: House, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    answer(house, "1001", out, by="legal")
    last = house.records.last_noted()
    assert last
    assert (last.by, last.deed, last.about) == ("legal", Deed.ANSWERED, ("1001",))
    before = out.read_bytes()
    with pytest.raises(Refused, match="there already"):
        answer(house, "1001", out, by="legal")
    with pytest.raises(Refused, match="nothing is held"):
        answer(house, "nobody", tmp_path / "other.zip", by="legal")
    assert out.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["out.zip"]


def test_many_events_are_written_a_page_at_a_time(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.answering.PAGE", 1)
    assert answer(house, "1001", tmp_path / "out.zip", by="legal")["events"] == 3


def client(house: House, role: Role, *, name: str = "", **more: Any) -> TestClient:
    caller = Caller(name=name or role, roles=frozenset({role}), permissions=permissions_of([role]), **more)
    named = pseudonyms(house.records)
    shop = Shop(house.records, house.events, house.book, house.directory, named, subjects=SubjectDesk(house))
    return TestClient(create_app(shop, Knows(caller)))


def asked(house: House, right: Right = Right.ACCESS, by: str = "ann") -> str:
    """A new request for the file of 李娜; what waited before is done."""
    for one in house.records.subject_requests():
        if one.waits:
            house.records.answered_subject(replace(one, done_by="test", done=NOON))
    return ask(house, "1001", right, reason="her letter", by=by).id


def test_over_the_api_one_asks_and_another_one_downloads_it_once(house: House, tmp_path: Path) -> None:
    name = pseudonyms(house.records)("1001")
    one, other = client(house, Role.LEGAL), client(house, Role.LEGAL, name="legal two")
    made = one.post(f"/api/v1/subjects/{name}/requests", json={"right": "access", "reason": "her letter"})
    assert (made.status_code, made.json()["person"], made.json()["done"]) == (201, name, None)
    assert one.post(f"/api/v1/subjects/{name}/requests", json={"right": "access", "reason": "x"}).status_code == 409
    path = f"/api/v1/subjects/requests/{made.json()['id']}/access"
    refused = one.post(path)
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert other.get("/api/v1/subjects/requests").json()[0]["id"] == made.json()["id"], "what waits comes first"
    done = other.post(path)
    assert (done.status_code, done.headers["content-type"]) == (200, "application/zip")
    assert (done.headers["cache-control"], f'filename="{name}.zip"' in done.headers["content-disposition"]) == (
        "no-store", True,
    )  # fmt: skip
    (tmp_path / "got.zip").write_bytes(done.content)
    held = json.loads(opened(tmp_path / "got.zip")["held.json"])
    assert [(each["right"], each["reason"]) for each in held["requests"]] == [("access", "her letter")]
    assert list(house.config.data.glob(".answer*")) == []
    assert other.post(path).status_code == 404
    (told,) = [each for each in one.get("/api/v1/subjects/requests").json() if each["id"] == made.json()["id"]]
    assert (told["person"], told["done_by"], told["counts"]["events"]) == (name, "legal two", 3)
    (kept,) = [each for each in house.records.subject_requests() if each.id == made.json()["id"]]
    assert kept.person == "1001", "it does not forget whom it is about"
    deeds = [(each.deed, each.by, each.why) for each in house.records.audited("1001")]
    assert [deed for deed in deeds if deed[0] is not Deed.SAW][-3:] == [
        (Deed.ASKED_FOR_ACCESS, "legal", "her letter"),
        (Deed.TRIED_ALONE, "legal", ""),
        (Deed.ANSWERED, "legal two", ""),
    ]


def test_two_users_of_one_employee_are_no_two_persons(house: House) -> None:
    for name, person in (("ann", "55"), ("ann2", "55"), ("bo", "56")):
        if house.records.user(name) is None:
            made = User(name=name, roles=frozenset({Role.LEGAL}), created=NOON, person=person)
            house.records.add_user(made, changed("test", name, NOON, "added"))
    request = asked(house)
    for right in ("access", "erasure"):
        path = f"/api/v1/subjects/requests/{request}/{right}"
        expected = 409 if right == "access" else 404
        assert client(house, Role.LEGAL, name="ann2", person="55").post(path).status_code == expected
    last = house.records.last_noted()
    assert last
    assert (last.by, last.deed, last.about) == ("ann2", Deed.TRIED_ALONE, ("1001",))
    path = f"/api/v1/subjects/requests/{request}/access"
    assert client(house, Role.LEGAL, name="bo", person="56").post(path).status_code == 200


def test_who_may_not_answer_gets_nothing(house: House) -> None:
    name, body = pseudonyms(house.records)("1001"), {"right": "access", "reason": "her letter"}
    for role in Role:
        expected = 200 if Permission.ANSWER_SUBJECTS in OF_ROLE[role] else 403
        path = f"/api/v1/subjects/requests/{asked(house)}/access"
        assert client(house, role).post(path).status_code == expected
        assert client(house, role).get("/api/v1/subjects/requests").status_code == expected
        if expected == 403:
            assert client(house, role).post(f"/api/v1/subjects/{name}/requests", json=body).status_code == 403
    for person in ("1001", "P" + 16 * "0"):
        path = f"/api/v1/subjects/{person}/requests"
        assert client(house, Role.LEGAL).post(path, json=body).status_code == 404
    request = asked(house)
    outside = client(house, Role.LEGAL, scope=Scope(departments=frozenset({"HR"})))
    own = client(house, Role.LEGAL, person="1001")
    for who in (outside, own):  # nobody answers themselves
        assert who.post(f"/api/v1/subjects/{name}/requests", json=body).status_code == 404
        assert who.post(f"/api/v1/subjects/requests/{request}/access").status_code == 404
        assert who.get("/api/v1/subjects/requests").json() == []


def test_a_file_that_was_made_meanwhile_is_made_once(house: House) -> None:
    request = asked(house)
    before = set(house.config.data.rglob("*"))
    with hand_over(house, request, by="bob") as file, zipfile.ZipFile(file) as packed:
        assert "held.json" in packed.namelist()
        assert set(house.config.data.rglob("*")) == before, "it has no name that it could be left behind by"
    done = next(one for one in house.records.subject_requests() if one.id == request)
    with pytest.raises(Refused, match="done already"):
        house.records.answered_subject(replace(done, person="1001"))
    with pytest.raises(Refused, match="0 requests"):
        hand_over(house, request, by="bob")


def test_every_kind_that_is_held_has_its_words(house: House, tmp_path: Path) -> None:
    told = answer(house, "1001", tmp_path / "out.zip", by="legal")
    assert set(told) == set(KINDS)
    assert all(all(words) for words in KINDS.values())


def test_whoever_works_with_us_is_a_pseudonym_in_whatever_they_did(house: House, tmp_path: Path) -> None:
    (case, *_) = [one for one in house.records.cases() if one.person == "1001"]
    staff = [f"worker.{number}" for number in range(8)]
    asked_to_see = Unmasking(
        id="u" * 32,
        case=case.id,
        person="1001",
        purpose=Purpose.INVESTIGATE,
        reason="leak",
        depth=Depth.IDENTITY,
        lasts=timedelta(hours=1),
        asked_by=staff[0],
        employee=staff[1],
        asked=NOON,
    )
    house.records.save_unmasking(asked_to_see, None)
    granted = replace(
        asked_to_see, state=UnmaskingState.GRANTED, answered_by=staff[2], answered=NOON, until=NOON + timedelta(hours=1)
    )
    house.records.save_unmasking(granted, UnmaskingState.WAITING)
    house.records.add_task(
        Task(id="t1", case=case.id, title="call", by=staff[3], at=NOON, assignee=staff[4], done=NOON, done_by=staff[5])
    )
    house.records.add_comment(Comment(id="c1", case=case.id, text="hm", by=staff[6], at=NOON))
    asked(house, by=staff[7])
    answer(house, "1001", tmp_path / "out.zip", by="legal")
    text = opened(tmp_path / "out.zip")["held.json"]
    held = json.loads(text)
    assert [len(held[kind]) for kind in ("unmaskings", "tasks", "comments")] == [1, 1, 1]
    assert [name for name in staff if name in text] == []
    assert held["unmaskings"][0]["lasts"] == 3_600
    assert held["tasks"][0]["assignee"] == pseudonyms(house.records)(staff[4])


@pytest.mark.parametrize("named", ["1001", "Li.Na@corp.example", LI, "CORP\\desk"])
def test_exceptions_are_there_however_they_name_the_person(house: House, named: str, tmp_path: Path) -> None:
    other = an_exception(id="E2", person="wang.wei@corp.example")
    for one in (an_exception(id="E1", person=named), other):
        house.records.save_exception(one)
    answer(house, "1001", tmp_path / "out.zip", by="legal")
    held = json.loads(opened(tmp_path / "out.zip")["held.json"])
    assert [one["id"] for one in held["exceptions"]] == ["E1"]


def test_what_lies_with_alerts_and_cases_that_are_gone_is_there(tmp_path: Path) -> None:
    with open_house(Config(data=tmp_path / "data")) as house:
        people(house, "li.na", "wang.wei")
        store(house, *(export(day, account=who) for day in (0, 1) for who in (LI, WANG)))
        judge_marked(house)
        freeze(house)
        records = house.records
        for case in records.cases():
            records.add_comment(Comment(id=f"c-{case.person}", case=case.id, text="hm", by="zhao", at=NOON))
            records.add_task(Task(id=f"t-{case.person}", case=case.id, title="call", by="zhao", at=NOON))
        own = {alert.id for alert in records.alerts(persons=["li.na"])}
        crew = replace(next(one for one in records.cases() if one.person == "wang.wei"), alerts=tuple(sorted(own)))
        decided = replace(crew, id="d" * 32, number=7, scores=(1.0,) * len(own))
        records.settle((), [], [], [decided])
        records.decide(decided.id, CaseState.BENIGN, "known", NOON, "ann")
        records.settle((), [("li.na", date.min, date.max)], (), ())
        assert [one.person for one in records.cases()] == ["wang.wei"] * 2
        told = answer(house, "li.na", tmp_path / "out.zip", by="legal")
        found = opened(tmp_path / "out.zip")
        held = json.loads(found["held.json"])
        assert {json.loads(line)["alert"]["id"] for line in found["snapshots.ndjson"].splitlines()} == own
        assert own
        assert told["snapshots"] == len(own)
        assert [one["id"] for one in held["comments"]] == ["c-li.na"]
        assert [one["id"] for one in held["tasks"]] == ["t-li.na"]
        assert [(one["id"], set(one["alerts"])) for one in held["cases"]] == [(decided.id, own)], "of another's crew"


def test_by_command_line(house: House, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    done = run("subject", "access", "li.na@corp.example", out, "--json", data=house.config.data)
    assert json.loads(done.stdout)["held"]["events"] == 3
    waiting = asked(house)
    listed = json.loads(run("subject", "requests", "--json", data=house.config.data).stdout)
    assert (listed[0]["id"], listed[0]["right"], listed[0]["done"]) == (waiting, "access", None)
    assert listed[0]["person"] == pseudonyms(house.records)("1001")
    shown = run("subject", "requests", data=house.config.data).stdout
    assert "waits" in shown
    assert "1001" not in shown
    assert "persons may be meant" in run("subject", "access", "x", out, data=house.config.data, expect=2).stderr
