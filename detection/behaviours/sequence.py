"""Collect, disguise, take out, cover up: steps that the same things go through, whatever they are called meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, islice, takewhile
from operator import itemgetter
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.alert import SEPARATOR
from core.errors import RuleError
from detection.behaviours.base import FOUND, Behaviour, Scene
from detection.behaviours.tracing import AROUND, BY, CONTENT, NAME, RECORD, Added, Handle, Seen, Trace
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
NO_CONTENT = ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "0" * 64)
"""The hash of no contents at all, which many files have, and what stands where nobody could look at the contents."""
RECORD_ID = r"^([0-9A-Za-z]{15})[A-Z0-5]{3}$"
"""Salesforce writes an id in 15 characters, or in 18 of which the last three only repeat its letter case."""
CASES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Disguised(BaseModel):
    """The step that a content went through which was seen under the extension of a document and then under one that
    nobody looks at, whether or not a renaming was logged."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    step: str
    documents: frozenset[str] = Field(min_length=1)
    harmless: frozenset[str] = Field(min_length=1)


class Copies(BaseModel):
    """Deletions, and what else may happen to a mere copy: the rules of such events, which are no step of a thing that
    went through an event of the rules in `kept` within `days` days before, for then it is kept elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    step: str
    rules: tuple[str, ...] = Field(min_length=1)
    kept: tuple[str, ...] = Field(min_length=1)


class Sequence(Behaviour):
    """At least `files` files each went through the steps in `needs`, in that order, within `days` days.

    `steps` names the rules of each step, in the order of the deed; `seen` those of events that are no step but say what
    goes by which name. A file is followed across systems by its name (the last part of its path, in small letters)
    and through renames, moves and copies by where these say it went; by its content, where events name the hash; and by
    a record's id. Steps that are not needed are told where they are seen, and by what the events hang together. What is
    known as one thing by the end of a day counts once, and so does a content that went through the steps by itself.
    """

    limit_by: ClassVar[str] = "files"
    type: Literal["sequence"]
    steps: Mapping[str, tuple[str, ...]] = Field(min_length=2, max_length=8)
    needs: tuple[str, ...] = Field(min_length=2)
    seen: tuple[str, ...] = ()
    disguised: Disguised | None = None
    copies: Copies | None = None
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
        if self.copies and not set(self.copies.rules) <= set(self.steps.get(self.copies.step, ())):
            raise RuleError("behaviour: `copies` names a step and rules of it")
        return self

    @property
    def places(self) -> tuple[tuple[str, ...], ...]:
        """The rules of each step, of `seen`, of what may happen to a copy, and of what says that a thing is kept."""
        copies = self.copies
        steps = [
            tuple(rule for rule in rules if not (copies and copies.step == step and rule in copies.rules))
            for step, rules in self.steps.items()
        ]
        return (*steps, self.seen, *((copies.rules, copies.kept) if copies else ()))

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for rules in self.places for rule in rules))

    @property
    def fields(self) -> frozenset[str]:
        return frozenset({"file.path", "file.name", "file.target_path", "file.hash.sha256", "crm.record_id"})

    @property
    def unit(self) -> str:
        return "file.path"

    @property
    def reach(self) -> int:
        # What counts lies up to `days` back, its steps as long before, and what made these so (a renaming, the document
        # that a content was) once more. A day more, for one with an hour less is among them.
        return 3 * self.days + 1

    def may_find(self, totals: Mapping[str, Total]) -> bool:
        done = (together(totals[name] for name in self._shown_by(step) if name in totals) for step in self.needs)
        return all(step.events >= self.files for step in done)

    def _shown_by(self, step: str) -> tuple[str, ...]:
        """The rules whose events may show that somebody did a step."""
        by_content = self.disguised is not None and self.disguised.step == step
        return (*self.steps[step], *(self.seen if by_content else ()))

    def needed(self, step: str, *, kept: bool) -> tuple[int, ...]:
        """The places of the events that are a step of a thing, which is `kept` elsewhere or not."""
        copied = self.copies is not None and self.copies.step == step and not kept
        return (list(self.steps).index(step), *((len(self.steps) + 1,) if copied else ()))

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
        rows = pl.concat(
            scene.hits[name].filter(able).select(columns).with_columns(place=pl.lit(place))
            for place, rules in enumerate(self.places)
            for name in rules
        )
        name, target = (_last_part(pl.col(field)) for field in ("file.path", "file.target_path"))
        content, record = pl.col("file.hash.sha256").str.to_lowercase(), pl.col("crm.record_id")
        named = (
            rows.group_by("event.id", maintain_order=True)
            .agg(pl.exclude("place").first(), pl.col("place").unique().sort())
            .with_columns(
                name=pl.coalesce(name, _last_part(pl.col("file.name"))),
                content=pl.when(~content.is_in(NO_CONTENT)).then(content),
                record=pl.when(_repeats_its_case(record)).then(record.str.slice(0, 15)).otherwise(record),
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
        needs = {place for step in self.needs for place in self.needed(step, kept=False)}
        needed = pl.col("place").list.set_intersection(sorted(needs)).list.len() > 0
        alone = ~needed & pl.all_horizontal(pl.col(CONTENT, RECORD, "target").is_null())
        others, lonely = named.filter(~alone), named.filter(alone)
        names = pl.concat(others.select("person.id", pl.col(name).alias("name")) for name in (NAME, "target"))
        return pl.concat([others, lonely.join(names, on=["person.id", "name"], how="semi")])


class _Person:
    """What is found about one person."""

    def __init__(self, rule: Sequence, person: str) -> None:
        self.rule, self.person = rule, person
        self.names = list(rule.steps)
        self.needs = {kept: [rule.needed(step, kept=kept) for step in rule.needs] for kept in (False, True)}
        disguise = self.names.index(rule.disguised.step) if rule.disguised else None
        self.trace = Trace(timedelta(days=rule.days) // timedelta(microseconds=1), disguise)
        self.recent: dict[Handle, int] = {}
        """What stands for each thing that was found whole, and when that was last, which stands last."""
        self.own: dict[Handle, int] = {}
        """The contents by which things were found whole, likewise: by these they hang together, however many names."""

    def found(self, rows: pl.DataFrame) -> Iterator[tuple[object, ...]]:
        """A row for each day on which enough things were found whole."""
        for on, events in groupby(self._events(rows), key=itemgetter(0)):
            times: list[int] = []
            latest: list[Handle] = []
            for _, event in events:
                if not times:
                    self._forget(event.time)
                thing = self._after(event)
                if thing and self._enough(event.time):
                    times, latest = [*times[:1], event.time], thing
            if times and len(things := list(self._things(times[-1]))) >= self.rule.files:
                yield self._told(on, times, things, latest)

    def _events(self, rows: pl.DataFrame) -> Iterator[tuple[date, Seen]]:
        disguised = self.rule.disguised
        documents, harmless = (disguised.documents, disguised.harmless) if disguised else (frozenset(), frozenset())
        columns = ["day", "extension", "moment", "place", *BY, "target", "shown"]
        for day, extension, time, places, name, content, record, target, shown in rows.select(columns).iter_rows():
            looks = (extension in documents, extension in harmless)
            yield day, Seen(time, tuple(places), name, content, record, target, shown, *looks)

    def _after(self, event: Seen) -> list[Handle]:
        """The thing that the event made whole, or was the last step of; else nothing."""
        added, now = self.trace.add(event), event.time
        last = any(place in event.places for place in self.needs[False][-1])
        if not (added.tied or last):
            return []
        since = now - self.trace.span
        thing = self.trace.thing(added.handle, since)
        if added.content and added.content not in thing:
            thing += self.trace.thing(added.content, since)
        known = any(self.recent.get(handle, since) > since for handle in thing)
        if (one := self._whole(added, thing, now)) is None:
            return []
        _put(self.recent, one, now)
        return thing if last or not known else []

    def _whole(self, added: Added, thing: Iterable[Handle], now: int) -> Handle | None:
        """What stands for the thing, if it is whole: by its content, which went through the steps whatever it was
        called and stands for itself where it has too many names; by names and records alone; or by contents' ties."""
        since, content = now - self.trace.span, added.content
        around = self.trace.thing(content, since, own={content}) if content else ()
        needs = self.needs[self._kept([*thing, *around], since)]
        if content and self.trace.whole([content], needs, now):
            _put(self.own, content, now)
            return content if content.common(since) else added.handle
        named = self.trace.thing(added.handle, since, by=(NAME, RECORD))
        if self.trace.whole(named, needs, now):
            return added.handle
        linked = self.trace.thing(added.handle, since)
        if not self.trace.whole(linked, needs, now):
            return None
        for between in (handle for handle in linked if handle.by == CONTENT):
            _put(self.own, between, now)
        return added.handle

    def _kept(self, thing: Iterable[Handle], since: int) -> bool:
        return self.rule.copies is not None and self.trace.went(thing, len(self.names) + 2, since)

    def _enough(self, now: int) -> bool:
        return sum(1 for _ in islice(self._things(now, AROUND * self.rule.files), self.rule.files)) >= self.rule.files

    def _things(self, now: int, looked_at: int | None = None) -> Iterator[list[Handle]]:
        """The things that were found whole within the span that ends now, each once, of the newest `looked_at` finds;
        two that were one thing at any time in the span before are one."""
        told: set[Handle] = set()
        for one in islice(reversed(self.recent), looked_at):
            if self.recent[one] <= now - self.trace.span:
                return
            if one not in told:
                thing = self.trace.thing(one, now - 2 * self.trace.span, own=self.own)
                if told.isdisjoint(thing):
                    yield thing
                told.update(thing)

    def _forget(self, now: int) -> None:
        for known in (self.recent, self.own):
            old = takewhile(lambda item: item[1] <= now - self.trace.span, known.items())
            for one, _ in list(old):
                del known[one]

    def _told(
        self, day: date, times: list[int], things: list[list[Handle]], latest: Iterable[Handle]
    ) -> tuple[object, ...]:
        """The row of a day that is over, with all that the things went through by its end, and the latest of them."""
        since = times[-1] - self.trace.span
        handles = {*latest, *(handle for thing in things for handle in thing)}
        noted = [(handle, place, step) for handle in handles for place, step in self.trace.steps(handle, since)]
        told = {place: number for number, step in enumerate(self.names) for place in self.rule.needed(step, kept=False)}
        steps = [(told[place], step) for _, place, step in noted if place in told]
        places = {place for place, _ in steps}
        events: dict[Handle, set[int]] = {}
        for handle, _, step in noted:
            events.setdefault(handle, set()).add(step.event)
        links = {handle.by for handle, seen in events.items() if len(seen) > 1}
        return (
            self.person,
            day,
            _moment(times[0]),
            _moment(min(step.time for _, step in steps)),
            len(things),
            self.rule.files,
            SEPARATOR.join(name for place, name in enumerate(self.names) if place in places),
            SEPARATOR.join(by for by in BY if by in links),
            max(step for _, step in steps).shown,
        )


def _repeats_its_case(record: pl.Expr) -> pl.Expr:
    """Whether an id of 18 characters ends in what Salesforce writes for which of the 15 before are capitals: of five
    each one character, the first of them its lowest bit."""

    def letter(start: int) -> pl.Expr:
        five = record.str.slice(start, 5).str.replace_all("[^A-Z]", "0").str.replace_all("[A-Z]", "1")
        return pl.lit(CASES).str.slice(five.str.reverse().str.to_integer(base=2, strict=False), 1)

    return record.str.contains(RECORD_ID) & (record.str.slice(15) == pl.concat_str(map(letter, (0, 5, 10))))


def _put(known: dict[Handle, int], one: Handle, now: int) -> None:
    known.pop(one, None)
    known[one] = now


def _last_part(path: pl.Expr) -> pl.Expr:
    return path.str.extract(LAST_PART).str.to_lowercase()


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=time)
