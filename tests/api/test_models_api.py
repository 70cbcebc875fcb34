"""Models over HTTP: shown, shadowed, promoted, rolled back, with the guards of the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from access.permissions import permissions_of
from api.metrics import Counts, exposition
from api.server import create_app
from api.shop import Shop
from core.access import Caller, Role
from core.calendar import CompanyCalendar
from core.directory import Directory
from core.drift import SETTING, Drift, kept
from core.errors import Refused
from core.model import Lesson, Metric, RegisteredModel
from core.pseudonyms import Pseudonyms
from detection.rulebook import RuleBook
from models.registry import Registry
from store.memory import MemoryStore
from store.records import SqlRecords
from tests.api.shops import EVERYTHING, Knows
from tests.records import fresh_file
from tests.store.test_models import CARD, card

WHY = {"why": "it finds more"}


class Desk(Registry):
    """A registry whose models are promoted by their cards alone; `b` is worse than anything."""

    def models(self) -> Sequence[RegisteredModel]:
        return super().models()

    def finding_counts(self) -> Mapping[str, int]:
        return {"b": 7}

    def drift(self) -> Drift | None:
        return kept(self._records)

    def promote(self, model: str, *, by: str, why: str = "") -> RegisteredModel:  # type: ignore[override]
        if model == "b":
            raise Refused("worse than the champion a: recall 0.1 against 0.5")
        return super().promote(model, CARD.evaluation, CARD.evaluation, by=by, why=why)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    with closing(SqlRecords(fresh_file(tmp_path / "records.db"))) as opened:
        for name in "abc":
            opened.save_model(card(name))
        yield opened


@pytest.fixture
def client(records: SqlRecords, tmp_path: Path) -> TestClient:
    return client_of(records, Desk(tmp_path / "models", records))


def client_of(records: SqlRecords, desk: Desk | None, caller: Caller = EVERYTHING) -> TestClient:
    directory = Directory([], [], [], {}, CompanyCalendar())
    shop = Shop(records, MemoryStore(records), RuleBook.of({}), lambda: directory, Pseudonyms(b"key"), desk)
    return TestClient(create_app(shop, Knows(caller)))


def test_who_may_not_is_told_so_even_where_there_are_no_models(records: SqlRecords) -> None:
    hr = Caller(name="hr", roles=frozenset({Role.HR}), permissions=permissions_of([Role.HR]))
    assert client_of(records, None, hr).get("/api/v1/models").status_code == 403
    assert client_of(records, None).get("/api/v1/models").json()["code"] == "no-models"


def states(client: TestClient) -> dict[str, str]:
    return {model["id"]: model["state"] for model in client.get("/api/v1/models").json()}


def test_models_are_shown_with_their_cards(records: SqlRecords, client: TestClient) -> None:
    metric = Metric(name="recall", value=0.5, low=0.2, high=0.8)
    records.save_model(replace(card("d"), lesson=Lesson(used=True, why="better", people=12, metrics=(metric,))))
    first, *_, last = client.get("/api/v1/models").json()
    assert (first["id"], first["state"], first["features"], first["lesson"]) == ("a", "trained", 2, None)
    assert first["evaluation"]["metrics"] == [{"name": "recall", "value": 0.5, "low": 0.2, "high": 0.8}]
    assert [model["findings"] for model in client.get("/api/v1/models").json()] == [0, 7, 0, 0]
    assert (last["lesson"]["people"], last["lesson"]["metrics"][0]["value"]) == (12, 0.5)


def test_a_model_is_shadowed_promoted_and_rolled_back_with_who_and_why(client: TestClient) -> None:
    assert client.post("/api/v1/models/c/shadow", json=WHY).json()["state"] == "shadow"
    for name in "ac":
        promoted = client.post(f"/api/v1/models/{name}/promote", json=WHY).json()
        assert (promoted["state"], promoted["by"], promoted["why"]) == ("champion", "api", "it finds more")
    assert states(client) == {"a": "retired", "b": "trained", "c": "champion"}
    back = client.post("/api/v1/models/c/rollback", json={"why": "too loud"}).json()
    assert (back["id"], back["state"]) == ("a", "champion")


def test_what_is_refused_says_why_and_changes_nothing(client: TestClient) -> None:
    client.post("/api/v1/models/a/promote", json=WHY)
    before = states(client)
    for path, told in {
        "b/promote": "worse than the champion a",
        "a/shadow": "is champion",
        "b/rollback": "b is not champion",
        "a/rollback": "go back to",
    }.items():
        answer = client.post(f"/api/v1/models/{path}", json=WHY)
        assert answer.status_code == 409, path
        assert told in answer.json()["detail"]
    assert states(client) == before
    assert client.post("/api/v1/models/aa/promote", json=WHY).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"why": " "}, {"why": "x" * 1_001}, {**WHY, "force": True}, {**WHY, "by": "li.na"}]
)
def test_nothing_is_changed_without_who_and_why(client: TestClient, body: dict[str, object]) -> None:
    assert client.post("/api/v1/models/a/promote", json=body).status_code == 422
    assert set(states(client).values()) == {"trained"}


def test_who_may_only_read_models_changes_none(records: SqlRecords, tmp_path: Path) -> None:
    analyst = Caller(name="wang", roles=frozenset({Role.ANALYST}), permissions=permissions_of([Role.ANALYST]))
    client = client_of(records, Desk(tmp_path / "models", records), analyst)
    for change in ("shadow", "promote", "rollback"):
        answer = client.post(f"/api/v1/models/a/{change}", json=WHY)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert set(states(client).values()) == {"trained"}


def test_where_no_models_lie_none_are_changed(records: SqlRecords) -> None:
    answer = client_of(records, None).post("/api/v1/models/a/promote", json=WHY)
    assert (answer.status_code, answer.json()["code"]) == (503, "no-models")


def test_prometheus_and_whoever_lists_models_are_told_of_drift_as_it_was_last_looked_at(
    records: SqlRecords, tmp_path: Path
) -> None:
    counts = Counts(MemoryStore(records))
    assert b"leaverwatch_model" not in exposition(records, counts)
    drift = Drift(
        model="a",
        looked=datetime(2026, 7, 1, tzinfo=UTC),
        first=date(2026, 6, 3),
        last=date(2026, 6, 30),
        person_days=900,
        rare=Metric(name="rare", value=0.02, low=0.01, high=0.03),
        psi={"exports": 0.4, "mails": 0.01},
    )
    records.set_setting(SETTING, drift.to_json())
    told = exposition(records, counts).decode()
    assert "leaverwatch_model_rare_days_ratio 2.0" in told
    assert "leaverwatch_model_features_apart 1.0" in told
    models = client_of(records, Desk(tmp_path / "models", records)).get("/api/v1/models").json()
    assert [model["drift"] for model in models[1:]] == [None, None], "the others were not looked at"
    assert (models[0]["drift"]["factor"], models[0]["drift"]["apart"]) == (2.0, ["exports"])
    assert models[0]["drift"]["problems"] == drift.problems()
