"""Lists over HTTP: a page at a time, of those whom the caller may look at and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import reading
from api.paging import cursor
from api.routes.cases import MOST as CASE_SHOWS
from api.routes.persons import MOST
from api.shop import Shop
from api.views import by_risk, risk_views
from core.access import Role, Scope
from core.alert import Alert, Severity, Term, alert_id
from core.case import Case, CaseState, case_id
from core.person import Person
from detection.departing import UNTIL
from detection.risk import person_ledger, sum_of
from detection.rulebook import RuleBook
from store.records.standingtables import standings, unranked
from tests.api.shops import EVERYTHING

FIRST = datetime(2026, 3, 3, tzinfo=UTC)
SALES = Scope(departments=frozenset({"Sales"}))
RULES = [rule.name for rule in RuleBook.load().rules.values() if rule.alerts][:8]


def alert(person: str, rule: str, hours: int, score: float) -> Alert:
    return Alert(
        id=alert_id(rule, person, (FIRST + timedelta(hours=hours)).date()),
        rule=rule,
        person=person,
        day=(FIRST + timedelta(hours=hours)).date(),
        time=FIRST + timedelta(hours=hours),
        severity=Severity.MEDIUM,
        score=score,
        terms=(Term(name=rule, points=score),),
        facts={},
        events=(),
        stage="active",
    )


@pytest.fixture
def full(shop: Shop) -> Shop:
    """30 more people, those with an even number in Sales, each with some alerts and a case."""
    people = [
        Person(id=f"s{n}", email=f"s{n}@x.cn", department="Legal" if n % 2 else "Sales", manager_email="s0@x.cn")
        for n in range(30)
    ]
    shop.records.save_persons(people, [])
    alerts = [
        alert(one.id, RULES[k], 5 * n + k, 10.0 + n % 7 + k) for n, one in enumerate(people) for k in range(n % 4 + 1)
    ]
    cases = [
        Case(
            id=case_id(one.person, 0),
            person=one.person,
            number=0,
            state=CaseState.NEW,
            opened=one.time,
            score=one.score,
            alerts=(one.id,),
        )
        for one in alerts
        if one.rule == RULES[0]
    ]
    spans = [(one.id, FIRST.date(), FIRST.date() + timedelta(days=30)) for one in people]
    shop.records.settle((), spans, alerts, cases)
    return shop


def walked(client: TestClient, path: str, **params: Any) -> Iterator[list[dict[str, Any]]]:
    """Page after page to the last."""
    after: str | None = ""
    while after is not None:
        answer = client.get(f"/api/v1/{path}", params=params | ({"after": after} if after else {}))
        assert answer.status_code == 200, answer.text
        yield answer.json()["items"]
        after = answer.json()["next"]


def whole(client: TestClient, path: str, **params: Any) -> list[dict[str, Any]]:
    return [one for page in walked(client, path, **params) for one in page]


@pytest.mark.parametrize("path", ["alerts", "cases", "persons"])
def test_pages_together_are_the_list(full: Shop, client: TestClient, path: str) -> None:
    pages = list(walked(client, path, limit=7))
    assert {len(page) for page in pages[:-1]} == {7}
    assert [one for page in pages for one in page] == whole(client, path, limit=1_000)
    if path != "persons":
        assert whole(client, path, limit=7, newest=True) == whole(client, path, limit=1_000)[::-1]


@pytest.mark.parametrize("path", ["alerts", "cases", "persons"])
def test_whoever_is_not_within_the_scope_is_in_no_list(
    full: Shop, client_of: Callable[..., TestClient], client: TestClient, path: str
) -> None:
    everybody = whole(client, path, limit=1_000)
    scoped = client_of(Role.ANALYST, scope=SALES, person="s2")
    pages = list(walked(scoped, path, limit=3))
    assert {len(page) for page in pages[:-1]} == {3}, "pages are full"
    sales = {f"s{n}" for n in range(0, 30, 2)} - {"s2", "s0"}
    shown = [one for page in pages for one in page]
    names = {full.pseudonyms(one) for one in sales}
    assert shown == [one for one in everybody if one["person"] in names], "nor oneself, nor one's manager"


def test_whoever_is_not_within_the_scope_is_nobody_to_ask_for(
    full: Shop, client_of: Callable[..., TestClient], client: TestClient
) -> None:
    scoped, name = client_of(Role.ANALYST, scope=SALES), full.pseudonyms
    assert {one["person"] for one in whole(scoped, "alerts", person=name("s4"))} == {name("s4")}
    for path in ("alerts", "cases"):
        for nobody in (name("s5"), name("nobody"), "s4", ""):
            assert scoped.get(f"/api/v1/{path}", params={"person": nobody}).status_code == 404
    (theirs, *_) = whole(client, "alerts", person=name("s5"))
    assert client.get(f"/api/v1/alerts/{theirs['id']}").status_code == 200
    assert scoped.get(f"/api/v1/alerts/{theirs['id']}").status_code == 404


def test_of_many_alerts_the_weakest_are_one_term_of_the_ledger(client: TestClient, shop: Shop) -> None:
    many = 2 * MOST
    shop.records.save_persons([Person(id="much", email="much@x.cn")], [])
    alerts = [alert("much", RULES[n % 8], 24 * n, 5.0 + n) for n in range(many)]
    # One of them loses points only later.
    off = Term(name="off", points=-4.0, since=FIRST + timedelta(days=2 * many))
    alerts[-1] = replace(alerts[-1], score=alerts[-1].score - 4.0, terms=(*alerts[-1].terms, off))
    shop.records.settle((), [("much", FIRST.date(), FIRST.date() + timedelta(days=many))], alerts, [])
    page = client.get(f"/api/v1/persons/{shop.pseudonyms('much')}").json()
    whole = person_ledger(alerts, shop.records.newest_alert() or FIRST)
    *shown, others = page["terms"]
    assert [(one["alert"], one["points"]) for one in shown] == [(one.alert, one.points) for one in whole[: MOST - 1]]
    assert (others["name"], others["observed"]) == ("others", many - MOST + 1)
    assert page["score"] == pytest.approx(sum_of(whole)) == pytest.approx(sum(one["points"] for one in page["terms"]))
    assert [one["id"] for one in page["alerts"]] == [one.id for one in alerts[-MOST:]]


def test_a_standing_that_kept_less_is_not_taken_for_the_whole_ledger(client: TestClient, shop: Shop) -> None:
    shop.records.save_persons([Person(id="li", email="li@x.cn")], [])
    alerts = [alert("li", RULES[n], 24 * n, 5.0 + n) for n in range(6)]
    shop.records.settle((), [("li", FIRST.date(), FIRST.date() + timedelta(days=6))], alerts, [])
    path = f"/api/v1/persons/{shop.pseudonyms('li')}"
    before = client.get(path).json()
    with shop.records.database.writing() as connection:
        connection.execute(standings.update().values(further="[]"))
        connection.execute(unranked.delete())
    assert client.get(path).json() == before
    assert len(before["terms"]) == 6


def as_computed(shop: Shop, at: datetime) -> list[tuple[str, float, str]]:
    lens = shop.lens(EVERYTHING)
    views = risk_views(by_risk(shop.records.alerts(), at), None, lens, shop.book, at)
    return [(one.person, one.score, one.stage) for one in views]


def as_listed(client: TestClient, **params: Any) -> list[tuple[str, float, str]]:
    return [(one["person"], one["score"], one["stage"]) for one in whole(client, "persons", limit=4, **params)]


def test_the_order_by_risk_is_that_of_the_alerts_at_every_moment(
    full: Shop, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = full.records.newest_alert()
    assert newest
    assert as_listed(client) == as_computed(full, newest)
    for later in (reading.LATER, 2):
        monkeypatch.setattr(reading, "LATER", later)
        for hours in (-24 * 400, -24 * 3, 0, 40, 90, 24 * 400):
            at = FIRST + timedelta(hours=hours)
            assert as_listed(client, at=at.isoformat()) == as_computed(full, at), (later, hours)


def test_who_is_about_to_leave_by_what_they_do_is_so_in_the_list_and_on_their_page(
    shop: Shop, client: TestClient
) -> None:
    shop.records.save_persons([Person(id="ahead", email="ahead@x.cn"), Person(id="past", email="past@x.cn")], [])
    until = {"ahead": FIRST + timedelta(days=900), "past": FIRST + timedelta(minutes=1)}
    hours = {"past": 0, "ahead": 5}
    facts = {one: {UNTIL: moment.isoformat()} for one, moment in until.items()}
    signs = [replace(alert(one, RULES[0], hours[one], 10.0), facts=facts[one]) for one in ("past", "ahead")]
    shop.records.settle((), [(one.person, one.day, one.day) for one in signs], signs, [])
    listed = {one["person"]: one["stage"] for one in whole(client, "persons", limit=4)}
    for person, stage in (("ahead", "pre_departure"), ("past", "active")):
        pseudonym = shop.pseudonyms(person)
        page = client.get(f"/api/v1/persons/{pseudonym}").json()
        assert page["stage"] == listed[pseudonym] == stage


def test_pages_of_persons_stay_as_of_the_first(full: Shop, client: TestClient) -> None:
    expected, s9 = as_listed(client), full.pseudonyms("s9")
    pages = walked(client, "persons", limit=4)
    found = next(pages)
    full.records.settle((), [("s9", FIRST.date(), FIRST.date())], [alert("s9", RULES[0], 24 * 20, 500.0)], [])
    found += [one for page in pages for one in page]
    assert [(one["person"], one["score"], one["stage"]) for one in found if one["person"] != s9] == [
        one for one in expected if one[0] != s9
    ]
    assert as_listed(client)[0][0] == s9


def test_only_one_looks_far_back_at_a_time(full: Shop, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LATER", 2)
    asked = {"at": FIRST.isoformat()}
    with reading._looking_back:
        answer = client.get("/api/v1/persons", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert client.get("/api/v1/persons", params=asked).status_code == 200


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "é",
        cursor(("2026-03-02",)),
        cursor(("yesterday", "x")),
        cursor((1, "x")),
        cursor(("2026-03-02T00:00:00+00:00", "x", 1)),
        cursor(("2026-03-02T00:00:00+00:00", 1.0, "nobody")),
        cursor(("0001-01-01T00:00:00+08:00", "x")),
    ],
)
@pytest.mark.parametrize("path", ["alerts", "cases", "persons"])
def test_a_cursor_that_is_none_of_ours_is_refused(client: TestClient, path: str, after: str) -> None:
    answer = client.get(f"/api/v1/{path}", params={"after": after})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-cursor")


@pytest.mark.parametrize("path", ["alerts", "cases", "persons"])
def test_moments_at_the_ends_of_time_are_no_crash(client: TestClient, path: str) -> None:
    for moment in ("0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59.999999-08:00"):
        name = "at" if path == "persons" else "since"
        assert client.get(f"/api/v1/{path}", params={name: moment}).status_code == 422
    for moment in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-03-02"):
        names: Sequence[str] = ("at",) if path == "persons" else ("since", "until")
        for name in names:
            assert client.get(f"/api/v1/{path}", params={name: moment}).status_code == 200


def test_a_cursor_names_nobody(full: Shop, client: TestClient) -> None:
    import base64

    answer = client.get("/api/v1/persons", params={"limit": 1}).json()
    told = base64.urlsafe_b64decode(answer["next"] + "==").decode()
    person = full.known().person(answer["items"][0]["person"])
    assert answer["items"][0]["person"] in told
    assert f'"{person}"' not in told


def test_lists_ask_no_event_store(full: Shop, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("a list asks for events")

    monkeypatch.setattr(full.events, "totals", asked)
    monkeypatch.setattr(full.events, "read", asked)
    for path in ("alerts", "cases", "persons"):
        assert whole(client, path)


def test_a_decided_case_is_found_by_its_state(full: Shop, client: TestClient) -> None:
    (case, *_) = whole(client, "cases")
    full.records.decide(case["id"], CaseState.BENIGN, "agreed", FIRST)
    assert [one["id"] for one in whole(client, "cases", state=["benign", "confirmed"])] == [case["id"]]
    assert client.get("/api/v1/cases", params={"state": "lost"}).status_code == 422
    assert {one["severity"] for one in whole(client, "alerts", severity=["medium", "critical"])} == {"medium"}
    assert {one["rule"] for one in whole(client, "alerts", rule=RULES[2], stage="active")} == {RULES[2]}


def test_a_list_of_the_changed_directory_is_of_the_changed_directory(
    full: Shop, client_of: Callable[..., TestClient]
) -> None:
    scoped = client_of(Role.ANALYST, scope=SALES)
    s4 = full.pseudonyms("s4")
    assert s4 in {one["person"] for one in whole(scoped, "persons")}
    (moved,) = (one for one in full.records.persons() if one.id == "s4")
    full.records.save_persons([replace(moved, department="Legal")], [])
    assert s4 not in {one["person"] for one in whole(scoped, "persons")}


def test_a_case_shows_its_newest_alerts_and_has_pages_of_all(
    full: Shop, client_of: Callable[..., TestClient], client: TestClient
) -> None:
    """A crew's case: of members in Sales and others. Whoever may look at some of them is shown their alerts alone."""
    many = [alert(f"s{n % 4}", RULES[0], 24 * (n // 4) + n % 4, 10.0) for n in range(40)]
    case = Case(
        id=case_id("s0", 9), person="s0", number=9, state=CaseState.NEW, opened=FIRST, score=90.0,
        alerts=tuple(one.id for one in many),
    )  # fmt: skip
    full.records.settle((), [], many, [case])
    shown = client.get(f"/api/v1/cases/{case.id}").json()
    assert len(shown["case"]["alerts"]) == 40
    assert [one["id"] for one in shown["alerts"]] == list(case.alerts[-CASE_SHOWS:])
    path = f"cases/{case.id}/alerts"
    pages = list(walked(client, path, limit=7))
    assert {len(page) for page in pages[:-1]} == {7}
    assert [one["id"] for page in pages for one in page] == list(case.alerts)
    scoped = client_of(Role.ANALYST, scope=SALES)
    own = [one.id for one in many if one.person in ("s0", "s2")]
    assert [one["id"] for one in whole(scoped, path, limit=3)] == own
    assert [one["id"] for one in scoped.get(f"/api/v1/cases/{case.id}").json()["alerts"]] == own[-CASE_SHOWS:]
    assert scoped.get("/api/v1/cases/none/alerts").status_code == 404
    assert client.get(f"/api/v1/{path}?after=x").status_code == 422
