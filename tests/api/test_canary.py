"""Secrets are used all over, and then looked for wherever they should not be."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pyotp
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from access.tokens import digest_of
from app.config import Access, Config, Oidc
from core.access import Role
from core.users import Invitation
from tests.api.people import House

FIRST, SECOND = "canary-password-one", "canary-password-two"


class Heard(logging.Handler):
    """Everything that is logged, by whomever."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.getMessage()} {record.__dict__}\n"


def used(house: House, answers: list[str]) -> list[str]:
    """Go through everything with secrets; returns them. `answers` are those in which none of them may be."""
    link = "canary-link-of-the-first-admin"
    house.records.invite(
        Invitation(digest=digest_of(link), user="", expires=house.clock().replace(year=2027)),
        noted=house.noted("invited"),
    )
    client = house.client()
    asked = {"token": link, "name": "boss", "password": FIRST}
    answers += [client.post("/api/v1/first-admin", json=asked).text for _ in range(2)]
    answers.append(client.post("/api/v1/login", json={"name": "boss", "password": SECOND, "code": FIRST}).text)
    answers.append(client.post("/api/v1/login", json={"name": FIRST, "password": SECOND}).text)
    answers.append(client.post("/api/v1/login", json={"name": "boss", "password": FIRST, SECOND[:3]: SECOND}).text)
    token = client.post("/api/v1/login", json={"name": "boss", "password": FIRST}).json()["csrf_token"]
    cookie = client.cookies[house.entrance.cookie]
    client.headers["X-CSRF-Token"] = token
    secret, codes = second_factor(house, client)
    made = client.post("/api/v1/users", json={"name": "li", "roles": ["analyst"]}).json()
    invitation = made["invitation"]["token"]
    answers.append(client.post("/api/v1/invited", json={"token": invitation, "password": SECOND}).text)
    key = client.post("/api/v1/me/keys", json={"purpose": "x", "days": 1}).json()["key"]
    program = house.client()
    program.headers["Authorization"] = f"Bearer {key}"
    answers += [program.get(path).text for path in ("/metrics", "/api/v1/users", "/api/v1/sources")]
    answers += [client.get(path).text for path in ("/api/v1/users", "/api/v1/keys", "/api/v1/me/keys")]
    answers += [client.get(path).text for path in ("/api/v1/me/sessions", "/openapi.json")]
    body = {"current": SECOND, "new": FIRST + "x"}
    answers.append(client.put("/api/v1/me/password", json=body).text)
    return [FIRST, SECOND, link, cookie, secret, *codes, invitation, key, key.split("_", 2)[2]]


def second_factor(house: House, client: TestClient) -> tuple[str, list[str]]:
    secret = client.post("/api/v1/me/totp", json={"password": FIRST}).json()["secret"]
    code = pyotp.TOTP(secret).at(house.clock())
    return secret, client.post("/api/v1/me/totp/confirm", json={"code": code}).json()["codes"]


def test_no_secret_is_in_logs_answers_the_audit_log_or_the_database(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard, answers = Heard(), list[str]()
    root = logging.getLogger()
    before, _ = root.level, root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        secrets = used(house, answers)
    finally:
        root.removeHandler(heard)
        root.setLevel(before)
    assert len(secrets) > 15
    assert house.records.user("li"), "all of it was done"
    assert Role.ANALYST in house.records.user("li").roles  # type: ignore[union-attr]
    with closing(sqlite3.connect(tmp_path / "house.db")) as database:
        dump = "\n".join(database.iterdump())
    printed = capsys.readouterr()
    shown = repr([house.records.users(), house.records.keys_of(), house.records.credentials("boss")])
    places = {
        "logs": heard.text + printed.out + printed.err,
        "answers": "\n".join(answers),
        "audit log": str(house.records.audited()),
        "happenings": str(house.records.happened(-1, 1_000)),
        "dump": dump,
        "repr": shown + repr(house.records.sessions("boss")),
    }
    found = [(place, secret[:10]) for place, text in places.items() for secret in secrets if secret in text]
    assert found == []
    assert "$argon2id$" not in shown


def test_a_configuration_shows_no_secret() -> None:
    oidc = Oidc(
        issuer="https://idp.example",
        client_id="x",
        client_secret=SecretStr("canary-of-oidc"),
        roles={"soc": {"analyst"}},
    )
    config = Config(access=Access(key=SecretStr("ab" * 32), oidc={"idp": oidc}))
    assert "ab" * 32 not in repr(config) + str(config) + config.model_dump_json()
    assert "canary" not in repr(config) + str(config) + config.model_dump_json()
