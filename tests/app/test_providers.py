"""Logging in at an OpenID Connect provider, a real one on this machine."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient

from access.arrivals import Provider
from access.gate import now
from api.shop import Shop
from app.providers import Providers
from core.access import Role
from core.calendar import CompanyCalendar
from core.directory import Directory
from core.errors import Unavailable
from core.evidence import Deed
from core.pseudonyms import Pseudonyms
from detection.rulebook import RuleBook
from store.memory import MemoryStore
from store.records import SqlRecords
from tests.api.people import House
from tests.records import fresh_file

# The provider of the test is made with what its own libraries will drop one day.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
START = "/api/v1/login/oidc/idp"
SECRET = "s3cret-of-the-client"


@dataclass
class Idp:
    """The provider, and the requests for tokens that it saw."""

    issuer: str
    asked: list[dict[str, Any]] = field(default_factory=list)

    def knows(self, subject: str, **claims: object) -> None:
        httpx2.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def back(self, url: str, subject: str) -> str:
        """Log in there; where the browser is sent back to."""
        answer = httpx2.post(url, data={"sub": subject}, follow_redirects=False)
        return str(answer.headers["location"]).removeprefix("http://testserver")


@pytest.fixture(scope="module")
def idp() -> Iterator[Idp]:
    import flask
    import oidc_provider_mock
    from werkzeug.serving import make_server

    app = oidc_provider_mock.app(require_nonce=True)
    server = make_server("localhost", 0, app, threaded=True)
    known = Idp(issuer=f"http://localhost:{server.server_port}")

    @app.before_request
    def noted() -> None:
        if flask.request.path == "/oauth2/token":
            known.asked.append({**flask.request.form, "authorization": flask.request.headers.get("Authorization")})

    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def house(tmp_path: Path, idp: Idp) -> Iterator[House]:
    records = SqlRecords(fresh_file(tmp_path / "records.db"))
    directory = Directory([], [], [], {}, CompanyCalendar())
    made = House(Shop(records, MemoryStore(records), RuleBook.load(), lambda: directory, Pseudonyms(b"key")))
    made.gate.clock = now
    provider = Provider(
        name="idp",
        issuer=idp.issuer,
        client_id="leaverwatch",
        client_secret=SECRET,
        claim="groups",
        roles={"soc": [Role.ANALYST], "admins": [Role.ADMIN]},
        known_by="preferred_username",
        scopes=["openid", "profile", "email"],
    )
    made.serve(providers(made, provider))
    yield made
    records.close()


def providers(house: House, provider: Provider) -> Providers:
    return Providers([provider], "http://testserver", house.gate.sealer, now)


def begun(client: TestClient) -> str:
    answer = client.get(START)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def come(house: House, idp: Idp, subject: str = "42") -> tuple[TestClient, int]:
    """The whole way there and back."""
    client = house.client()
    return client, client.get(idp.back(begun(client), subject)).status_code


def test_whoever_the_provider_knows_comes_in_with_the_roles_of_their_groups(house: House, idp: Idp) -> None:
    idp.knows("42", preferred_username="Li.Na", email="li.na@example.com", groups=["soc", "others"])
    client, status = come(house, idp)
    assert status == 303
    me = client.get("/api/v1/me").json()
    assert (me["name"], me["roles"], me["email"]) == ("li.na", ["analyst"], "li.na@example.com")
    (session,) = client.get("/api/v1/me/sessions").json()
    assert session["way"] == "idp"
    user = house.records.user("li.na")
    assert user
    assert (user.issuer, user.subject) == (idp.issuer, "42")
    told = [(one.by, one.deed) for one in house.records.audited("user:li.na")]
    assert told == [("provider:idp", Deed.CHANGED_ACCESS), ("li.na", Deed.LOGGED_IN)]
    assert house.client().get("/api/v1/login/ways").json()["providers"] == ["idp"]


def test_the_code_is_bound_to_the_browser_by_state_nonce_and_pkce(house: House, idp: Idp) -> None:
    idp.knows("42", preferred_username="li.na", groups=["soc"])
    client = house.client()
    url = begun(client)
    asked = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == f"http://testserver{START}/callback"
    assert len(asked["state"]) >= 43
    assert len(asked["nonce"]) >= 43
    assert SECRET not in url
    kept = client.cookies["leaverwatch-oidc"]
    assert asked["state"] not in kept
    assert client.get(idp.back(url, "42")).status_code == 303
    verifier = idp.asked[-1]["code_verifier"]
    challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert challenge == asked["code_challenge"]
    assert verifier not in kept


def test_a_way_back_that_was_not_begun_in_this_browser_leads_nowhere(house: House, idp: Idp) -> None:
    idp.knows("42", preferred_username="li.na", groups=["soc"])
    mine, other = house.client(), house.client()
    back, others = idp.back(begun(mine), "42"), idp.back(begun(other), "42")
    assert house.client().get(back).status_code == 409, "no cookie"
    assert mine.get(others).status_code == 409, "another browser's state"
    tampered = house.client()
    tampered.cookies.set("leaverwatch-oidc", "A" * 80)
    assert tampered.get(back).status_code == 409
    assert mine.get(f"{back}&iss=https://evil.example").status_code == 409
    assert mine.get(f"{START}/callback?error=access_denied").status_code == 409
    assert mine.get(f"{START}/callback?state=é").status_code == 409
    assert mine.get(back).status_code == 303
    assert mine.get(back).status_code == 409, "the cookie was good once"
    assert len(house.records.users()) == 1


def test_a_login_takes_no_longer_than_ten_minutes(house: House, idp: Idp) -> None:
    client = house.client()
    url = begun(client)
    house.clock.at = now() + timedelta(seconds=601)
    house.entrance.providers._clock = house.clock  # type: ignore[attr-defined]
    assert client.get(idp.back(url, "42")).status_code == 409


def test_roles_follow_the_groups_and_who_has_none_left_is_shut_out_until_they_have(house: House, idp: Idp) -> None:
    idp.knows("42", preferred_username="li.na", groups=["soc"])
    first, _ = come(house, idp)
    idp.knows("42", preferred_username="renamed", groups=["admins"])
    second, status = come(house, idp)
    assert status == 303
    assert second.get("/api/v1/me").json()["roles"] == ["admin"]
    assert second.get("/api/v1/me").json()["name"] == "li.na", "a name stays somebody's"
    assert first.get("/api/v1/me").status_code == 401, "other roles end sessions"
    idp.knows("42", preferred_username="li.na", groups=[])
    assert come(house, idp)[1] == 401
    user = house.records.user("li.na")
    assert user
    assert user.disabled_by == "provider:idp"
    assert second.get("/api/v1/me").status_code == 401
    idp.knows("42", preferred_username="li.na", groups=["soc"])
    assert come(house, idp)[1] == 303


def test_who_was_shut_out_here_stays_so_and_who_is_mapped_nowhere_is_never_made(house: House, idp: Idp) -> None:
    idp.knows("42", preferred_username="li.na", groups=["soc"])
    come(house, idp)
    house.change("li.na", disabled_by="boss")
    assert come(house, idp)[1] == 401
    idp.knows("43", preferred_username="wang", groups=["others"])
    assert come(house, idp, "43")[1] == 401
    assert house.records.user("wang") is None


def test_nobody_takes_over_a_local_user_by_being_called_so(house: House, idp: Idp) -> None:
    house.add("boss", Role.ADMIN)
    idp.knows("42", preferred_username="boss", groups=["soc"])
    assert come(house, idp)[1] == 409
    idp.knows("42", preferred_username="../../x\r\n", groups=["soc"])
    assert come(house, idp)[1] == 409
    assert [user.name for user in house.records.users()] == ["boss"]


def test_roles_that_do_not_go_together_are_refused_from_there_too(house: House, idp: Idp) -> None:
    idp.knows("42", preferred_username="li.na", groups=["soc", "admins"])
    assert come(house, idp)[1] == 409
    assert house.records.users() == []


def test_a_users_password_is_the_providers_business(house: House, idp: Idp) -> None:
    idp.knows("42", preferred_username="li.na", groups=["soc"])
    client, _ = come(house, idp)
    client.headers["X-CSRF-Token"] = client.get("/api/v1/me").json()["csrf_token"]
    body = {"current": "x", "new": "another long one"}
    assert client.put("/api/v1/me/password", json=body).status_code == 409
    assert client.post("/api/v1/me/totp", json={"password": "x"}).status_code == 409
    assert house.client().post("/api/v1/login", json={"name": "li.na", "password": "x"}).status_code == 401


@pytest.mark.parametrize("issuer", ["http://localhost:9", "{}/users", "{}/"])
def test_a_provider_that_does_not_answer_as_itself_is_told_in_a_sentence(house: House, idp: Idp, issuer: str) -> None:
    one = house.entrance.providers._providers["idp"]  # type: ignore[attr-defined]
    broken = providers(house, replace(one, issuer=issuer.format(idp.issuer)))
    with pytest.raises(Unavailable, match="the provider idp"):
        broken.begin("idp")
    house.serve(broken)
    answer = house.client().get(START)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
