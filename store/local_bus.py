"""The bus inside one process: a bounded queue between the thread that reads and the one that stores."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from core.batch import Batch
from core.ports import Delivery


class LocalBus:
    """Adapter of `core.ports.Bus`. Holds at most `depth` batches; `publish` waits while it is full."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._waiting: deque[Batch] = deque()
        self._changed = Condition()
        self._ended = False
        self._failure: BaseException | None = None

    def publish(self, batch: Batch) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < self._depth)
            self._waiting.append(batch)
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        self._failure = error
        self.end()

    def batches(self) -> Iterator[Delivery]:
        while self._wait():
            yield self._deliver()
        if self._failure:
            raise self._failure

    def _wait(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            return bool(self._waiting)

    @contextmanager
    def _deliver(self) -> Iterator[Batch]:
        yield self._waiting[0]
        with self._changed:
            self._waiting.popleft()
            self._changed.notify_all()
