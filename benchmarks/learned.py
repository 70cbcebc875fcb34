"""Whether models are worth anything: in made-up companies they learn from the first days and are held against the
rules, with equally many cases, on the rest, where the truth is known.

The rules were written with the same simulator, so there is little to add to them on theft that they know. What models
give on theft that nobody thought of is measured in two ways: `--unforeseen` has thieves whom no rule was written for
(`demo.unforeseen`); `--left-out` takes from each kind of thief the rules that matched any of that kind in other
companies (`--development`), and asks who of that kind is found by what is left.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.evaluating import Evaluated, evaluated
from app.ledgers import model_rules
from app.modelling import train
from app.wiring import House
from benchmarks.learned_company import company, spans
from core.calendar import CompanyCalendar
from core.model import Metric
from demo.plot import RAMP
from models.comparison import BOTH, MODELS, RULES
from models.intervals import difference, share
from models.measures import EARLY

A_DAY, A_FIFTH = 7.0, 1.4
"""Cases per 1,000 people and week: one a day, and a fifth of that."""
WAYS = (RULES, MODELS, BOTH)
Written = Mapping[str, frozenset[str]]


@dataclass(slots=True)
class Sum:
    """What all companies add up to: who stole by kind, whom each way found with each budget and when, how many of the
    cases found nobody, and which detectors' absence loses whom."""

    kinds: dict[str, str] = field(default_factory=dict)
    leads: dict[tuple[float, str], dict[str, int | None]] = field(default_factory=lambda: defaultdict(dict))
    nothing: Counter[tuple[float, str]] = field(default_factory=Counter)
    room: Counter[float] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    known: set[str] = field(default_factory=set)


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn and evaluate in companies of several seeds, and print the sums beside what is aimed at."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    theft = parser.add_mutually_exclusive_group()
    theft.add_argument("--unforeseen", action="store_true", help="thieves whom no rule was written for")
    theft.add_argument("--left-out", action="store_true", help="each kind of thief without the rules that know it")
    parser.add_argument("--development", type=int, nargs="+", default=[100, 101, 102, 103, 104])
    asked = parser.parse_args(arguments)
    written = _written(asked.development) if asked.left_out else {}
    total = Sum()
    for seed in asked.seeds:
        with company(seed, unforeseen=asked.unforeseen) as (house, truth_file, truth):
            first, learned, _ = spans(truth)
            card = train(house, first, learned, by="benchmark")
            since = learned + timedelta(days=1)
            for kinds, without in _trials(truth, written):
                found = evaluated(
                    house, card.id, since=since, budgets=(A_FIFTH, A_DAY), truth=truth_file, without_rules=without
                )
                _add(total, seed, found, kinds, house.calendar)
            off = ", ".join(f"{name} {one.value:.2f}" for name, one in found.miscalibration.items())
            print(
                f"seed {seed}: {found.first} to {found.last}, {found.persons} people, {len(found.known.deeds)} thieves"
            )
            print(f"  orders of magnitude off: {off}")
    _print(total)


def _written(seeds: Sequence[int]) -> Written:
    """Of each kind of thief, the rules that matched any of them while they stole, in some companies."""
    found: dict[str, set[str]] = defaultdict(set)
    for seed in seeds:
        with company(seed) as (house, _, truth):
            for thief in truth["thieves"]:
                found[thief["kind"]] |= _matched(house, thief)
    for kind, rules in sorted(found.items()):
        print(f"rules that know {kind}: {', '.join(sorted(rules)) or 'none'}")
    return {kind: frozenset(rules) for kind, rules in found.items()}


def _matched(house: House, thief: Mapping[str, Any]) -> set[str]:
    start, end = (datetime.fromisoformat(thief[name]).replace(microsecond=0) for name in ("start", "end"))
    alerts = house.records.alerts(persons=[thief["person"]], outcome=None)
    of_models = {rule.name for rule in model_rules(house.book)}
    return {one.rule for one in alerts if start <= one.time <= end + timedelta(days=1)} - of_models


def _trials(truth: Mapping[str, Any], written: Written) -> Iterator[tuple[Mapping[str, str], frozenset[str]]]:
    """The thieves who are asked about by their kind, and the rules that do not count: all thieves and none, or one kind
    after the other without the rules that know it. A kind of which no rule was seen to know is not asked about."""
    kinds = {thief["person"]: thief["kind"] for thief in truth["thieves"]}
    if not written:
        yield kinds, frozenset()
    for kind in sorted(set(kinds.values()) & written.keys()):
        yield {person: one for person, one in kinds.items() if one == kind}, written[kind]


def _add(total: Sum, seed: int, found: Evaluated, kinds: Mapping[str, str], calendar: CompanyCalendar) -> None:
    deeds = [deed for deed in found.known.deeds if deed.person in kinds]
    for deed in deeds:
        total.kinds[f"{seed} {deed.person}"] = kinds[deed.person]
        if deed.last_day is not None:
            total.known.add(f"{seed} {deed.person}")
    for at in found.comparison.budgets:
        total.room[at.per_1000_and_week] += at.cases
        for way in WAYS:
            worth, key = at.ways[way], (at.per_1000_and_week, way)
            total.nothing[key] += len(worth.cases) - len(worth.found)
            for deed in (deed for deed in deeds if deed.person in worth.found):
                on = calendar.day_of(worth.found[deed.person])
                lead = None if deed.last_day is None else (deed.last_day - on).days
                total.leads[key][f"{seed} {deed.person}"] = lead
    for one in found.comparison.ablation:
        total.lost[one.detector] += round(one.lost.value * len(found.known.deeds))


def _print(total: Sum) -> None:
    thieves = list(total.kinds)
    for per in (A_DAY, A_FIFTH):
        print(f"{per:g} cases per 1,000 people and week, {total.room[per]} in all:")
        for way in WAYS:
            caught = total.leads[per, way]
            print(f"  {way}: {_shown(share('', len(caught), len(thieves)))} of {len(thieves)} thieves found, "
                  f"{total.nothing[per, way]} cases for nothing")  # fmt: skip
        both, rules = total.leads[per, BOTH], total.leads[per, RULES]
        print(f"  both above rules: {_shown(difference('', both, rules, thieves))}")
    both = total.leads[A_DAY, BOTH]
    drips = [one for one in thieves if total.kinds[one] == "drip" and one in total.known]
    early = sum((both.get(one) or 0) >= EARLY for one in drips)
    ramps = [one for one in thieves if total.kinds[one] == RAMP]
    aims = (
        ("found with a case a day (95 %)", len(both), len(thieves)),
        ("found with a fifth of that (85 %)", len(total.leads[A_FIFTH, BOTH]), len(thieves)),
        (f"drips {EARLY} days before the last day (80 %)", early, len(drips)),
        ("ramps over 60 days (80 %)", sum(one in both for one in ramps), len(ramps)),
    )
    for name, some, of in aims:
        print(f"{name}: {_shown(share('', some, of)) if of else 'none'} ({some} of {of})")
    for per in (A_DAY, A_FIFTH):
        print(f"found by kind with {per:g} cases, of how many: rules, models, both")
        for kind, number in sorted(Counter(total.kinds.values()).items()):
            counts = [sum(total.kinds[one] == kind for one in total.leads[per, way]) for way in WAYS]
            print(f"  {kind}, {number}: {', '.join(map(str, counts))}")
    missed = [f"{one} ({total.kinds[one]})" for one in thieves if one not in both]
    print(f"missed by both: {', '.join(missed) or 'nobody'}")
    print("thieves whom the models alone lose without a detector:", dict(total.lost))


def _shown(metric: Metric) -> str:
    return f"{metric.value:.0%} ({metric.low:.0%} to {metric.high:.0%})"


if __name__ == "__main__":
    main()
