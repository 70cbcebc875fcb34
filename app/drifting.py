"""The champion held against the days of late: looked at once for each company day that was scored, or by command, and
kept for doctor, the API and Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import structlog
from sklearn.base import BaseEstimator

from app.labels import labels_of, suspected
from app.modelling import BEFORE, marked_suspected, registry_of, spooled
from app.wiring import House
from core.drift import RARE, SETTING, Drift
from core.drift import kept as kept_look
from core.errors import Damaged, Refused
from core.model import RegisteredModel
from models.drift import POPULATION, Population
from models.features import digest
from models.intervals import share
from models.panel import TOGETHER, Panel
from models.table import staying

if TYPE_CHECKING:
    from models.kept import KeptDays

DAYS, LEAST_DAYS = 28, 7
"""How many days of late are looked at unasked, and with how few of them no look is taken yet."""
PERSONS = 2_000
"""Of how many people at least, where there are so many: parts are drawn by chance."""
log = structlog.get_logger()


def look(house: House, last: date, days: int) -> Drift:
    """Compare so many days up to `last`, of people who stay, with those that the champion learned from, and keep what
    was found. Raises `Refused` where there is no champion, nothing to compare with, or no such days."""
    champion = registry_of(house).champion()
    if champion is None:
        raise Refused("no model is champion: promote one")
    first = last - timedelta(days=days - 1)
    parts = registry_of(house).load(champion.card.id, digest())
    with spooled(house, first - timedelta(days=BEFORE), last, labels_of(house)) as frames:
        return _looked(house, champion, parts, frames(), first, last)


def watch(house: House, kept: KeptDays, last: date) -> Drift | None:
    """The same by the rows that are kept, once for each champion and day: of the last `DAYS` days those that it did
    not learn from. None where that was done, or cannot be done yet or here."""
    champion = registry_of(house).champion()
    if champion is None:
        return None
    seen = kept_look(house.records)
    first = max(last - timedelta(days=DAYS - 1), champion.card.last + timedelta(days=1))
    done = seen is not None and seen.model == champion.card.id and seen.last >= last
    if done or (last - first).days + 1 < LEAST_DAYS:
        return None
    try:
        parts = registry_of(house).load(champion.card.id, digest())
        begin = first - timedelta(days=Panel.of(parts).looks_back)
        frames = _rows(kept, suspected(labels_of(house)), begin, last)
        return _looked(house, champion, parts, frames, first, last)
    except (Damaged, Refused) as error:
        log.warning("the days of late could not be looked at", model=champion.card.id, reason=str(error))
        return None


def _rows(kept: KeptDays, since: dict[str, date], first: date, last: date) -> Iterator[pl.DataFrame]:
    persons = 0
    for part in kept.parts:
        if part.persons and persons < PERSONS:
            persons += len(part.persons)
            yield marked_suspected(kept.rows(part, first, last), since)


def _looked(
    house: House,
    champion: RegisteredModel,
    parts: Mapping[str, BaseEstimator],
    frames: Iterable[pl.DataFrame],
    first: date,
    last: date,
) -> Drift:
    panel, population = Panel.of(parts), _population(parts, champion)
    rows, scored, rare = 0, 0, 0
    counts = np.zeros_like(population.shares_, dtype=np.int64)
    for frame in frames:
        late = frame.filter(pl.col("day") >= first)
        own = staying(late)
        said = staying(panel.judge(frame, first).with_columns(late["stage"]))[TOGETHER].drop_nulls()
        rows, scored, rare = rows + own.height, scored + len(said), rare + int((said >= RARE).sum())
        counts += population.counts(own)
    if not scored:
        raise Refused(f"there are no person-days with a score from {first} to {last}")
    found = Drift(
        model=champion.card.id,
        looked=datetime.now(UTC),
        first=first,
        last=last,
        person_days=rows,
        rare=share("rare", rare, scored),
        psi=population.drift(counts),
    )
    house.records.set_setting(SETTING, found.to_json())
    return found


def _population(parts: Mapping[str, BaseEstimator], champion: RegisteredModel) -> Population:
    population = parts.get(POPULATION)
    if not isinstance(population, Population):
        raise Refused(f"model {champion.card.id} did not keep what its days were like: train another one")
    return population
