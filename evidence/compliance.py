"""The compliance report of a period: what it is made of, and the paper that says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from core.alert import Outcome
from core.case import CaseState
from core.evidence import Deed
from evidence.casewords import DEEDS, STATES
from evidence.compliancewords import HEADS, INTRO, LABELS, SHEETS, TITLES, TOLD
from evidence.mapping import ASKED
from evidence.marks import Mark
from evidence.paper import Paper, Section, Sheet
from evidence.printing import Language

NONE = "–"
WIDTHS: Mapping[str, Sequence[float]] = {
    "departures": (0, 0, 0, 1.3, 0, 0.9, 0.9, 0, 1.4),
    "rules": (3, 1, 1, 1, 1),
    "decisions": (0, 0, 0, 0, 0.9, 1.2, 1, 2),
    "looks": (1.3, 1.3, 1.3, 0, 0, 0, 0),
    "erasures": (0, 0, 1.5, 1, 1, 1),
    "coverage": (2, 1, 1, 0, 0, 1.2, 2),
    "mapping": (1.5, 0.9, 2.8, 1.9, 2.1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Somebody under notice or gone in the period. `late` counts what their accounts did after the last day was over
    (failed logins apart, in `refused`), in the systems named; `handovers` are tasks of handing over, `open_handovers`
    those still running at the end of the period."""

    person: str
    noticed: datetime
    last_day: date | None
    withdrawn: bool = False
    handovers: int = 0
    open_handovers: int = 0
    alerts: int = 0
    late: int = 0
    refused: int = 0
    late_last: datetime | None = None
    late_systems: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A case decided in the period. `known` is when its first alert was first written down."""

    case: str
    person: str
    opened: datetime
    known: datetime
    decided: datetime
    by: str
    state: CaseState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How often somebody did something with a person's data in the period; `reasoned` of the times with a reason."""

    by: str
    person: str
    deed: Deed
    times: int
    reasoned: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureLine:
    """A run of retention: everything older than `before` went, so many records; so many events were held."""

    begun: datetime
    done: datetime | None
    before: str
    events: int
    others: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """What came of a source in the period. `silent` are the working days on which nothing came after it first did;
    `quarantined` and `first` are of all time."""

    name: str
    events: int
    quarantined: int
    first: datetime | None
    last: datetime | None
    silent: Sequence[date] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplianceReport:
    """All that the report of a period says: days `first` to `last` of the company, in `zone`. Persons are pseudonyms
    unless `named`. `counts` are matches by rule and outcome. `open_cases` are undecided at its end."""

    lang: Language
    mark: Mark
    first: date
    last: date
    zone: str
    named: bool
    purpose: str
    persons: int
    departures: Sequence[Departure]
    counts: Mapping[str, Mapping[Outcome, int]]
    decided: Sequence[Decided]
    open_cases: int
    looks: Sequence[Look]
    erasures: Sequence[ErasureLine]
    sources: Sequence[SourceLine]
    holds: int = 0


def compliance_paper(report: ComplianceReport) -> Paper:
    """The report as a paper in its language."""
    return _Writer(report).paper()


class _Writer:
    def __init__(self, report: ComplianceReport) -> None:
        self._report = report
        self._lang = report.lang
        self._told = TOLD[report.lang]
        self._zone = ZoneInfo(report.zone)

    def paper(self) -> Paper:
        report = self._report
        made = {
            "purpose": self._purpose(),
            "departures": self._departures(),
            "alerts": self._alerts(),
            "decisions": self._decisions(),
            "looks": self._looks(),
            "erasure": self._erasure(),
            "coverage": self._coverage(),
            "mapping": self._mapping(),
        }
        title = LABELS[self._lang]["title"].format(first=report.first, last=report.last)
        return Paper(
            title=title, lang=self._lang, mark=report.mark, labels=LABELS[self._lang], sections=list(made.values())
        )

    def _purpose(self) -> Section:
        report, told = self._report, self._told
        facts = [
            (told["period"], f"{report.first} – {report.last} ({report.zone})"),
            (told["made"], self._time(report.mark.at)),
            (told["purpose"], report.purpose or told["no_purpose"]),
            (told["persons"], f"{report.persons:,}"),
            (told["names"], told["named"] if report.named else told["pseudonyms"]),
        ]
        return Section(title=TITLES[self._lang]["purpose"], text=[INTRO[self._lang]["purpose"]], facts=facts)

    def _departures(self) -> Section:
        departures, told = self._report.departures, self._told
        late = [one for one in departures if one.late]
        gone = [one for one in departures if one.last_day and one.last_day <= self._report.last and not one.withdrawn]
        facts = [
            (told["departures"], f"{len(departures):,}"),
            (told["gone"], f"{len(gone):,}"),
            (told["late"], f"{len(late):,}"),
            (told["no_handover"], f"{sum(not one.handovers for one in gone):,}"),
        ]
        rows = [self._departure(one) for one in departures]
        return self._section("departures", facts, [self._sheet("departures", rows)])

    def _departure(self, one: Departure) -> list[str]:
        told = self._told
        last_day = told["withdrawn"] if one.withdrawn else one.last_day.isoformat() if one.last_day else NONE
        handover = (
            told["handovers"].format(all=one.handovers, open=one.open_handovers) if one.handovers else told["none"]
        )
        return [
            one.person,
            self._day(one.noticed),
            last_day,
            handover,
            f"{one.alerts:,}",
            f"{one.late:,}",
            f"{one.refused:,}",
            self._time(one.late_last),
            ", ".join(one.late_systems) or NONE,
        ]

    def _alerts(self) -> Section:
        counts, told = self._report.counts, self._told
        by = {outcome: sum(own.get(outcome, 0) for own in counts.values()) for outcome in Outcome}
        balance = told["balance"].format(
            **{outcome.value: f"{by[outcome]:,}" for outcome in Outcome}, all=f"{sum(by.values()):,}"
        )
        rows = [
            [rule, *(f"{own.get(outcome, 0):,}" for outcome in Outcome), f"{sum(own.values()):,}"]
            for rule, own in sorted(counts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        ]
        return self._section("alerts", [(told["matches"], balance)], [self._sheet("rules", rows)])

    def _decisions(self) -> Section:
        decided, told = self._report.decided, self._told
        hours = [(one.decided - one.known) / timedelta(hours=1) for one in decided]
        states = [
            (STATES[self._lang].get(state, state), sum(one.state is state for one in decided)) for state in _DECIDED
        ]
        facts = [
            (told["decided"], f"{len(decided):,}"),
            (told["outcomes"], ", ".join(f"{name} {count:,}" for name, count in states)),
            (told["median"], told["hours"].format(hours=f"{median(hours):,.1f}") if hours else NONE),
            (told["open"], f"{self._report.open_cases:,}"),
        ]
        rows = [
            [
                one.case[:12],
                one.person,
                self._day(one.opened),
                self._day(one.decided),
                f"{(one.decided - one.known) / timedelta(hours=1):,.1f}",
                one.by or NONE,
                STATES[self._lang].get(one.state, one.state),
                one.reason or NONE,
            ]
            for one in decided
        ]
        return self._section("decisions", facts, [self._sheet("decisions", rows)])

    def _looks(self) -> Section:
        looks, told = self._report.looks, self._told
        facts = [
            (told["lookers"], f"{len({one.by for one in looks}):,}"),
            (told["looked_at"], f"{len({one.person for one in looks}):,}"),
            (told["unreasoned"], f"{sum(one.times - one.reasoned for one in looks):,}"),
        ]
        rows = [
            [
                one.by,
                one.person,
                DEEDS[self._lang].get(one.deed, one.deed),
                f"{one.times:,}",
                self._day(one.first),
                self._day(one.last),
                f"{one.reasoned:,}",
            ]
            for one in looks
        ]
        return self._section("looks", facts, [self._sheet("looks", rows)])

    def _erasure(self) -> Section:
        report, told = self._report, self._told
        facts = [
            (told["runs"], f"{len(report.erasures):,}"),
            (told["erased"], f"{sum(one.events for one in report.erasures):,}"),
            (told["holds"], f"{report.holds:,}"),
        ]
        rows = [
            [
                self._time(one.begun),
                self._time(one.done) if one.done else told["unfinished"],
                one.before,
                f"{one.events:,}",
                f"{one.others:,}",
                f"{one.held:,}",
            ]
            for one in report.erasures
        ]
        return self._section("erasure", facts, [self._sheet("erasures", rows)])

    def _coverage(self) -> Section:
        sources, told = self._report.sources, self._told
        facts = [
            (told["sources"], f"{len(sources):,}"),
            (told["silent_sources"], f"{sum(bool(one.silent) for one in sources):,}"),
            (told["quarantined"], f"{sum(one.quarantined for one in sources):,}"),
        ]
        rows = [
            [
                one.name,
                f"{one.events:,}",
                f"{one.quarantined:,}",
                self._day(one.first),
                self._day(one.last),
                f"{len(one.silent):,}",
                runs(one.silent) or NONE,
            ]
            for one in sources
        ]
        return self._section("coverage", facts, [self._sheet("coverage", rows)])

    def _mapping(self) -> Section:
        titles = TITLES[self._lang]
        numbers = {name: number for number, name in enumerate(titles, 1)}
        rows = [
            [
                asked.law[self._lang],
                asked.article[self._lang],
                asked.asks[self._lang],
                "; ".join(f"{numbers[name]}. {titles[name]}" for name in asked.sections),
                asked.left[self._lang],
            ]
            for asked in ASKED
        ]
        return self._section("mapping", [], [self._sheet("mapping", rows)])

    def _section(self, name: str, facts: Sequence[tuple[str, str]], sheets: Sequence[Sheet]) -> Section:
        return Section(title=TITLES[self._lang][name], text=[INTRO[self._lang][name]], facts=facts, sheets=sheets)

    def _sheet(self, name: str, rows: Sequence[Sequence[str]]) -> Sheet:
        caption, head = SHEETS[self._lang][name], HEADS[self._lang][name]
        return Sheet(name=name, caption=caption, head=head, rows=rows, widths=WIDTHS[name], empty=self._told["nothing"])

    def _time(self, moment: datetime | None) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M}" if moment else NONE

    def _day(self, moment: datetime | None) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d}" if moment else NONE


_DECIDED = (CaseState.CONFIRMED, CaseState.BENIGN, CaseState.INSUFFICIENT)
_MOST_RUNS = 8


def runs(days: Iterable[date]) -> str:
    """Days in words: those that follow each other, weekends between them aside, from first to last."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and (day - found[-1][1]).days <= 3:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    said = [f"{first}" if first == last else f"{first} – {last}" for first, last in found]
    return ", ".join(said[:_MOST_RUNS]) + (f" … (+{len(said) - _MOST_RUNS})" if len(said) > _MOST_RUNS else "")
