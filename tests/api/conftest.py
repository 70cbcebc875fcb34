"""A shop of one alert and one case about 李娜, and clients who may do what a role may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient

from access.permissions import permissions_of
from api.server import create_app
from api.shop import Shop
from cases.inbox import gather
from core.access import Caller, Role, Scope
from core.batch import Batch
from core.calendar import CompanyCalendar
from core.directory import Directory
from core.person import Link, Person
from core.ports import Mark
from detection.bench import Bench
from detection.judge import judge
from detection.marking import touched
from detection.risk import score_at
from detection.tagging import Tagger
from store.memory import MemoryStore
from store.records import SqlRecords
from tests.api.apps import routes_are_made_once
from tests.api.people import House
from tests.api.shops import AROUND, BOOK, EVERYTHING, NAMES, Knows, exported, weeks_before
from tests.records import fresh_file

__all__ = ["routes_are_made_once"]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    records = SqlRecords(fresh_file(tmp_path / "records.db"))
    events = MemoryStore(records)
    records.save_persons(
        [Person(id="7", name="李娜", email="li.na@example.com")], [Link(account="mail:li.na@example.com", person="7")]
    )
    frame = Tagger(BOOK, AROUND).tag(pl.concat([weeks_before(), exported()]))
    batch = Batch(source="salesforce_event_log", read=2, events=frame)
    events.append(batch, touched(frame, CompanyCalendar(), BOOK))

    def directory() -> Directory:
        return Directory(records.persons(), records.links(), records.filings(), records.accounts(), CompanyCalendar())

    marks: list[Mark] = list(records.pending())
    for judged in judge(marks, Bench(store=events, directory=directory(), book=BOOK, surroundings=AROUND)):
        case = gather("7", judged.alerts, score_at, 30.0)
        records.settle(judged.marks, judged.spans, judged.alerts, [case] if case else [])
    yield Shop(records, events, BOOK, directory, NAMES)
    records.close()


@pytest.fixture
def client(shop: Shop) -> TestClient:
    """Who may do everything."""
    return TestClient(create_app(shop, Knows(EVERYTHING)))


@pytest.fixture
def client_of(shop: Shop) -> Callable[..., TestClient]:
    """A client of a role: `client_of(Role.HR)`; with a name, a scope and a person where they matter."""

    def make(role: Role, name: str = "", scope: Scope | None = None, person: str = "") -> TestClient:
        may, scope = permissions_of([role]), scope or Scope()
        caller = Caller(name=name or role, roles=frozenset({role}), permissions=may, scope=scope, person=person)
        return TestClient(create_app(shop, Knows(caller)))

    return make


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An empty shop, and people who log in."""
    records = SqlRecords(fresh_file(tmp_path / "house.db"))

    def directory() -> Directory:
        return Directory(records.persons(), records.links(), records.filings(), records.accounts(), CompanyCalendar())

    yield House(Shop(records, MemoryStore(records), BOOK, directory, NAMES))
    records.close()
