"""A folder of other people's rules, each held against what we can run; what runs is copied beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sigma.filters import SigmaFilter

from core.errors import RuleError
from detection.rule import NoSource, Rule
from detection.rulebook import RuleBook, circle_among, compiled, in_order, names_of
from detection.rulefiles import Written, filtered, goes_by, parsed_files

Outcome = Literal["runs", "never", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of one rule: `never` matches on the sources there are, `reason` says what is missing."""

    file: str
    rule: str
    outcome: Outcome
    reason: str = ""


def held_against(texts: Mapping[str, str], book: RuleBook) -> list[Verdict]:
    """A verdict for every rule in some files, and for every file that cannot be read."""
    parsed, problems = parsed_files(texts)
    verdicts = [
        Verdict(file=problem.partition(": ")[0], rule="", outcome="refused", reason=problem) for problem in problems
    ]
    for name, filter_ in parsed:
        if isinstance(filter_, SigmaFilter):
            verdicts.append(Verdict(file=name, rule=filter_.title, outcome="runs"))
    named = []
    for name, rule in filtered(parsed):
        try:
            goes_by(rule)
            named.append((name, rule))
        except RuleError as error:
            verdicts.append(_refused(name, rule, error))
    known: dict[str, Rule] = dict(book.rules)
    names = {called: rule.name for rule in book.rules.values() for called in (rule.id, rule.name)} | names_of(named)
    ordered, left = in_order(named, names)
    verdicts += [_verdict(name, rule, known, names) for name, rule in ordered]
    verdicts += [_refused(name, rule, circle_among(left, names)) for name, rule in left]
    return sorted(verdicts, key=lambda verdict: (verdict.file, verdict.rule))


def _verdict(name: str, rule: Written, known: dict[str, Rule], names: Mapping[str, str]) -> Verdict:
    title = rule.title or name
    try:
        made = compiled(rule, known, names)
        if made.name in known:
            raise RuleError(f"a rule called {made.name} is there already")
    except NoSource as error:
        return Verdict(file=name, rule=title, outcome="never", reason=str(error))
    except RuleError as error:
        return _refused(name, rule, error)
    known[made.name] = made
    return Verdict(file=name, rule=title, outcome="runs")


def _refused(name: str, rule: Written, why: object) -> Verdict:
    return Verdict(file=name, rule=rule.title or name, outcome="refused", reason=f"{name}: {why}")


def copy_running(texts: Mapping[str, str], verdicts: Sequence[Verdict], source: Path, folder: Path) -> int:
    """Copy the files of which every rule runs into `folder`, below `imported`; returns how many."""
    held_back = {verdict.file for verdict in verdicts if verdict.outcome != "runs"}
    running = {verdict.file for verdict in verdicts} - held_back
    root = source if source.is_dir() else source.parent
    for name in sorted(running):
        target = folder / "imported" / Path(name).relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(texts[name], encoding="utf-8")
    return len(running)
