"""Made-up companies to learn in and to be judged in: honest days first, then thieves of chosen kinds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson

from app.config import Config
from app.files import inputs_below
from app.hr import import_folder
from app.jobs import judge_marked
from app.pipeline import ingest
from app.wiring import House, open_house
from demo.plot import KINDS, RAMP
from demo.simulate import TRUTH, simulate
from demo.unforeseen import UNFORESEEN

EMPLOYEES, DAYS, LEARNED = 300, 160, 76
"""The last 84 days have one case at 1,000 people and day 25 times, and a fifth of that 5 times, for 4 thieves: about as
many as two in a hundred people in 120 days."""
OTHERS = tuple(kind for kind in KINDS if kind not in ("drip", "crew"))


def kinds_of(seed: int, unforeseen: bool) -> tuple[str, ...]:
    """Of each company four: a drip, a ramp and two others, in turn over the seeds, or half of the kinds that no rule
    was written for. Crews are left out: three people are one case."""
    if unforeseen:
        return tuple(UNFORESEEN)[seed % 2 :: 2]
    first = 2 * seed
    return ("drip", RAMP, *(OTHERS[(first + number) % len(OTHERS)] for number in range(2)))


@contextmanager
def company(seed: int, *, unforeseen: bool = False) -> Iterator[tuple[House, Path, Mapping[str, Any]]]:
    """A company, simulated and imported once and kept between runs, judged by today's rules; where its truth lies, and
    what it says."""
    below = Path(tempfile.gettempdir())
    name = f"{EMPLOYEES}-{DAYS}-{LEARNED}-{seed}{'-unforeseen' if unforeseen else ''}"
    logs, data = below / f"leaverwatch-learned-logs-{name}", below / f"leaverwatch-learned-{name}"
    if not (logs / TRUTH).exists():
        simulate(logs, employees=EMPLOYEES, days=DAYS, seed=seed, kinds=kinds_of(seed, unforeseen), since=LEARNED)
    with open_house(Config(data=data)) as house:
        if house.records.setting("learned") is None:
            start = time.perf_counter()
            import_folder(house, logs / "hr")
            ingest(house, inputs_below(house.sources, logs)[0])
            house.records.set_setting("learned", "imported")
            print(f"seed {seed}: imported in {time.perf_counter() - start:.0f} s")
        judge_marked(house)
        yield house, logs / TRUTH, orjson.loads((logs / TRUTH).read_bytes())


def spans(truth: Mapping[str, Any]) -> tuple[date, date, date]:
    """The first day, the last one to learn from, and the last."""
    first, last = (date.fromisoformat(truth[name]) for name in ("start", "end"))
    return first, first + timedelta(days=LEARNED - 1), last
