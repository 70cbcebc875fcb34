"""What a bus promises."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import pytest
from storing import batch_of

from core.batch import Batch
from core.ports import Bus
from store.local_bus import LocalBus


def in_thread(work: Callable[[], None]) -> Thread:
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def taken(bus: Bus) -> list[Batch]:
    found = []
    for delivery in bus.batches():
        with delivery as batch:
            found.append(batch)
    return found


def test_batches_come_in_order_and_end() -> None:
    bus: Bus = LocalBus(2)
    sent = [batch_of(number) for number in range(9)]

    def produce() -> None:
        for batch in sent:
            bus.publish(batch)
        bus.end()

    thread = in_thread(produce)
    assert [id(batch) for batch in taken(bus)] == [id(batch) for batch in sent]
    thread.join(5)
    assert not thread.is_alive()
    assert taken(bus) == []


def test_publishing_waits_while_the_bus_is_full() -> None:
    bus = LocalBus(1)
    published = Event()

    def produce() -> None:
        bus.publish(batch_of(1))
        bus.publish(batch_of(2))
        published.set()

    in_thread(produce)
    deliveries = bus.batches()
    with next(deliveries):
        assert not published.wait(0.1), "a batch being worked on still takes its place"
    assert published.wait(5)


def test_a_batch_is_delivered_again_until_it_is_done() -> None:
    bus = LocalBus(2)
    bus.publish(batch_of(1))
    bus.publish(batch_of(2))
    bus.end()
    seen = []
    for delivery in bus.batches():
        try:
            with delivery as batch:
                seen.append(batch.events["event.sequence"].item())
                if len(seen) == 1:
                    raise OSError("disk full")
        except OSError:
            continue
    assert seen == [1, 1, 2]


def test_a_broken_producer_is_heard_after_what_it_published() -> None:
    bus = LocalBus(2)
    bus.publish(batch_of(1))
    bus.fail(ValueError("unplugged"))
    found = []
    with pytest.raises(ValueError, match="unplugged"):  # noqa: PT012
        for delivery in bus.batches():
            with delivery as batch:
                found.append(batch)
    assert len(found) == 1


def test_failing_does_not_wait_for_a_full_bus() -> None:
    bus = LocalBus(1)
    bus.publish(batch_of(1))
    thread = in_thread(lambda: bus.fail(ValueError("unplugged")))
    thread.join(5)
    assert not thread.is_alive()
