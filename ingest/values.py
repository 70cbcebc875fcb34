"""The values of a `source.yml`: where a field's content comes from, compiled to a column and its problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from core.actions import ACTIONS
from core.schema import Field, Kind
from ingest.conditions import condition
from ingest.located import Located
from ingest.times import FORMS, read_times
from ingest.transforms import ip, transform, whole_number

VOCABULARIES: Mapping[str, frozenset[str]] = {
    "event.action": ACTIONS,
    "event.outcome": frozenset({"success", "failure"}),
    "share.scope": frozenset({"internal", "external", "anonymous"}),
}
"""Fields that take a few words only."""

_KEYS = ("from", "const", "join", "by", "skip_missing", "apply", "time", "zone", "when")


@dataclass(frozen=True, slots=True)
class Read:
    """A number or time read from text in a step of its own: `text` makes the column `raw`, `parse` of it `parsed`.

    `parse` also takes when the files of the texts were last written.
    """

    number: int
    text: pl.Expr
    parse: Callable[[pl.Series, pl.Series], pl.Series]

    @property
    def raw(self) -> str:
        return f"\0raw {self.number}"

    @property
    def parsed(self) -> str:
        return f"\0parsed {self.number}"


@dataclass(frozen=True, slots=True)
class Value:
    """A field's column of its own type, once the columns of `reads` are there; `problem` is text where what was found
    cannot be read, else null."""

    column: pl.Expr
    problem: pl.Expr | None = None
    reads: tuple[Read, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles values of one source. `zone` is that of stamps without one; `used` collects the columns read."""

    zone: str
    used: set[str]
    numbers: Iterator[int] = field(default_factory=count)

    def value(self, field: Field, spec: Located) -> Value:
        if spec.is_list:
            return self._first(field, spec)
        if not spec.is_mapping:
            return self._constant(field, spec)
        found = spec.mapping(_KEYS)
        if sum(key in found for key in ("from", "const", "join")) != 1:
            spec.fail("a value needs one of from, const and join")
        value = self._constant(field, found["const"]) if "const" in found else self._read(field, spec, found)
        if "when" not in found:
            return value
        holds = condition(found["when"], self.used)
        problem = None if value.problem is None else pl.when(holds).then(value.problem)
        return Value(pl.when(holds).then(value.column), problem, value.reads)

    def _first(self, field: Field, spec: Located) -> Value:
        values = [self.value(field, item) for item in spec.list()]
        if not values:
            spec.fail("the list of values is empty")
        problems = [value.problem for value in values if value.problem is not None]
        return Value(
            pl.coalesce(value.column for value in values),
            pl.coalesce(problems) if problems else None,
            tuple(read for value in values for read in value.reads),
        )

    def _constant(self, field: Field, spec: Located) -> Value:
        text = spec.text()
        _in_vocabulary(field, text, spec)
        if field.kind is Kind.LONG:
            return Value(pl.lit(spec.integer(), pl.Int64))
        if field.kind is not Kind.KEYWORD:
            spec.fail(f"{field.name} takes no constant")
        return Value(pl.lit(text))

    def _read(self, field: Field, spec: Located, found: Mapping[str, Located]) -> Value:
        text, names = self._joined(found) if "join" in found else self._column(found["from"])
        for step in found["apply"].list() if "apply" in found else ():
            text = transform(step)(text)
        text = _unless_empty(text)
        self._check_vocabulary(field, spec, found)
        if (field.kind is Kind.DATE) != ("time" in found):
            spec.fail(f"{field.name} needs time" if field.kind is Kind.DATE else f"{field.name} is not a time")
        if field.kind is Kind.DATE:
            return self._time(text, names, found)
        if field.kind is Kind.LONG:
            return self._checked(text, _numbers, f"{names} is not a whole number in range: ")
        return Value(ip(text) if field.kind is Kind.IP else text)

    def _column(self, spec: Located) -> tuple[pl.Expr, str]:
        names = spec.texts()
        self.used.update(names)
        return pl.coalesce(_unless_empty(pl.col(name)) for name in names), " or ".join(names)

    def _joined(self, found: Mapping[str, Located]) -> tuple[pl.Expr, str]:
        text_field = Field("", Kind.KEYWORD, "")
        parts = [self.value(text_field, item).column for item in found["join"].list()]
        by = found["by"].text() if "by" in found else ""
        skip = found["skip_missing"].flag() if "skip_missing" in found else False
        return pl.concat_str(parts, separator=by, ignore_nulls=skip), "the joined text"

    def _time(self, text: pl.Expr, names: str, found: Mapping[str, Located]) -> Value:
        zone = zone_name(found["zone"], self.zone) if "zone" in found else self.zone
        for form in found["time"].list():
            if form.text() not in FORMS and "%" not in form.text():
                form.fail(f"{form.text()} is not a time format; known are: {', '.join(FORMS)}")
        forms = found["time"].texts()
        return self._checked(
            text, lambda texts, modified: read_times(texts, forms, zone, modified), f"{names} is not a time: "
        )

    def _checked(self, text: pl.Expr, parse: Callable[[pl.Series, pl.Series], pl.Series], problem: str) -> Value:
        read = Read(next(self.numbers), text, parse)
        wrong = pl.col(read.raw).is_not_null() & pl.col(read.parsed).is_null()
        says = pl.concat_str(pl.lit(problem), pl.col(read.raw).str.slice(0, 60))
        return Value(pl.col(read.parsed), pl.when(wrong).then(says), (read,))

    def _check_vocabulary(self, field: Field, spec: Located, found: Mapping[str, Located]) -> None:
        if field.name not in VOCABULARIES:
            return
        steps = found["apply"].list() if "apply" in found else []
        table = dict(steps[-1].items()).get("map") if steps and steps[-1].is_mapping else None
        if table is None:
            spec.fail(f"{field.name} takes a few words only, so its last transform must be a map")
        for _, word in table.items():
            _in_vocabulary(field, word.text(), word)


def zone_name(spec: Located, company: str) -> str:
    """A time zone by its name; `company` is the company's."""
    name = company if spec.text() == "company" else spec.text()
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        spec.fail(f"{name} is not a time zone")
    return name


def _unless_empty(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _numbers(texts: pl.Series, _: pl.Series) -> pl.Series:
    return texts.to_frame("x").select(whole_number(pl.col("x"))).to_series()


def _in_vocabulary(field: Field, word: str, spec: Located) -> None:
    words = VOCABULARIES.get(field.name)
    if words is not None and word not in words:
        spec.fail(f"{word} is not one of the words of {field.name}: {', '.join(sorted(words))}")
