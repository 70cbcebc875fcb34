"""What a model found, judged as any other finding: said with its reasons, explained away, and alone no case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

import detection.judge
from app.config import Detection
from core.alert import Alert, Outcome
from core.errors import RuleError
from core.grounds import RuleException
from core.model import Driver, ModelFinding, Vote
from core.person import Filing
from core.ports import Mark
from detection.bench import Bench
from detection.exceptions import Grounds
from detection.explain import messages_of, term_words
from detection.judge import judge
from detection.selftest import Found
from detection.tagging import Tagger
from detection.unusual import as_events
from tests.detection.conftest import EXPORT, SURROUNDINGS, Reader, at, book, directory, frame

UNUSUAL = """
title: Unusual
name: unusual
level: medium
points: 10
stage: {notice: 1.5}
message: {zh: "{person} {observed} {drivers_zh}", en: "{person} {observed} {drivers}"}
behaviour: {type: unusual, one_in: 300}
"""
RULES = book(EXPORT.replace("level: informational", "level: low"), UNUSUAL)
DAY = date(2026, 3, 16)
CASE = Detection().case_opens_at
DRIVER = Driver(
    feature="exports", en="Exports", zh="导出次数", value=90, usual=2.5, share=0.9, enough=12, actions=("export",)
)


def found(day: date = DAY, one_in: float = 4000.0, person: str = "li.na", **votes: float) -> ModelFinding:
    asked = votes or {"own": 20_000.0, "peers": 50.0}
    made = tuple(Vote(detector=name, one_in=value, drivers=(DRIVER,)) for name, value in asked.items())
    return ModelFinding(person=person, day=day, one_in=one_in, votes=made)


def an_event(clock: str, **more: Any) -> dict[str, Any]:
    return {"@timestamp": at(clock), **more}


def judged(
    findings: Sequence[ModelFinding],
    rows: Sequence[dict[str, Any]] = (),
    *,
    first: date = DAY,
    last: date = DAY,
    filings: Sequence[Filing] = (),
    exceptions: Sequence[RuleException] = (),
    rules: Any = RULES,
) -> list[Alert]:
    events = Tagger(rules, SURROUNDINGS).tag(frame(rows or [an_event("01T10:00")]))
    people = directory(events, filings, extra=["mail:wang.wei@example.com"])
    bench = Bench(
        store=_Whole(events),
        directory=people,
        book=rules,
        surroundings=SURROUNDINGS,
        findings=Found(findings),
        grounds=Grounds.of([], exceptions, people),
    )
    marks = [Mark(subject=f"person:{person}", first=first, last=last) for person in ("li.na", "wang.wei")]
    alerts = [alert for one in judge(marks, bench) for alert in one.alerts]
    return [alert for alert in alerts if alert.rule == "unusual"]


class _Whole(Reader):
    """Reads events whatever their tags, too."""

    def read(self, query: Any) -> Any:
        if query.tagged is not None:
            return super().read(query)
        there = self.events["@timestamp"].is_between(query.start, query.end, closed="left")
        there &= self.events["user.account"].is_in(list(query.accounts))
        return self.events.filter(there).select(query.columns).sort("@timestamp", "event.id")


def test_a_finding_is_an_alert_of_its_day_at_its_last_moment_and_of_no_other_day() -> None:
    (alert,) = judged([found(), found(DAY + timedelta(days=1)), found(person="somebody else")])
    assert (alert.person, alert.day) == ("li.na", DAY)
    assert alert.time == SURROUNDINGS.calendar.end_of(DAY) - timedelta(microseconds=1)
    assert (alert.facts["observed"], alert.facts["limit"], alert.facts["agree"]) == (4000, 300, 1)
    assert (alert.facts["exports"], alert.facts["exports usual"], alert.facts["exports enough"]) == (90, 2.5, 12)
    assert judged([found(one_in=299.9)]) == []


def test_the_score_names_each_vote_and_what_drove_it_in_both_languages() -> None:
    (alert,) = judged([found(own=1200, peers=50)])
    assert [(term.name, term.points) for term in alert.terms] == [("unusual", 10), ("vote own", 3.2), ("vote peers", 0)]
    assert alert.score == 13.2
    rule = RULES.rules["unusual"]
    assert "Exports 90 (usual 2.5, at 12 this vote" in term_words(alert.terms[1])["en"]
    assert "导出次数 90（平时 2.5，若为 12" in term_words(alert.terms[1])["zh"]
    assert "本人平时" in term_words(alert.terms[1])["zh"]
    assert messages_of(rule, alert, "Li")["en"].startswith(
        "Li 4,000 Exports. observed 4,000, limit 300. below 300 person-"
    )
    assert "looking back" not in messages_of(rule, alert, "Li")["en"]


def test_one_vote_or_two_open_no_case_however_rare_and_three_that_agree_do() -> None:
    never = 1e12
    (two,) = judged([found(one_in=never, own=never, peers=never, forest=299)])
    assert two.score < CASE
    (three,) = judged([found(one_in=10_000, own=10_000, peers=10_000, forest=10_000)])
    assert three.score >= CASE
    (usual,) = judged([found(one_in=300, own=600, peers=600, forest=600, cumulative=600)])
    assert usual.score < CASE / 1.5


def test_its_events_are_those_of_what_drove_it_or_else_the_days() -> None:
    rows = [
        an_event("16T10:00", **{"event.id": "1", "event.action": "view"}),
        an_event("16T11:00", **{"event.id": "2"}),
        an_event("16T12:00", **{"event.id": "3", "user.account": "mail:wang.wei@example.com"}),
        an_event("17T10:00", **{"event.id": "4"}),
    ]
    (alert,) = judged([found()], rows)
    assert (list(alert.events), alert.facts["events"]) == (["2"], 1)
    assert alert.facts["first"] == alert.facts["last"] == "2026-03-16T03:00:00+00:00"
    other = replace(DRIVER, feature="hosts", actions=())
    both = replace(found(), votes=(Vote(detector="own", one_in=900, drivers=(DRIVER, other)),))
    (alert,) = judged([both], rows)
    assert list(alert.events) == ["1", "2"]
    (alert,) = judged([found()])
    assert (list(alert.events), alert.facts["events"]) == ([], 0)


def test_a_notice_of_the_same_day_weighs_and_one_of_the_next_does_not() -> None:
    weigh = [
        judged([found(own=300)], filings=[Filing(account="mail:li.na@example.com", filed=at(filed))])[0]
        for filed in ("16T18:00", "17T09:00")
    ]
    assert [(alert.stage, alert.score) for alert in weigh] == [("notice", 15), ("active", 10)]


def exception(**more: Any) -> RuleException:
    given = {"person": "li.na", "rule": "unusual", "since": at("01T00:00"), "expires": at("20T00:00")} | more
    return RuleException(
        **{"id": "E1", "tag": "", "department": "", "title": "", "hours": "", "reason": "a clean-up", "owner": "wang"}
        | {"filed": at("01T09:00")}
        | given
    )


def test_an_exception_suppresses_it_and_it_is_counted() -> None:
    (alert,) = judged([found()], exceptions=[exception()])
    assert (alert.outcome, alert.why) == (Outcome.SUPPRESSED, "a clean-up")
    assert alert.score == 0
    (alert,) = judged([found()], exceptions=[exception(rule="exported")])
    assert alert.outcome is Outcome.ALERT
    (alert,) = judged([found()], exceptions=[exception(filed=at("18T09:00"))])
    assert alert.outcome is Outcome.ALERT, "what is filed afterwards lowers it from then on"
    assert any(term.since == at("18T09:00") for term in alert.terms)


def test_whoever_has_more_events_than_fit_has_the_same_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [an_event(f"{day:02}T10:{minute:02}") for day in range(2, 20) for minute in range(10)]
    findings = [found(), found(DAY - timedelta(days=7))]
    whole = judged(findings, rows, first=date(2026, 3, 1), last=date(2026, 3, 25))
    assert len(whole) == 2
    monkeypatch.setattr(detection.judge, "EVENTS_AT_ONCE", 15)
    assert judged(findings, rows, first=date(2026, 3, 1), last=date(2026, 3, 25)) == whole


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("behaviour: {type: unusual, one_in: 99}", "one_in"),
        ("behaviour: {type: unusual, one_in: .inf}", "one_in"),
        ("behaviour: {type: unusual, rules: [exported]}", "rules"),
        ("behaviour: {type: unusual}\nlookback: 30", "lookback"),
    ],
)
def test_a_rule_that_asks_for_what_is_not_kept_is_refused(more: str, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        book(f"title: U\nname: u\nlevel: low\n{more}\n")


def test_findings_as_events_have_the_columns_that_judging_joins() -> None:
    events = frame([an_event("01T10:00")])
    bench = Bench(store=Reader(events), directory=directory(events), book=RULES, surroundings=SURROUNDINGS)
    rows = as_events([found()], ["unusual"], bench)
    assert rows.select("person.id", "person.known", "leaver.stage").rows() == [("li.na", True, "active")]
    assert as_events([], ["unusual"], bench).schema == rows.schema
