"""What is explained is taken out of the events, and what is left is judged against the same limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from core.calendar import CompanyCalendar
from core.directory import Directory
from core.grounds import Approval, RuleException, hours_of
from detection.rule import Rule
from detection.windows import TIME

EARLY, LATE = "approval.id", "approval.late"
"""The approval that covers an event: one known when it happened, or one that was filed afterwards."""
RECIPIENTS = ("email.to.address", "email.to.domain", "target.user", "device.id", "share.scope")
FILES = ("file.name", "file.target_path", "file.path", "crm.record_id")
"""What an approval may name: a file, or a report of the CRM by its id."""
COLUMNS = tuple(dict.fromkeys([*RECIPIENTS, *FILES]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """Approvals by the person they speak for, exceptions with the persons each one names, and both by label."""

    approvals: Mapping[str, Sequence[Approval]] = field(default_factory=dict)
    exceptions: Sequence[tuple[RuleException, frozenset[str]]] = ()
    labels: Mapping[str, Approval | RuleException] = field(default_factory=dict)

    @classmethod
    def of(cls, approvals: Iterable[Approval], exceptions: Iterable[RuleException], directory: Directory) -> Grounds:
        """Who is meant follows from the links, as everywhere."""
        all_approvals, all_exceptions = list(approvals), list(exceptions)
        per_person: dict[str, list[Approval]] = {}
        for approval in all_approvals:
            for person in sorted(directory.called(approval.account)):
                per_person.setdefault(person, []).append(approval)
        meant = [(one, directory.called(one.person) if one.person else frozenset()) for one in all_exceptions]
        return cls(
            approvals=per_person,
            exceptions=meant,
            labels={label_of(a): a for a in all_approvals} | {label_of(e): e for e in all_exceptions},
        )

    def __bool__(self) -> bool:
        return bool(self.labels)


def label_of(ground: Approval | RuleException) -> str:
    """What a term calls it."""
    return f"{ground.kind.value} {ground.id}" if isinstance(ground, Approval) else f"exception {ground.id}"


def with_approvals(events: pl.DataFrame, grounds: Grounds) -> pl.DataFrame:
    """The events with `approval.id` and `approval.late`, null where nothing covers them."""
    nothing = pl.lit(None, pl.String)
    blank = events.with_columns(nothing.alias(EARLY), nothing.alias(LATE))
    covered = blank.filter(pl.col("person.id").is_in(sorted(grounds.approvals)))
    if not covered.height:
        return blank
    parts = [blank.filter(~pl.col("person.id").is_in(sorted(grounds.approvals)).fill_null(False))]
    for (person,), rows in covered.group_by("person.id", maintain_order=True):
        for approval in grounds.approvals[str(person)]:
            rows = _covered(rows, approval)
        parts.append(rows)
    return pl.concat(parts)


def _covered(rows: pl.DataFrame, approval: Approval) -> pl.DataFrame:
    covers = (pl.col(TIME) >= approval.since) & (pl.col(TIME) < approval.until)
    covers &= _agrees(approval.recipients, _recipient_parts(), _recipient)
    covers &= _agrees(approval.files, [_base(pl.col(name)) for name in FILES], _file)
    covers &= pl.any_horizontal(
        _says(approval.recipients, _recipient_parts()), _says(approval.files, [pl.col(name) for name in FILES])
    )
    known = pl.col(TIME) >= approval.filed
    label = pl.lit(label_of(approval))
    return rows.with_columns(
        pl.coalesce(EARLY, pl.when(covers & known).then(label)).alias(EARLY),
        pl.coalesce(LATE, pl.when(covers & ~known).then(label)).alias(LATE),
    )


def _recipient_parts() -> list[pl.Expr]:
    anonymous = pl.when(pl.col("share.scope") == "anonymous").then(pl.col("share.scope"))
    return [pl.col(name) for name in RECIPIENTS if name != "share.scope"] + [anonymous]


def _says(wanted: Sequence[str], parts: Sequence[pl.Expr]) -> pl.Expr:
    """Whether anything is asked for that the event says something of."""
    return pl.any_horizontal(*(part.is_not_null() for part in parts)) if wanted else pl.lit(False)


def _agrees(wanted: Sequence[str], parts: Sequence[pl.Expr], like: Callable[[pl.Expr, str], pl.Expr]) -> pl.Expr:
    """Whether the event says nothing of the kind, or one of what is wanted; nothing wanted agrees with everything."""
    if not wanted:
        return pl.lit(True)
    silent = pl.all_horizontal(*(part.is_null() for part in parts))
    met = [like(part.str.to_lowercase(), one.strip().lower()) for part in parts for one in wanted]
    return silent | pl.any_horizontal(*(one.fill_null(False) for one in met))


def _recipient(part: pl.Expr, wanted: str) -> pl.Expr:
    """The address or device itself, or any address of the domain and its subdomains."""
    if "@" in wanted.lstrip("@"):
        return part == wanted
    domain = wanted.lstrip("@")
    return (part == domain) | part.str.ends_with(f"@{domain}") | part.str.ends_with(f".{domain}")


def _file(part: pl.Expr, wanted: str) -> pl.Expr:
    if "*" not in wanted:
        return part == wanted
    return part.str.contains("^(?s:" + ".*".join(re.escape(piece) for piece in wanted.split("*")) + ")$")


def _base(path: pl.Expr) -> pl.Expr:
    """The last part of a path or address."""
    return path.str.extract(r"([^/\\]+)$")


def explained(rule: Rule, rows: pl.DataFrame, grounds: Grounds, calendar: CompanyCalendar, *, late: bool) -> pl.Series:
    """Whether something explains each event to this rule; with `late` also afterwards."""
    return rows.select(_explained(rule, grounds, calendar, late=late).is_not_null().alias("explained")).to_series()


def concerned(rule: Rule, grounds: Grounds) -> tuple[str, ...]:
    """The labels of the exceptions from this rule: to rules with the same ones the same events are explained."""
    return tuple(label_of(exception) for exception, _ in grounds.exceptions if concerns(exception, rule))


def explaining(rule: Rule, rows: pl.DataFrame, grounds: Grounds, calendar: CompanyCalendar, *, late: bool) -> list[str]:
    """The labels of what explains some of these events, in order."""
    found = rows.select(_explained(rule, grounds, calendar, late=late).alias("by"))["by"]
    return sorted(found.drop_nulls().unique())


def explained_persons(
    rules: Sequence[Rule], events: pl.DataFrame, grounds: Grounds, calendar: CompanyCalendar
) -> set[str]:
    """The persons of whose events anything is explained to one of the rules, beforehand or afterwards."""
    meant = [
        _meant(exception, persons, calendar, late=late)
        for exception, persons in grounds.exceptions
        if any(concerns(exception, rule) for rule in rules)
        for late in (False, True)
    ]
    explained = pl.any_horizontal(pl.col(EARLY).is_not_null(), pl.col(LATE).is_not_null(), *meant)
    return set(events.filter(explained)["person.id"].unique())


def reason_of(ground: Approval | RuleException) -> str:
    """Why it was given, as whoever gave it wrote."""
    return ground.purpose if isinstance(ground, Approval) else ground.reason


def _explained(rule: Rule, grounds: Grounds, calendar: CompanyCalendar, *, late: bool) -> pl.Expr:
    early = [pl.col(EARLY), *_exceptions(rule, grounds, calendar, late=False)]
    return pl.coalesce(*early, *([pl.col(LATE), *_exceptions(rule, grounds, calendar, late=True)] if late else []))


def _exceptions(rule: Rule, grounds: Grounds, calendar: CompanyCalendar, *, late: bool) -> list[pl.Expr]:
    return [
        pl.when(_meant(exception, persons, calendar, late=late)).then(pl.lit(label_of(exception)))
        for exception, persons in grounds.exceptions
        if concerns(exception, rule)
    ]


def concerns(exception: RuleException, rule: Rule) -> bool:
    """Whether the exception is one from this rule."""
    return rule.name == exception.rule if exception.rule else exception.tag.lower() in map(str.lower, rule.tags)


def _meant(exception: RuleException, persons: frozenset[str], calendar: CompanyCalendar, *, late: bool) -> pl.Expr:
    meant = (pl.col(TIME) >= exception.since) & (pl.col(TIME) < exception.expires)
    meant &= (pl.col(TIME) < exception.filed) if late else (pl.col(TIME) >= exception.filed)
    if exception.person:
        meant &= pl.col("person.id").is_in(sorted(persons))
    for name in ("department", "title"):
        if wanted := getattr(exception, name):
            meant &= pl.col(f"person.{name}").str.to_lowercase() == wanted.lower()
    if hours := hours_of(exception.hours):
        start, end = hours
        clock = pl.col(TIME).dt.convert_time_zone(calendar.zone).dt.time()
        meant &= clock.is_between(start, end, closed="left") if start < end else (clock >= start) | (clock < end)
    return meant.fill_null(False)
