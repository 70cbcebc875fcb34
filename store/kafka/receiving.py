"""From Kafka to a worker: partitions are shared among the workers of one group, offsets follow what is stored."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from core.batch import Batch
from core.ports import Delivery
from store.kafka.connection import GROUP, TOPICS, Address, explained, make_topics
from store.kafka.messages import Poison, batch_from, poisoned, together

ROWS = 20_000
"""Rows of one delivery; a message more may come on top."""
MESSAGES_AT_ONCE = 20
FETCH_BYTES = 4 << 20
"""Bytes of one answer of a broker, unless one message alone has more."""
GATHER_SECONDS = 0.5
DEAD_AFTER_MS = 15_000
LONGEST_WORK_MS = 900_000
"""A worker that takes longer for one delivery than this is taken for dead."""
Offsets = dict[TopicPartition, OffsetAndMetadata]
log = structlog.get_logger()


@dataclass(slots=True)
class _Lot:
    """What arrived together: the offsets behind it may be committed once nothing of it is left to do."""

    left: int
    offsets: Offsets


class Subscription:
    """Adapter of `core.ports.Receiver`. Several deliveries may be open. A batch is delivered until it is done;
    once everything that arrived before it and with it is done as well, its offsets are committed. What a killed worker
    had not committed, another one gets again. What comes next is fetched meanwhile, by the one thread that talks to the
    brokers."""

    def __init__(self, address: Address, partitions: int, group: str = GROUP) -> None:
        make_topics(address, partitions, TOPICS)
        with explained():
            self._consumer = KafkaConsumer(
                *TOPICS,
                **address.settings(),
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                partition_assignment_strategy=[CooperativeStickyAssignor],
                max_poll_records=MESSAGES_AT_ONCE,
                max_poll_interval_ms=LONGEST_WORK_MS,
                session_timeout_ms=DEAD_AFTER_MS,
                fetch_max_bytes=FETCH_BYTES,
                max_partition_fetch_bytes=FETCH_BYTES,
                allow_auto_create_topics=False,
            )
        self._fetcher = ThreadPoolExecutor(1, thread_name_prefix="kafka")
        self._stopping = False
        self._behind: Offsets = {}
        self._lots: deque[_Lot] = deque()
        self._counting = Lock()
        self._waiting: deque[tuple[Batch, _Lot]] = deque()
        self._ahead = self._fetcher.submit(self._gather)
        self._committed = self._fetcher.submit(self._commit, {})

    def batches(self, *, once: bool = False, meanwhile: Callable[[], None] = lambda: None) -> Iterator[Delivery]:
        """Deliveries as messages arrive, those of one account in order; without end, or with `once` until the workers
        have stored everything. `meanwhile` is called whenever nothing has arrived."""
        while not self._stopping:
            gathered, offsets = self._ahead.result()
            self._ahead = self._fetcher.submit(self._gather)
            if gathered:
                batches = list(together(gathered))
                self._lots.append(_Lot(len(batches), offsets))
                self._waiting.extend((batch, self._lots[-1]) for batch in batches)
            while self._waiting and not self._stopping:
                yield self._deliver(*self._waiting.popleft())
            self._settle()
            if not gathered:
                meanwhile()
                if once and not self._lots and not any(self.lag().values()):
                    return

    def lag(self) -> Mapping[str, int]:
        """How many messages of each topic no worker has stored yet."""
        return self._fetcher.submit(self._lag).result()

    def stop(self) -> None:
        """End `batches` after what is being worked on."""
        self._stopping = True

    def close(self) -> None:
        self._settle()
        self._fetcher.shutdown()
        self._consumer.close(autocommit=False)

    def _lag(self) -> dict[str, int]:
        with explained():
            parts = [
                TopicPartition(topic, number)
                for topic in TOPICS
                for number in self._consumer.partitions_for_topic(topic) or ()
            ]
            first, end = self._consumer.beginning_offsets(parts), self._consumer.end_offsets(parts)
            stored = {part: max(self._consumer.committed(part) or 0, first[part]) for part in parts}
        return {topic: sum(end[part] - stored[part] for part in parts if part.topic == topic) for topic in TOPICS}

    @contextmanager
    def _deliver(self, batch: Batch, lot: _Lot) -> Iterator[Batch]:
        try:
            yield batch
        except BaseException:
            self._waiting.appendleft((batch, lot))
            raise
        with self._counting:
            lot.left -= 1

    def _settle(self) -> None:
        """Commit what is behind the lots that are done, as far as none before them is open."""
        offsets: Offsets = {}
        while self._lots and not self._lots[0].left:
            offsets |= self._lots.popleft().offsets
        if offsets:
            self._committed.result()
            self._committed = self._fetcher.submit(self._commit, offsets)

    def _gather(self) -> tuple[list[Batch], Offsets]:
        """What has arrived, up to a good many rows, and the offsets behind it."""
        batches: list[Batch] = []
        offsets: Offsets = {}
        rows, until = 0, time.monotonic() + GATHER_SECONDS
        while rows < ROWS:
            left = max(0.0, until - time.monotonic())
            with explained():
                polled = self._consumer.poll(timeout_ms=int(left * 1000))
            for part, messages in polled.items():
                for message in messages:
                    batches.append(_batch(message))
                    rows += batches[-1].read
                    offsets[part] = OffsetAndMetadata(message.offset + 1, "", -1)
            if not polled and (batches or not left):
                break
        return batches, offsets

    def _commit(self, offsets: Offsets) -> None:
        """What cannot be committed now is later. A partition that another worker has by now is stored by it again,
        which changes nothing."""
        mine = self._consumer.assignment()
        self._behind = {part: offset for part, offset in (self._behind | offsets).items() if part in mine}
        try:
            if self._behind:
                self._consumer.commit(self._behind)
                self._behind = {}
        except KafkaError as error:
            log.warning("offsets cannot be committed yet", reason=type(error).__name__)


def _batch(message: Any) -> Batch:
    try:
        return batch_from(message.headers, message.value)
    except Poison as poison:
        reason = f"message {message.offset} of {message.topic}/{message.partition} is none of ours: {poison}"
        return poisoned(message.topic, message.partition, message.offset, message.value, reason)
