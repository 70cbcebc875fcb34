"""Where a part is acted out: adds intents and keeps the account of what was done."""

from __future__ import annotations

from collections import Counter

import numpy as np

from demo.company import HOUR, Company
from demo.intents import Intents, Texts
from demo.plot import Part
from demo.streams import Bools, Ints, stream

SIZED = {
    "report_export": "rows",
    "bulk_query": "rows",
    "api_query_more": "rows",
    "api_delete": "rows",
    "mass_delete": "rows",
    "mass_transfer": "rows",
    "mail": "bytes",
    "mail_forwarded": "bytes",
}
MINUTE = HOUR // 60


def _kept(texts: Texts, inside: Bools) -> Texts:
    return [text for text, kept in zip(texts, inside, strict=True) if kept] if isinstance(texts, list) else texts


class Scene:
    """One person acting. `volume` counts deeds by what they are, and their rows or bytes; `times` are their moments."""

    def __init__(self, company: Company, part: Part, intents: Intents) -> None:
        self.company, self.part, self.intents = company, part, intents
        self.rng = stream(company.seed, "scene", part.kind, part.who)
        self.volume: Counter[str] = Counter()
        self.systems: set[str] = set()
        self.times: list[int] = []

    def act(self, system: str, what: str, at: Ints, *, doc: int | Ints = 0, n: int | Ints = 1, to: Texts = None,
            ip: Texts = None, note: Texts = None) -> None:  # fmt: skip
        """Do something at these moments; those after the end of the simulation do not happen."""
        inside = at < self.company.starts[-1] + 24 * HOUR
        if not inside.all():
            doc, n = (value if isinstance(value, int) else value[inside] for value in (doc, n))
            to, note = (_kept(texts, inside) for texts in (to, note))
            at = at[inside]
        if not len(at):
            return
        self.intents.add(system, what, self.part.who, at, doc=doc, n=n, to=to, ip=ip, note=note)
        self.systems.add(system)
        self.times += [int(at.min()), int(at.max())]
        self.volume[what] += len(at)
        if what in SIZED:
            self.volume[f"{what}_{SIZED[what]}"] += int(np.broadcast_to(n, len(at)).sum())

    def clock(self, day: int, hour: float, minutes: float, times: int) -> Ints:
        """`times` moments in order within `minutes` from that hour of the day (hours over 24 are of the night)."""
        start = self.company.starts[0] + day * 24 * HOUR + int(hour * HOUR)
        return np.sort(start + self.rng.integers(0, int(max(1, minutes * MINUTE)), times))

    def within(self, low: float, high: float) -> int:
        """A number of that range, small ones as likely as large ones by order of magnitude."""
        return round(float(np.exp(self.rng.uniform(np.log(low), np.log(high)))))

    def grown(self, low: float, high: float, part: float) -> int:
        """A number that grows by the same factor from day to day, with some chance in it, when so much of the way from
        low to high is gone."""
        return max(1, round(float(low * (high / low) ** part * np.exp(self.rng.normal(0, 0.15)))))

    def hour(self, low: float = 9.5, high: float = 17.0) -> float:
        return float(self.rng.uniform(low, high))

    def working_days(self, first: int, count: int) -> list[int]:
        """Up to `count` working days from `first` on, not after the person's last."""
        days = [int(day) for day in self.company.working_days if first <= day <= self.part.last]
        return (days or [first])[:count]

    def before_leaving(self, back: int) -> int | None:
        """The working day `back` working days before the last one; None where the person is still here at the end."""
        if not 0 <= self.part.last < len(self.company.days):
            return None
        days = [int(day) for day in self.company.working_days if day <= self.part.last]
        return days[-1 - back] if len(days) > back else None

    def files(self, count: int, pool: Ints | None = None) -> Ints:
        """Documents of the pool (default: about customers), each once as far as they go."""
        chosen = self.company.customer_files if pool is None else pool
        if count <= len(chosen):
            return np.asarray(self.rng.choice(chosen, count, replace=False))
        return np.asarray(self.rng.choice(chosen, count))

    def split(self, total: int, parts: int) -> Ints:
        """The total in uneven parts."""
        shares = self.rng.dirichlet(np.full(parts, 4.0))
        return np.maximum(1, (shares * total).astype(np.int64))

    @property
    def email(self) -> str:
        return self.company.staff.column("email")[self.part.who]

    @property
    def private(self) -> str:
        return self.company.staff.column("private")[self.part.who]

    def mate(self) -> str:
        """Address of somebody of the team, or of anybody where there is no team."""
        team = self.company.staff.team_of(self.part.who)
        pool = team if len(team) else np.arange(self.company.staff.employees)
        return self.company.staff.column("email")[int(pool[self.part.who % len(pool)])]

    @property
    def has_crm(self) -> bool:
        return bool(self.company.staff.people["crm"][self.part.who])

    def strange_address(self) -> str:
        """A network the person was never seen in."""
        return f"198.51.100.{int(self.rng.integers(1, 255))}"
