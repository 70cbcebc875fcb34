"""Alerts to whoever cares: a compacted topic that says of each alert what it is now, or that it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import orjson
from kafka import KafkaProducer

from core.errors import Unavailable
from core.ports import News
from store.kafka.connection import ALERTS, Address, confirmed, explained, make_topics, partition_of, producer
from store.kafka.messages import SCHEMA_VERSION, slot_of

HEADERS = [("schema", SCHEMA_VERSION), ("kind", b"alert")]


class KafkaHerald:
    """Adapter of `core.ports.Herald`. A message's key is the alert's id, its value the alert as JSON, none where the
    alert is gone."""

    def __init__(self, address: Address, partitions: int) -> None:
        self._address = address
        self._partitions = partitions
        self._producer: KafkaProducer | None = None

    def tell(self, news: Sequence[News]) -> None:
        sender = self._connected()
        try:
            with explained():
                sent = [
                    sender.send(
                        ALERTS,
                        key=one.alert.encode(),
                        value=None if one.now is None else orjson.dumps(asdict(one.now)),
                        headers=HEADERS,
                        partition=partition_of(sender, ALERTS, slot_of(one.person, self._partitions)),
                    )
                    for one in news
                ]
            confirmed(sender, sent)
        except Unavailable:
            self.close()
            raise

    def close(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=0)
            self._producer = None

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            make_topics(self._address, self._partitions, (ALERTS,))
            self._producer = producer(self._address)
        return self._producer
