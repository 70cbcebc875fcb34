"""A folder of other people's rules, each held against what we can run; what runs is copied beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import orjson
import polars as pl
from sigma.filters import SigmaFilter

from core.canonical import content_id
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
    beside: Mapping[str, str] = MappingProxyType({}),
) -> list[Verdict]:
    """A verdict for every rule in some files, and for every file that cannot be read. `stored` has the fields, in small
    letters, that the stored records of each system have; of others nothing is held against a rule. What the files
    `beside` them say counts as well: rules, filters, pipelines, values of placeholders."""
    there, _ = parsed_files(beside)
    own, problems = parsed_files(texts)
    parsed = [*there, *own]
    given: Placeholders = {}
    try:
        given = placeholders_in(texts)
    except RuleError as error:
        problems.append(str(error))
    known_values = placeholders_in(beside)
    values = {name: [*known_values.get(name, ()), *given.get(name, ())] for name in {*known_values, *given}}
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
    verdicts += [
        _verdict(name, rule, known, names, NOTHING if name in beside else stored, values) for name, rule in ordered
    ]
    verdicts += [_refused(name, rule, circle_among(left, names)) for name, rule in left]
    verdicts = [verdict for verdict in verdicts if verdict.file in texts or verdict.file not in beside]
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


def _is_readable(file: str, text: str) -> bool:
    """False of a table of placeholders that cannot be read: the one before it stays."""
    try:
        placeholders_in({file: text})
    except RuleError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Files of rules on their way `into` a folder. `targets` says where each of them is copied to, `there` what lies
    in the folder of rules now, and `gone` which files of that are the same rules as they were imported before."""

    texts: Mapping[str, str]
    targets: Mapping[str, str]
    into: Path
    there: Mapping[str, str]
    gone: Set[str]

    @classmethod
    def of(cls, texts: Mapping[str, str], source: Path, folder: Path) -> Pack:
        """The files at `source`, for a folder of rules: below its `imported`, and there, where a pipeline is among
        them, in a folder of their own that no other pack has, so that it changes no others. Raises `RuleError`."""
        source = source if source.name else source.resolve()
        root, path = (source if source.is_dir() else source.parent), source.resolve()
        plain = folder / "imported"
        own = plain / f"{path.stem or 'rules'}-{content_id('pack', str(path))[:8]}"
        piped = any(has_pipeline(name, text) for name, text in texts.items())
        into = own if piped else plain
        there = dict(texts_below(folder, f"{folder}/")) if folder.is_dir() else {}
        gone = {file for file in there if file.startswith(f"{own}/")}
        for name in texts if piped else ():
            before = str(plain / Path(name).relative_to(root))
            if before in there and _names(name, texts[name]) & _names(before, there[before]):
                gone.add(before)
        targets = {name: str(into / Path(name).relative_to(root)) for name in texts}
        return cls(texts=texts, targets=targets, into=into, there=there, gone=gone)

    def verdicts(self, stored: Mapping[str, Set[str]] = NOTHING) -> list[Verdict]:
        """What becomes of each rule where it will lie, beside our own and what lies there. Raises `RuleError` where
        afterwards the rules could not be loaded."""
        ours = RuleBook.load()
        replaced = {target for name, target in self.targets.items() if _is_readable(name, self.texts[name])}
        stays = {file: text for file, text in self.there.items() if file not in {*self.gone, *replaced}}
        found = held_against({target: self.texts[name] for name, target in self.targets.items()}, ours, stored, stays)
        names = {target: name for name, target in self.targets.items()}
        verdicts = [
            replace(one, file=names.get(one.file, one.file), reason=_as_given(one.reason, names)) for one in found
        ]
        after = {file: text for file, text in self.there.items() if file not in self.gone}
        after |= {self.targets[name]: self.texts[name] for name in self._running(verdicts)}
        RuleBook.of({**ours.texts, **after})
        return verdicts

    def copy(self, verdicts: Sequence[Verdict]) -> int:
        """Copy the files of which every rule runs, values of placeholders and pipelines; returns how many. What the
        same files were imported as before, with a pipeline or without, is taken away."""
        for file in self.gone:
            Path(file).unlink(missing_ok=True)
        running = self._running(verdicts)
        for name in sorted(running):
            target = Path(self.targets[name])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.texts[name], encoding="utf-8")
        return len(running)

    def _running(self, verdicts: Sequence[Verdict]) -> set[str]:
        """The files to be copied: a rule goes nowhere without the pipelines that change it."""
        left = {verdict.file for verdict in verdicts if verdict.outcome != "runs"}
        pipelines = {name for name, text in self.texts.items() if has_pipeline(name, text)}
        for name in pipelines & left:
            left |= {file for file in self.texts if file.startswith(f"{Path(name).parent}/")}
        return ({verdict.file for verdict in verdicts} | set(filter(is_table, self.texts)) | pipelines) - left


def _as_given(reason: str, names: Mapping[str, str]) -> str:
    """The reason with the files called as they were given."""
    for target in [target for target in names if target in reason]:
        reason = reason.replace(target, names[target])
    return reason
