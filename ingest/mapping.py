"""A `source.yml` compiled once into column expressions: decoded columns of text in, ECS columns out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from core.schema import BY_NAME, SCHEMA, Field, Kind
from ingest.conditions import condition
from ingest.located import Located
from ingest.values import Compiler, Value

ROW = "\0row"
"""Column with the number of the record in its batch. No name in a file holds a NUL."""
MODIFIED = "\0modified"
"""Column with the time at which the record's file was last written."""
TIME = "@timestamp"
_COMMON = "\0common "
_PROBLEM = "\0problem"
_KIND = "\0kind"
_NONE = -1

_GIVEN = {
    "event.id",
    "event.module",
    "event.sequence",
    "event.original",
    "log.file.path",
    "rule.matched",
    "vendor",
}
"""Fields the engine fills itself."""

FRAGMENT_FIELDS = ("fragment.key", "fragment.kind")


@dataclass(frozen=True, slots=True)
class Mapped:
    """What became of the rows of a batch. Frames carry `row`; `bad` and `ignored` map rows to reasons."""

    events: pl.DataFrame
    fragments: pl.DataFrame
    bad: Mapping[int, str]
    ignored: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _RecordType:
    """Which records it is, and the fields they set of their own."""

    when: pl.Expr
    fields: Mapping[str, Value]
    is_fragment: bool


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """Record types, first match wins, and the fields `common` to those that do not set them otherwise. `columns` are
    those that must be there (null where a record lacks them)."""

    common: Mapping[str, Value]
    types: Sequence[_RecordType]
    ignores: Sequence[tuple[pl.Expr, str]]
    columns: frozenset[str]
    kind: pl.Expr

    def apply(self, frame: pl.DataFrame) -> Mapped:
        """Map rows of text columns; `frame` has `ROW`, `MODIFIED` and all of `columns`."""
        ignored: dict[int, str] = {}
        bad: dict[int, str] = {}
        events: list[pl.DataFrame] = []
        fragments: list[pl.DataFrame] = []
        read = _with_reads(frame.with_columns(self.kind.alias(_KIND)), self.common)
        shared = read.with_columns(_columns(self.common, _COMMON))
        for (kind,), rows in shared.partition_by(_KIND, as_dict=True, include_key=False).items():
            number = int(str(kind))
            if number == _NONE:
                bad.update(dict.fromkeys(rows[ROW].to_list(), "of no known type"))
            elif number < _NONE:
                ignored.update(dict.fromkeys(rows[ROW].to_list(), self.ignores[_NONE - 1 - number][1]))
            else:
                record_type = self.types[number]
                mapped = self._mapped(record_type.fields, rows)
                wrong = mapped.filter(pl.col(_PROBLEM).is_not_null())
                bad.update(zip(wrong[ROW].to_list(), wrong[_PROBLEM].to_list(), strict=True))
                good = mapped.filter(pl.col(_PROBLEM).is_null()) if wrong.height else mapped
                (fragments if record_type.is_fragment else events).append(good.drop(_PROBLEM))
        return Mapped(_together(events), _together(fragments), bad, ignored)

    def _mapped(self, own: Mapping[str, Value], rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of one type as columns of their own names; `_PROBLEM` says what of a row cannot be read."""
        shared = {name: value for name, value in self.common.items() if name not in own}
        moment = pl.col(_COMMON + TIME) if TIME in shared else own[TIME].column
        problems = [value.problem for value in (*shared.values(), *own.values()) if value.problem is not None]
        problems.append(pl.when(moment.is_null()).then(pl.lit("has no time")))
        return _with_reads(rows, own).select(
            pl.col(ROW),
            *(pl.col(_COMMON + name).alias(name) for name in shared),
            *_columns(own),
            pl.coalesce(problems).alias(_PROBLEM),
        )


def _kind(types: Sequence[_RecordType], ignores: Sequence[tuple[pl.Expr, str]]) -> pl.Expr:
    """Number of the record type; ignores count down from -2; -1 where nothing matches."""
    chain: pl.Expr = pl.lit(_NONE, pl.Int32)
    for number, record_type in reversed(list(enumerate(types))):
        chain = pl.when(record_type.when).then(pl.lit(number, pl.Int32)).otherwise(chain)
    for number, (when, _) in reversed(list(enumerate(ignores))):
        chain = pl.when(when).then(pl.lit(_NONE - 1 - number, pl.Int32)).otherwise(chain)
    return chain


def _with_reads(rows: pl.DataFrame, fields: Mapping[str, Value]) -> pl.DataFrame:
    """The rows with what is read in a step of its own."""
    reads = {read.number: read for value in fields.values() for read in value.reads}.values()
    if not reads:
        return rows
    rows = rows.lazy().with_columns(read.text.alias(read.raw) for read in reads).collect()
    return rows.with_columns(read.parse(rows[read.raw], rows[MODIFIED]).alias(read.parsed) for read in reads)


def _columns(fields: Mapping[str, Value], prefix: str = "") -> list[pl.Expr]:
    return [
        value.column.cast(SCHEMA[name] if name in SCHEMA else pl.String()).alias(prefix + name)
        for name, value in fields.items()
    ]


def _together(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema={ROW: pl.Int64()})
    return pl.concat(parts, how="diagonal").sort(ROW)


def compile_mapping(top: Located, spec: Mapping[str, Located], zone: str) -> RecordMapping:
    """Compile `fields`, `records` and `ignore`; every mistake is a `MappingError` with file and line."""
    used: set[str] = set()
    compiler = Compiler(zone, used)
    joins = "join" in spec
    common = _fields(spec["fields"], compiler, joins) if "fields" in spec else {}
    if "records" not in spec:
        top.fail("records is missing")
    types = [_record_type(item, common, compiler, joins) for item in spec["records"].list()]
    ignores = [_ignore(item, used) for item in spec["ignore"].list()] if "ignore" in spec else []
    return RecordMapping(common, types, ignores, frozenset(used), _kind(types, ignores))


def _record_type(spec: Located, common: Mapping[str, Value], compiler: Compiler, joins: bool) -> _RecordType:
    found = spec.mapping({"name", "when", "fields"})
    if not {"name", "fields"} <= set(found):
        spec.fail("a record type needs name and fields")
    own = _fields(found["fields"], compiler, joins)
    when = condition(found["when"], compiler.used) if "when" in found else pl.lit(value=True)
    fields = {**common, **own}
    if TIME not in fields:
        spec.fail(f"{found['name'].text()} sets no {TIME}")
    if ("fragment.key" in fields) != ("fragment.kind" in fields):
        spec.fail("fragment.key and fragment.kind go together")
    if "event.action" not in fields and "fragment.key" not in fields:
        spec.fail(f"{found['name'].text()} sets no event.action")
    return _RecordType(when, own, is_fragment="fragment.key" in fields)


def _ignore(spec: Located, used: set[str]) -> tuple[pl.Expr, str]:
    found = spec.mapping({"when", "reason"})
    if set(found) != {"when", "reason"}:
        spec.fail("an entry of ignore needs when and reason")
    return condition(found["when"], used), found["reason"].text()


def _fields(spec: Located, compiler: Compiler, joins: bool) -> dict[str, Value]:
    return {name: compiler.value(_field(name, value, joins), value) for name, value in spec.items()}


def _field(name: str, spec: Located, joins: bool) -> Field:
    if name in FRAGMENT_FIELDS and joins:
        return Field(name, Kind.KEYWORD, "")
    if name not in SCHEMA or name in _GIVEN:
        spec.fail(f"{name} is not a field a source may set")
    return BY_NAME[name]
