"""Compliance reports: collected from records and store, and written as PDF, HTML and CSV."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from app.departures import Span, departures
from app.pseudonyms import pseudonyms
from app.wiring import House
from core.alert import Alert, Outcome
from core.canonical import moment_text
from core.case import DECIDED, Case
from core.directory import Directory
from core.evidence import AuditEntry, Deed
from core.ports import EventQuery
from core.retention import Erasure, Stored
from evidence.compliance import ComplianceReport, Decided, ErasureLine, Look, SourceLine, compliance_paper
from evidence.marks import Mark
from evidence.paper import as_csv, as_html, as_pdf
from evidence.printing import Language

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which report: company days `first` to `last`, for whom, in which language, with names or pseudonyms."""

    first: date
    last: date
    recipient: str
    lang: Language
    named: bool = False
    at: datetime

    @property
    def number(self) -> str:
        return f"CR-{self.first:%Y%m%d}-{self.last:%Y%m%d}-{self.at:%Y%m%d%H%M%S}"


def collect(house: House, asked: Asked) -> ComplianceReport:
    """What the report of a period is made of."""
    directory, calendar, records = house.directory(), house.calendar, house.records
    masked = pseudonyms(house.records)
    span = Span(
        asked.first,
        asked.last,
        calendar.start_of(asked.first),
        min(calendar.end_of(asked.last), asked.at),
        (lambda person: _name(directory, person)) if asked.named else masked,
    )
    alerts = records.alerts(since=span.start, until=span.end, outcome=None)
    cases = [case for case in records.cases() if case.opened < span.end]
    erasures = [one for one in records.erasures() if span.start <= one.begun < span.end]
    return ComplianceReport(
        lang=asked.lang,
        mark=Mark(recipient=asked.recipient, number=asked.number, at=asked.at),
        first=asked.first,
        last=asked.last,
        zone=calendar.zone,
        named=asked.named,
        purpose=house.config.detection.pre_departure.strip(),
        persons=len(records.persons()),
        departures=departures(house, directory, span, alerts),
        counts=_counts(alerts),
        decided=_decided(house, cases, span),
        open_cases=sum(case.state not in DECIDED or _at(case.decided) >= span.end for case in cases),
        looks=looks(records.audited(since=span.start), house, directory, span),
        erasures=[_erasure(one) for one in erasures],
        sources=_sources(house, span),
        holds=sum(one.placed < span.end and _at(one.lifted) >= span.end for one in records.holds()),
    )


NEVER = datetime.max.replace(tzinfo=UTC)


def _at(moment: datetime | None) -> datetime:
    return moment or NEVER


def _name(directory: Directory, person: str) -> str:
    known = directory.person(person)
    return " ".join(part for part in (known.name, f"({known.id})") if part) if known.name else known.email or known.id


def _counts(alerts: Iterable[Alert]) -> Mapping[str, Mapping[Outcome, int]]:
    found: dict[str, dict[Outcome, int]] = defaultdict(lambda: dict.fromkeys(Outcome, 0))
    for alert in alerts:
        found[alert.rule][alert.outcome] += 1
    return found


def _decided(house: House, cases: Sequence[Case], span: Span) -> list[Decided]:
    own = [case for case in cases if case.state in DECIDED and span.start <= _at(case.decided) < span.end]
    known = house.records.detected_at({alert for case in own for alert in case.alerts})
    return [
        Decided(
            case=case.id,
            person=span.called(case.person),
            opened=case.opened,
            known=min(_at(case.decided), *(known.get(alert, case.opened) for alert in case.alerts)),
            decided=_at(case.decided),
            by=case.decided_by,
            state=case.state,
            reason=case.reason,
        )
        for case in sorted(own, key=lambda case: (_at(case.decided), case.id))
    ]


def looks(entries: Iterable[AuditEntry], house: House, directory: Directory, span: Span) -> list[Look]:
    """Who did what with whose data, ordered by who and whom. What is about cases and alerts is about their persons."""
    cases = {case.id: case.person for case in house.records.cases()}
    persons = {person.id for person in house.records.persons()} | set(directory.leavers())
    found: dict[tuple[str, str, Deed], list[AuditEntry]] = defaultdict(list)
    for entry in entries:
        if entry.at >= span.end:
            continue
        for person in {_person(about, cases, persons, house) for about in entry.about} - {None}:
            found[entry.by, span.called(str(person)), entry.deed].append(entry)
    return [
        Look(
            by=by,
            person=person,
            deed=deed,
            times=len(own),
            reasoned=sum(bool(one.why.strip()) for one in own),
            first=min(one.at for one in own),
            last=max(one.at for one in own),
        )
        for (by, person, deed), own in sorted(found.items())
    ]


def _person(about: str, cases: Mapping[str, str], persons: set[str], house: House) -> str | None:
    if about in persons:
        return about
    if about in cases:
        return cases[about]
    alert = house.records.alert(about)
    return alert.person if alert else None


def _erasure(one: Erasure) -> ErasureLine:
    events = sum(part.records for part in one.due.erased if part.kind == Stored.EVENT)
    limits = sorted(one.before.items())
    return ErasureLine(
        begun=one.begun,
        done=one.done,
        before=", ".join(f"{f'{source}: ' if source else ''}{moment:%Y-%m-%d}" for source, moment in limits),
        events=events,
        others=sum(part.records for part in one.due.erased) - events,
        held=sum(one.due.held.values()),
    )


def _sources(house: House, span: Span) -> list[SourceLine]:
    calendar = house.calendar
    counted = _by_source(house, span)
    last = calendar.day_of(span.end - timedelta(microseconds=1))
    found = []
    for status in sorted(house.events.sources(), key=lambda one: one.source):
        days = counted[status.source]
        since = max(span.first, calendar.day_of(status.first_event)) if status.first_event else last + A_DAY
        all_days = (since + at * A_DAY for at in range((last - since).days + 1))
        found.append(
            SourceLine(
                name=status.source,
                events=sum(days.values()),
                quarantined=status.quarantined,
                first=status.first_event,
                last=status.last_event,
                silent=sorted(calendar.working_days(day for day in all_days if not days[day])),
            )
        )
    return found


def _by_source(house: House, span: Span) -> Mapping[str, Counter[date]]:
    """How many events of each day each source has sent. Events know their module and dataset: a source that has its
    module for itself sends all of it, others send their dataset."""
    alone = Counter(source.module for source in house.sources.values())
    by_module = {source.module: name for name, source in house.sources.items() if alone[source.module] == 1}
    by_dataset = {source.dataset: name for name, source in house.sources.items()}
    counted: dict[str, Counter[date]] = defaultdict(Counter)
    query, by = EventQuery(start=span.start, end=span.end), ("event.module", "event.dataset", "day")
    for module, dataset, day, count in house.events.totals(query, by, house.calendar.zone).iter_rows():
        counted[by_module.get(module) or by_dataset.get(dataset) or dataset][day] += count
    return counted


def write_report(house: House, asked: Asked, out: Path) -> list[Path]:
    """Write it into a folder: `report.pdf`, `report.html` and a CSV of each table; note it in the audit log. A file
    that is there is written over, whole or not at all."""
    report = collect(house, asked)
    out.mkdir(parents=True, exist_ok=True)
    _note(house, report)
    return [_written(out / name, data) for name, data in _forms(report)]


def _forms(report: ComplianceReport) -> Iterator[tuple[str, bytes]]:
    paper = compliance_paper(report)
    yield "report.pdf", as_pdf(paper)
    yield "report.html", as_html(paper)
    for section in paper.sections:
        for sheet in section.sheets:
            yield f"{sheet.name}.csv", as_csv(sheet, paper)


def _written(file: Path, data: bytes) -> Path:
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(file)
    return file


def _note(house: House, report: ComplianceReport) -> None:
    mark = report.mark
    details = {"number": mark.number, "code": mark.code, "recipient": mark.recipient, "at": moment_text(mark.at)}
    entry = AuditEntry(at=mark.at, by=mark.recipient, deed=Deed.EXPORTED, about=(), details=details)
    house.records.note(entry)
