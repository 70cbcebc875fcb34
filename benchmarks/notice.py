"""What a notice costs: `leavers import` of one person, whose last 400 days are judged again, in a large store."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from app.config import load
from app.files import inputs_below
from app.hr import import_folder
from app.jobs import judge_marked
from app.pipeline import ingest
from app.wiring import House, open_house
from benchmarks.company import logs
from benchmarks.copies import copy, named
from core.ports import EventQuery

RANKS = (0.1, 0.5, 0.9, 1.0)
"""Whose notices are filed, beside the thieves': by where somebody stands in the order of how many events they have."""


def prepared(size: argparse.Namespace) -> Path:
    """The data directory of a company and its copies, everybody judged; made where it is not there yet. The copies do
    the same things under other names; HR has filed nothing of them."""
    data = Path(tempfile.gettempdir()) / f"leaverwatch-notice-{size.employees}-{size.days}-{size.seed}-{size.copies}"
    folder = logs(size)
    ready = (data / "ready").exists()
    if not ready:
        shutil.rmtree(data, ignore_errors=True)
    with open_house(load(data)) as house:
        if not ready:
            import_folder(house, folder / "hr")
            ingest(house, inputs_below(house.sources, folder)[0])
            truth = json.loads((folder / "truth.json").read_text())
            first, last = (date.fromisoformat(truth[name]) for name in ("start", "end"))
            copy(house, first, last + timedelta(days=1), range(1, size.copies))
        judge_marked(house)
    (data / "ready").touch()
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaver:
    """Somebody of whom HR has filed nothing yet, and when it does."""

    what: str
    email: str
    events: int
    filed: str


def concerned(house: House, folder: Path) -> list[Leaver]:
    """Persons of a copy: some by how many events they have, who leave on the last day, and every kind of thief, who
    leave as the truth says."""
    directory, truth = house.directory(), json.loads((folder / "truth.json").read_text())
    totals = dict(house.events.totals(EventQuery(), ["user.account"]).iter_rows())
    events = {
        person.id: sum(totals[account] for account in directory.accounts_of([f"person:{person.id}"]))
        for person in house.records.persons()
        if person.id.endswith(".1")
    }
    order = sorted(events, key=lambda person: events[person])
    found = [(f"more events than {rank:.0%}", order[round(rank * (len(order) - 1))], truth["end"]) for rank in RANKS]
    for thief in truth["thieves"]:
        found.append((f"thief, {thief['kind']}", named(thief["person"], 1), thief["filed"] or truth["end"]))
    return [
        Leaver(what=what, email=directory.person(person).email, events=events[person], filed=filed)
        for what, person, filed in found
    ]


def filed(data: Path, leaver: Leaver) -> tuple[float, int]:
    """The seconds that the notice takes, by the command line, and how many alerts it adds. The records are put back."""
    command = [sys.executable, "-m", "app", "--data", str(data)]
    with tempfile.TemporaryDirectory() as temporary:
        saved, notice = Path(temporary) / "records.db", Path(temporary) / "resignations.csv"
        notice.write_text(f"email,resignation_date\n{leaver.email},{leaver.filed}\n")
        shutil.copyfile(data / "records.db", saved)
        before = _alerts(data)
        start = time.perf_counter()
        subprocess.run([*command, "leavers", "import", str(notice)], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        after = _alerts(data)
        for file in data.glob("records.db-*"):
            file.unlink()
        shutil.copyfile(saved, data / "records.db")
    return seconds, after - before


def _alerts(data: Path) -> int:
    with open_house(load(data)) as house:
        return sum(house.records.tally().values())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--employees", type=int, default=100)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--copies", type=int, default=16, help="of the company in the store, itself among them")
    size = parser.parse_args(arguments)
    data, folder = prepared(size), logs(size)
    with open_house(load(data)) as house:
        print(f"{house.events.count():,} events of {len(house.records.persons()):,} persons in {size.days} days")
        leavers = concerned(house, folder)
    for leaver in leavers:
        seconds, more = filed(data, leaver)
        print(f"{leaver.what}: {leaver.events:,} events, {more:+} alerts, {seconds:.1f} s", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"highest resident memory of an import {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
