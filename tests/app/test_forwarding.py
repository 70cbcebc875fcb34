"""A SIEM hears of alerts, cases and the audit log, in order, and misses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.forwarding import Forwarder, forwarding, line_of
from app.wiring import House, open_house
from core.errors import Unavailable
from core.evidence import AuditEntry, Deed
from core.happening import Kind
from tests.app.told import NOW, Told, config
from tests.notify.receivers import LOCAL, Log


@pytest.fixture
def log() -> Iterator[Log]:
    found = Log()
    yield found
    found.close()


@pytest.fixture
def house(tmp_path: Path, log: Log) -> Iterator[House]:
    with open_house(config(tmp_path, forward={"to": f"tcp://{LOCAL}:{log.port}", "audit": True})) as opened:
        yield opened


def subjects(log: Log, count: int) -> list[str]:
    found = [log.messages.get(timeout=5).decode() for _ in range(count)]
    assert log.messages.empty()
    return [one.partition("externalId=")[2].partition(" ")[0] or one.partition("|audit.")[2][:3] for one in found]


def test_alerts_cases_and_entries_are_forwarded_in_order_once(house: House, log: Log) -> None:
    told, line = Told(house), line_of(house.config.forward)
    forwarder = Forwarder(house, line)
    told.happen("before")
    forwarder.run()
    told.happen("a1", "a2")
    told.happen("t1", kind=Kind.TASK_SET)
    told.happen("c1", kind=Kind.CASE_OPENED)
    house.records.note(AuditEntry(at=NOW, by="ann", deed=Deed.SAW, about=["7"]))
    forwarder.run()
    assert subjects(log, 4) == ["a1", "a2", "c1", "saw"]
    forwarder.run()
    told.happen("a3")
    forwarder.run()
    assert subjects(log, 1) == ["a3"]
    line.close()


def test_what_a_collector_took_before_it_died_is_sent_again(tmp_path: Path) -> None:
    log = Log()
    with open_house(config(tmp_path, forward={"to": f"tcp://{LOCAL}:{log.port}"})) as house:
        told, line = Told(house), line_of(house.config.forward)
        forwarder = Forwarder(house, line)
        forwarder.run()
        told.happen("a1")
        forwarder.run()
        assert subjects(log, 1) == ["a1"]
        port = log.port
        log.close()
        told.happen("a2")
        with pytest.raises(Unavailable):
            forwarder.run()
        log = Log(port=port)
        forwarder.run()
        assert subjects(log, 2) == ["a1", "a2"]
        line.close()
    log.close()


def test_two_processes_do_not_send_the_same(house: House, log: Log) -> None:
    told = Told(house)
    lines = [line_of(house.config.forward) for _ in range(2)]
    one, other = (Forwarder(house, line) for line in lines)
    one.run()
    told.happen("a1")
    one.run()
    other.run()
    told.happen("a2")
    other.run()
    one.run()
    assert subjects(log, 2) == ["a1", "a2"]
    for line in lines:
        line.close()


def test_many_go_a_page_at_a_time(house: House, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.forwarding.AT_ONCE", 3)
    told, line = Told(house), line_of(house.config.forward)
    forwarder = Forwarder(house, line)
    forwarder.run()
    told.happen(*(f"a{n}" for n in range(8)))
    forwarder.run()
    assert subjects(log, 8) == [f"a{n}" for n in range(8)]
    line.close()


def test_beside_a_process_it_goes_on_by_itself(house: House, log: Log) -> None:
    told = Told(house)
    Forwarder(house, line_of(house.config.forward)).run()
    told.happen("a1")
    with forwarding(house, every=0.01):
        assert subjects(log, 1) == ["a1"]


def test_the_time_told_is_that_of_what_happened(house: House, log: Log) -> None:
    told, line = Told(house), line_of(house.config.forward)
    forwarder = Forwarder(house, line)
    forwarder.run()
    told.happen("a1")
    forwarder.run()
    assert f"rt={int(datetime(2026, 3, 2, 9, 30, tzinfo=UTC).timestamp())}000" in log.messages.get(timeout=5).decode()
    line.close()
