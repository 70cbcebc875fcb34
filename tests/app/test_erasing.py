"""Who is to be erased is, once two persons said so and nothing keeps it; what is others' stays, and proves itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from shutil import copytree
from time import sleep
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from app.answering import hand_over
from app.config import Cluster, Config
from app.doctor import examine
from app.erasing import erase
from app.freezing import freeze
from app.heads import keep_heads
from app.jobs import judge_marked
from app.ledgerdoctor import examine_ledger
from app.pseudonyms import pseudonyms
from app.subjects import ask
from app.wiring import House, open_house, records_of
from core.access import Role
from core.case import Case, CaseState, case_id
from core.casefiles import Comment, Task
from core.errors import Refused
from core.evidence import Deed, HoldScope
from core.notice import Answer, Step
from core.person import Filing, Link
from core.ports import EventQuery
from core.subjects import Right
from store.records.tables import metadata
from tests.app.test_answering import client
from tests.app.test_grounds import LI, NOON, an_exception, export, people, store
from tests.app.test_retention import WANG, config, hold
from tests.cluster import fresh_database
from tests.store.test_hr_records import a_notice

MAY_NAME_THEM = {"audit", "audit_subjects", "settings", "untold"}
"""What stays: who did what, which accounts must not come back, and what Kafka has yet to be told."""


def decide(made: House) -> None:
    """Two persons export; the case of each is decided."""
    people(made, "li.na", "wang.wei")
    made.records.save_filings([Filing(account=LI, filed=NOON, withdrawn=False, last_day=None)], 400)
    store(made, *(export(day, account=who) for day in (0, 1) for who in (LI, WANG)))
    judge_marked(made)
    freeze(made)
    keep_heads(made)
    for case in made.records.cases():
        made.records.decide(case.id, CaseState.BENIGN, "in order", NOON, "ann")


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("decided")
    with open_house(config(data, None)) as made:
        decide(made)
    return data


@pytest.fixture
def on_a_server(tmp_path: Path) -> Iterator[House]:
    with fresh_database() as address:
        server = Config(data=tmp_path, cluster=Cluster(postgresql=SecretStr(address)))
        with open_house(server) as opened:
            decide(opened)
            yield opened


@pytest.fixture
def house(decided: Path, tmp_path: Path) -> Iterator[House]:
    copytree(decided, tmp_path / "data")
    with open_house(config(tmp_path / "data", None)) as opened:
        yield opened


def asked(house: House, person: str = "li.na", right: Right = Right.ERASURE) -> str:
    return ask(house, person, right, reason="They asked for it", by="ann").id


def everything_but(house: House, person: str) -> dict[str, Any]:
    records = house.records
    return {
        "alerts": [alert for alert in records.alerts(outcome=None) if alert.person != person],
        "cases": [case for case in records.cases() if case.person != person],
        "persons": [one for one in records.persons() if one.id != person],
        "events": house.events.read(EventQuery(accounts=[WANG])).rows(),
        "ledger": (records.size(), records.root(records.size())),
        "heads": records.heads(),
    }


def test_the_person_goes_and_everybody_else_stays_as_they_were(house: House) -> None:
    before, name = everything_but(house, "li.na"), pseudonyms(house.records)("li.na")
    done = erase(house, asked(house), by="bob")
    assert (done.person, done.pseudonym, done.done_by) == ("", name, "bob")
    assert done.counts["event"] == 2
    assert {"persons", "links", "filings", "cases", "snapshots", "frozen_events", "accounts"} <= done.counts.keys()
    assert everything_but(house, "li.na") == before
    assert house.records.alerts(persons=["li.na"], outcome=None) == []
    assert house.events.read(EventQuery(accounts=[LI])).height == 0
    judge_marked(house)
    assert everything_but(house, "li.na") == before, "judging again changes nothing"


def test_no_table_names_them_but_those_that_have_to(house: House) -> None:
    erase(house, asked(house), by="bob")
    with records_of(house.config).database.reading() as connection:
        for table in metadata.sorted_tables:
            if table.name not in MAY_NAME_THEM:
                text = repr(connection.execute(sa.select(table)).all())
                assert "li.na" not in text, table.name


def test_what_is_proved_of_others_still_is_and_nothing_else_may_be_missing(house: House) -> None:
    erase(house, asked(house), by="bob")
    judge_marked(house)
    assert [finding.text for finding in examine_ledger(house) if not finding.ok] == []
    assert [finding.text for finding in examine(house.config) if not finding.ok] == []
    with records_of(house.config).database.writing() as connection:
        listed = metadata.tables["segments"]
        connection.execute(sa.delete(listed).where(listed.c.kind == "event"))
    found = [finding.text for finding in examine_ledger(house) if not finding.ok]
    assert any("removed" in text for text in found), "an erasure explains nobody else's missing events"


def test_an_old_log_does_not_bring_them_back_and_later_events_are_kept(house: House) -> None:
    erase(house, asked(house), by="bob")
    store(house, export(0, account=LI), export(1, account=LI))
    assert house.events.read(EventQuery(accounts=[LI])).height == 0
    store(house, export(400, account=LI))
    assert house.events.read(EventQuery(accounts=[LI])).height == 1


def test_exceptions_go_however_they_name_the_person_and_others_stay(house: House) -> None:
    links = [link for link in house.records.links() if link.person == "li.na"]
    links += [Link(account="login:na", person="li.na"), Link(account="login:desk", person="li.na", until=NOON)]
    links += [Link(account="mail:both", person="li.na")]
    known = next(one for one in house.records.persons() if one.id == "li.na")
    house.records.save_persons([known], links)
    known = next(one for one in house.records.persons() if one.id == "wang.wei")
    others = [link for link in house.records.links() if link.person == "wang.wei"]
    house.records.save_persons([known], [*others, Link(account="login:both", person="wang.wei")])
    texts = ["li.na", "Li.Na@corp.example", LI, "na", "CORP\\na", "desk", "wang.wei@corp.example", "both", ""]
    for number, text in enumerate(texts):
        # As older versions kept them.
        made = an_exception(id=f"E{number}", person=text, title="" if text else "Rep")
        house.records.save_exception(made)
    erase(house, asked(house), by="bob")
    assert [one.person for one in house.records.exceptions()] == texts[-3:]


def test_it_takes_two_persons_and_is_done_once(house: House) -> None:
    request = asked(house)
    with pytest.raises(Refused, match="asked for that already"):
        asked(house)
    for name in ("ann", " Ann "):
        with pytest.raises(Refused, match="somebody else"):
            erase(house, request, by=name)
    assert house.events.read(EventQuery(accounts=[LI])).height == 2
    erase(house, request[:8], by="bob")
    with pytest.raises(Refused, match="0 requests"):
        erase(house, request, by="bob")
    with pytest.raises(Refused, match="nothing is held"):
        asked(house)
    of_it = (Deed.ASKED_TO_ERASE, Deed.TRIED_ALONE, Deed.ERASED)
    deeds = [(one.deed, one.by) for one in house.records.audited() if one.deed in of_it]
    tries = [(Deed.TRIED_ALONE, "ann"), (Deed.TRIED_ALONE, " Ann ")]
    assert deeds == [(Deed.ASKED_TO_ERASE, "ann"), *tries, (Deed.ERASED, "bob")]
    assert [one.done is not None for one in house.records.erasures()] == [True]


def test_a_hold_or_an_open_case_keeps_everything(house: House) -> None:
    request = asked(house)
    hold(house, HoldScope.PERSON, "li.na")
    with pytest.raises(Refused, match="lawsuit"):
        erase(house, request, by="bob")
    with pytest.raises(Refused, match="lawsuit"):
        asked(house)
    store(house, export(2, 50_000, account=WANG))
    judge_marked(house)
    with pytest.raises(Refused, match="open"):
        asked(house, "wang.wei")
    hold(house, HoldScope.RANGE, since=NOON)
    with pytest.raises(Refused, match="keeps what is held"):
        asked(house, "wang.wei")


def test_what_was_killed_is_done_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked(house)
    with monkeypatch.context() as patch:
        patch.setattr(type(house.records), "expunge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase(house, request, by="bob")
    assert [finding.text for finding in examine_ledger(house) if not finding.ok] == []
    assert erase(house, request, by="bob").counts["persons"] == 1


def test_whoever_is_being_erased_is_held_no_more_and_whoever_is_held_loses_no_event(house: House) -> None:
    request = asked(house)
    expire = house.events.expire

    def late(*of: Any) -> Any:
        with pytest.raises(Refused, match="being erased"):
            hold(house, HoldScope.PERSON, "li.na")
        return expire(*of)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.events, "expire", late)
        patch.setattr(type(house.records), "expunge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase(house, request, by="bob")
    hold(house, HoldScope.PERSON, "wang.wei")
    assert erase(house, request, by="carl").done_by == "carl"


@pytest.mark.parametrize("where", ["house", pytest.param("on_a_server", marks=pytest.mark.cluster)])
def test_a_judge_at_work_brings_nobody_back(request: pytest.FixtureRequest, where: str) -> None:
    """A judge has read the events, and settles what comes of them; then somebody freezes it."""
    house: House = request.getfixturevalue(where)
    wanted, records = asked(house), house.records
    found = records.alerts(persons=["li.na"], outcome=None)
    with ThreadPoolExecutor(1) as pool:
        with records.take(["li.na"], 1) as mine:
            assert mine == {"li.na"}
            erasing = pool.submit(erase, house, wanted, by="bob")
            sleep(0.5)
            assert not erasing.done()
            records.settle((), [("li.na", date.min, date.max)], found, ())
        assert erasing.result(60).counts["event"] == 2
    freeze(house)
    assert records.alerts(persons=["li.na"], outcome=None) == []
    assert [one for one in records.every_snapshot() if one.person == "li.na"] == []


def test_what_was_asked_for_is_handed_over_before_the_person_is_erased(house: House) -> None:
    file, gone = asked(house, right=Right.ACCESS), asked(house)
    with pytest.raises(Refused, match="handed over first"):
        erase(house, gone, by="bob")
    assert house.events.read(EventQuery(accounts=[LI])).height == 2
    hand_over(house, file, by="bob").close()
    erase(house, gone, by="bob")
    name = pseudonyms(house.records)("li.na")
    left = [(one.right, one.person, one.pseudonym, one.waits) for one in house.records.subject_requests()]
    assert left == [(Right.ACCESS, "", name, False), (Right.ERASURE, "", name, False)]


def test_over_the_api_one_asks_and_another_one_carries_it_out(house: House) -> None:
    house.events.close()
    name = pseudonyms(house.records)("li.na")
    one, other = client(house, Role.LEGAL), client(house, Role.LEGAL, name="legal two")
    asked_for = {"right": "erasure", "reason": "They asked"}
    for wrong in ({"reason": " "}, {"right": "rectification"}):
        assert one.post(f"/api/v1/subjects/{name}/requests", json=asked_for | wrong).status_code == 422
    made = one.post(f"/api/v1/subjects/{name}/requests", json=asked_for)
    assert (made.status_code, made.json()["person"]) == (201, name)
    assert other.post(f"/api/v1/subjects/requests/{made.json()['id']}/access").status_code == 404, "another right"
    path = f"/api/v1/subjects/requests/{made.json()['id']}/erasure"
    assert one.post(path).status_code == 409
    assert client(house, Role.ANALYST).post(path).status_code == 403
    assert other.post(path).json()["counts"]["event"] == 2
    assert other.post(path).status_code == 404
    assert [(view["person"], view["done_by"]) for view in one.get("/api/v1/subjects/requests").json()] == [
        (name, "legal two")
    ]
    again = one.post(f"/api/v1/subjects/{name}/requests", json=asked_for | {"right": "access"})
    assert again.status_code == 404


def test_on_a_crews_case_of_somebody_else_nothing_names_them(house: House) -> None:
    """The case stays, for it is about the other one too; what people wrote there says the pseudonym."""
    records, name = house.records, pseudonyms(house.records)("li.na")
    (own,) = records.alerts(persons=["li.na"], outcome=None)[:1]
    (other,) = records.alerts(persons=["wang.wei"], outcome=None)[:1]
    crew = Case(
        id=case_id("wang.wei", 7), person="wang.wei", number=7, state=CaseState.NEW, opened=NOON, score=60.0,
        alerts=(own.id, other.id), scores=(30.0, 30.0),
    )  # fmt: skip
    records.settle((), [], [own, other], [crew])
    with pytest.raises(Refused, match="open"):
        asked(house)
    said = "Li.Na@corp.example and wang.wei met"
    records.add_comment(Comment(id="c", case=crew.id, text=said, by="ann", at=NOON))
    records.change_comment(Comment(id="c", case=crew.id, text=f"{said} twice", by="ann", at=NOON), at=NOON)
    records.add_task(Task(id="t", case=crew.id, title="ask li.na", by="ann", at=NOON))
    told = records.send_notice(a_notice(crew.id, "wang.wei"))
    spoke = Answer(step=Step.EARLY_MEETING, done=True, note="li.na was there", by="hr", at=NOON)
    records.change_notice(replace(told, answers=(spoke,)), by="hr", at=NOON)
    records.decide(crew.id, CaseState.CONFIRMED, "li.na told wang.wei", NOON, "ann")
    done = erase(house, asked(house), by="bob")
    assert {"case_comments": 1, "case_comment_texts": 1, "case_tasks": 1, "cases": 2}.items() <= done.counts.items()
    (comment,) = records.comments(crew.id)
    assert (comment.text, comment.earlier) == (f"{name} and wang.wei met twice", (f"{name} and wang.wei met",))
    assert [one.title for one in records.tasks(crew.id)] == [f"ask {name}"]
    (notice,) = records.notices()
    assert notice.answers == (replace(spoke, note=f"{name} was there"),), "what HR wrote, and nothing else of it"
    kept = records.case(crew.id)
    assert kept is not None
    assert kept.reason == f"{name} told wang.wei"
    with records_of(house.config).database.reading() as connection:
        words = set(connection.execute(sa.select(metadata.tables["case_words"].c.word)).scalars())
    assert words.isdisjoint({"li", "na"}), "nor is it found by them"


def test_whoever_they_managed_has_no_manager_of_their_address(house: House) -> None:
    (wang,) = (one for one in house.records.persons() if one.id == "wang.wei")
    house.records.save_persons([replace(wang, manager_email="Li.Na@corp.example")], [])
    erase(house, asked(house), by="bob")
    assert [(one.id, one.manager_email) for one in house.records.persons()] == [("wang.wei", "")]


def test_an_open_case_of_a_crew_keeps_them_also_where_it_is_over_the_budget(house: House) -> None:
    own, other = (house.records.alerts(persons=[who], outcome=None)[0] for who in ("li.na", "wang.wei"))
    crew = Case(
        id=case_id("wang.wei", 7), person="wang.wei", number=7, state=CaseState.NEW, opened=NOON, score=60.0,
        alerts=(own.id, other.id), scores=(30.0, 30.0),
    )  # fmt: skip
    house.records.settle((), [], [own, other], [crew])
    house.records.divide([crew.id])
    with pytest.raises(Refused, match="open"):
        asked(house)
