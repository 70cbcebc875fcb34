"""What a list of cases is narrowed down by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from api.texts import MaybeName, Time
from core.access import Caller
from core.alert import Severity
from core.case import CaseState
from core.errors import BadQuery
from core.triage import Term, Wanted, WorkState
from core.words import terms_of, words_of
from detection.rule import Rule
from detection.rulebook import RuleBook

ME = "@me"
MOST_TERMS = 20


class CaseFilter(BaseModel):
    """What is not given does not restrict. `assignee` is a user's name, `@me` whoever asks, empty nobody. Ages are
    whole days since a case opened. `text` is looked for in comments, titles of tasks, names of attachments, and
    in the titles and messages of rules, all as they are shown; each part between spaces has to be found somewhere in
    the case."""

    model_config = ConfigDict(extra="forbid")
    states: list[WorkState] = Field(default=[], max_length=10)
    found: list[CaseState] = Field(default=[], max_length=10)
    assignee: MaybeName | None = None
    due_before: Time | None = None
    severity: Severity | None = Field(default=None, description="This or a higher one")
    departments: list[MaybeName] = Field(default=[], max_length=50)
    score: float | None = Field(default=None, ge=0, le=1_000_000, description="At least this")
    least_age: int | None = Field(default=None, ge=0, le=36_500)
    most_age: int | None = Field(default=None, ge=0, le=36_500)
    text: MaybeName = ""


def wanted(asked: CaseFilter, caller: Caller, book: RuleBook, *, handed_over: bool) -> Wanted:
    """The same for the records, but for departments. Raises `BadQuery` where nothing can be looked for."""
    now = datetime.now(UTC)
    return Wanted(
        states=frozenset(asked.states),
        verdicts=frozenset(asked.found),
        assignee=caller.name if asked.assignee == ME else asked.assignee,
        due=asked.due_before,
        severity=asked.severity,
        score=asked.score,
        since=None if asked.most_age is None else now - timedelta(days=asked.most_age + 1),
        until=None if asked.least_age is None else now - timedelta(days=asked.least_age),
        terms=_terms(asked.text, book),
        handed_over=handed_over,
    )


def _terms(text: str, book: RuleBook) -> list[Term]:
    asked = terms_of(text)
    if text and not asked:
        raise BadQuery("there is no letter or digit to look for")
    if len(asked) > MOST_TERMS:
        raise BadQuery(f"more than {MOST_TERMS} words to look for")
    said = {name: _said(rule) for name, rule in book.rules.items()} if asked else {}
    return [
        Term(words=words, rules=frozenset(name for name, texts in said.items() if any(words <= one for one in texts)))
        for words in asked
    ]


def _said(rule: Rule) -> list[frozenset[str]]:
    """The words of a rule's title and of its message in each language."""
    message = rule.extra.message
    return [words_of(text) for text in (rule.title, *((message.zh, message.en) if message else ()))]
