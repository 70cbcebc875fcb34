"""How long the questions of an investigation take, on both event stores, as they grow."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.store import COMPACT_EVERY, batches, marks_of, timed
from core.condition import Is, Words
from core.ports import EventQuery, EventStore
from store.elasticsearch import ElasticStore
from store.elasticsearch.connection import connect
from store.records import SqlRecords
from store.segments import SegmentStore
from tests.cluster import address_of, fresh_namespace

TIMES = 5
ONE = ["login:user77"]


def measure(sizes: Sequence[int]) -> None:
    """Print, store by store, the milliseconds of each question at each size, and the growth."""
    for name, opened in (("embedded", _embedded), ("Elasticsearch", _elasticsearch)):
        taken: dict[str, list[float]] = {}
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store:
            there = 0
            for size in sizes:
                seconds = timed(lambda size=size, there=there: _fill(store, there, size))
                print(f"{name}: {size - there:,} events in {seconds:,.0f} s, {(size - there) / seconds:,.0f}/s")
                there = size
                for question, ask in questions(store).items():
                    ask()
                    taken.setdefault(question, []).append(min(timed(ask) for _ in range(TIMES)))
        for question, seconds in taken.items():
            told = ", ".join(f"{each * 1e3:,.0f} ms" for each in seconds)
            print(f"  {question}: {told} (growth {seconds[-1] / seconds[0]:.1f})")


def questions(store: EventStore) -> dict[str, Callable[[], object]]:
    """What each question asks of a store."""
    newest = store.newest()
    assert newest
    week, month = newest - timedelta(days=7), newest - timedelta(days=30)
    exports = EventQuery(start=week, condition=Is("event.action", "export"))
    return {
        "a person's day": lambda: store.read(EventQuery(accounts=ONE, start=newest - timedelta(days=1))),
        "a person's 180 days, the newest page of 100": lambda: store.read(
            EventQuery(accounts=ONE, newest=True, limit=100)
        ),
        "a person's 180 days, all of them": lambda: store.read(EventQuery(accounts=ONE)),
        "a keyword, the newest 100 lines that have it": lambda: store.read(
            EventQuery(condition=Words(("customer", "01234")), newest=True, limit=100)
        ),
        "top exporters of 7 days": lambda: store.totals(exports, ["user.account"], sums=["data.records"]),
        "everybody's person-days of 30 days by action": lambda: store.totals(
            EventQuery(start=month), ["user.account", "day", "event.action"], "Asia/Shanghai", ["data.records"]
        ),
    }


def _fill(store: EventStore, there: int, size: int) -> None:
    """Events of 180 days, up to a size; those of a smaller size are not those of a larger one."""
    for number, batch in enumerate(batches(size - there, seed=there), start=1):
        store.append(batch, marks_of(batch))
        if number % COMPACT_EVERY == 0:
            store.compact()
    store.compact()


@contextmanager
def _embedded(folder: Path) -> Iterator[EventStore]:
    with (
        closing(SqlRecords(f"sqlite:///{folder / 'records.db'}")) as records,
        closing(SegmentStore(folder / "events", records)) as store,
    ):
        yield store


@contextmanager
def _elasticsearch(folder: Path) -> Iterator[EventStore]:
    with (
        closing(SqlRecords(f"sqlite:///{folder / 'records.db'}")) as records,
        fresh_namespace() as namespace,
        closing(ElasticStore(connect(address_of("elasticsearch")), records, namespace)) as store,
    ):
        yield store
