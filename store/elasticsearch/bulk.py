"""Many documents at once, some requests side by side; whoever is turned away for now comes again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any

import polars as pl

from core.errors import Unavailable
from store.elasticsearch.connection import Client, Trouble

REQUESTS = 4
REQUEST_BYTES = 5 * 1024 * 1024
ROWS = 2_000
"""Rows of one request, if they fit."""
PATIENCE = 120.0
"""Seconds that a server may be too busy before we give up."""
TURNED_AWAY = frozenset({429, 502, 503, 504})
CREATED, MISSING, CONFLICT, REFUSED = frozenset({200, 201}), 404, 409, frozenset({400, 413})
FINAL = CREATED | REFUSED | {MISSING, CONFLICT}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one line: its status and, where refused, why."""

    status: int
    index: str = ""
    reason: str = ""
    again: bool = False
    """Whether it was sent more than once, so that a conflict may be with ourselves."""

    @property
    def done(self) -> bool:
        return self.status in CREATED

    @property
    def refused(self) -> bool:
        """The document is at fault: sending it again would not help."""
        return self.status in REFUSED


class Bulk:
    """Sends lines; a few requests are under way at a time, so memory stays bounded and the server is not flooded."""

    def __init__(self, client: Client) -> None:
        # What is retried is seen here: a conflict after it may be with our own first attempt.
        self._client = client.options(max_retries=0, retry_on_timeout=False)
        self._pool = ThreadPoolExecutor(REQUESTS, thread_name_prefix="bulk")

    def send(self, lines: Sequence[bytes]) -> list[Outcome]:
        """The outcome of each line, in order. Raises `Unavailable` where the server does not take them in the end:
        what it did take stays."""
        return list(chain.from_iterable(self._pool.map(self._request, _requests(lines))))

    def send_rows(self, rows: pl.DataFrame, lines_of: Callable[[pl.DataFrame], Sequence[bytes]]) -> list[Outcome]:
        """As `send`; rows become lines some at a time, while others are on their way."""

        def piece(some: pl.DataFrame) -> list[Outcome]:
            return list(chain.from_iterable(map(self._request, _requests(lines_of(some)))))

        return list(chain.from_iterable(self._pool.map(piece, rows.iter_slices(ROWS))))

    def send_all(self, lines: Sequence[bytes]) -> list[Outcome]:
        """As `send`; raises `Unavailable` also where one line is refused."""
        outcomes = self.send(lines)
        for outcome in outcomes:
            if outcome.refused:
                raise Unavailable(f"Elasticsearch refused what it has to take: {outcome.reason}")
        return outcomes

    def close(self) -> None:
        self._pool.shutdown()

    def _request(self, lines: Sequence[bytes]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        left, again, until = list(range(len(lines))), False, time.monotonic() + PATIENCE
        for attempt in range(1000):
            if attempt:
                time.sleep(min(10.0, 0.1 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311
            try:
                answers = self._ask([lines[number] for number in left])
            except Trouble as trouble:
                if (trouble.status and trouble.status not in TURNED_AWAY) or time.monotonic() > until:
                    raise
                again = True
                continue
            for number, answer in zip(left, answers, strict=True):
                outcomes[number] = _outcome(answer, again=again)
            left = [number for number in left if outcomes[number].status not in FINAL]
            if not left:
                return [outcomes[number] for number in range(len(lines))]
            if time.monotonic() > until:
                raise Unavailable(f"Elasticsearch does not take events: {outcomes[left[0]].reason}")
        raise AssertionError("the clock stands still")

    def _ask(self, lines: Sequence[Any]) -> Iterable[dict[str, Any]]:
        """The answer to each line. A line that is too big for a request is refused by itself."""
        try:
            answer = self._client.bulk(operations=lines, filter_path="items.*.status,items.*._index,items.*.error")
        except Trouble as trouble:
            if trouble.status != 413:
                raise
            if len(lines) == 1:
                return [{"create": {"status": 413, "error": {"reason": "it is too large"}}}]
            middle = len(lines) // 2
            return [*self._ask(lines[:middle]), *self._ask(lines[middle:])]
        items: list[dict[str, Any]] = answer["items"]
        return items


def _requests(lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start = size = 0
    for number, line in enumerate(lines):
        if size and size + len(line) > REQUEST_BYTES:
            yield lines[start:number]
            start, size = number, 0
        size += len(line)
    if size:
        yield lines[start:]


def _outcome(item: dict[str, Any], *, again: bool) -> Outcome:
    (answer,) = item.values()
    error = answer.get("error") or {}
    cause = (error.get("caused_by") or {}).get("reason") or ""
    reason = " ".join(f"{error.get('reason', '')} {cause}".split())[:500]
    return Outcome(answer["status"], answer.get("_index", ""), reason, again)
