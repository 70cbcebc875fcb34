"""Rules put to vendors' records in files, without a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sigma.rule import SigmaRule

from core.errors import Refused, RuleError
from detection.engine import Engine
from detection.flatten import flattened, text_of
from detection.logsource import in_records, telling_fields
from detection.records import Looking
from detection.rule import name_of
from detection.rulefiles import filtered, parsed_files
from ingest.evtx import split_evtx
from ingest.jsonsplit import split_json
from ingest.reading import Limits, OpenFile, Stream
from ingest.splitting import Bad

AT_ONCE = 10_000
TIMES = (
    "UtcTime",
    "TimeCreated_SystemTime",
    "@timestamp",
    "CreationTime",
    "EventTime",
    "published",
    "eventTime",
    "id.time",
    "createdDateTime",
    "timestamp",
    "time",
)
"""Where a record says when it was, the first that there is."""


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
class Hunt:
    """Rules ready to be put to records, and why others are not."""

    rules: Sequence[SigmaRule]
    looking: Looking
    refused: Sequence[str]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Hunt:
        """The single-event rules of some files, given as name and text. A correlation is refused, not its rules."""
        parsed, refused = parsed_files(texts)
        rules, conditions = [], []
        for name, rule in filtered(parsed):
            if not isinstance(rule, SigmaRule):
                refused.append(
                    f"{name}: a correlation or behaviour needs the store; its single-event rules are hunted alone"
                )
                continue
            try:
                conditions.append(in_records(rule, {}))
                rules.append(rule)
            except RuleError as error:
                refused.append(f"{name}: {error}")
        return cls(rules=rules, looking=Looking(Engine(conditions, telling_fields())), refused=refused)

    def through(self, path: Path) -> Iterator[Found | str]:
        """Matches in the order of the records; a text says which record cannot be read, and why."""
        first = 1
        for batch in _batches(path):
            good = [record if isinstance(record, bytes) else b"" for record in batch]
            done = self.looking.judged(good)
            said: dict[int, list[Found | str]] = {row: [_unread(path, first + row, batch[row])] for row in done.bad}
            for number, rows in done.hits:
                for row in rows.tolist():
                    found = self._found(self.rules[number], path, first + row, good[row])
                    said.setdefault(row, []).append(found)
            for row in sorted(said):
                yield from said[row]
            first += len(batch)

    def _found(self, rule: SigmaRule, path: Path, record: int, text: bytes) -> Found:
        event = orjson.loads(text)
        cells = {name: text_of(value) for name, value in reversed(list(flattened(event)))}
        return Found(
            rule=_called(rule),
            id=str(rule.id or ""),
            title=rule.title,
            level=rule.level.name.lower() if rule.level else "",
            file=path.name,
            record=record,
            time=next((cells[name] for name in TIMES if name in cells), None),
            event=event,
        )


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
            for item in split(stream, limits):
                if isinstance(item, list):
                    yield from (line for line in item if line.strip())
                elif isinstance(item, Bad) or item.strip():
                    yield item


def rule_texts(path: Path) -> dict[str, str]:
    """Names and texts of a rule file, or of all below a folder. Raises `Refused`."""
    if not path.exists():
        raise Refused(f"{path} does not exist")
    files = (
        sorted(f for f in path.rglob("*") if f.suffix in (".yml", ".yaml") and f.is_file()) if path.is_dir() else [path]
    )
    return {str(file): file.read_text(encoding="utf-8", errors="replace") for file in files}
