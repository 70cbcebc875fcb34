"""What every adapter of the bus promises."""

from __future__ import annotations

from threading import Thread

import pytest

from store.local_bus import LocalBus
from tests.store.conftest import batch


def test_batches_arrive_in_order_and_end() -> None:
    bus = LocalBus(depth=2)

    def send() -> None:
        for name in "abcde":
            bus.publish(batch([name]))
        bus.end()

    sender = Thread(target=send)
    sender.start()
    seen = []
    for delivery in bus.batches():
        with delivery as one:
            seen.append(one.events["event.original"][0])
    sender.join()
    assert seen == list("abcde")


def test_a_batch_is_delivered_until_it_is_done() -> None:
    bus = LocalBus(depth=2)
    bus.publish(batch(["a"]))
    bus.end()
    tries = 0
    for delivery in bus.batches():
        tries += 1
        try:
            with delivery:
                if tries < 3:
                    raise OSError
        except OSError:
            continue
    assert tries == 3


def test_a_failure_of_the_sender_is_raised_after_what_it_sent() -> None:
    bus = LocalBus(depth=2)
    bus.publish(batch(["a"]))
    bus.fail(ValueError("broken"))
    seen = 0
    with pytest.raises(ValueError, match="broken"):
        for delivery in bus.batches():
            with delivery:
                seen += 1
    assert seen == 1
