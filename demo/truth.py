"""What is true of a simulated company: who stole what and when, and who is odd but honest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import orjson

from demo.company import Company
from demo.plot import STAYS, Part, date_of, moment_of
from demo.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Thief:
    """`start` and `end` are the first and last bad act; `filed` is None where HR filed nothing by the end."""

    person: str
    email: str
    kind: str
    crew: int | None
    start: datetime
    end: datetime
    last_day: date | None
    filed: datetime | None
    volume: Mapping[str, int]
    systems: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Honest:
    """Somebody who must not be accused, and what makes them look odd."""

    person: str
    email: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The whole truth; `counts` are the lines written by system, heads left out."""

    seed: int
    employees: int
    days: int
    start: date
    end: date
    thieves: Sequence[Thief]
    honest: Sequence[Honest]
    counts: Mapping[str, int]

    def write(self, path: Path) -> None:
        """As `truth.json`."""
        path.write_bytes(orjson.dumps(self, option=orjson.OPT_INDENT_2) + b"\n")


def thief_of(company: Company, part: Part, scene: Scene) -> Thief:
    """The truth about one thief, after the scene was played."""
    filed = filed_by_the_end(company, part)
    return Thief(
        person=company.staff.column("no")[part.who],
        email=scene.email,
        kind=part.kind,
        crew=part.crew,
        start=_moment(min(scene.times)),
        end=_moment(max(scene.times)),
        last_day=date_of(company, part.last) if filed and part.last != STAYS else None,
        filed=filed,
        volume=dict(sorted(scene.volume.items())),
        systems=sorted(scene.systems),
    )


def filed_by_the_end(company: Company, part: Part) -> datetime | None:
    """When HR filed the notice, if it did before the simulation ends."""
    filed = None if part.filed is None else moment_of(company, part.filed, part.who)
    return filed if filed and filed.date() <= company.days[-1] else None


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
