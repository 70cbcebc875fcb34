"""Notices: sent from a case, read and answered by HR, who never sees what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.shop import Shop
from core.access import Role, Scope
from core.case import CaseState
from core.evidence import Deed
from core.happening import Kind
from core.person import Filing
from tests.api import hrshop
from tests.api.hrshop import BOSS, HR, LI

Clients = Callable[..., TestClient]
NOW = datetime.now(UTC)


@pytest.fixture
def shop(shop: Shop, tmp_path: Path) -> Shop:
    return hrshop.with_hr(shop, tmp_path)


@pytest.fixture
def analyst(client_of: Clients) -> TestClient:
    return client_of(Role.ANALYST, "an")


@pytest.fixture
def hr(client_of: Clients) -> TestClient:
    return client_of(Role.HR, "hr1")


@pytest.fixture
def case(shop: Shop) -> str:
    (found,) = shop.records.cases()
    return found.id


def draft(analyst: TestClient, case: str, **params: Any) -> dict[str, Any]:
    answer = analyst.get(f"/api/v1/cases/{case}/notices/draft", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sent(analyst: TestClient, case: str) -> dict[str, Any]:
    answer = analyst.post(f"/api/v1/cases/{case}/notices", json={"preview": draft(analyst, case)["preview"]})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def change(client: TestClient, notice: dict[str, Any], what: str, body: Any = None, version: int | None = None) -> Any:
    tag = f'"{notice["version"] if version is None else version}"'
    return client.post(f"/api/v1/notices/{notice['id']}/{what}", json=body, headers={"If-Match": tag})


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code")


def resigned(shop: Shop) -> None:
    day = NOW.date() + timedelta(days=20)
    shop.records.save_filings([Filing(account="employee:7", filed=NOW - timedelta(days=1), last_day=day)], 30)


def test_hr_reads_exactly_what_the_analyst_read_and_who_it_is(
    shop: Shop, analyst: TestClient, hr: TestClient, case: str
) -> None:
    resigned(shop)
    read = draft(analyst, case)
    notice = sent(analyst, case)
    assert (notice["person"], notice["identity"], notice["case"]) == (shop.pseudonyms(LI), None, case)
    view = hr.get(f"/api/v1/notices/{notice['id']}").json()
    assert {name: view[name] for name in ("text", "steps", "level", "stage", "deadline", "last_day")} == {
        name: read[name] for name in ("text", "steps", "level", "stage", "deadline", "last_day")
    }
    assert (view["identity"]["name"], view["case"], view["number"], view["stage"]) == ("李娜", None, 1, "notice")
    assert hr.get("/api/v1/notices").json()["items"] == [view]


def test_a_notice_says_nothing_of_what_was_seen(shop: Shop, analyst: TestClient, hr: TestClient, case: str) -> None:
    text = hr.get(f"/api/v1/notices/{sent(analyst, case)['id']}").text
    (alert, *_) = shop.records.alerts()
    for secret in ("salesforce", "export", "20000", "20,000", alert.rule, alert.id, case, *alert.events):
        assert secret not in text


def test_hr_sees_no_cases_no_alerts_no_events_and_sends_nothing(hr: TestClient, case: str) -> None:
    for path in (
        "/api/v1/cases",
        "/api/v1/alerts",
        "/api/v1/events",
        "/api/v1/persons",
        f"/api/v1/cases/{case}/notices",
        f"/api/v1/cases/{case}/notices/draft",
        "/api/v1/notices/suggestions",
    ):
        assert hr.get(path).status_code == 403, path
    assert hr.post(f"/api/v1/cases/{case}/notices", json={"preview": "0" * 32}).status_code == 403


def test_only_what_was_read_is_sent(analyst: TestClient, case: str) -> None:
    assert code(analyst.post(f"/api/v1/cases/{case}/notices", json={"preview": "0" * 32})) == (412, "draft-changed")
    some = draft(analyst, case, step=["handover", "exit_interview"])
    assert [one["step"] for one in some["steps"]] == ["handover", "exit_interview"]
    without = {"preview": some["preview"]}
    assert code(analyst.post(f"/api/v1/cases/{case}/notices", json=without)) == (412, "draft-changed")
    chosen = without | {"steps": ["exit_interview", "handover"]}
    assert analyst.post(f"/api/v1/cases/{case}/notices", json=chosen).status_code == 201
    assert analyst.get(f"/api/v1/cases/{case}/notices/draft", params={"step": "fire_them"}).status_code == 422
    assert analyst.get("/api/v1/cases/nothing/notices/draft").status_code == 404


def test_one_notice_of_a_case_is_open_at_a_time(analyst: TestClient, hr: TestClient, case: str) -> None:
    notice = sent(analyst, case)
    again = analyst.post(f"/api/v1/cases/{case}/notices", json={"preview": draft(analyst, case)["preview"]})
    assert code(again) == (409, "refused")
    assert change(analyst, notice, "withdraw", {"why": "the wrong case"}).json()["state"] == "withdrawn"
    assert hr.get(f"/api/v1/notices/{notice['id']}").json()["why"] == "the wrong case"
    assert sent(analyst, case)["number"] == 2


def test_hr_acknowledges_and_answers_step_by_step_and_the_case_shows_it(
    shop: Shop, analyst: TestClient, hr: TestClient, case: str
) -> None:
    notice = sent(analyst, case)
    read = change(hr, notice, "acknowledge")
    assert (read.json()["state"], read.json()["acknowledged_by"], read.headers["ETag"]) == (
        "acknowledged",
        "hr1",
        '"2"',
    )
    steps = [one["step"] for one in notice["steps"]]
    some = {"answers": [{"step": steps[0], "done": True, "note": " met on Monday "}], "feedback": "all calm"}
    view = change(hr, read.json(), "answers", some).json()
    assert (view["state"], view["steps"][0]["done"], view["steps"][0]["note"]) == (
        "acknowledged",
        True,
        "met on Monday",
    )
    rest = {"answers": [{"step": step, "done": False} for step in steps[1:]]}
    assert change(hr, view, "answers", rest).json()["state"] == "done"
    (told,) = analyst.get(f"/api/v1/cases/{case}/notices").json()
    assert (told["feedback"], told["identity"], told["person"]) == ("all calm", None, shop.pseudonyms(LI))
    kinds = [one.kind for one in shop.records.happened(-1, 1000) if one.subject == notice["id"]]
    assert kinds == [Kind.NOTICE_SENT, *[Kind.NOTICE_ANSWERED] * 3]
    deeds = [entry.deed for entry in shop.records.audited(notice["id"]) if entry.deed is not Deed.SAW]
    assert deeds == [Deed.SENT_NOTICE, *[Deed.ANSWERED_NOTICE] * 3]
    late = change(hr, {"id": notice["id"], "version": 4}, "acknowledge")
    assert code(late) == (409, "refused")


def test_nothing_is_written_over_unseen(analyst: TestClient, hr: TestClient, case: str) -> None:
    notice = sent(analyst, case)
    change(hr, notice, "acknowledge")
    assert code(change(hr, notice, "answers", {"feedback": "late"})) == (412, "changed-since")
    missing = hr.post(f"/api/v1/notices/{notice['id']}/answers", json={"feedback": "late"})
    assert code(missing) == (428, "if-match-missing")


def test_every_read_is_in_the_audit_log(shop: Shop, analyst: TestClient, hr: TestClient, case: str) -> None:
    notice = sent(analyst, case)
    hr.get(f"/api/v1/notices/{notice['id']}")
    hr.get("/api/v1/notices")
    looks = [entry.details["what"] for entry in shop.records.audited(LI) if (entry.deed, entry.by) == (Deed.SAW, "hr1")]
    assert looks == ["notice", "notices"]


def test_nobody_sees_a_notice_about_themselves_their_managers_or_out_of_scope(
    shop: Shop, analyst: TestClient, client_of: Clients, case: str
) -> None:
    notice = sent(analyst, case)
    for client in (
        client_of(Role.HR, person=LI),
        client_of(Role.HR, scope=Scope(departments=frozenset({"HR"}))),
        client_of(Role.ANALYST, person=LI),
    ):
        assert client.get("/api/v1/notices").json()["items"] == []
        assert client.get(f"/api/v1/notices/{notice['id']}").status_code == 404
        assert change(client, notice, "acknowledge").status_code in (403, 404)
        assert change(client, notice, "withdraw", {"why": "mine"}).status_code in (403, 404)
    assert client.get(f"/api/v1/cases/{case}/notices").status_code == 404
    assert client.get("/api/v1/notices/suggestions").json() == []
    (found,) = shop.records.cases()
    of_the_boss = shop.lens(_caller(HR))
    assert not of_the_boss.within(BOSS)
    assert of_the_boss.within(found.person)


def _caller(person: str) -> Any:
    from dataclasses import replace

    from tests.api.shops import EVERYTHING

    return replace(EVERYTHING, person=person)


@pytest.mark.parametrize(
    ("role", "status"), [(Role.LEGAL, 403), (Role.AUDITOR, 403), (Role.ADMIN, 403), (Role.SERVICE, 200)]
)
def test_others_see_no_notices_and_a_service_no_names(
    client_of: Clients, analyst: TestClient, case: str, role: Role, status: int
) -> None:
    notice = sent(analyst, case)
    answer = client_of(role).get("/api/v1/notices")
    assert answer.status_code == status
    assert "李娜" not in answer.text
    assert change(client_of(role), notice, "acknowledge").status_code == 403


def test_the_policy_suggests_and_an_analyst_may_send_it(shop: Shop, analyst: TestClient, case: str) -> None:
    (suggested,) = analyst.get("/api/v1/notices/suggestions").json()
    assert suggested["case"] == case
    assert suggested["preview"] == draft(analyst, case)["preview"]
    sent(analyst, case)
    assert analyst.get("/api/v1/notices/suggestions").json() == []


def test_where_the_policy_is_off_or_asks_for_more_nothing_is_suggested(
    shop: Shop, analyst: TestClient, tmp_path: Path
) -> None:
    hrshop.with_hr(shop, tmp_path, notices="off")
    assert analyst.get("/api/v1/notices/suggestions").json() == []


def test_a_case_that_was_decided_to_be_harmless_gives_no_notice(shop: Shop, analyst: TestClient, case: str) -> None:
    shop.records.decide(case, CaseState.BENIGN, "agreed", NOW, "an")
    assert code(analyst.get(f"/api/v1/cases/{case}/notices/draft")) == (409, "refused")


def test_a_withdrawn_resignation_takes_the_notice_that_rests_on_it_with_it(
    shop: Shop, analyst: TestClient, hr: TestClient, case: str
) -> None:
    resigned(shop)
    notice = sent(analyst, case)
    hr.post(f"/api/v1/leavers/{notice['person']}/withdraw")
    view = hr.get(f"/api/v1/notices/{notice['id']}").json()
    assert (view["state"], view["why"]) == ("withdrawn", "the resignation was withdrawn")
    assert Kind.NOTICE_WITHDRAWN in {one.kind for one in shop.records.happened(-1, 1000)}


def test_a_notice_that_rests_on_no_resignation_outlives_a_withdrawal(
    shop: Shop, analyst: TestClient, hr: TestClient, case: str
) -> None:
    notice = sent(analyst, case)
    resigned(shop)
    hr.post(f"/api/v1/leavers/{notice['person']}/withdraw")
    assert hr.get(f"/api/v1/notices/{notice['id']}").json()["state"] == "sent"


@pytest.mark.parametrize(
    "body",
    [
        {"answers": [{"step": "fire_them", "done": True}]},
        {"answers": [{"step": "handover", "done": "perhaps"}]},
        {"answers": [{"step": "handover", "done": True, "by": "the boss"}]},
        {"feedback": "x" * 2_001},
        {"feedback": "a\0b"},
        {"state": "done"},
    ],
)
def test_hostile_answers_are_refused(analyst: TestClient, hr: TestClient, case: str, body: dict[str, Any]) -> None:
    refused = code(change(hr, sent(analyst, case), "answers", body))
    assert refused in ((422, "invalid"), (422, "unreadable"))
