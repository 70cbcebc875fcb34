"""What is found of what is true, over several made-up companies: how early, what was gone, who was accused wrongly."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import polars as pl

from app.config import Config
from app.files import inputs_below
from app.hr import import_folder
from app.jobs import EVERYBODY, judge_marked
from app.pipeline import ingest
from app.wiring import House, open_house
from benchmarks.company import logs
from core.alert import Outcome
from core.ports import EventQuery

A_DAY = timedelta(days=1)
THIRD = 1 / 3
TAKING = ("download", "export", "send", "share", "copy_to_removable", "delete", "transfer_ownership", "rename", "view")


@dataclass(slots=True)
class Found:
    """Thieves of one kind, over all companies."""

    thieves: int = 0
    found: int = 0
    within_a_day: int = 0
    before_a_third: int = 0
    gone: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Sum:
    """What all companies add up to. `honest` and `accused` count persons who look odd and are not, by why."""

    kinds: dict[str, Found] = field(default_factory=lambda: defaultdict(Found))
    crews: int = 0
    crews_whole: int = 0
    honest: Counter[str] = field(default_factory=Counter)
    accused: Counter[str] = field(default_factory=Counter)
    innocent: int = 0
    wrong: int = 0
    cases: int = 0
    person_weeks: float = 0.0
    rules: Counter[str] = field(default_factory=Counter)
    suppressed: int = 0
    suppressed_of: int = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge companies of several seeds and print the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=300)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14])
    parser.add_argument("--by-rule", action="store_true", help="also print which rules accuse whoever is honest")
    size = parser.parse_args(arguments)
    total = Sum()
    for seed in size.seeds:
        one = argparse.Namespace(employees=size.employees, days=size.days, seed=seed)
        with Company(one) as (house, truth):
            _add(total, house, truth)
    _print(total, size.by_rule)


class Company:
    """A company, imported once and kept, judged again by today's rules."""

    def __init__(self, size: argparse.Namespace) -> None:
        self._folder = logs(size)
        name = f"leaverwatch-truth-{size.employees}-{size.days}-{size.seed}"
        self._data = Path(tempfile.gettempdir()) / name

    def __enter__(self) -> tuple[House, Mapping[str, Any]]:
        self._open = open_house(Config(data=self._data))
        house = self._open.__enter__()
        if house.records.setting("truth") is None:
            import_folder(house, self._folder / "hr")
            ingest(house, inputs_below(house.sources, self._folder)[0])
            house.records.set_setting("truth", "imported")
        house.records.add([EVERYBODY])
        judge_marked(house)
        return house, orjson.loads((self._folder / "truth.json").read_bytes())

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)


def _add(total: Sum, house: House, truth: Mapping[str, Any]) -> None:
    alerts = {alert.id: alert for alert in house.records.alerts()}
    cases = house.records.cases()
    members = {case.id: {alerts[one].person for one in case.alerts} for case in cases}
    opened: dict[str, datetime] = {}
    for case in cases:
        for person in members[case.id]:
            own = [alerts[one].time for one in case.alerts if alerts[one].person == person]
            opened[person] = max(case.opened, min(own))
    crews: dict[int, set[str]] = defaultdict(set)
    for thief in truth["thieves"]:
        kind = total.kinds[thief["kind"]]
        kind.thieves += 1
        if thief["crew"] is not None:
            crews[thief["crew"]].add(thief["person"])
        # Logs are cut to the second or its thousandth.
        start = datetime.fromisoformat(thief["start"]).replace(microsecond=0)
        times = [a.time for a in alerts.values() if a.person == thief["person"] and a.time >= start]
        first = opened.get(thief["person"])
        at = first if first is None or first >= start else min(times, default=None)
        if at is None:
            continue
        gone = _gone(house, thief, at)
        kind.found += 1
        kind.within_a_day += at <= start + A_DAY
        kind.before_a_third += gone <= THIRD
        kind.gone.append(gone)
    total.crews += len(crews)
    total.crews_whole += sum(any(crew <= of for of in members.values()) for crew in crews.values())
    guilty = {thief["person"] for thief in truth["thieves"]}
    why = {honest["person"]: honest["why"] for honest in truth["honest"]}
    total.honest.update(why[person] for person in why if person not in guilty)
    wrong = set(opened) - guilty
    total.accused.update(why.get(person, "nothing unusual") for person in wrong)
    approved = [person for person in why if why[person].startswith("approved")]
    hidden = house.records.alerts(persons=approved, outcome=Outcome.SUPPRESSED)
    total.suppressed += len(hidden)
    total.suppressed_of += len({alert.person for alert in hidden})
    total.innocent += truth["employees"] - len(guilty)
    total.wrong += len(wrong)
    total.cases += len(cases)
    total.person_weeks += truth["employees"] * truth["days"] / 7
    total.rules.update(
        alert.rule for case in cases for alert in (alerts[one] for one in case.alerts) if alert.person in wrong
    )


def _gone(house: House, thief: Mapping[str, Any], at: datetime) -> float:
    """Share of what the thief took that was gone by then: the largest of the shares of deeds, records and bytes."""
    start, end = (datetime.fromisoformat(thief[name]).replace(microsecond=0) for name in ("start", "end"))
    accounts = house.directory().accounts_of([f"person:{thief['person']}"])
    columns = ["@timestamp", "event.action", "data.records", "data.bytes"]
    query = EventQuery(start=start, end=end + timedelta(seconds=1), accounts=accounts, columns=columns)
    events = house.events.read(query).filter(pl.col("event.action").is_in(TAKING))
    return max(_shares(events, at), default=0.0)


def _shares(events: pl.DataFrame, at: datetime) -> Iterator[float]:
    before = events.filter(pl.col("@timestamp") < at)
    if events.height:
        yield before.height / events.height
    for name in ("data.records", "data.bytes"):
        if whole := events[name].sum():
            yield before[name].sum() / whole


def _print(total: Sum, by_rule: bool) -> None:
    print("| kind of thief | people | found | within a day | before a third was gone | median share gone |")
    print("|---|---|---|---|---|---|")
    for name, kind in sorted(total.kinds.items()):
        gone = f"{median(kind.gone):.2f}" if kind.gone else "–"
        print(f"| {name} | {kind.thieves} | {kind.found} | {kind.within_a_day} | {kind.before_a_third} | {gone} |")
    print(f"crews as one case: {total.crews_whole} of {total.crews}")
    print("honest people accused:")
    for why, number in sorted(total.honest.items()):
        print(f"  {why}: {total.accused[why]} of {number} ({total.accused[why] / number:.1%})")
    print(f"  nothing unusual: {total.accused['nothing unusual']}")
    print(f"  all: {total.wrong} of {total.innocent} ({total.wrong / max(1, total.innocent):.1%})")
    approved = sum(number for why, number in total.honest.items() if why.startswith("approved"))
    print(f"approved beforehand: {total.suppressed} matches suppressed, of {total.suppressed_of} of {approved} people")
    print(f"cases per 1,000 people and week: {1000 * total.cases / total.person_weeks:.2f}")
    if by_rule:
        print("alerts in cases of honest people:", dict(total.rules.most_common(15)))


if __name__ == "__main__":
    main()
