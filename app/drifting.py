"""The champion held against the days of late: looked at by command, kept for doctor and Prometheus."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from app.labels import labels_of
from app.modelling import BEFORE, registry_of, spooled
from app.wiring import House
from core.drift import RARE, SETTING, Drift
from core.errors import Refused
from models.drift import POPULATION, Population
from models.features import digest
from models.intervals import share
from models.panel import TOGETHER, Panel
from models.table import staying


def look(house: House, last: date, days: int) -> Drift:
    """Compare so many days up to `last`, of people who stay, with those that the champion learned from, and keep what
    was found. Raises `Refused` where there is no champion, nothing to compare with, or no such days."""
    registry = registry_of(house)
    champion = registry.champion()
    if champion is None:
        raise Refused("no model is champion: promote one")
    parts = registry.load(champion.card.id, digest())
    panel, population = Panel.of(parts), parts.get(POPULATION)
    if not isinstance(population, Population):
        raise Refused(f"model {champion.card.id} did not keep what its days were like: train another one")
    first = last - timedelta(days=days - 1)
    rows, scored, rare = 0, 0, 0
    counts = np.zeros_like(population.shares_, dtype=np.int64)
    with spooled(house, first - timedelta(days=BEFORE), last, labels_of(house)) as frames:
        for frame in frames():
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
