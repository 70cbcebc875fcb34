"""The worker: stores what collectors publish, and marks whom it touches."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Lock

import structlog

from app.metrics import APPEND, LAG, Ages, count
from app.pipeline import keep, tagged
from app.wiring import House
from core.batch import Batch, Tally
from core.errors import Refused, Unavailable
from core.ports import Delivery
from detection.tagging import Tagger
from store.kafka.receiving import Subscription

FRESH_SECONDS = 60.0
"""How long a worker may not know of the company's new mail domains."""
LAG_SECONDS = 15.0
COMPACT_SECONDS = 600.0
PAUSE_SECONDS, LONGEST_PAUSE = 0.5, 30.0
log = structlog.get_logger()


class Worker:
    """Takes batches until stopped. While a server is away the batches in hand wait; nothing is skipped.

    Where a server stores the events, three batches are in hand: some are tagged and made into documents while the
    server works on the others. An embedded store has one writer.
    """

    def __init__(self, house: House, subscription: Subscription) -> None:
        self._house = house
        self._subscription = subscription
        self._lanes = 3 if house.config.cluster.elasticsearch else 1
        self._tagger: Tagger | None = None
        self._tagger_made = self._compacted = self._told = 0.0
        self._pause = PAUSE_SECONDS
        self._ages = Ages()
        self._keeping, self._counting = Lock(), Lock()

    def run(self, *, once: bool = False) -> Tally:
        """Store what arrives, without end, or until there is nothing more; returns the account of it."""
        tally = Tally()
        storing: set[Future[None]] = set()
        with ThreadPoolExecutor(self._lanes, thread_name_prefix="store") as lanes:
            for delivery in self._subscription.batches(once=once, meanwhile=self._tell_lag):
                self._tell_lag()
                storing.add(lanes.submit(self._take, delivery, tally))
                if len(storing) == self._lanes:
                    done, storing = wait(storing, return_when=FIRST_COMPLETED)
                    for one in done:
                        one.result()
        for one in storing:
            one.result()
        return tally

    def _take(self, delivery: Delivery, tally: Tally) -> None:
        try:
            with delivery as batch:
                self._store(batch, tally)
            self._pause = PAUSE_SECONDS
        except (Unavailable, Refused) as error:
            log.warning("a batch waits", reason=str(error))
            time.sleep(self._pause)
            self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def _store(self, batch: Batch, tally: Tally) -> None:
        with self._keeping:
            self._keep_house()
            tagger = self._fresh_tagger()
        batch = tagged(batch, tagger)
        with APPEND.time():
            appended = keep(self._house, tagger, batch)
        with self._counting:
            tally.add(batch, appended)
            count(batch, appended)
            self._ages.note(batch)

    def _fresh_tagger(self) -> Tagger:
        if self._tagger is None or time.monotonic() - self._tagger_made > FRESH_SECONDS:
            self._tagger = self._house.tagger()
            self._tagger_made = time.monotonic()
        return self._tagger

    def _tell_lag(self) -> None:
        if time.monotonic() - self._told > LAG_SECONDS:
            try:
                for topic, behind in self._subscription.lag().items():
                    LAG.labels(topic).set(behind)
            except Unavailable as error:
                log.warning("nobody knows how much waits", reason=str(error))
            self._told = time.monotonic()

    def _keep_house(self) -> None:
        if time.monotonic() - self._compacted > COMPACT_SECONDS:
            self._house.events.compact()
            self._compacted = time.monotonic()
