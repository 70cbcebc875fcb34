"""The list of work, what is done with many cases at once, and what lies with a case."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from test_triage_api import EVER, FOREVER, Client, Users, a_case, cases, chen, listed, post, wang, work

from api.paging import cursor
from api.routes import casefiles, worklist
from api.routes import triage as triage_routes
from api.shop import Shop
from cases.attachments import LARGEST
from core.access import Role, Scope
from core.case import Case
from core.happening import Kind
from core.person import Person
from tests.store.storing import an_alert

__all__ = ["Users", "a_case", "cases", "chen", "wang"]


def bulk(client: TestClient, act: dict[str, Any], *seen: Case | tuple[str, str], together: bool = False) -> Any:
    named = [
        {"id": one[0], "tag": one[1]}
        if isinstance(one, tuple)
        else {"id": one.id, "tag": work(client, one)["work"]["tag"]}
        for one in seen
    ]
    return client.post("/api/v1/worklist/bulk", json={"act": act, "cases": named, "together": together})


def test_the_list_is_narrowed_down(wang: TestClient, cases: dict[str, Case]) -> None:
    eight, nine, ten = (case.id for case in cases.values())
    post(wang, cases["9"], "move", {"to": "in_review"})
    post(wang, cases["9"], "due", {"due": "2026-03-05T00:00:00Z"})
    assert listed(wang, "?limit=3")[:3] == [ten, nine, eight]
    assert listed(wang, "?states=in_review") == [nine]
    assert listed(wang, "?assignee=@me") == [nine]
    assert nine not in listed(wang, "?assignee=")
    assert listed(wang, "?due_before=2026-03-06T00:00:00Z") == [nine]
    assert listed(wang, "?departments=SALES") == [eight]
    assert listed(wang, "?departments=sales&departments=labs") == [ten, nine, eight]
    assert eight in listed(wang, "?severity=high&score=100")
    assert nine not in listed(wang, "?severity=high&score=100")
    assert listed(wang, "?severity=critical&departments=labs") == []
    assert listed(wang, "?least_age=36000") == []
    assert listed(wang, "?found=confirmed") == []


def test_the_list_comes_a_page_at_a_time_without_what_may_not_be_seen(
    wang: TestClient, client_of: Client, cases: dict[str, Case]
) -> None:
    labs = client_of(Role.ANALYST, "li", Scope(departments=frozenset({"labs"})))
    first = labs.get("/api/v1/worklist?limit=1").json()
    second = labs.get("/api/v1/worklist", params={"limit": 1, "after": first["next"]}).json()
    assert [page["items"][0]["id"] for page in (first, second)] == [cases["10"].id, cases["9"].id]
    assert second["next"] is None


def test_cases_are_found_by_what_was_written_and_by_what_rules_say(wang: TestClient, cases: dict[str, Case]) -> None:
    wang.post(f"/api/v1/cases/{cases['8'].id}/comments", json={"text": "客户名单 was sent home"})
    assert listed(wang, "?text=客户名单") == [cases["8"].id]
    assert listed(wang, "?text=HOME 名单 sent") == [cases["8"].id]
    assert listed(wang, "?text=nowhere") == []
    assert len(listed(wang, "?text=export")) >= 3, "a rule's title or message"


def named(shop: Shop, person: str = "8", name: str = "李娜") -> None:
    """A person has a name."""
    shop.records.save_persons([Person(id=person, name=name, email=f"{name}@x.cn", department="sales")], [])


def test_who_is_masked_is_not_found_by_their_name_and_by_everything_else(
    shop: Shop, wang: TestClient, chen: TestClient, cases: dict[str, Case]
) -> None:
    named(shop)
    eight = [cases["8"].id]
    wang.post(f"/api/v1/cases/{cases['8'].id}/comments", json={"text": "问了李娜本人 about the laptop"})
    wang.post(f"/api/v1/cases/{cases['8'].id}/tasks", json={"title": "call 李娜@x.cn back"})
    for text in ("李娜", "李", "娜本", "了李", "laptop 李娜", "x.cn"):
        assert listed(wang, f"?text={text}") == eight, "it is what one wrote oneself"
        assert listed(chen, f"?text={text}") == [], text
    for text in ("laptop", "本人", "问了", "call back", "export laptop"):
        assert listed(chen, f"?text={text}") == eight, text
    asked = {"person": shop.pseudonyms("8"), "purpose": "investigate", "reason": "to ask them", "case": cases["8"].id}
    assert chen.post("/api/v1/unmaskings", json=asked).status_code == 201
    for text in ("李娜", "娜本", "laptop 李娜", "x.cn", "laptop"):
        assert listed(chen, f"?text={text}") == eight, text


def test_a_name_is_found_where_it_is_shown(
    shop: Shop, wang: TestClient, chen: TestClient, cases: dict[str, Case]
) -> None:
    named(shop)
    for one in ("8", "9"):
        wang.post(f"/api/v1/cases/{cases[one].id}/comments", json={"text": "李娜"})
    assert listed(chen, "?text=李娜") == [cases["9"].id], "the case is about somebody else"
    attach(wang, cases["8"], "李娜.txt", b"text")
    assert listed(chen, "?text=李娜") == [cases["9"].id], "nor does a file's name tell it"
    assert listed(chen, "?text=txt") == [cases["8"].id]


def test_cases_worked_on_together_are_found_by_what_is_shown_of_each(
    shop: Shop, wang: TestClient, chen: TestClient, cases: dict[str, Case]
) -> None:
    named(shop, "9")
    for one, text in (("8", "about the phone"), ("9", "李娜 about the laptop")):
        wang.post(f"/api/v1/cases/{cases[one].id}/comments", json={"text": text})
    body = {"cases": [cases["9"].id], "reason": "one story"}
    assert post(chen, cases["8"], "join", body).status_code == 200
    for text, found in (("李娜", []), ("laptop", [cases["8"].id]), ("laptop phone", [cases["8"].id])):
        assert listed(chen, f"?text={text}") == found


def test_pages_are_full_where_some_of_what_was_found_is_not_shown(
    shop: Shop, wang: TestClient, chen: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist, "AT_ONCE", 4)
    made = [a_case(str(number), 1) for number in range(20, 50)]
    alerts = [an_alert(case.person, 1) for case in made]
    shop.records.settle((), [(case.person, EVER, FOREVER) for case in made], alerts, made)
    masked = {case.person for case in made if int(case.person) % 3}
    shop.records.save_persons([Person(id=one, name="Zoe Li" if one in masked else "") for one in sorted(masked)], [])
    for case in made:
        wang.post(f"/api/v1/cases/{case.id}/comments", json={"text": "zoe li left"})
    right = [case.id for case in reversed(made) if case.person not in masked]
    assert listed(wang, "?text=zoe&limit=100") == [case.id for case in reversed(made)]
    pages, after = [], None
    while after is not None or not pages:
        asked = {"text": "zoe", "limit": 3} | ({"after": after} if after else {})
        answer = chen.get("/api/v1/worklist", params=asked).json()
        pages.append([one["id"] for one in answer["items"]])
        after = answer["next"]
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert [one for page in pages for one in page] == right
    monkeypatch.setattr(worklist, "MOST_HIDDEN", 10)
    assert len(listed(chen, "?text=zoe&limit=3")) == 3, "the page is full before"
    refused = chen.get("/api/v1/worklist?text=zoe&limit=100")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad-query")
    assert "next" not in refused.json()


def test_a_filter_that_means_nothing_is_refused(wang: TestClient) -> None:
    for query in (
        "text=...",
        "text=" + "a%20" * 30,
        "text=" + "x" * 300,
        "states=closedd",
        "score=nan",
        "score=-1",
        "limit=0",
        "after=x",
        f"after={cursor(('x', 'y'))}",
        f"after={cursor(('9999-12-31T23:59:59-20:00', 'x'))}",
        "least_age=-1",
        "due_before=2026-03-06",
        "due_before=9999-12-31T23:59:59-20:00",
        "severity=bad",
        "who=me",
        "assignee=%00",
    ):
        assert wang.get(f"/api/v1/worklist?{query}").status_code == 422, query


def test_many_cases_are_worked_on_and_each_is_answered_for(wang: TestClient, cases: dict[str, Case]) -> None:
    eight, nine, ten = cases.values()
    stale = (nine.id, work(wang, nine)["work"]["tag"])
    post(wang, nine, "assignment", {"to": "chen"})
    answer = bulk(wang, {"do": "assign", "to": "wang"}, eight, stale, ("unknown", "0-x"), ten).json()
    assert [(one["id"], one["code"]) for one in answer["cases"]] == [
        (eight.id, "done"),
        (nine.id, "changed-since"),
        ("unknown", "not-found"),
        (ten.id, "done"),
    ]
    assert answer["done"] == 2
    assert answer["cases"][0]["tag"] == work(wang, eight)["work"]["tag"]
    moved = bulk(wang, {"do": "move", "to": "escalated_hr"}, eight, ten).json()
    assert [one["code"] for one in moved["cases"]] == ["bad-query", "bad-query"], "a reason is missing"


def test_together_it_is_all_or_none(wang: TestClient, cases: dict[str, Case]) -> None:
    eight, nine, ten = cases.values()
    benign = {"do": "decide_benign", "because": "known_process", "reason": "the yearly audit"}
    post(wang, nine, "decision", {"verdict": "confirmed", "reason": "seen"})
    answer = bulk(wang, benign, eight, nine, ten, together=True).json()
    assert [one["code"] for one in answer["cases"]] == ["not-done", "refused", "not-done"]
    assert work(wang, eight)["found"] == "new"
    assert bulk(wang, benign, eight, ten, together=True).json()["done"] == 2
    assert [work(wang, case)["found"] for case in cases.values()] == ["benign", "confirmed", "benign"]


def test_a_bulk_that_is_too_large_or_names_a_case_twice_is_refused(
    wang: TestClient, client_of: Client, cases: dict[str, Case]
) -> None:
    act = {"do": "assign", "to": "wang"}
    assert bulk(wang, act, *[("x", "0")] * 201).status_code == 422
    assert bulk(wang, act, ("x", "0"), ("x", "0")).status_code == 422
    assert bulk(wang, {"do": "decide_confirmed", "reason": "x"}, ("x", "0")).status_code == 422
    assert bulk(client_of(Role.LEGAL), act, ("x", "0")).status_code == 403


def test_views_are_ones_own_or_a_roles(wang: TestClient, chen: TestClient, client_of: Client) -> None:
    path, other = "/api/v1/worklist/views", client_of(Role.ANALYST, "other")
    body = {"name": "大额", "filter": {"score": 80, "assignee": "@me"}, "columns": ["person", "score"]}
    own = wang.post(path, json=body).json()
    shared = wang.post(path, json={**body, "name": "ours", "role": "analyst"}).json()
    assert [one["name"] for one in wang.get(path).json()] == ["ours", "大额"]
    assert [(one["name"], one["mine"]) for one in other.get(path).json()] == [("ours", False)]
    assert chen.get(path).json() == []
    for client in (other, chen):
        for view in (own, shared):
            assert client.put(f"{path}/{view['id']}", json=body, headers={"If-Match": "1"}).status_code == 404
            assert client.delete(f"{path}/{view['id']}").status_code == 404
    assert wang.put(f"{path}/{own['id']}", json=body).status_code == 428
    changed = wang.put(f"{path}/{own['id']}", json={**body, "name": "new"}, headers={"If-Match": own["tag"]})
    assert (changed.json()["name"], changed.headers["ETag"]) == ("new", '"2"')
    assert wang.put(f"{path}/{own['id']}", json=body, headers={"If-Match": own["tag"]}).status_code == 412
    assert wang.delete(f"{path}/{own['id']}").status_code == 204
    assert wang.post(path, json={**body, "filter": {"score": 80, "x": 1}}).status_code == 422
    assert wang.post(path, json={**body, "columns": ["email"]}).status_code == 422


def test_whoever_is_named_in_a_comment_and_may_see_the_case_is_told(
    shop: Shop, wang: TestClient, cases: dict[str, Case]
) -> None:
    text = "@chen @zhao @eight @nobody @wang: have a look"
    made = wang.post(f"/api/v1/cases/{cases['8'].id}/comments", json={"text": text})
    assert (made.status_code, made.json()["by"]) == (201, "wang")
    (told,) = shop.records.happened(-1, 100, [Kind.CASE_COMMENTED])
    assert (told.to, told.subject) == (("user:chen",), cases["8"].id)
    assert "look" not in str(told.details)


def test_what_colleagues_wrote_names_nobody_who_is_masked(
    shop: Shop, wang: TestClient, chen: TestClient, cases: dict[str, Case]
) -> None:
    shop.records.save_persons([Person(id="8", name="李娜", email="li.na@x.cn", department="sales")], [])
    path, text, name = f"/api/v1/cases/{cases['8'].id}", "ask 李娜 (Li.Na@x.cn)", shop.pseudonyms("8")
    wang.post(f"{path}/comments", json={"text": text})
    wang.post(f"{path}/tasks", json={"title": text})
    masked = f"ask {name} ({name})"
    post(wang, cases["8"], "move", {"to": "escalated_legal", "reason": text})
    assert chen.get(f"{path}/history").json()["items"][-1]["why"] == masked
    attach(wang, cases["8"], "李娜.txt", b"text")
    for client, said in ((wang, text), (chen, masked)):
        assert [one["text"] for one in client.get(f"{path}/comments").json()["items"]] == [said]
        assert [one["title"] for one in client.get(f"{path}/tasks").json()["items"]] == [said]
    (own,), (shown,) = (client.get(f"{path}/attachments").json() for client in (wang, chen))
    assert (own["name"], shown["name"]) == ("李娜.txt", f"{name}.txt")
    headers = [client.get(f"{path}/attachments/{own['id']}").headers["content-disposition"] for client in (wang, chen)]
    assert [name in one for one in headers] == [False, True]


def test_comments_are_changed_by_whoever_wrote_them_and_not_for_long(
    wang: TestClient, chen: TestClient, cases: dict[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/cases/{cases['8'].id}/comments"
    one, two = (wang.post(path, json={"text": text}).json()["id"] for text in ("one", "two"))
    assert chen.put(f"{path}/{one}", json={"text": "x"}).status_code == 403
    changed = wang.put(f"{path}/{one}", json={"text": "uno"}).json()
    assert (changed["text"], changed["earlier"]) == ("uno", ["one"])
    assert wang.delete(f"{path}/{two}").json()["withdrawn"]
    assert wang.put(f"{path}/{two}", json={"text": "x"}).status_code == 409
    later = triage_routes.now() + timedelta(minutes=16)
    monkeypatch.setattr(casefiles, "now", lambda: later)
    assert wang.delete(f"{path}/{one}").status_code == 409
    page = wang.get(f"{path}?limit=1").json()
    assert [item["text"] for item in page["items"]] == ["uno"]
    rest = wang.get(path, params={"after": page["next"]}).json()["items"]
    assert [(item["text"], item["earlier"]) for item in rest] == [("", ["two"])]
    for body in ({"text": " "}, {"text": "x" * 10_001}, {"text": "\u0000"}, {"text": "x", "by": "chen"}):
        assert wang.post(path, json=body).status_code == 422


def test_a_task_is_given_to_somebody_and_done(shop: Shop, wang: TestClient, cases: dict[str, Case]) -> None:
    path = f"/api/v1/cases/{cases['8'].id}/tasks"
    body = {"title": "ask the manager", "assignee": "chen", "due": "2026-04-01T00:00:00+08:00"}
    made = wang.post(path, json=body)
    assert (made.status_code, made.headers["ETag"], made.json()["done"]) == (201, '"1"', None)
    assert [one.to for one in shop.records.happened(-1, 100, [Kind.TASK_SET])] == [("user:chen",)]
    own = f"{path}/{made.json()['id']}"
    assert wang.put(own, json=body).status_code == 428
    done = wang.put(own, json={**body, "done": True}, headers={"If-Match": '"1"'}).json()
    assert (done["done_by"], done["tag"]) == ("wang", "2")
    assert wang.put(own, json=body, headers={"If-Match": '"1"'}).status_code == 412
    assert wang.post(path, json={**body, "assignee": "zhao"}).status_code == 422
    counted = work(wang, cases["8"])["work"]
    assert (counted["tasks"], counted["tasks_open"]) == (1, 0)


def attach(client: TestClient, case: Case, name: str, data: bytes) -> Any:
    return client.post(f"/api/v1/cases/{case.id}/attachments", files={"file": (name, data, "text/html")})


def test_a_file_is_attached_and_comes_back_as_nothing_but_a_file(wang: TestClient, cases: dict[str, Case]) -> None:
    case, data = cases["8"], "会议记录".encode()
    made = attach(wang, case, '../会议 "1".txt', data).json()
    assert (made["name"], made["kind"], made["size"]) == ("会议 _221_22.txt", "txt", len(data))
    assert made["sha256"] == hashlib.sha256(data).hexdigest()
    answer = wang.get(f"/api/v1/cases/{case.id}/attachments/{made['id']}")
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith('attachment; filename="attachment.txt";')
    assert wang.get(f"/api/v1/cases/{case.id}/attachments").json() == [made]
    assert work(wang, case)["work"]["attachments"] == 1


def test_files_that_are_too_large_or_not_what_they_say_are_refused(wang: TestClient, cases: dict[str, Case]) -> None:
    case = cases["8"]
    for name, data in (("a.exe", b"MZ"), ("a.pdf", b"<html>"), ("a.html", b"<html>"), ("a.svg", b"<svg/>"), ("", b"x")):
        assert attach(wang, case, name, data).status_code == 422, name
    assert attach(wang, case, "a.txt", b"x" * (LARGEST + 1)).json()["code"] == "too-large"
    path = f"/api/v1/cases/{case.id}/attachments"

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(100):
            sent.append(1)
            yield b"x" * (1 << 20)

    sent: list[int] = []
    multipart = {"Content-Type": "multipart/form-data; boundary=b"}
    assert wang.post(path, content=endless(), headers=multipart).status_code == 413
    for body, kind in (
        (b"x", "text/plain"),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=b"),
        (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n', "multipart/form-data; boundary=b"),
        (
            b'--b\r\nContent-Disposition: form-data; name="y"; filename="a"\r\n\r\n1\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
    ):
        assert wang.post(path, content=body, headers={"Content-Type": kind}).status_code == 422, body
    assert wang.get(path).json() == []
