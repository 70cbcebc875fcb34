"""Deadlines of cases, tasks and notices: in a list and in a calendar, for those who may know of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from icalendar import Calendar

from api.shop import Shop
from app.notifydesk import NotifyDesk
from app.wiring import House
from core.access import Role
from core.casefiles import Task
from tests.api import hrshop
from tests.api.hrshop import LI
from tests.app.told import Told, config
from tests.store.storing import an_alert

Clients = Callable[..., TestClient]
SOON, LATER = datetime(2026, 3, 5, 1, tzinfo=UTC), datetime(2099, 3, 5, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def case(shop: Shop, tmp_path: Path, client_of: Clients) -> str:
    """A case with a due time, a task and a notice."""
    hrshop.with_hr(shop, tmp_path)
    told = Told(House(config=config(tmp_path), records=shop.records, events=shop.events))
    shop.notify = NotifyDesk(told.house, told.channels, told.people)
    (found,) = shop.records.cases()
    ann = client_of(Role.ANALYST, "ann")
    where = f"/api/v1/cases/{found.id}"
    tag = ann.get(f"{where}/work").headers["etag"]
    due = ann.post(f"{where}/due", json={"due": LATER.isoformat()}, headers={"If-Match": tag})
    assert due.status_code == 200, due.text
    shop.records.add_task(Task(id="t1", case=found.id, title="ask 李娜", by="ann", at=SOON, assignee="ann", due=SOON))
    preview = ann.get(f"{where}/notices/draft").json()["preview"]
    assert ann.post(f"{where}/notices", json={"preview": preview}).status_code == 201
    return found.id


def listed(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/deadlines", params=params)
    assert answer.status_code == 200, answer.text
    assert "李娜" not in answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def in_calendar(client: TestClient) -> list[str]:
    text = client.get("/api/v1/deadlines.ics").text
    assert "李娜" not in text
    return sorted(str(event["uid"]).partition("-")[0] for event in Calendar.from_ical(text).walk("VEVENT"))


def test_who_works_on_cases_sees_cases_and_tasks(client_of: Clients, case: str) -> None:
    ann = client_of(Role.ANALYST, "ann")
    task, whole = listed(ann)
    assert (task["kind"], task["id"], task["assignee"], task["overdue"]) == ("task", "t1", "ann", True)
    assert (whole["kind"], whole["id"], whole["overdue"]) == ("case", case, False)
    assert {one["link"] for one in (task, whole)} == {f"https://watch.corp/cases/{case}"}
    assert task["person"].startswith("P")
    assert in_calendar(ann) == ["case", "task"]


def test_hr_sees_notices_alone_and_of_no_case(client_of: Clients, shop: Shop) -> None:
    hr = client_of(Role.HR, "hr1")
    (notice,) = listed(hr)
    assert (notice["kind"], notice["case"], notice["link"]) == ("notice", None, None)
    assert notice["id"] == shop.records.notices()[0].id
    assert in_calendar(hr) == ["notice"]


@pytest.mark.parametrize(
    ("role", "person"),
    [(Role.ANALYST, LI), (Role.HR, LI), (Role.LEGAL, ""), (Role.ADMIN, ""), (Role.AUDITOR, "")],
)
def test_who_may_not_see_the_case_sees_no_deadline_of_it(client_of: Clients, role: Role, person: str) -> None:
    client = client_of(role, "bo", person=person)
    assert listed(client) == []
    assert in_calendar(client) == []


def test_legal_sees_those_of_cases_that_were_handed_over(client_of: Clients, case: str) -> None:
    ann, where = client_of(Role.ANALYST, "ann"), f"/api/v1/cases/{case}"
    tag = ann.get(f"{where}/work").headers["etag"]
    moved = ann.post(f"{where}/move", json={"to": "escalated_legal", "reason": "r"}, headers={"If-Match": tag})
    assert moved.status_code == 200, moved.text
    assert [one["kind"] for one in listed(client_of(Role.LEGAL, "liu"))] == ["task", "case"]


def test_a_page_at_a_time(client_of: Clients) -> None:
    ann = client_of(Role.ANALYST, "ann")
    first = ann.get("/api/v1/deadlines", params={"limit": 1}).json()
    (second,) = listed(ann, after=first["next"])
    assert (first["items"][0]["kind"], second["kind"]) == ("task", "case")
    assert ann.get("/api/v1/deadlines", params={"after": "x"}).status_code == 422


def test_what_is_shown_is_audited(client_of: Clients, shop: Shop, case: str) -> None:
    listed(client_of(Role.ANALYST, "chen"))
    (entry,) = [one for one in shop.records.audited() if one.by == "chen"]
    assert (entry.details["what"], set(entry.about)) == ("deadlines", {LI, case})


def test_a_case_about_somebody_out_of_sight_says_nothing_of_work(client_of: Clients, shop: Shop, case: str) -> None:
    found = shop.records.case(case)
    assert found is not None
    alert = an_alert("9", 1)
    shop.records.settle((), [], [alert], [replace(found, alerts=(*found.alerts, alert.id), scores=())])
    nine = client_of(Role.ANALYST, "nine", person="9")
    assert nine.get(f"/api/v1/cases/{case}").json()["work"] is None
    assert listed(nine) == []


def test_a_case_says_where_work_on_it_stands(client_of: Clients, case: str) -> None:
    ann = client_of(Role.ANALYST, "ann")
    work = ann.get(f"/api/v1/cases/{case}").json()["work"]
    assert work == ann.get(f"/api/v1/cases/{case}/work").json()["work"]
    assert (work["state"], work["tasks_open"], datetime.fromisoformat(work["due"])) == ("new", 1, LATER)
