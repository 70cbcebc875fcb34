"""Evidence of a large case: how long a bundle takes to write and to verify, and in how much memory."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from app.config import Config
from app.wiring import open_house
from benchmarks.store import batches
from core.alert import Alert, Severity, alert_id
from core.case import Case, CaseState, case_id
from core.person import Link, Person

PERSON, ACCOUNT = "E1", "login:user1"


def company(data: Path, events: int) -> str:
    """A store in which all events but one in ten are one person's, and the case of that person; its id."""
    with open_house(Config(data=data)) as house:
        house.records.save_persons([Person(id=PERSON, name="Li Na")], [Link(account=ACCOUNT, person=PERSON)])
        first: list[str] = []
        for batch in batches(events):
            mine = pl.int_range(pl.len()) % 10 != 0
            whose = pl.when(mine).then(pl.lit(ACCOUNT)).otherwise("user.account").alias("user.account")
            made = batch.events.with_columns(whose)
            first = first or made.filter(mine)["event.id"].head(500).to_list()
            house.events.append(type(batch)(source=batch.source, read=batch.read, events=made, rules_version="1"), [])
            day = made["@timestamp"][0]
        at = day.astimezone(UTC) if isinstance(day, datetime) else datetime.now(UTC)
        alert = Alert(
            id=alert_id("mass_export", PERSON, at.date()), rule="mass_export", person=PERSON, day=at.date(), time=at,
            severity=Severity.HIGH, score=90.0, terms=(), facts={}, events=first, stage="notice",
        )  # fmt: skip
        case = Case(
            id=case_id(PERSON, 0),
            person=PERSON,
            number=0,
            state=CaseState.NEW,
            opened=at,
            score=90.0,
            alerts=(alert.id,),
        )
        house.records.settle((), [(PERSON, at.date(), at.date())], [alert], [case])
    return case.id


def measured(line: Sequence[object]) -> str:
    """Seconds by the clock and of processor time, and the highest resident memory of a command."""
    start = time.perf_counter()
    child = subprocess.Popen([str(part) for part in line], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{line[3:]} ended with {child.returncode}")
    spent = used.ru_utime + used.ru_stime
    return f"{time.perf_counter() - start:.1f} s, {spent:.1f} s of processor time, {used.ru_maxrss >> 10} MiB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--keep", type=Path, help="a folder for the company, used again where it is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        data = folder / "data"
        case = case_id(PERSON, 0) if data.exists() else company(data, given.events)
        out = Path(temporary) / "case.zip"
        run = [sys.executable, "-m", "app", "--data", data, "evidence"]
        exported = measured([*run, "export", case, out, "--to", "bench"])
        bundles = sorted(out.parent.glob("case*.zip"))
        size = sum(bundle.stat().st_size for bundle in bundles)
        verified = measured([*run, "verify", *bundles])
    print(f"{given.events:,} events stored, nine in ten of the case; {len(bundles)} bundles, {size / 1e6:,.0f} MB")
    print(f"export {exported}\nverify {verified}")


if __name__ == "__main__":
    main()
