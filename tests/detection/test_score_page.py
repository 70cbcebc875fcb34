"""The worked example of docs/score.md is what the code says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pytest

from core.alert import Alert
from core.grounds import Approval, ApprovalKind
from core.person import Filing
from detection.explain import term_words
from detection.risk import person_ledger, score_at
from tests.detection.conftest import EXPORT, at, book, window
from tests.detection.test_exceptions import LI, export, judged

RULE = window(
    "mass_export",
    "value_sum",
    "{field: data.records, gte: 1000}",
    "points: 40\nstage: {notice: 1.5}\nusual: {times: 3, days: 60, min_days: 5}\n",
)
QUOTE = Approval(
    id="A-17",
    kind=ApprovalKind.APPROVAL,
    account=LI,
    recipients=("customer.example",),
    files=(),
    purpose="the quote",
    since=at("16T00:00"),
    until=at("17T00:00"),
    filed=at("13T09:00"),
)
NOTICE = Filing(account=LI, filed=at("12T09:00"), last_day=date(2026, 4, 10))
PEERS = 640


def example() -> Alert:
    usual = [export(f"{day:02}T10:00", 770) for day in (2, 3, 4, 5, 6)]
    theft = [export("16T10:00", 9240, **{"target.user": "customer.example"}), export("16T15:00", 9240)]
    (found,) = judged(book(EXPORT, RULE), [*usual, *theft], QUOTE, filings=[NOTICE], posts={"Manager": 1.2})
    return found


def lines(lang: Literal["en", "zh"]) -> list[str]:
    """The two blocks of the page: the alert's ledger, then the person's thirty days later."""
    alert = example()
    later = alert.time + timedelta(days=30)
    terms = [replace(term, peers_usual=PEERS) if term.name == alert.rule else term for term in alert.terms]
    person = [replace(term, peers_usual=PEERS) for term in person_ledger([alert], later)]
    return [
        *(term_words(term)[lang] for term in terms),
        f"= {alert.score:g}",
        *(term_words(term)[lang] for term in person),
        f"= {score_at([alert], later):g}",
    ]


@pytest.mark.parametrize(("page", "lang"), [("docs/score.md", "en"), ("docs/score.zh.md", "zh")])
def test_every_figure_of_the_example_is_what_the_code_says(page: str, lang: Literal["en", "zh"]) -> None:
    text = Path(page).read_text(encoding="utf-8")
    shown = [line.strip() for block in text.split("```")[1:4:2] for line in block.splitlines()[1:]]
    assert shown == lines(lang)
