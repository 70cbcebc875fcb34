"""A worker that says how long it worked: `cluster_worker.py DATA [canned | ledgerless | ledger]`. Canned: Elasticsearch
answers at once, with what it always answers; ledgerless: events have no leaves."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from elastic_transport import ApiResponseMeta, HttpHeaders, Urllib3HttpNode
from elastic_transport._node import NodeApiResponse

from app.config import load
from app.wiring import open_house, subscription
from app.working import Worker
from core.batch import Batch, Tally
from store import manifest


class Timed(Worker):
    """Notes when it had stored its first batch, after which it is warm, and its last; and the processor time that it
    and the machine had taken by then."""

    begin = end = 0.0
    first = 0
    spent: tuple[float, float]
    spent_before: tuple[float, float]

    def _store(self, batch: Batch, tally: Tally) -> None:
        super()._store(batch, tally)
        self.end, self.spent = time.time(), (time.process_time(), busy())
        if not self.begin:
            self.begin, self.spent_before, self.first = self.end, self.spent, tally.stored


def busy() -> float:
    """Seconds that all processors of the machine have worked so far."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def can() -> None:
    """Answer every bulk request with success, without a server."""
    ask = Urllib3HttpNode.perform_request

    def answer(node: Urllib3HttpNode, method: str, target: str, body: Any = None, **rest: Any) -> NodeApiResponse:
        if "_bulk" not in target:
            return ask(node, method, target, body, **rest)
        item = b'{"create":{"status":201,"_index":"canned"}}'
        text = b'{"items":[' + b",".join([item] * (body.count(b"\n") // 2)) + b"]}"
        headers = HttpHeaders({"content-type": "application/json", "x-elastic-product": "Elasticsearch"})
        return NodeApiResponse(ApiResponseMeta(200, "1.1", headers, 0.0, node.config), text)

    Urllib3HttpNode.perform_request = answer  # type: ignore[method-assign]


def peak_of(process: int | str) -> float:
    """MiB of memory that a process had at most. The kernel's other figure counts what its parent had, too."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    if "canned" in sys.argv:
        can()
    if "ledgerless" in sys.argv:
        manifest.leaves_of = lambda *_: None  # type: ignore[assignment]
    config = load(Path(sys.argv[1]))
    with open_house(config) as house, closing(subscription(config)) as arriving:
        worker = Timed(house, arriving)
        tally = worker.run(once=True)
        leaves = house.records.size()
    peak = peak_of("self")
    seconds = worker.end - worker.begin
    rows = tally.stored - worker.first
    pairs = zip(worker.spent, worker.spent_before, strict=True)
    processor, machine = (1e6 * (after - before) / max(rows, 1) for after, before in pairs)
    told = {"rows": rows, "begin": worker.begin, "end": worker.end, "peak": peak, "leaves": leaves}
    told |= {"processor": processor, "busy": machine}
    print(orjson.dumps(told | {"rate": rows / seconds if seconds else 0.0}).decode())


if __name__ == "__main__":
    main()
