"""Sigma rules over vendors' records, JSON decoding included: python -m benchmarks.sigma --rules DIR --events FILE"""

from __future__ import annotations

import argparse
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sigma.rule import SigmaRule

from app.hunting import Hunt, rule_texts
from benchmarks.beside import pipeline, places, run
from detection.engine import Engine
from detection.logsource import in_records, telling_fields
from detection.records import Looking

BATCH = 20_000
GROWTH = (100, 300, 1_000, 3_000)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rules", type=Path, required=True)
    options.add_argument("--events", type=Path, required=True, help="JSON lines")
    options.add_argument("--most", type=int, default=10**9, help="records to read")
    options.add_argument("--matches", type=Path, help="write matches per rule here, as lines of id and count")
    options.add_argument("--growth", action="store_true", help="also with 100 to 3,000 rules")
    options.add_argument("--beside", type=Path, help="the program rsigma, run in turn with ours")
    options.add_argument("--answers", action="store_true", help="also its answers, rule by rule: slow")
    options.add_argument("--plain", action="store_true", help="rsigma without log sources: quicker, other answers")
    asked = options.parse_args()
    begun = time.perf_counter()
    hunt = Hunt.of(rule_texts(asked.rules))
    rules = hunt.rules.single
    print(f"{len(rules):,} rules, {hunt.looking.engine.tests:,} tests, {len(hunt.rules.refused)} refused, "
          f"loaded in {time.perf_counter() - begun:.1f} s")  # fmt: skip
    with asked.events.open("rb") as file:
        records = [line for line, _ in zip(file, range(asked.most), strict=False)]
    for name in ("cold", "warm", "warm"):
        found, _ = _pass(name, hunt.looking, records)
    print(f"{len(found):,} rules matched, {sum(found.values()):,} matches, {_resident():,} MiB at most")
    if asked.matches:
        lines = (f"{rules[number].id} {count}" for number, count in sorted(found.items()))
        asked.matches.write_text("\n".join(lines) + "\n")
    if asked.growth:
        for count in GROWTH:
            _grown([rules[place % len(rules)] for place in range(count)], records)
    if asked.beside:
        _beside(asked, lambda: _pass("ours, warm", hunt.looking, records)[1], records)
    if asked.beside and asked.answers:
        _answers(asked, rules, records, Counter({str(rules[number].id): count for number, count in found.items()}))


def _grown(rules: list[SigmaRule], records: list[bytes]) -> None:
    looking = Looking(Engine([in_records(rule, {}) for rule in rules], telling_fields()))
    for name in ("cold", "warm"):
        _pass(f"{len(rules):,} rules, {name}", looking, records)


def _beside(asked: argparse.Namespace, ours: Callable[[], float], records: list[bytes]) -> None:
    """Ours and rsigma in turn, twice; what rsigma takes for one record is taken off as loading."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(2):
            own = ours()
            sources = None if asked.plain else pipeline()
            loading = run(asked.beside, asked.rules, records[:1], folder, sources)
            whole = run(asked.beside, asked.rules, records, folder, sources)
            other = whole.seconds - loading.seconds
            print(f"rsigma: {len(records) / other:,.0f} a second of processor, loading ({loading.seconds:.1f} s) apart,"
                  f" {sum(whole.matches.values()):,} matches; ours is {other / own:.1f} times as quick")  # fmt: skip


def _answers(asked: argparse.Namespace, rules: Sequence[SigmaRule], records: list[bytes], ours: Counter[str]) -> None:
    """Rules of which rsigma has other numbers of matches, where it looks in every place in which we look."""
    named = {str(rule.id): rule for rule in rules}
    theirs: Counter[str] = Counter()
    with TemporaryDirectory() as name:
        for place in range(max(places(rule.logsource) for rule in rules)):
            ran = run(asked.beside, asked.rules, records, Path(name), pipeline(place, renamed=True))
            own = {rule: count for rule, count in ran.matches.items() if place < places(named[rule].logsource)}
            theirs.update(own)
    differ = sorted(rule for rule in ours | theirs if ours[rule] != theirs[rule])
    print(f"{len(differ)} rules with other answers")
    for rule in differ:
        print(f"{rule} ours {ours[rule]}, rsigma {theirs[rule]}: {named[rule].title}")


def _pass(name: str, looking: Looking, records: list[bytes]) -> tuple[Counter[int], float]:
    found: Counter[int] = Counter()
    clock, used = time.perf_counter(), time.process_time()
    for start in range(0, len(records), BATCH):
        for number, rows in looking.judged(records[start : start + BATCH]).hits:
            found[number] += len(rows)
    clock, used = time.perf_counter() - clock, time.process_time() - used
    rates = f"{len(records) / clock:,.0f} events/s by the clock, {len(records) / used:,.0f} a second of processor"
    print(f"{name}: {rates}")
    return found, used


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main()
