"""What a service should not offer at all."""

from __future__ import annotations

from typing import Any, cast

import pytest
from fastapi import Response
from fastapi.testclient import TestClient

from api.entrance import Entrance
from api.server import described
from api.wire import wire
from api.wire.settings import Settings
from tests.api.small import small


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG"])
def test_methods_nobody_needs_are_not_there(method: str) -> None:
    client = small()
    for path in ("/things", "/"):
        answer = client.request(method, path, headers={"X-Mine": "canary-7"})
        assert answer.status_code in (401, 404, 405)
        assert "canary-7" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v1/", "/docs", "/redoc", "/static/", "/.git/config", "/.env", "/..%2f..%2fetc/passwd", "//etc"],
)
def test_there_are_no_folders_pages_of_tools_or_files(path: str) -> None:
    app = described()
    wire(app, Settings())
    answer = TestClient(app).get(path, follow_redirects=False)
    assert answer.status_code in (401, 404)
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_route_answers_a_function_and_none_a_folder() -> None:
    app = described()
    assert not [
        route for route in app.routes if type(route).__name__ in ("Mount", "WebSocketRoute", "APIWebSocketRoute")
    ]
    assert (app.docs_url, app.redoc_url, app.debug) == (None, None, False)


def test_what_changes_something_is_asked_for_by_a_method_that_says_so() -> None:
    operations = [
        (method, path, operation)
        for path, methods in described().openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 80
    assert not [path for method, path, operation in operations if method == "get" and "requestBody" in operation]


def test_it_is_said_that_answers_by_https_are_for_a_year_and_all_names_below() -> None:
    client = small()
    client.base_url = "https://testserver"  # type: ignore[assignment]
    for path in ("/things", "/nowhere"):
        said = client.get(path).headers["strict-transport-security"]
        assert said == "max-age=31536000; includeSubDomains"


def test_the_cookie_for_the_way_to_a_provider_is_this_hosts_alone() -> None:
    answer = Response()
    Entrance(gate=cast(Any, None), https=True, providers=cast(Any, None)).send_away(answer, "kept")
    name, *how = answer.headers["set-cookie"].split("; ")
    assert name == "__Host-leaverwatch-oidc=kept"
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure", "Max-Age=600"} == set(how)
