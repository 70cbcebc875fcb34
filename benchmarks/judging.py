"""What judging everybody costs: many persons with few tagged events each, everything in memory."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

import numpy as np
import polars as pl

from core.batch import Batch
from core.canonical import content_id
from core.directory import Directory
from core.person import Link, Person
from core.ports import Mark
from core.schema import conform
from detection.bench import FIRST_DAY, LAST_DAY, Bench
from detection.derive import Surroundings
from detection.judge import judge
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from store.memory import MemoryStore
from store.records import SqlRecords

DAYS = 90
START = datetime(2026, 3, 2, tzinfo=UTC)
ACTIONS = {
    "salesforce": ["export", "view", "delete", "transfer_ownership"],
    "m365": ["download", "share", "delete", "rename", "permission_change"],
    "windows": ["view", "copy_to_removable", "login", "login_failed"],
    "postfix": ["send"],
}


def made(persons: int, each: int, seed: int = 7) -> pl.DataFrame:
    """So many persons with so many events each, over some months."""
    chance = np.random.default_rng(seed)
    count = persons * each
    modules = chance.choice(list(ACTIONS), count, p=[0.3, 0.4, 0.2, 0.1])
    picks = chance.integers(0, 60, count)
    actions = [ACTIONS[module][pick % len(ACTIONS[module])] for module, pick in zip(modules, picks, strict=True)]
    seconds = pl.Series(chance.integers(0, DAYS * 86_400, count))
    people = chance.permutation(np.repeat(np.arange(persons), each))
    frame = pl.DataFrame(
        {
            "event.id": [content_id(str(number)) for number in range(count)],
            "@timestamp": pl.select(pl.lit(START) + pl.duration(seconds=pl.lit(seconds))).to_series(),
            "event.module": modules,
            "event.action": actions,
            "user.account": [f"mail:p{person}@example.com" for person in people],
            "data.records": chance.lognormal(4, 2, count).astype(np.int64),
            "data.bytes": chance.lognormal(14, 2, count).astype(np.int64),
            "file.path": [f"/share/{number}.xlsx" for number in chance.integers(0, count, count)],
            "source.ip": [f"10.0.{person % 250}.{person % 3}" for person in people],
            "email.to.address": [f"x{pick}@qq.com" for pick in chance.integers(0, 500, count)],
            "email.to.domain": ["qq.com"] * count,
        }
    )
    return conform(frame.with_columns(pl.col("@timestamp").cast(pl.Datetime("us", "UTC"))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=8000)
    parser.add_argument("--events", type=int, default=25, help="of each person")
    options = parser.parse_args()
    book, surroundings = RuleBook.load(), Surroundings(company_domains=frozenset({"example.com"}))
    tagger = Tagger(book, surroundings)
    events = tagger.tag(made(options.persons, options.events))
    store = MemoryStore(SqlRecords("sqlite://"))
    store.append(Batch(source="made", read=events.height, events=events, rules_version=tagger.version), ())
    people = [Person(id=f"p{n}", email=f"p{n}@example.com") for n in range(options.persons)]
    links = [Link(account=f"mail:{person.email}", person=person.id) for person in people]
    accounts = {link.account: () for link in links}
    directory = Directory(people, links, [], accounts, surroundings.calendar)
    everybody = [Mark(subject="*", first=FIRST_DAY, last=LAST_DAY)]
    tagged = events["rule.matched"].is_not_null().sum()
    for _ in range(3):
        started, worked = time.perf_counter(), time.process_time()
        found = judge(everybody, Bench(store=store, directory=directory, book=book, surroundings=surroundings))
        alerts = sum(len(judged.alerts) for judged in found)
        print(
            f"{options.persons:,} persons, {tagged:,} tagged events, {len(book.judged)} rules: {alerts:,} alerts in "
            f"{time.perf_counter() - started:.2f} s, {time.process_time() - worked:.2f} s of processor time"
        )


if __name__ == "__main__":
    main()
