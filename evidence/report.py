"""The report of a case: a PDF for those who read evidence on paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.alert import Fact
from evidence.casewords import COLUMNS, DEEDS, OUTCOMES, STAGES, STATES, WORDS
from evidence.marks import Mark
from evidence.printing import Language, printed
from evidence.timeline import Day, timeline

MOST_ALERTS, MOST_LEDGERS, MOST_ROWS, MOST_LINES = 300, 60, 200, 400
"""The report shows so many; the rest is named by its number and stands in the bundle."""
GRAY = "–"
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPerson:
    """Somebody the case is about, by name or pseudonym; `notice` is when HR filed, `post` may be empty."""

    name: str
    post: str = ""
    notice: date | None = None
    last_day: date | None = None
    accounts: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTerm:
    """A line of a score ledger, as `core.alert.Term`; below `silent_below` of `unit`, in words, it would not have
    fired."""

    name: str
    points: float
    observed: Fact | None = None
    own_usual: Fact | None = None
    peers_usual: Fact | None = None
    limit: Fact | None = None
    silent_below: Fact | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAlert:
    """An alert as it was frozen: `message` says in the report's language what happened, `why` what was given as reason
    for it, `snapshot` is the id of the snapshot."""

    id: str
    title: str
    person: str
    at: datetime
    severity: str
    stage: str
    score: float
    message: str
    terms: Sequence[ReportTerm]
    outcome: str = "alert"
    why: str = ""
    snapshot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSource:
    """What had arrived of a source when the evidence was frozen."""

    name: str
    events: int
    quarantined: int = 0
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDeed:
    """A line of the chain of custody; `deed` is a `core.evidence.Deed`."""

    at: datetime
    by: str
    deed: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportText:
    """A rule or model that was used, with the SHA-256 of its text in the bundle; `kind` is `rule` or `model`."""

    kind: str
    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTrust:
    """Whom to trust for what: the ledger's key, a time-stamping authority. `fingerprint` is hexadecimal."""

    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """All that the PDF of a case says. Times are shown in `zone`. `account` is the plain-language account by language
    (`en`, `zh`; Markdown: headings, items, plain lines). `favour` are sentences on what speaks for the persons,
    `missing` on what was not seen. `events` counts the case's events by company day. `scope` says what was exported of
    it. `log`, `size`, `root` and `head_at` are those of the newest tree head of the bundle."""

    lang: Language
    mark: Mark
    case: str
    state: str
    opened: datetime
    score: float
    purpose: str
    exported_by: str
    scope: str
    persons: Sequence[ReportPerson]
    alerts: Sequence[ReportAlert]
    account: Mapping[str, str]
    zone: str = "UTC"
    decided: datetime | None = None
    decided_by: str = ""
    reason: str = ""
    favour: Sequence[str] = ()
    events: Mapping[date, int] = field(default_factory=dict)
    sources: Sequence[ReportSource] = ()
    missing: Sequence[str] = ()
    custody: Sequence[ReportDeed] = ()
    texts: Sequence[ReportText] = ()
    trust: Sequence[ReportTrust] = ()
    log: str = ""
    size: int = 0
    root: str = ""
    head_at: datetime | None = None


def render(report: CaseReport) -> bytes:
    """The PDF. Equal reports give equal bytes; each page carries the report's mark, seen and unseen."""
    title = WORDS[report.lang]["title"].format(case=report.case[:12])
    return printed(
        "case.typ", _Page(report).values(), title=title, mark=report.mark, lang=report.lang, at=report.mark.at
    )


class _Page:
    """What the template shows of a report, in its language."""

    def __init__(self, report: CaseReport) -> None:
        self._report = report
        self._words = WORDS[report.lang]
        self._zone = ZoneInfo(report.zone)

    def values(self) -> dict[str, Any]:
        report, other = self._report, "en" if self._report.lang == "zh" else "zh"
        strongest = sorted(report.alerts, key=lambda one: (-one.score, one.at, one.id))[:MOST_LEDGERS]
        days = [Day(day=day, name=f"{what} {one.name[:24]}") for one in report.persons for what, day in self._days(one)]
        drawn = timeline(report.events, [one.at.astimezone(self._zone).date() for one in report.alerts], days[:12])
        return {
            "labels": self._words,
            "facts": self._facts(),
            "account": _paragraphs(report.account.get(report.lang, "")),
            "other": _paragraphs(report.account.get(other, "")),
            "other_lang": other,
            "persons": self._listed("persons", (self._person(one) for one in report.persons), MOST_ROWS),
            "timeline": drawn,
            "timeline_words": self._drawn_words(drawn),
            "alerts": self._listed("alerts", (self._alert(one) for one in report.alerts), MOST_ALERTS),
            "ledgers": [self._ledger(one) for one in strongest],
            "ledgers_more": self._more(len(report.alerts) - len(strongest), "ledgers_more"),
            "favour": [*report.favour[:MOST_ROWS]],
            "coverage": self._listed("coverage", (self._source(one) for one in report.sources), MOST_ROWS),
            "missing": [*report.missing[:MOST_ROWS]],
            "custody": self._listed("custody", (self._deed(one) for one in report.custody), MOST_ROWS),
            "used": self._listed("used", ([self._words[one.kind], one.name, one.sha256] for one in report.texts), 500),
            "proof": self._proof(),
            "trust": self._listed("trust", ([one.name, grouped(one.fingerprint)] for one in report.trust), MOST_ROWS),
            "verify": self._words["verify_steps"].split("\n"),
        }

    def _facts(self) -> list[tuple[str, str]]:
        report, words = self._report, self._words
        decided = f"{self._time(report.decided)}, {report.decided_by}" if report.decided else GRAY
        return [
            (words["case"], report.case),
            (words["state"], STATES[report.lang].get(report.state, report.state)),
            (words["opened"], self._time(report.opened)),
            (words["score"], f"{report.score:,.0f}"),
            (words["decided"], decided),
            (words["reason"], report.reason or GRAY),
            (words["copy_for"], report.mark.recipient),
            (words["copy_number"], report.mark.number),
            (words["exported_at"], self._time(report.mark.at)),
            (words["exported_by"], report.exported_by),
            (words["purpose"], report.purpose),
            (words["scope"], report.scope),
            (words["zone"], report.zone),
        ]

    def _days(self, person: ReportPerson) -> Iterable[tuple[str, date]]:
        named = ((self._words["notice"], person.notice), (self._words["last_day"], person.last_day))
        return [(name, day) for name, day in named if day]

    def _person(self, one: ReportPerson) -> list[str]:
        accounts = ", ".join(one.accounts[:20]) + (" …" if len(one.accounts) > 20 else "")
        days = [day.isoformat() if day else GRAY for day in (one.notice, one.last_day)]
        return [one.name, one.post or GRAY, *days, accounts or GRAY]

    def _alert(self, one: ReportAlert) -> list[str]:
        lang = self._report.lang
        stage, outcome = STAGES[lang].get(one.stage, one.stage), OUTCOMES[lang].get(one.outcome, one.outcome)
        return [self._time(one.at), one.person, one.title, stage, outcome, f"{one.score:,.0f}"]

    def _ledger(self, one: ReportAlert) -> dict[str, Any]:
        lines = ([term.name, f"{term.points:+,.4g}", *self._measures(term)] for term in one.terms)
        return {
            "title": f"{one.title}, {self._time(one.at)}, {one.person}: {one.score:,.0f}",
            "message": one.message,
            "why": one.why,
            "id": one.id,
            "snapshot": one.snapshot or GRAY,
            "lines": self._listed("ledger", lines, 100),
        }

    def _measures(self, term: ReportTerm) -> list[str]:
        plain = [_number(value) for value in (term.observed, term.own_usual, term.peers_usual, term.limit)]
        below = _number(term.silent_below)
        return [*plain, f"{below} {term.unit}".strip() if term.silent_below is not None else GRAY]

    def _source(self, one: ReportSource) -> list[str]:
        return [one.name, f"{one.events:,}", f"{one.quarantined:,}", self._time(one.first), self._time(one.last)]

    def _deed(self, one: ReportDeed) -> list[str]:
        return [self._time(one.at), one.by, DEEDS[self._report.lang].get(one.deed, one.deed), one.why or GRAY]

    def _proof(self) -> list[tuple[str, str]]:
        report, words = self._report, self._words
        return [
            (words["log"], report.log or GRAY),
            (words["size"], f"{report.size:,}"),
            (words["root"], grouped(report.root) or GRAY),
            (words["head_at"], self._time(report.head_at)),
        ]

    def _listed(self, name: str, rows: Iterable[Sequence[str]], most: int) -> dict[str, Any]:
        found = list(rows)
        head, columns = COLUMNS[self._report.lang][name]
        more = self._more(len(found) - most, "more")
        return {"head": head, "columns": columns, "rows": found[:most], "more": more}

    def _more(self, count: int, words: str) -> str:
        return self._words[words].format(n=f"{count:,}") if count > 0 else ""

    def _drawn_words(self, drawn: Mapping[str, Any] | None) -> str:
        if drawn is None:
            return ""
        report = self._report
        return self._words["timeline_words"].format(
            events=f"{sum(report.events.values()):,}", alerts=f"{len(report.alerts):,}", days=drawn["span"],
            highest=f"{drawn['highest']:,}",
        )  # fmt: skip

    def _time(self, moment: datetime | None) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M:%S %z}" if moment else GRAY


def _paragraphs(text: str) -> list[dict[str, str]]:
    """An account in the little Markdown that accounts are written in, line by line: headings, items, plain text."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return [_line(line) for line in lines[:MOST_LINES]]


def _line(line: str) -> dict[str, str]:
    mark, _, rest = line.partition(" ")
    kind = "head" if mark and not mark.strip("#") else "item" if mark == "-" else "text"
    return {"kind": kind, "text": _ESCAPED.sub(r"\1", line if kind == "text" else rest)}


def _number(value: Fact | None) -> str:
    return GRAY if value is None else value if isinstance(value, str) else f"{value:,}"


def grouped(digits: str) -> str:
    """A fingerprint as people compare it: in groups of eight."""
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))
