"""Rules put to vendors' records in files, without a store."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from sigma.rule import SigmaRule

from app.gathering import Gathered, time_in
from core.errors import Refused, RuleError
from detection.bursts import Burst, bursts
from detection.engine import Engine
from detection.filerules import FileRules
from detection.flatten import flattened, text_of
from detection.logsource import telling_fields
from detection.pipelines import Pipeline
from detection.placeholders import TABLE
from detection.records import Looking
from detection.rule import Rule, name_of
from detection.rulefiles import parsed_in
from ingest.evtx import split_evtx
from ingest.jsonsplit import split_json
from ingest.reading import Limits, OpenFile, Stream
from ingest.splitting import Bad

AT_ONCE = 10_000
SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A record that a rule matches; `record` counts the records of the file from 1."""

    rule: str
    id: str
    title: str
    level: str
    file: str
    record: int
    time: str | None
    event: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTogether:
    """Records that a correlation finds together, of one `group` (values by the fields it groups by). Its condition came
    to hold at `time`, in `record`, and held until `last`; `value` is the furthest it went, null where nothing is
    counted. `events` counts the records that add up to it, `first` is the time of the first of them, and `records` has
    the numbers of the first 1,000. Times are UTC."""

    rule: str
    id: str
    title: str
    level: str
    file: str
    record: int
    time: datetime
    group: Mapping[str, str | None]
    value: int | float | None
    first: datetime
    last: datetime
    events: int
    records: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """Rules ready to be put to records."""

    rules: FileRules
    looking: Looking

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Hunt:
        """The rules of some files, given as name and text."""
        rules = FileRules.of(texts)
        looking = Looking(Engine(rules.conditions, telling_fields()))
        # Thousands of rules stay as long as the process: the collector need not go through them again and again.
        gc.freeze()
        return cls(rules=rules, looking=looking)

    def through(self, path: Path) -> Iterator[Found | FoundTogether | str]:
        """Matches in the order of the records, those of correlations at the end; a text says which record cannot be
        read, or which rule cannot be run, and why."""
        with TemporaryDirectory() as folder:
            gathered = Gathered(self.rules.columns(), Path(folder))
            yield from self._single(path, gathered)
            for rule in self.rules.windows:
                try:
                    for burst in bursts(rule, self.rules.rules, gathered.spans(rule)):
                        yield _together(rule, burst, path)
                except RuleError as error:
                    yield str(error)
            if gathered.left_out:
                some = ", ".join(map(str, gathered.undated))
                yield (
                    f"{path.name}: {gathered.left_out} records do not say when they were, so no correlation looks at"
                    f" them: record {some}{' ...' if gathered.left_out > len(gathered.undated) else ''}"
                )

    def _single(self, path: Path, gathered: Gathered) -> Iterator[Found | str]:
        """Matches of the rules that speak; records that correlations look at are gathered."""
        first, quiet, building = 1, self.rules.quiet, self.rules.building
        for batch in _batches(path):
            good = [record if isinstance(record, bytes) else b"" for record in batch]
            done = self.looking.judged(good)
            said: dict[int, list[Found | str]] = {row: [_unread(path, first + row, batch[row])] for row in done.bad}
            matched: dict[int, list[str]] = {}
            for number, rows in done.hits:
                for row in rows.tolist():
                    if number in building:
                        matched.setdefault(row, []).append(building[number])
                    if number not in quiet:
                        found = _found(self.rules.single[number], path, first + row, good[row])
                        said.setdefault(row, []).append(found)
            if matched:
                gathered.add([(first + row, rules, _cells(good[row])) for row, rules in matched.items()])
            for row in sorted(said):
                yield from said[row]
            first += len(batch)


def _found(rule: SigmaRule, path: Path, record: int, text: bytes) -> Found:
    return Found(
        rule=_called(rule),
        id=str(rule.id or ""),
        title=rule.title,
        level=rule.level.name.lower() if rule.level else "",
        file=path.name,
        record=record,
        time=time_in(_cells(text)),
        event=orjson.loads(text),
    )


def _together(rule: Rule, burst: Burst, path: Path) -> FoundTogether:
    value = burst.value
    return FoundTogether(
        rule=rule.name,
        id=rule.id,
        title=rule.title,
        level=rule.level.value,
        file=path.name,
        record=burst.record,
        time=burst.time,
        group=burst.group,
        value=int(value) if value is not None and float(value).is_integer() else value,
        first=burst.first,
        last=burst.last,
        events=burst.events,
        records=burst.records,
    )


def _cells(text: bytes) -> dict[str, str]:
    """The cells of a record by name; of several values of one name the first."""
    return {name: text_of(value) for name, value in reversed(list(flattened(orjson.loads(text))))}


def _called(rule: SigmaRule) -> str:
    try:
        return name_of(rule)
    except RuleError:
        return rule.title


def _unread(path: Path, record: int, item: bytes | Bad) -> str:
    return f"{path.name}: record {record}: {item.reason if isinstance(item, Bad) else 'is not a JSON object'}"


def _batches(path: Path) -> Iterator[list[bytes | Bad]]:
    records = _records(path)
    while batch := list(islice(records, AT_ONCE)):
        yield batch


def _records(path: Path) -> Iterator[bytes | Bad]:
    """Event logs by their first bytes, everything else as JSON: lines, arrays, or objects over several lines."""
    limits = Limits()
    with OpenFile(path, limits) as file:
        for member in file.members():
            stream: Stream = member.stream
            split = split_evtx if stream.peek(8).startswith(b"ElfFile") else split_json
            try:
                for item in split(stream, limits):
                    if isinstance(item, list):
                        yield from (line for line in item if line.strip())
                    elif isinstance(item, Bad) or item.strip():
                        yield item
            except Refused as error:
                raise Refused(f"{path.name}: {error}") from None


def rule_texts(path: Path, pipelines: Sequence[Path] = ()) -> dict[str, str]:
    """Names and texts of a rule file and the values of placeholders beside it, or of all below a folder; of pipelines
    as if they lay beside the rules. Raises `Refused`, `RuleError` of a pipeline that is none."""
    if not path.exists():
        raise Refused(f"{path} does not exist")
    path = path if path.name else path.resolve()
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix in SUFFIXES and f.is_file())
    else:
        files = [path, *(f for f in (path.parent / TABLE,) if f.is_file())]
    texts = {str(file): file.read_text(encoding="utf-8", errors="replace") for file in files}
    for file in pipelines:
        if not file.is_file():
            raise Refused(f"{file} is no file")
        if file.suffix not in SUFFIXES or file.name == TABLE:
            raise Refused(f"{file}: the name of a pipeline ends in .yml or .yaml and is not {TABLE}")
        name = str((path if path.is_dir() else path.parent) / file.name)
        text = file.read_text(encoding="utf-8", errors="replace")
        found = [parsed for _, parsed in parsed_in(str(file), text)]
        if not found or not all(isinstance(parsed, Pipeline) for parsed in found):
            raise Refused(f"{file}: is no pipeline")
        if texts.setdefault(name, text) != text:
            raise Refused(f"{file}: the rules have a file of that name already")
    return texts
