"""The search language: what a query means, and what is refused and how."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.calendar import CompanyCalendar
from core.condition import All, Any, Between, During, Has, Is, Like, Not, Wild, Words
from core.directory import Directory
from core.errors import BadQuery
from core.person import Link
from core.search import parse

COMPANY = Directory([], [], [], {}, CompanyCalendar())
BERLIN = Directory([], [], [], {}, CompanyCalendar(zone="Europe/Berlin"))
A, B, C = (Is("user.name", name) for name in "abc")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_example_of_the_docs_means_what_it_says() -> None:
    assert parse("user.id:zhang* AND event.action:export AND data.records:>1000", COMPANY) == All(
        (Like("user.id", ("zhang", Wild.ANY)), Is("event.action", "export"), Between("data.records", 1001))
    )


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("user.name:a user.name:b OR user.name:c", Any((All((A, B)), C))),
        ("user.name:a OR user.name:b user.name:c", Any((A, All((B, C))))),
        ("user.name:(a OR b) AND user.name:c", All((Any((A, B)), C))),
        ("!user.name:a && !(user.name:b || user.name:c)", All((Not(A), Not(Any((B, C)))))),
        ("+user.name:a -user.name:b NOT user.name:c", All((A, Not(B), Not(C)))),
        ("user.name:(a b)", All((A, B))),
        ("user.name:*", Has("user.name")),
        ("a and b", All((Words(("a",)), Words(("and",)), Words(("b",))))),
        ("event.action:(export) [ TO", None),
        ("user.name:AND", None),
    ],
)
def test_what_stands_side_by_side_must_all_hold_and_binds_like_and(text: str, meaning: object) -> None:
    if meaning is None:
        with pytest.raises(BadQuery):
            parse(text, COMPANY)
    else:
        assert parse(text, COMPANY) == meaning


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("20261025", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("[2026-03-28 TO 2026-03-29]", "2026-03-27T23:00", "2026-03-29T22:00"),
        ("{2026-03-28 TO 2026-03-29}", "2026-03-28T23:00", "2026-03-28T23:00"),
        (">=2026-03-29", "2026-03-28T23:00", None),
        (">2026-03-29", "2026-03-29T22:00", None),
        ("<2026-03-29", None, "2026-03-28T23:00"),
        ("<=2026-03-29", None, "2026-03-29T22:00"),
        ("[2026-03-29T01:30 TO 2026-03-29T03:30}", "2026-03-29T00:30", "2026-03-29T01:30"),
        ("<2026-10-25T04:00:00Z", None, "2026-10-25T04:00"),
        ('>="2026-10-25T04:00:00+08:00"', "2026-10-24T20:00", None),
        (">2026-10-25T04:00:00.000001Z", "2026-10-25T04:00:00.000002", None),
    ],
)
def test_a_day_is_the_companys_day_whatever_its_hours(text: str, start: str | None, end: str | None) -> None:
    found = parse(f"@timestamp:{text}", BERLIN)
    assert isinstance(found, During)
    assert (found.start, found.end) == (start and utc(start), end and utc(end))


def test_a_person_stands_for_the_accounts_at_the_times_they_had_them() -> None:
    monday = utc("2026-03-02T00:00")
    links = [Link(account="login:a", person="7", since=monday), Link(account="login:b", person="7")]
    directory = Directory([], links, [], {"login:a": (), "login:b": (), "login:c": ()}, CompanyCalendar())
    assert list(directory.spans_of("8")) == []
    (a, since, _), (b, *_) = directory.spans_of("7")
    assert (a, since, b) == ("login:a", monday, "login:b")
    ((account, _, until),) = directory.spans_of("login:a")
    assert (account, until) == ("login:a", monday), "before the link the account is a person of its own"
    ((_, since, until),) = directory.spans_of("login:c")
    assert until - since > timedelta(days=365_000)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("user.nme:a", "there is no field user.nme"),
        ("user.account:login:a", "quotes belong around a value with a colon"),
        ("user.name:(a event.action:b)", "quotes belong"),
        ("person.department:sales", "person.department is worked out when judging"),
        ("email.to.kind:personal", "email.to.kind is worked out"),
        ("person.id:1*", "they are for keywords"),
        ("vendor:x", "vendor needs a field of the vendor's"),
        ("vendor.a:x*", "they are for keywords"),
        ("vendor.a[0]:x", "at character 11"),
        ("vendor.a-b:x", "there is no field vendor.a-b"),
        ("data.records:many", "many is no whole number"),
        ("data.records:1*", "they are for keywords"),
        ("data.records:1.5", "no whole number"),
        ("data.records:99999999999999999999", "no whole number"),
        ("data.records:-5", "a negative number in quotes"),
        ("data.records:[1 TO x]", "x is no whole number"),
        ("@timestamp:yesterday", "yesterday is no ISO 8601 day or time"),
        ("@timestamp:2026-02-30", "2026-02-30 is no ISO 8601"),
        ("@timestamp:9999-12-31", "9999-12-31 is no"),
        ("@timestamp:>0001-01-01T00:00", "0001-01-01T00:00 is no"),
        ("user.name" * 300 + ":x", "there is no field user.name"),
        ("vendor.n:-3", "a negative number in quotes"),
        ("source.ip:10.0.*", "they are for keywords"),
        ("source.ip:10.0.0.256", "no address"),
        ("source.ip:[10.0.0.1 TO 10.0.0.9]", "10.0.0.0/8"),
        ("user.name:[a TO b]", "has no ranges"),
        ("[1 TO 2]", "a range needs a field"),
        ("roam~", "at character 5, '~': ~ (similar words)"),
        ('"a b"~2.5', "similar words"),
        ("a^1.2.3", "at character 2"),
        ("file.path:/share/x", "at character 11, '/share/x': /.../ (regular expressions)"),
        ("fo?o", "* may stand at the end"),
        ("*foo", "* may stand at the end"),
        ("...", "no letter or digit"),
        ('user.name:"C:\\Users"', "a backslash is written twice"),
        ('a "open', "at character 3"),
        ("(a", "ends too early"),
        ("a)", "at character 2, ')'"),
        ("a AND OR b", "at character 7, 'OR b'"),
        ("a:", "ends too early"),
        ("user.name:" + "*a" * 21, "more than 20 wildcards"),
        ("a " * 201, "more than 200 terms"),
        ("a" * 4_001, "4,001 characters"),
        ("(" * 1_900 + "a" + ")" * 1_900, "nested"),
        ("NOT " * 900 + "a", "nested"),
        ("!" * 3_000 + "a", "nested"),
        ("user.name:" * 300 + "a", "more than 200 terms"),
        ("\ud800", "UTF-8"),
    ],
    ids=lambda text: text[:20].encode("unicode_escape").decode(),
)
def test_what_cannot_be_understood_is_refused_in_a_sentence_that_names_the_place(text: str, told: str) -> None:
    with pytest.raises(BadQuery) as refused:
        parse(text, COMPANY)
    assert told in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("page", ["docs/search.md", "docs/search.zh.md"])
def test_every_query_of_the_docs_is_one(page: str) -> None:
    text = Path(page).read_text(encoding="utf-8")
    queries = re.findall(r"`((?:NOT )?[@a-z_.]+:[^`]+|li\\.na[^`]*|\"[^`]+)`", text)
    assert len(queries) > 20
    assert len({str(parse(query, COMPANY)) for query in queries}) > 15


PIECES = st.sampled_from(
    [*'()[]{}:"~^/\\*?!+-<>=&|. \n', "AND", "OR", "NOT", "TO", "&&", "||", "user.name:", "data.records:", "@timestamp:",
     "source.ip:", "person.id:", "rule.matched:", "2026-03-02", "T10:00", "10.0.0.0", "客户", "a", "1", "\0", "😀"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | st.lists(PIECES, max_size=40).map("".join) | st.lists(PIECES, max_size=12).map(" ".join))
@example("\\")
@example("a:/\\")
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(BadQuery):
        parse(text, COMPANY)


def test_people_may_search_at_the_same_time() -> None:
    texts = [f"user.name:n{n} AND (data.records:>{n} OR NOT w{n}*)" for n in range(400)]
    alone = [parse(text, COMPANY) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: parse(text, COMPANY), texts * 3)) == alone * 3
