"""Judging beside the service: what HR files is looked at at once, and the service says so where it is not."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from fastapi.testclient import TestClient

from access.keys import allowed, new_key
from access.noting import changed
from api.server import create_app
from api.shop import Shop
from app import judging as beside_the_service
from app.config import Config, Hr
from app.hrdesk import HrDesk
from app.jobs import judge_marked
from app.judging import Judge, judging
from app.pseudonyms import pseudonyms
from app.wiring import House, open_house
from core.access import Role
from core.errors import Unavailable
from core.happening import Kind
from core.judging import TROUBLE
from core.notice import NoticeState
from core.users import User
from tests.api.shops import EVERYTHING, Knows
from tests.app.conftest import answers, command, run
from tests.app.test_grounds import NOON, export, people, store

SECONDS = 60.0
"""Much longer than it takes, for a machine that is busy."""
TODAY = (datetime.now(UTC) - NOON).days


def until(true: Callable[[], object]) -> None:
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < SECONDS, "it never came"
        time.sleep(0.05)


def served(house: House) -> TestClient:
    named = pseudonyms(house.records)
    shop = Shop(house.records, house.events, house.book, house.directory, named, hr=HrDesk(house))
    return TestClient(create_app(shop, Knows(EVERYTHING)))


def some_exports(house: House) -> None:
    """Each too small to be noticed by itself."""
    people(house, "li.na", "wang.wei")
    store(house, *(export(TODAY - back, 4_000) for back in (20, 12, 5)))
    judge_marked(house)
    assert house.records.cases() == []


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(Config(data=tmp_path / "data", hr=Hr(notices="send", notices_from="low"))) as made:
        some_exports(made)
        yield made


def test_a_resignation_filed_over_http_opens_a_case_within_seconds_and_its_withdrawal_closes_it(house: House) -> None:
    with judging(house):
        client = served(house)
        filed = client.post("/api/v1/leavers", json={"email": "li.na@corp.example"})
        assert filed.status_code == 201
        until(house.records.cases)
        assert {case.person for case in house.records.cases()} == {"li.na"}
        until(house.records.notices)
        (notice,) = house.records.notices()
        assert (notice.sent_by, notice.person, notice.resignation) == ("policy", "li.na", True)
        client.post(f"/api/v1/leavers/{filed.json()['person']}/withdraw", json={"mistake": True})
        until(lambda: not house.records.cases())
        assert [one.state for one in house.records.notices()] == [NoticeState.WITHDRAWN]


def test_what_was_found_while_a_resignation_stood_stays_when_it_is_withdrawn_later(house: House) -> None:
    with judging(house):
        client = served(house)
        person = client.post("/api/v1/leavers", json={"email": "li.na@corp.example"}).json()["person"]
        until(house.records.cases)
        withdrawn = client.post(f"/api/v1/leavers/{person}/withdraw").json()
        assert withdrawn["stage"] == "active"
        until(lambda: not house.records.pending())
    assert len(house.records.cases()) == 1
    assert [one.state for one in house.records.notices()] in ([], [NoticeState.WITHDRAWN])


def a_key(house: House) -> str:
    """Of somebody who files and reads cases."""
    now = datetime.now(UTC)
    user = User(name="ann", roles=frozenset({Role.ANALYST, Role.HR}), created=now)
    house.records.add_user(user, changed("test", user.name, now, "user added"))
    key, text = new_key(user, "test", allowed(user), 1, now)
    house.records.add_key(key, changed("test", user.name, now, "key made"))
    return text


@contextmanager
def serving(data: Path, key: str = "") -> Iterator[Callable[..., Any]]:
    """The service as a process of its own, which ends well when it is asked to; gives what asks it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"LEAVERWATCH_API_PORT": str(port)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command("serve", data=data), env=environment, **quiet) as process:

        def asked(path: str, body: object = None) -> Any:
            headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
            content = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", content, headers)
            try:
                with urllib.request.urlopen(request, timeout=SECONDS) as got:
                    return json.load(got)
            except OSError:
                return None

        try:
            until(lambda: asked("/readyz"))
            yield asked
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0
        finally:
            process.kill()


def test_serving_judges_and_ends_cleanly_when_it_is_asked_to(tmp_path: Path) -> None:
    with open_house(Config(data=tmp_path)) as house:
        some_exports(house)
        key = a_key(house)
    with serving(tmp_path, key) as asked:
        assert asked("/api/v1/cases")["items"] == []
        assert asked("/api/v1/leavers", {"email": "li.na@corp.example"})
        until(lambda: asked("/api/v1/cases")["items"])


def test_an_import_beside_the_service_ends_in_the_answers_of_an_import_alone(
    logs: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    with serving(tmp_path) as asked:
        run("ingest", "--all", logs, data=tmp_path)
        assert asked("/readyz") == {"status": "ok"}
    assert answers(tmp_path) == undisturbed


def test_where_judging_fails_readiness_says_so_and_it_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [True]

    def judge_or_break(*arguments: object) -> int:
        if broken[0]:
            raise Unavailable("the disk is full")
        return judge_marked(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(beside_the_service, "judge_marked", judge_or_break)
    monkeypatch.setattr(beside_the_service, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(beside_the_service, "LONGEST_PAUSE", 0.2)
    with judging(house):
        client = served(house)
        until(lambda: house.records.setting(TROUBLE))
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not-judging")
        assert "disk" not in answer.text, "whoever asks need not be known"
        broken[0] = False
        until(lambda: not house.records.setting(TROUBLE))
        assert client.get("/readyz").status_code == 200


def test_who_is_asked_to_stop_stops_after_the_persons_in_hand_and_forgets_nobody(house: House) -> None:
    house.records.save_filings([], 1)
    judge = Judge(house)
    judge.stop()
    client = served(house)
    client.post("/api/v1/leavers", json={"email": "wang.wei@corp.example"})
    client.post("/api/v1/leavers", json={"email": "li.na@corp.example"})
    judge.look()
    assert not house.records.setting(TROUBLE)
    judge_marked(house)
    assert {case.person for case in house.records.cases()} == {"li.na"}


def test_an_import_that_judges_at_the_same_time_takes_turns_with_it(house: House) -> None:
    with judging(house), open_house(house.config) as importing:
        served(house).post("/api/v1/leavers", json={"email": "li.na@corp.example"})
        threads = [Thread(target=judge_marked, args=(one,)) for one in (house, importing)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        until(lambda: not house.records.pending())
    raised = [one for one in house.records.happened(-1, 1000) if one.kind is Kind.CASE_OPENED]
    assert len(raised) == len(house.records.cases()) == 1


def test_a_deadline_is_told_of_once_the_day_before(house: House) -> None:
    with judging(house):
        served(house).post("/api/v1/leavers", json={"email": "li.na@corp.example"})
        until(house.records.notices)
    (notice,) = house.records.notices()
    due = lambda: [one for one in house.records.happened(-1, 1000) if one.kind is Kind.NOTICE_DUE]  # noqa: E731
    at = house.calendar.start_of(notice.deadline)
    before = len(due())
    beside_the_service.attend(house, at - timedelta(days=2))
    assert len(due()) == before
    beside_the_service.attend(house, at)
    beside_the_service.attend(house, at)
    (told,) = due()
    assert (told.subject, told.to, told.person) == (notice.id, ("role:hr",), "li.na")
    assert len(house.records.notices()) == 1, "one notice of a case, however often the policy is asked"
