"""A folder of other people's rules, each held against what we can run; what runs is copied beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import orjson
import polars as pl
from sigma.filters import SigmaFilter

from core.condition import Is
from core.errors import RuleError
from core.ports import EventQuery, EventReader
from detection.flatten import flattened
from detection.logsource import missing_fields, modules
from detection.pipelines import Pipeline
from detection.placeholders import is_table, placeholders_in
from detection.rule import NoSource, Rule
from detection.rulebook import RuleBook, circle_among, compiled, in_order, names_of
from detection.rulefiles import Written, filtered, goes_by, has_pipeline, parsed_files, parsed_in, texts_below
from detection.values import Placeholders

NOTHING: Mapping[str, Set[str]] = {}
LOOKED_AT = 20_000
"""Of each system's newest records so many are looked through for the fields they have."""
Outcome = Literal["runs", "never", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of one rule: `never` matches on the sources there are, `reason` says what is missing."""

    file: str
    rule: str
    outcome: Outcome
    reason: str = ""


def held_against(
    texts: Mapping[str, str],
    book: RuleBook,
    stored: Mapping[str, Set[str]] = NOTHING,
    placeholders: Placeholders = MappingProxyType({}),
) -> list[Verdict]:
    """A verdict for every rule in some files, and for every file that cannot be read. `stored` has the fields, in small
    letters, that the stored records of each system have; of others nothing is held against a rule. `placeholders` have
    values besides those that the files give."""
    parsed, problems = parsed_files(texts)
    given: Placeholders = {}
    try:
        given = placeholders_in(texts)
    except RuleError as error:
        problems.append(str(error))
    values = {name: [*placeholders.get(name, ()), *given.get(name, ())] for name in {*placeholders, *given}}
    verdicts = [
        Verdict(file=problem.partition(": ")[0].rpartition(":")[0], rule="", outcome="refused", reason=problem)
        for problem in problems
    ]
    for name, filter_ in parsed:
        if isinstance(filter_, SigmaFilter):
            verdicts.append(Verdict(file=name, rule=filter_.title, outcome="runs"))
    named = []
    worked, failed = filtered(parsed)
    verdicts += [_refused(name, rule, error) for (name, rule), error in failed]
    for name, rule in worked:
        try:
            goes_by(rule)
            named.append((name, rule))
        except RuleError as error:
            verdicts.append(_refused(name, rule, error))
    known: dict[str, Rule] = dict(book.rules)
    names = {called: rule.name for rule in book.rules.values() for called in (rule.id, rule.name)} | names_of(named)
    ordered, left = in_order(named, names)
    verdicts += [_verdict(name, rule, known, names, stored, values) for name, rule in ordered]
    verdicts += [_refused(name, rule, circle_among(left, names)) for name, rule in left]
    return sorted(verdicts, key=lambda verdict: (verdict.file, verdict.rule))


def _verdict(
    name: str,
    rule: Written,
    known: dict[str, Rule],
    names: Mapping[str, str],
    stored: Mapping[str, Set[str]],
    placeholders: Placeholders,
) -> Verdict:
    title = rule.title or name
    try:
        made = compiled(rule, known, names, placeholders)
        if made.name in known:
            raise RuleError(f"a rule called {made.name} is there already")
        there = stored.get(made.records)
        if there and made.candidate and (missing := missing_fields(made.candidate, there)):
            fields = ", ".join(missing)
            raise NoSource(f"no stored record of {made.records} has {fields}; import again when some do")
    except NoSource as error:
        return Verdict(file=name, rule=title, outcome="never", reason=str(error))
    except RuleError as error:
        return _refused(name, rule, error)
    known[made.name] = made
    return Verdict(file=name, rule=title, outcome="runs")


def values_below(folder: Path) -> Placeholders:
    """The values of placeholders in the rules' folder, where there is one. Raises `RuleError`."""
    return placeholders_in(dict(texts_below(folder, f"{folder}/"))) if folder.is_dir() else {}


def fields_stored(events: EventReader) -> dict[str, set[str]]:
    """The fields, in small letters, of the newest stored records of each system of which there are any."""
    found: dict[str, set[str]] = {}
    for module in sorted(modules()):
        of = EventQuery(condition=Is("event.module", module), newest=True, limit=LOOKED_AT, columns=["event.id"])
        if ids := events.read(of)["event.id"].to_list():
            rows = events.read(EventQuery(ids=ids, columns=["vendor", "event.original"]))
            records = rows.select(pl.coalesce("vendor", "event.original", pl.lit("")).alias("record"))["record"]
            found[module] = {name.lower() for record in records for name in _fields(record)}
    return found


def _fields(record: str) -> Iterator[str]:
    try:
        value = orjson.loads(record)
    except orjson.JSONDecodeError:
        return
    if isinstance(value, dict):
        yield from (name for name, _ in flattened(value))


def _refused(name: str, rule: Written, why: object) -> Verdict:
    return Verdict(file=name, rule=rule.title or name, outcome="refused", reason=f"{name}: {why}")


def _names(file: str, text: str) -> set[str]:
    """What the rules of a file go by; of one that cannot be read, nothing."""
    try:
        return {goes_by(rule) for _, rule in parsed_in(file, text) if not isinstance(rule, SigmaFilter | Pipeline)}
    except RuleError:
        return set()


def copy_running(texts: Mapping[str, str], verdicts: Sequence[Verdict], source: Path, folder: Path) -> int:
    """Copy the files of which every rule runs, values of placeholders and pipelines into `folder`, below `imported`;
    returns how many. Rules with a pipeline have a folder of their own there, so that it changes no others; what the
    same files were imported as without it, or with it, is taken away."""
    held_back = {verdict.file for verdict in verdicts if verdict.outcome != "runs"}
    pipelines = {name for name, text in texts.items() if has_pipeline(name, text)} - held_back
    running = {verdict.file for verdict in verdicts}.union(filter(is_table, texts), pipelines) - held_back
    root = (source if source.name else source.resolve()) if source.is_dir() else source.parent
    plain = folder / "imported"
    own = plain / (root.resolve().name or "rules")
    into, other = (own, plain) if pipelines else (plain, own)
    for name in sorted(texts):
        before = other / Path(name).relative_to(root)
        if before.is_file() and _names(name, texts[name]) & _names(
            name, before.read_text(encoding="utf-8", errors="replace")
        ):
            before.unlink()
    for name in sorted(running):
        target = into / Path(name).relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(texts[name], encoding="utf-8")
    return len(running)
