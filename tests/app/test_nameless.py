"""Nobody's name is in what the product says of itself: logs, counts, errors, and whatever is shown masked."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.server import create_app
from api.shop import Shop
from app.cli import app
from app.config import Config
from app.jobs import judge_marked
from app.metrics import set_up_logs
from app.pseudonyms import pseudonyms
from app.wiring import House, open_house
from core.person import Link, Person
from tests.api.shops import EVERYTHING, Knows
from tests.app.test_cli import LOGIN
from tests.app.test_grounds import export, store

CANARY = Person(
    id="E-CANARY-77", name="Kanarienvogel", email="zz.canary@corp.example", department="Sales", title="Account manager"
)
ACCOUNT = f"mail:{CANARY.email}"
NAMES = ("CANARY", "canary", "Kanarienvogel", "pc-of-her")
MASKED = (
    *(["alerts"], ["alerts", "--json"], ["alerts", "--suppressed", "--json"], ["cases", "--json"], ["cases"], ["risk"]),
    *(["risk", "--json"], ["search", "*"], ["search", "*", "--json"], ["search", "*", "--by", "user.account"]),
    *(["quarantine", "list", "--json"], ["holds", "list", "--json"], ["approvals", "list", "--json"]),
    *(["exceptions", "list", "--json"], ["exceptions", "list", "--suggested", "--json"], ["audit", "list", "--json"]),
    *(["hunt", "mass_export", "--json"], ["hunt", "mass_export"], ["sources", "status", "--json"], ["doctor"]),
)


def said(text: str) -> list[str]:
    return [name for name in NAMES if name in text]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(Config(data=tmp_path)) as opened:
        yield opened


@pytest.fixture
def judged(house: House) -> str:
    """Her exports, judged with every log caught; what was logged."""
    caught = io.StringIO()
    handler = logging.StreamHandler(caught)
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    with redirect_stdout(caught), redirect_stderr(caught):
        set_up_logs()
        house.records.save_persons([CANARY], [Link(account=ACCOUNT, person=CANARY.id)])
        store(house, export(-40, 1, "mail:old@corp.example"))
        store(house, *(export(day, 90_000, ACCOUNT, **{"file.name": "canary.xlsx"}) for day in range(3)))
        judge_marked(house)
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(level)
    assert house.records.alerts()
    return caught.getvalue()


def test_logs_counts_and_error_answers_name_nobody(
    house: House, judged: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert said(judged) == []
    caplog.set_level(logging.DEBUG)
    masked = pseudonyms(house.records)
    shop = Shop(house.records, house.events, house.book, house.directory, masked)
    client = TestClient(create_app(shop, Knows(EVERYTHING)), raise_server_exceptions=False)
    pseudonym, case = masked(CANARY.id), house.records.cases()[0].id
    body = {"case": case, "purpose": "talk", "reason": "x", "person": pseudonym}
    answers = [
        client.get(f"/api/v1/persons/{CANARY.id}"),
        client.get(f"/api/v1/persons/{pseudonym}"),
        client.get("/api/v1/alerts"),
        client.get(f"/api/v1/cases/{case}"),
        client.get("/api/v1/events"),
        client.get("/api/v1/events", params={"q": "user.email:*"}),
        client.get("/api/v1/events/totals", params={"by": "user.account"}),
        client.post("/api/v1/unmaskings", json=body | {"hours": 1_000}),
        client.get("/metrics"),
        client.get("/openapi.json"),
    ]
    logged = caplog.text + "".join(capfd.readouterr())
    assert {answer.status_code for answer in answers} == {200, 403, 404, 422}
    assert [name for answer in answers for name in said(answer.text)] == []
    assert said(logged.replace(f"/persons/{CANARY.id}", "")) == [], "but for the test's own client"
    client.post("/api/v1/unmaskings", json=body)
    assert said(client.get(f"/api/v1/cases/{case}").text) != [], "the canary sings once it is unmasked"


def test_the_command_line_names_nobody_without_a_reason(house: House, judged: str, tmp_path: Path) -> None:
    assert said(judged) == []
    case = house.records.cases()[0].id
    house.events.close()  # type: ignore[attr-defined]

    def line(*words: str) -> str:
        done = CliRunner().invoke(app, ["--data", str(tmp_path), *words])
        return f"{done.output}{done.exception or ''}".replace(str(tmp_path), "")

    file = tmp_path / "login.csv"
    broken = LOGIN.splitlines()[1].replace("2026-03-02T03", "2026-13-02T03").replace("20260302", "20261302")
    file.write_text(f"{LOGIN}{broken}\n".replace("li.na@example.com", CANARY.email))
    assert "1" in line("ingest", "salesforce_event_log", str(file))
    assert said(line("ingest", "salesforce_event_log", str(file))) == []
    assert "is not a time" in line("quarantine", "list", "--json")
    line("holds", "place", "--person", CANARY.email, "--reason", "canary's suit")
    line("cases", "decide", case, "benign", "--reason", "the canary was on duty")
    line("exceptions", "add", "--rule", "mass_export", "--person", CANARY.email, "--reason", "canary", "--owner", "o",
         "--expires", "2030-01-01")  # fmt: skip
    for words in MASKED:
        known = said(line(*words))
        # Why somebody decided or held is what auditors are there to read.
        assert known == [] or (words[0] == "audit" and set(known) == {"canary"}), words
    assert "zz.canary@corp.example" in line("cases", "--json", "--unmask", "a talk")
    assert json.loads(line("risk", "--json", "--unmask", "a talk"))[0]["identity"]["name"] == CANARY.name
    assert "reason" in line("risk", "--unmask", " ")
