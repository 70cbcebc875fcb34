"""From a collector to Kafka, by way of the spool: the collector goes on while the brokers are away."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import structlog
from kafka import KafkaProducer

from core.batch import Batch
from core.errors import LeaverwatchError
from store.kafka.connection import TOPICS, Address, confirmed, explained, make_topics, partition_of, producer
from store.kafka.messages import messages_of
from store.kafka.spool import Spool

PAUSE_SECONDS, LONGEST_PAUSE = 0.5, 30.0
log = structlog.get_logger()


class Publisher:
    """Adapter of `core.ports.Sender`. Batches are safe on disk when `publish` returns, and sent in order by a thread.
    Sending again what a crash left unconfirmed is harmless: stores know every id."""

    def __init__(self, address: Address, spool: Path, spool_bytes: int, partitions: int) -> None:
        self._address = address
        self._partitions = partitions
        self.spool = Spool(spool, spool_bytes)
        self._producer: KafkaProducer | None = None
        self._stop = Event()
        self._thread = Thread(target=self._send_all, name="publisher", daemon=True)
        self._thread.start()

    def publish(self, batch: Batch) -> None:
        """Hand over a batch; waits while the spool is full."""
        messages = list(messages_of(batch, self._partitions))
        if messages:
            self.spool.put(messages)

    def wait_until_sent(self, seconds: float | None = None) -> bool:
        """Whether Kafka has everything by then."""
        return self.spool.wait_until_empty(seconds)

    def close(self) -> None:
        """What is not sent stays in the spool for the next time."""
        self._stop.set()
        self.spool.close()
        self._thread.join()

    def _send_all(self) -> None:
        pause = PAUSE_SECONDS
        while not self._stop.is_set():
            number = self.spool.first(wait_seconds=1.0)
            if number is None or self._stop.is_set():
                continue
            try:
                self._send(number)
                pause = PAUSE_SECONDS
            except LeaverwatchError as error:
                log.warning(
                    "kafka does not take what was collected", reason=str(error), spool_bytes=self.spool.waiting_bytes
                )
                self._drop_producer()
                self._stop.wait(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
        self._drop_producer()

    def _send(self, number: int) -> None:
        """Send a file of the spool; it goes when all of its messages are confirmed by every copy."""
        sender = self._connected()
        sent = []
        for message in self.spool.messages(number):
            with explained():
                partition = partition_of(sender, message.topic, message.slot)
                sent.append(
                    sender.send(message.topic, value=message.value, headers=message.headers, partition=partition)
                )
        confirmed(sender, sent)
        self.spool.remove(number)

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            make_topics(self._address, self._partitions, TOPICS)
            self._producer = producer(self._address)
        return self._producer

    def _drop_producer(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=0)
            self._producer = None
