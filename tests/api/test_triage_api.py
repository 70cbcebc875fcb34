"""Cases are worked on over the API: by whom, from which version, and with what they may see."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from access.permissions import permissions_of
from api.paging import cursor
from api.shop import Shop
from core.access import Caller, Role, Scope
from core.case import Case, CaseState, case_id
from core.grounds import RuleException, Suggestion
from core.happening import Kind
from core.person import Link, Person
from tests.store.storing import an_alert

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVER, FOREVER = date(1970, 1, 1), date(9999, 12, 31)
Client = Callable[..., TestClient]
GHOST = "no-such-case"


class Users:
    """Some users: who works on cases, who does not, and one who may not look at person 8."""

    def __init__(self) -> None:
        self.known = {
            "wang": Role.ANALYST,
            "chen": Role.SENIOR_ANALYST,
            "zhao": Role.HR,
            "liu": Role.LEGAL,
            "eight": Role.ANALYST,
        }

    def colleague(self, name: str) -> Caller | None:
        if name not in self.known:
            return None
        role = self.known[name]
        person = "8" if name == "eight" else ""
        return Caller(name=name, roles=frozenset({role}), permissions=permissions_of([role]), person=person)


def a_case(person: str, *days: int, of: str = "") -> Case:
    alerts = tuple(an_alert(of or person, day, rule="mass_export").id for day in days)
    return Case(
        id=case_id(person, 0),
        person=person,
        number=0,
        state=CaseState.NEW,
        opened=NOW + timedelta(days=int(person)),
        score=40.0 * len(days),
        alerts=alerts,
        scores=tuple(40.0 for _ in days),
    )


@pytest.fixture(autouse=True)
def cases(shop: Shop) -> dict[str, Case]:
    """Cases of 8, 9 and 10, beside that of 7."""
    shop.colleagues = Users()
    made = {"8": a_case("8", 1, 2, 3), "9": a_case("9", 4), "10": a_case("10", 5)}
    people = [Person(id=one, department="sales" if one == "8" else "labs") for one in made]
    shop.records.save_persons(people, [Link(account=f"employee:{one}", person=one) for one in made])
    alerts = [an_alert(one, day) for one in made for day in range(1, 6)]
    shop.records.settle((), [(one, EVER, FOREVER) for one in made], alerts, list(made.values()))
    return made


@pytest.fixture
def wang(client_of: Client) -> TestClient:
    return client_of(Role.ANALYST, "wang")


@pytest.fixture
def chen(client_of: Client) -> TestClient:
    return client_of(Role.SENIOR_ANALYST, "chen")


def work(client: TestClient, case: Case | str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/cases/{case if isinstance(case, str) else case.id}/work")
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"].startswith(f'"{answer.json()["work"]["tag"]}.')
    found: dict[str, Any] = answer.json()
    return found


def post(client: TestClient, case: Case, what: str, body: Any = None, tag: str | None = None) -> Any:
    seen = tag or work(client, case)["work"]["tag"]
    return client.post(f"/api/v1/cases/{case.id}/{what}", json=body, headers={"If-Match": f'"{seen}"'})


def listed(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"/api/v1/worklist{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


def test_a_case_goes_its_way_from_new_to_a_decision_and_its_history_says_so(
    shop: Shop, wang: TestClient, cases: dict[str, Case]
) -> None:
    case = cases["8"]
    assert work(wang, case)["work"]["state"] == "new"
    taken = post(wang, case, "move", {"to": "in_review"}).json()["work"]
    assert (taken["state"], taken["assignee"]) == ("in_review", "wang")
    assert post(wang, case, "assignment", {"to": "chen"}).json()["work"]["assignee"] == "chen"
    due = "2026-04-01T10:00:00Z"
    assert post(wang, case, "due", {"due": due}).json()["work"]["due"] == due
    assert post(wang, case, "move", {"to": "escalated_hr", "reason": "talk to them"}).status_code == 200
    body = {"verdict": "benign", "reason": "the monthly report", "because": "part_of_the_job"}
    decided = post(wang, case, "decision", body).json()["case"]
    assert (decided["found"], decided["work"]["state"], decided["work"]["because"]) == (
        "benign",
        "closed",
        "part_of_the_job",
    )
    assert decided["reason"] is None, "the person is masked"
    history = wang.get(f"/api/v1/cases/{case.id}/history?limit=3").json()
    rest = wang.get(f"/api/v1/cases/{case.id}/history", params={"after": history["next"]}).json()
    assert [one["step"] for one in history["items"] + rest["items"]] == [
        "moved",
        "assigned",
        "due_set",
        "moved",
        "decided",
    ]
    assert history["items"][1]["details"] == {"before": {"assignee": "wang"}, "after": {"assignee": "chen"}}
    told = shop.records.happened(-1, 100, [Kind.CASE_ASSIGNED])
    assert [(one.to, one.by, one.person) for one in told] == [(("user:chen",), "wang", "8")]
    assert [one["why"] for one in rest["items"]] == ["talk to them", None]
    assert "8" not in str(history["items"][1]["details"]), "nobody is named"


def test_nothing_is_changed_blindly_or_over_somebody_elses_change(wang: TestClient, cases: dict[str, Case]) -> None:
    case = cases["8"]
    assert post(wang, case, "due", {"due": "9999-12-31T23:59:59-20:00"}).status_code == 422
    far = wang.get(f"/api/v1/cases/{case.id}/history", params={"after": cursor((10**30,))})
    assert far.json()["items"] == []
    path = f"/api/v1/cases/{case.id}/assignment"
    seen = work(wang, case)["work"]["tag"]
    for header in ({}, {"If-Match": "*"}):
        answer = wang.post(path, json={"to": "wang"}, headers=header)
        assert (answer.status_code, answer.json()["code"]) == (428, "if-match-missing")
    assert post(wang, case, "assignment", {"to": "wang"}, seen).status_code == 200
    for tag in (seen, "99", "x", "1" * 30, "-1", "²"):
        answer = wang.post(path, json={"to": "chen"}, headers={"If-Match": tag.encode()})
        assert (answer.status_code, answer.json()["code"]) == (412, "changed-since"), tag
    assert work(wang, case)["work"]["assignee"] == "wang"


def test_of_two_clients_at_once_one_is_told_to_look_again(
    wang: TestClient, chen: TestClient, cases: dict[str, Case]
) -> None:
    case = cases["8"]
    seen = work(wang, case)["work"]["tag"]

    def assign(client: TestClient, name: str) -> int:
        return int(post(client, case, "assignment", {"to": name}, seen).status_code)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(assign, (wang, chen), ("wang", "chen")))
    assert sorted(answers) == [200, 412]
    assert work(wang, case)["work"]["assignee"] == ("wang", "chen")[answers.index(200)]


def test_a_decision_is_of_what_was_seen(shop: Shop, wang: TestClient, cases: dict[str, Case]) -> None:
    case = cases["8"]
    seen = work(wang, case)["work"]["tag"]
    grown = a_case("8", 1, 2, 3, 4)
    shop.records.settle((), [("8", EVER, FOREVER)], [an_alert("8", day) for day in range(1, 6)], [grown])
    body = {"verdict": "confirmed", "reason": "seen"}
    assert post(wang, case, "decision", body, seen).status_code == 412
    assert post(wang, case, "assignment", {"to": "wang"}, seen).status_code == 200, "that does not depend on it"
    assert post(wang, case, "decision", body).status_code == 200
    assert post(wang, case, "decision", body).status_code == 409


def test_a_decision_that_says_too_little_or_too_much_is_none(wang: TestClient, cases: dict[str, Case]) -> None:
    for body in (
        {"verdict": "benign", "reason": "x"},
        {"verdict": "confirmed", "reason": "x", "because": "other"},
        {"verdict": "confirmed", "reason": " "},
        {"verdict": "confirmed", "reason": "x\u0000"},
        {"verdict": "confirmed", "reason": "x" * 2_001},
        {"verdict": "new", "reason": "x"},
        {"verdict": "confirmed", "reason": "x", "by": "chen"},
        {"verdict": "benign", "reason": "x", "because": "felt like it"},
    ):
        assert post(wang, cases["8"], "decision", body).status_code == 422, body
    assert work(wang, cases["8"])["found"] == "new"


def test_a_case_is_given_only_to_whoever_may_work_on_it_and_see_it(wang: TestClient, cases: dict[str, Case]) -> None:
    for name in ("zhao", "liu", "nobody", "eight"):
        answer = post(wang, cases["8"], "assignment", {"to": name})
        assert (answer.status_code, answer.json()["code"]) == (422, "no-such-colleague"), name
    assert post(wang, cases["9"], "assignment", {"to": "eight"}).status_code == 200


def test_the_last_step_is_undone_and_a_decision_by_whoever_took_it_or_a_senior(
    wang: TestClient, chen: TestClient, client_of: Client, cases: dict[str, Case]
) -> None:
    case, other = cases["8"], client_of(Role.ANALYST, "other")
    post(wang, case, "move", {"to": "in_review"})
    assert post(other, case, "undo").status_code == 409
    undone = post(wang, case, "undo").json()["work"]
    assert (undone["state"], undone["assignee"]) == ("new", "")
    assert post(wang, case, "undo").status_code == 409
    post(wang, case, "decision", {"verdict": "confirmed", "reason": "seen"})
    assert post(other, case, "undo").status_code == 409
    opened = post(chen, case, "undo").json()
    assert (opened["found"], opened["work"]["state"], opened["reason"]) == ("new", "new", "")


class Exceptions:
    """A desk at which every benign case speaks for one exception."""

    def suggested(self, case: Case) -> list[Suggestion]:
        return [Suggestion(rule="mass_export", person=case.person, case=case.id, reason=case.reason, alerts=3)]

    def file(self, case: Case, rule: str, *, by: str, reason: str, expires: datetime) -> RuleException:
        about = {"rule": rule, "person": case.person, "reason": reason, "owner": by}
        return RuleException(id="E1", since=NOW, filed=NOW, expires=expires, **about)  # type: ignore[arg-type]


def test_a_benign_decision_proposes_an_exception_that_a_senior_files_by_one_call(
    shop: Shop, wang: TestClient, chen: TestClient, cases: dict[str, Case]
) -> None:
    case, path = cases["8"], f"/api/v1/cases/{cases['8'].id}/exceptions"
    filing = {"rule": "mass_export", "reason": "monthly", "days": 30}
    assert chen.post(path, json=filing).status_code == 503
    shop.exceptions = Exceptions()
    body = {"verdict": "benign", "reason": "the monthly report", "because": "part_of_the_job"}
    (idea,) = post(wang, case, "decision", body).json()["exceptions"]
    assert (idea["rule"], idea["alerts"]) == ("mass_export", 3)
    assert wang.post(path, json=filing).status_code == 403
    made = chen.post(path, json=filing)
    assert (made.status_code, made.json()["owner"], made.json()["person"]) == (201, "chen", shop.pseudonyms("8"))
    assert chen.post(path, json={**filing, "days": 999}).status_code == 422


def test_legal_sees_what_was_handed_over_and_hr_nothing(
    wang: TestClient, chen: TestClient, client_of: Client, cases: dict[str, Case]
) -> None:
    liu, hr = client_of(Role.LEGAL, "liu"), client_of(Role.HR, "zhao")
    case = cases["8"]
    assert listed(liu) == []
    assert liu.get(f"/api/v1/cases/{case.id}/work").status_code == 404
    post(wang, case, "move", {"to": "escalated_legal", "reason": "a contract"})
    assert listed(liu) == [case.id]
    assert work(liu, case)["work"]["state"] == "escalated_legal"
    assert liu.get(f"/api/v1/cases/{case.id}/history").status_code == 200
    assert post(liu, case, "assignment", {"to": ""}).status_code == 403
    assert hr.get(f"/api/v1/cases/{case.id}/work").status_code == 403
    assert hr.get("/api/v1/worklist").status_code == 403
    assert post(wang, case, "move", {"to": "in_review", "reason": "back"}).status_code == 409
    assert post(chen, case, "move", {"to": "in_review", "reason": "back"}).status_code == 200
    assert listed(liu) == []


def test_cases_are_joined_decided_together_and_parted(
    wang: TestClient, chen: TestClient, cases: dict[str, Case]
) -> None:
    one, other, third = cases.values()
    body = {"cases": [other.id, third.id], "reason": "one plan"}
    assert post(wang, one, "join", body).status_code == 403
    joined = post(chen, one, "join", body).json()
    assert joined["work"]["joined"] == sorted([other.id, third.id])
    assert not {other.id, third.id} & set(listed(wang))
    assert work(wang, other)["work"]["lead"] == one.id
    assert post(wang, other, "move", {"to": "in_review"}).status_code == 409
    assert post(chen, one, "join", {"cases": [one.id], "reason": "x"}).status_code == 422
    parted = post(chen, one, "part", {"cases": [third.id], "reason": "not that one"}).json()
    assert parted["work"]["joined"] == [other.id]
    post(wang, one, "decision", {"verdict": "confirmed", "reason": "seen"})
    assert [work(wang, case)["found"] for case in cases.values()] == ["confirmed", "confirmed", "new"]
    assert post(chen, one, "part", {"cases": [other.id], "reason": "x"}).status_code == 409


def test_alerts_are_taken_out_into_a_case_of_their_own(chen: TestClient, cases: dict[str, Case]) -> None:
    case = cases["8"]
    alerts = list(case.alerts)
    parts = post(chen, case, "split", {"alerts": alerts[2:], "reason": "another matter"}).json()
    assert (parts["rest"]["alerts"], parts["apart"]["alerts"]) == (alerts[:2], alerts[2:])
    assert parts["apart"]["id"] in listed(chen)
    for wrong in (alerts[:2], ["unknown"]):
        assert post(chen, case, "split", {"alerts": wrong, "reason": "x"}).status_code == 422
    answer = chen.post(
        f"/api/v1/cases/{parts['apart']['id']}/decision",
        json={"verdict": "confirmed", "reason": "seen"},
        headers={"If-Match": parts["apart"]["work"]["tag"]},
    )
    assert answer.json()["case"]["found"] == "confirmed"
    assert work(chen, case)["found"] == "new"


ROUTES = [
    ("GET", "work", None),
    ("POST", "move", {"to": "in_review"}),
    ("POST", "assignment", {"to": ""}),
    ("POST", "due", {"due": None}),
    ("POST", "decision", {"verdict": "confirmed", "reason": "x"}),
    ("POST", "exceptions", {"rule": "x", "reason": "x"}),
    ("POST", "undo", None),
    ("GET", "history", None),
    ("POST", "join", {"cases": ["x"], "reason": "x"}),
    ("POST", "part", {"cases": ["x"], "reason": "x"}),
    ("POST", "split", {"alerts": ["x"], "reason": "x"}),
    ("GET", "tasks", None),
    ("POST", "tasks", {"title": "x"}),
    ("PUT", "tasks/{task}", {"title": "x"}),
    ("GET", "comments", None),
    ("POST", "comments", {"text": "x"}),
    ("PUT", "comments/{comment}", {"text": "x"}),
    ("DELETE", "comments/{comment}", None),
    ("GET", "attachments", None),
    ("POST", "attachments", "file"),
    ("GET", "attachments/{attachment}", None),
]


def test_what_may_not_be_seen_does_not_exist_on_any_route(
    shop: Shop, chen: TestClient, client_of: Client, cases: dict[str, Case]
) -> None:
    case = cases["8"].id
    ids = {
        "task": chen.post(f"/api/v1/cases/{case}/tasks", json={"title": "x"}).json()["id"],
        "comment": chen.post(f"/api/v1/cases/{case}/comments", json={"text": "x"}).json()["id"],
        "attachment": chen.post(f"/api/v1/cases/{case}/attachments", files={"file": ("a.txt", b"x")}).json()["id"],
    }
    before = len(shop.records.history(case))
    labs = Scope(departments=frozenset({"labs"}))
    others = [
        client_of(Role.SENIOR_ANALYST, "chen", labs),
        client_of(Role.SENIOR_ANALYST, "chen", person="8"),
    ]
    paths = {
        route.path for route in chen.app.routes if getattr(route, "path", "").startswith("/api/v1/cases/{case_id}/")
    }  # type: ignore[attr-defined]
    tried = {f"/api/v1/cases/{{case_id}}/{what}".replace("{task}", "{task_id}") for _, what, _ in ROUTES}
    tried = {one.replace("{comment}", "{comment_id}").replace("{attachment}", "{attachment_id}") for one in tried}
    assert paths <= tried | {"/api/v1/cases/{case_id}/evidence"}
    for method, what, body in ROUTES:
        for client in others:
            answer = client.request(
                method,
                f"/api/v1/cases/{case}/{what.format(**ids)}",
                headers={"If-Match": "1"},
                **({"files": {"file": ("a.txt", b"x")}} if body == "file" else {"json": body} if body else {}),
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), (method, what)
    assert not any(case in listed(client) for client in others)
    assert len(shop.records.history(case)) == before
    assert len(listed(others[0])) == 2


def test_what_lies_with_one_case_is_not_had_through_another(chen: TestClient, cases: dict[str, Case]) -> None:
    one, other = cases["8"].id, cases["9"].id
    path = f"/api/v1/cases/{one}"
    task = chen.post(f"{path}/tasks", json={"title": "x"}).json()["id"]
    comment = chen.post(f"{path}/comments", json={"text": "x"}).json()["id"]
    file = chen.post(f"{path}/attachments", files={"file": ("a.txt", b"x")}).json()["id"]
    there = f"/api/v1/cases/{other}"
    assert chen.put(f"{there}/tasks/{task}", json={"title": "y"}, headers={"If-Match": "1"}).status_code == 404
    assert chen.put(f"{there}/comments/{comment}", json={"text": "y"}).status_code == 404
    assert chen.delete(f"{there}/comments/{comment}").status_code == 404
    assert chen.get(f"{there}/attachments/{file}").status_code == 404


def test_a_joined_case_hides_with_the_one_that_may_not_be_seen(
    chen: TestClient, client_of: Client, cases: dict[str, Case]
) -> None:
    post(chen, cases["9"], "join", {"cases": [cases["8"].id], "reason": "one plan"})
    labs = client_of(Role.SENIOR_ANALYST, "li", Scope(departments=frozenset({"labs"})))
    assert labs.get(f"/api/v1/cases/{cases['9'].id}/work").status_code == 404
    assert listed(labs) == [cases["10"].id]
    assert post(labs, cases["10"], "join", {"cases": [cases["8"].id], "reason": "x"}).status_code == 404


def test_every_look_is_noted_with_the_real_person(shop: Shop, wang: TestClient, cases: dict[str, Case]) -> None:
    answer = work(wang, cases["8"])
    assert answer["person"] == shop.pseudonyms("8")
    assert answer["persons"] == [shop.pseudonyms("8")]
    (look,) = [one for one in shop.records.audited(about=cases["8"].id) if one.deed == "saw"]
    assert (look.by, set(look.about)) == ("wang", {"8", cases["8"].id})
