"""What speaks for a person lowers or suppresses, for all to see, and never hides what it does not cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detection.judge
from core.alert import Alert, Outcome
from core.directory import Directory
from core.errors import Unbalanced
from core.grounds import Approval, ApprovalKind, RuleException
from core.person import Filing, Link, Person
from core.ports import Mark
from detection.bench import Bench
from detection.exceptions import Grounds
from detection.judge import judge
from detection.outcomes import balance
from detection.risk import score_at
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from tests.detection.conftest import EXPORT, SURROUNDINGS, Reader, at, book, frame, window

SENT = """
title: Sent
name: sent
logsource: {product: leaverwatch}
detection: {s: {event.action: send}, condition: s}
level: medium
points: 20
"""
MASS = window("mass", "value_sum", "{field: data.records, gte: 10000}", "points: 40\ntags: [attack.collection]\n")
MONTH = window("month", "value_sum", "{field: data.records, gte: 30000}", "points: 40\n").replace("1d", "30d")
LI = "mail:li.na@example.com"


def judged(
    rules: RuleBook,
    rows: Sequence[Mapping[str, Any]],
    *grounds: Approval | RuleException,
    filings: Sequence[Filing] = (),
    posts: Mapping[str, float] | None = None,
) -> list[Alert]:
    events = Tagger(rules, SURROUNDINGS).tag(frame(rows))
    people = [
        Person(id="li.na", email="li.na@example.com", department="Sales", title="Manager"),
        Person(id="wang.wei", email="wang.wei@example.com", department="Sales", title="Analyst"),
    ]
    accounts = dict.fromkeys(events["user.account"].unique(), ())
    links = [Link(account=f"mail:{person.email}", person=person.id) for person in people]
    directory = Directory(people, links, filings, accounts, SURROUNDINGS.calendar)
    approvals = [ground for ground in grounds if isinstance(ground, Approval)]
    exceptions = [ground for ground in grounds if isinstance(ground, RuleException)]
    found = judge(
        [Mark(subject=account, first=date(1971, 1, 1), last=date(9998, 12, 31)) for account in accounts],
        Bench(
            store=Reader(events),
            directory=directory,
            book=rules,
            surroundings=SURROUNDINGS,
            grounds=Grounds.of(approvals, exceptions, directory),
            posts=posts or {},
        ),
    )
    return sorted((a for one in found for a in one.alerts), key=lambda a: (a.day, a.rule, a.person))


def approval(**changed: Any) -> Approval:
    made = Approval(
        id="A-17",
        kind=ApprovalKind.APPROVAL,
        account=LI,
        recipients=("customer.example",),
        files=(),
        purpose="the quote",
        since=at("02T00:00"),
        until=at("03T00:00"),
        filed=at("01T09:00"),
    )
    return replace(made, **changed)


def exception(**changed: Any) -> RuleException:
    made = RuleException(
        id="E1",
        rule="mass",
        person="li.na",
        reason="monthly report",
        owner="boss",
        since=at("01T00:00"),
        expires=at("20T00:00"),
        filed=at("01T00:00"),
    )
    return replace(made, **changed)


def send(time: str, to: str | None = "a@customer.example", **more: Any) -> dict[str, Any]:
    domain = {"email.to.domain": to.rpartition("@")[2]} if to else {}
    return {"@timestamp": at(time), "event.action": "send", "email.to.address": to} | domain | more


def export(time: str, records: int, **more: Any) -> dict[str, Any]:
    return {"@timestamp": at(time), "data.records": records} | more


def test_a_mail_that_was_approved_is_suppressed_counted_and_says_why() -> None:
    (found,) = judged(book(SENT), [send("02T10:00")], approval())
    assert (found.outcome, found.score, found.grounds) == (Outcome.SUPPRESSED, 0.0, ("approval A-17",))
    assert found.why == "the quote"
    assert [(term.name, term.points) for term in found.terms] == [("sent", 20.0), ("approval A-17", -20.0)]


@pytest.mark.parametrize(
    ("mail", "granted"),
    [
        (send("02T10:00", "a@other.example"), approval()),
        (send("02T10:00", "a@evilcustomer.example"), approval()),
        (send("03T00:00"), approval()),
        (send("01T23:59"), approval()),
        (send("02T10:00"), approval(account="mail:wang.wei@example.com")),
        (send("02T10:00", "b@customer.example"), approval(recipients=("a@customer.example",))),
        (send("02T10:00", **{"file.name": "book.xlsx"}), approval(files=("quote*.xlsx",))),
        (send("02T10:00", None, **{"device.id": "usb-1", "file.name": "quote.xlsx"}), approval(files=("quote.xlsx",))),
        (send("02T10:00", None, **{"share.scope": "anonymous"}), approval()),
        (send("02T10:00", None), approval()),
    ],
)
def test_what_differs_in_recipient_time_person_or_file_is_not_covered(mail: dict[str, Any], granted: Approval) -> None:
    (found,) = judged(book(SENT), [mail], granted)
    assert (found.outcome, found.score, found.grounds) == (Outcome.ALERT, 20.0, ())


@pytest.mark.parametrize(
    ("mail", "granted"),
    [
        (send("02T10:00", "A@Sub.Customer.example"), approval()),
        (send("02T10:00"), approval(recipients=("@customer.example",))),
        (send("02T10:00"), approval(recipients=("a@customer.example", "b@customer.example"))),
        (send("02T10:00", **{"file.name": "Quote (2).xlsx"}), approval(files=("quote*.xlsx",))),
        (send("02T10:00", **{"file.path": "https://x/sites/quote.xlsx"}), approval(files=("quote.xlsx",))),
        (send("02T10:00"), approval(files=("quote.xlsx",))),
        (send("02T10:00", None, **{"file.name": "quote.xlsx"}), approval(recipients=(), files=("quote.xlsx",))),
        (
            send("02T10:00", None, **{"target.user": "wang.wei@example.com"}),
            approval(recipients=("wang.wei@example.com",)),
        ),
    ],
)
def test_recipient_and_file_are_compared_where_the_log_names_them(mail: dict[str, Any], granted: Approval) -> None:
    (found,) = judged(book(SENT), [mail], granted)
    assert found.outcome is Outcome.SUPPRESSED


def test_what_is_not_approved_is_judged_against_the_same_limit() -> None:
    rows = [export("02T10:00", 9000, **{"target.user": "customer.example"}), export("02T11:00", 12000)]
    (found,) = judged(book(EXPORT, MASS), rows, approval())
    assert found.outcome is Outcome.ALERT
    assert found.facts["observed"] == 12000, "what is left is what is alleged"
    (plain,) = judged(book(EXPORT, MASS), rows[1:])
    assert found.score == plain.score
    assert [term.name for term in found.terms] == ["mass", "magnitude", "approval A-17"]
    assert found.terms[-1].points < 0
    rows[1] = export("02T11:00", 9999)
    (found,) = judged(book(EXPORT, MASS), rows, approval())
    assert (found.outcome, found.score) == (Outcome.SUPPRESSED, 0.0)


def test_an_approval_does_not_hide_a_later_day_on_which_the_rest_reaches_the_limit() -> None:
    to = {"target.user": "customer.example"}
    rows = [export("02T10:00", 29000, **to), export("04T10:00", 5000), export("09T10:00", 26000)]
    found = judged(book(EXPORT, MONTH), rows, approval())
    assert [(one.day.day, one.outcome) for one in found] == [(4, Outcome.SUPPRESSED), (9, Outcome.ALERT)]


def test_what_was_approved_afterwards_keeps_its_alert_and_counts_from_then_on() -> None:
    late = approval(filed=at("05T09:00"))
    (found,) = judged(book(SENT), [send("02T10:00")], late)
    assert (found.outcome, found.score) == (Outcome.ALERT, 0.0)
    assert [(term.name, term.points, term.since) for term in found.terms] == [
        ("sent", 20.0, None),
        ("approval A-17, afterwards", -20.0, late.filed),
    ]
    assert score_at([found], at("02T10:00")) == 20.0
    assert score_at([found], at("05T09:00")) == 0.0


def test_an_exception_is_from_one_rule_for_some_time_for_somebody() -> None:
    rows = [export("02T10:00", 12000), export("02T10:00", 12000, **{"user.account": "mail:wang.wei@example.com"})]

    def outcomes(*grounds: RuleException) -> dict[str, Outcome]:
        return {one.person: one.outcome for one in judged(book(EXPORT, MASS), rows, *grounds)}

    alert, suppressed = Outcome.ALERT, Outcome.SUPPRESSED
    assert outcomes(exception()) == {"li.na": suppressed, "wang.wei": alert}
    assert outcomes(exception(person="li.na@example.com")) == {"li.na": suppressed, "wang.wei": alert}
    assert outcomes(exception(person="", department="sales")) == {"li.na": suppressed, "wang.wei": suppressed}
    assert outcomes(exception(person="", title="Analyst")) == {"li.na": alert, "wang.wei": suppressed}
    assert outcomes(exception(person="wang.wei", title="Manager")) == {"li.na": alert, "wang.wei": alert}
    assert outcomes(exception(rule="other")) == {"li.na": alert, "wang.wei": alert}
    assert outcomes(exception(rule="", tag="attack.collection")) == {"li.na": suppressed, "wang.wei": alert}
    assert outcomes(exception(expires=at("02T10:00"))) == {"li.na": alert, "wang.wei": alert}, "expired"
    assert outcomes(exception(since=at("02T10:01"))) == {"li.na": alert, "wang.wei": alert}, "not begun"


def test_a_known_job_explains_its_hours_only() -> None:
    nightly = exception(hours="22:00-06:00")
    night, day = export("02T23:00", 12000), export("02T12:00", 12000)
    (found,) = judged(book(EXPORT, MASS), [night], nightly)
    assert (found.outcome, found.grounds) == (Outcome.SUPPRESSED, ("exception E1",))
    (found,) = judged(book(EXPORT, MASS), [day, night], nightly)
    assert (found.outcome, found.facts["observed"]) == (Outcome.ALERT, 12000)


def test_an_exception_entered_afterwards_does_not_make_an_alert_vanish() -> None:
    (found,) = judged(book(EXPORT, MASS), [export("02T10:00", 12000)], exception(filed=at("09T00:00")))
    assert (found.outcome, found.score, found.terms[-1].name) == (Outcome.ALERT, 0.0, "exception E1, afterwards")


def test_a_notice_that_looks_back_sees_what_was_approved() -> None:
    text = MASS.replace("points: 40", "points: 40\nlookback: 30\nfor_stages: [notice]")
    rows = [export("02T10:00", 12000, **{"target.user": "customer.example"}), export("03T10:00", 12000)]
    notice = Filing(account=LI, filed=at("10T09:00"), last_day=date(2026, 3, 31))
    found = judged(book(EXPORT, text), rows, approval(), filings=[notice])
    assert [(one.day.day, one.outcome) for one in found] == [(2, Outcome.SUPPRESSED), (3, Outcome.ALERT)]


EVENTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 23), st.sampled_from([100, 4000, 11000, 20000]), st.booleans()),
    min_size=1,
    max_size=12,
)


def rows_of(drawn: Sequence[tuple[int, int, int, bool]]) -> list[dict[str, Any]]:
    return [
        export(f"{day + 1:02}T{hour:02}:{number:02}", records, **({"target.user": "customer.example"} if ours else {}))
        for number, (day, hour, records, ours) in enumerate(drawn)
    ]


GRANTED = approval(since=at("02T00:00"), until=at("06T00:00"))
RULES = book(EXPORT, MASS, MONTH, SENT)


@settings(max_examples=40, deadline=None)
@given(EVENTS)
def test_every_match_becomes_an_alert_or_a_suppressed_one_and_what_is_left_is_what_would_have_been(
    drawn: list[tuple[int, int, int, bool]],
) -> None:
    rows = rows_of(drawn)
    with_grounds = judged(RULES, rows, GRANTED)
    covered = [r for r in rows if "target.user" in r and GRANTED.since <= r["@timestamp"] < GRANTED.until]
    rest = [row for row in rows if row not in covered]
    alone = judged(RULES, rest) if rest else []
    everything = {one.id for one in judged(RULES, rows)}
    assert {one.id for one in with_grounds if one.outcome is Outcome.ALERT} == {one.id for one in alone}
    assert {one.id for one in with_grounds} == everything | {one.id for one in alone}
    for one in with_grounds:
        assert one.score == pytest.approx(sum(term.points for term in one.terms), abs=1e-9)
        assert one.score >= 0


@settings(max_examples=25, deadline=None)
@given(EVENTS)
def test_a_person_judged_piece_by_piece_is_explained_the_same(drawn: list[tuple[int, int, int, bool]]) -> None:
    rows = rows_of(drawn)
    grounds = (GRANTED, exception(hours="09:00-15:00"), exception(id="E2", rule="month", filed=at("05T00:00")))
    whole = judged(RULES, rows, *grounds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detection.judge, "EVENTS_AT_ONCE", 2)
        assert judged(RULES, rows, *grounds) == whole


def test_a_judge_that_loses_a_match_stops() -> None:
    key = ("mass", "li.na", date(2026, 3, 2))
    (found,) = judged(book(EXPORT, MASS), [export("02T10:00", 12000)])
    balance([key], [found])
    with pytest.raises(Unbalanced, match="1 matches without one"):
        balance([key, ("month", *key[1:])], [found])
    with pytest.raises(Unbalanced):
        balance([key], [found, found])


def test_a_sensitive_post_weighs_more_by_a_term_of_its_own() -> None:
    rows = [export("02T10:00", 10000)]
    (found,) = judged(book(EXPORT, MASS), rows, posts={"sales": 1.2, "manager": 1.5, "Other": 5})
    assert [(term.name, term.points) for term in found.terms] == [("mass", 40.0), ("post manager", 20.0)]


def test_nothing_more_is_read_where_nothing_speaks_for_anybody() -> None:
    events = Tagger(RULES, SURROUNDINGS).tag(frame([export("02T10:00", 12000)]))
    reader = Reader(events)
    directory = Directory([], [], [], {LI: ()}, SURROUNDINGS.calendar)
    mark = Mark(subject=LI, first=date(2026, 3, 1), last=date(2026, 3, 9))
    list(judge([mark], Bench(store=reader, directory=directory, book=RULES, surroundings=SURROUNDINGS)))
    assert "share.scope" not in (reader.queries[0].columns or ())
