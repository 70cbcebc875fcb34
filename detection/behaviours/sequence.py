"""Collect, disguise, take out, cover up: steps that the same things go through, whatever they are called meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.alert import SEPARATOR
from core.errors import RuleError
from detection.behaviours.base import FOUND, Behaviour, Scene
from detection.behaviours.tracing import BY, CONTENT, NAME, RECORD, Handle, Seen, Trace
from detection.totals import Total, together
from detection.windows import TIME

LINKED = "linked"
"""The fact that says by what the events hang together."""
STEPS_FOUND = {
    **FOUND,
    "observed": pl.Int64(),
    "limit": pl.Int64(),
    "phases": pl.String(),
    LINKED: pl.String(),
    "example": pl.String(),
}
LAST_PART = r"([^/\\]+)[/\\]*$"
EXTENSION = r"\.([^./\\ ]+)$"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The hash of no contents at all, which many files have."""
RECORD_ID = r"^([0-9A-Za-z]{15})[0-9A-Za-z]{3}$"
"""Salesforce writes an id in 15 characters, or in 18 of which the last three only repeat its letter case."""


class Disguised(BaseModel):
    """The step that a content went through which was seen under the extension of a document and then under one that
    nobody looks at, whether or not a renaming was logged."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    step: str
    documents: frozenset[str] = Field(min_length=1)
    harmless: frozenset[str] = Field(min_length=1)


class Sequence(Behaviour):
    """At least `files` files each went through the steps in `needs`, in that order, within `days` days.

    `steps` names the rules of each step, in the order of the deed; `seen` those of events that are no step but say what
    goes by which name. A file is followed across systems by its name (the last part of its path, in small letters)
    and through renames, moves and copies by where these say it went; by its content, where events name the hash; and by
    a record's id. Steps that are not needed are told where they are seen, and by what the events hang together.
    """

    limit_by: ClassVar[str] = "files"
    type: Literal["sequence"]
    steps: Mapping[str, tuple[str, ...]] = Field(min_length=2, max_length=8)
    needs: tuple[str, ...] = Field(min_length=2)
    seen: tuple[str, ...] = ()
    disguised: Disguised | None = None
    files: int = Field(default=3, ge=1)
    days: int = Field(default=14, ge=1, le=90)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.needs)) < len(self.needs) or not set(self.needs) <= set(self.steps):
            raise RuleError("behaviour: `needs` names steps, each once")
        if not all(self.steps.values()):
            raise RuleError("behaviour: every step has a rule")
        if self.disguised and (self.disguised.step not in self.steps or not self.seen):
            raise RuleError("behaviour: `disguised` names a step, and `seen` the rules of events that name contents")
        return self

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*(rule for rules in self.steps.values() for rule in rules), *self.seen]))

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({"file.path", "file.name", "file.target_path", "file.hash.sha256", "crm.record_id"})

    @property
    def unit(self) -> str:
        return "file.path"

    @property
    def reach(self) -> int:
        return 2 * self.days

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        done = (together(totals[name] for name in self._shown_by(step) if name in totals) for step in self.needs)
        return all(step.events >= self.files for step in done)

    def _shown_by(self, step: str) -> tuple[str, ...]:
        """The rules whose events may show that somebody did a step."""
        by_content = self.disguised is not None and self.disguised.step == step
        return (*self.steps[step], *(self.seen if by_content else ()))

    def find(self, scene: Scene) -> pl.DataFrame:
        persons = self._rows(scene).partition_by("person.id", as_dict=True, maintain_order=True)
        found = [row for (person,), rows in persons.items() for row in _Person(self, str(person)).found(rows)]
        return pl.DataFrame(found, schema=STEPS_FOUND, orient="row")

    def _rows(self, scene: Scene) -> pl.DataFrame:
        """One row per event that names anything, in the order of time, with the steps it is; only of persons who did
        all that is needed."""
        did = [set().union(*(scene.hits[name]["person.id"] for name in self._shown_by(step))) for step in self.needs]
        able = pl.col("person.id").is_in(sorted(set.intersection(*did)))
        columns = ["event.id", "person.id", "day", TIME, *sorted(self.fields)]
        steps = [*self.steps.values(), self.seen]
        rows = pl.concat(
            scene.hits[name].filter(able).select(columns).with_columns(place=pl.lit(place))
            for place, rules in enumerate(steps)
            for name in rules
        )
        name, target = (_last_part(pl.col(field)) for field in ("file.path", "file.target_path"))
        content, record = pl.col("file.hash.sha256").str.to_lowercase(), pl.col("crm.record_id")
        named = (
            rows.group_by("event.id", maintain_order=True)
            .agg(pl.exclude("place").first(), pl.col("place").unique().sort())
            .with_columns(
                name=pl.coalesce(name, _last_part(pl.col("file.name"))),
                content=pl.when(content != EMPTY).then(content),
                record=pl.coalesce(record.str.extract(RECORD_ID), record),
                target=target,
            )
            .filter(pl.any_horizontal(pl.col(*BY).is_not_null()))
        )
        arrow = pl.concat_str("name", pl.lit(" → "), "target")
        return (
            self._told_of(named)
            .with_columns(
                shown=pl.coalesce(arrow, "name", "record", "content"),
                extension=pl.col("name").str.extract(EXTENSION),
                moment=pl.col(TIME).dt.epoch("us"),
            )
            .sort("person.id", TIME, "event.id")
        )

    def _told_of(self, named: pl.DataFrame) -> pl.DataFrame:
        """Without events that only name a file of which nothing else is known: most are such."""
        needs = [place for place, step in enumerate(self.steps) if step in self.needs]
        needed = pl.col("place").list.set_intersection(needs).list.len() > 0
        alone = ~needed & pl.all_horizontal(pl.col(CONTENT, RECORD, "target").is_null())
        others, lonely = named.filter(~alone), named.filter(alone)
        names = pl.concat(others.select("person.id", pl.col(name).alias("name")) for name in (NAME, "target"))
        return pl.concat([others, lonely.join(names, on=["person.id", "name"], how="semi")])


class _Person:
    """What is found about one person."""

    def __init__(self, rule: Sequence, person: str) -> None:
        self.rule, self.person = rule, person
        self.names = list(rule.steps)
        self.needs = [self.names.index(step) for step in rule.needs]
        disguise = self.names.index(rule.disguised.step) if rule.disguised else None
        self.trace = Trace(timedelta(days=rule.days) // timedelta(microseconds=1), disguise)
        self.recent: dict[Handle, int] = {}
        """A handle of each thing that was found whole, and when that was last."""

    def found(self, rows: pl.DataFrame) -> Iterator[tuple[object, ...]]:
        """A row for each day on which enough things were found whole."""
        day: date | None = None
        fired: list[tuple[int, int]] = []
        for on, event in self._events(rows):
            if on != day:
                if day and fired:
                    yield self._told(day, fired)
                day, fired = on, []
            if (total := self._after(event)) >= self.rule.files:
                fired.append((event.time, total))
        if day and fired:
            yield self._told(day, fired)

    def _events(self, rows: pl.DataFrame) -> Iterator[tuple[date, Seen]]:
        disguised = self.rule.disguised
        documents, harmless = (disguised.documents, disguised.harmless) if disguised else (frozenset(), frozenset())
        columns = ["day", "extension", "moment", "place", *BY, "target", "shown"]
        for day, extension, time, places, name, content, record, target, shown in rows.select(columns).iter_rows():
            looks = (extension in documents, extension in harmless)
            yield day, Seen(time, tuple(places), name, content, record, target, shown, *looks)

    def _after(self, event: Seen) -> int:
        """How many things are whole by now, where the event made one so; else nothing."""
        added = self.trace.add(event)
        last = self.needs[-1] in event.places
        if not (added.tied or last):
            return 0
        thing = self.trace.thing(added.handle, event.time)
        for handle in list(takewhile(lambda one: self.recent[one] <= event.time - self.trace.span, self.recent)):
            del self.recent[handle]
        known = [handle for handle in thing if handle in self.recent]
        if (known and not last) or not self.trace.whole(thing, self.needs, event.time):
            return 0
        for handle in known:
            del self.recent[handle]
        self.recent[added.handle] = event.time
        return len(self.recent)

    def _told(self, day: date, fired: list[tuple[int, int]]) -> tuple[object, ...]:
        """The row of a day that is over, with all that the things went through by its end."""
        last = fired[-1][0]
        handles = {one for handle in self.recent for one in self.trace.thing(handle, last)}
        noted = [
            (handle, place, step)
            for handle in handles
            for place, step in self.trace.steps(handle, last - self.trace.span)
        ]
        steps = [(place, step) for _, place, step in noted if place < len(self.names)]
        places = {place for place, _ in steps}
        events: dict[Handle, set[int]] = {}
        for handle, _, step in noted:
            events.setdefault(handle, set()).add(step.event)
        links = {handle.by for handle, seen in events.items() if len(seen) > 1}
        return (
            self.person,
            day,
            _moment(fired[0][0]),
            _moment(min(step.time for _, step in steps)),
            max(total for _, total in fired),
            self.rule.files,
            SEPARATOR.join(name for place, name in enumerate(self.names) if place in places),
            SEPARATOR.join(by for by in BY if by in links),
            max(step for _, step in steps).shown,
        )


def _last_part(path: pl.Expr) -> pl.Expr:
    return path.str.extract(LAST_PART).str.to_lowercase()


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=time)
