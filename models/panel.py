"""Detectors and what their scores mean, learned together and asked together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator

from core.errors import Refused
from models.calibrate import LEAST, Calibration
from models.cumulative import Cumulative
from models.detector import Detector, Reason
from models.deviation import Own, Past, Peers
from models.forest import Forest
from models.groups import groups_of
from models.reconstruction import Reconstruction
from models.sequence import Sequence
from models.table import Floats, staying
from models.usual import usual_of

SAMPLE = 100_000
"""Person-days that detectors of the whole company learn from."""
AT_LEAST = 2
"""Detectors that have to have a score before they say something together."""
TOGETHER = "together"
MEANING = " means"

Frames = Callable[[], Iterable[pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class Panel:
    """Detectors by name, and for each name and `together` what a score means. One detector is one vote: together they
    say the root mean square of what each says, in orders of magnitude, which is calibrated again."""

    detectors: Mapping[str, Detector]
    meanings: Mapping[str, Calibration]

    @classmethod
    def learn(cls, frames: Frames, learn_until: date, calibrate_until: date, seed: int = 0) -> Self:
        """Detectors learn from the days to the first date, meanings from those after it to the second. Each frame has
        all days of some persons; one is in memory at a time. A detector
        that scores too few days to tell what is rare is left out. Raises `Refused` where there is too little."""
        parts = [_sampled(frame, seed) for frame in _until(frames, learn_until)]
        if not parts:
            raise Refused("there are no person-days to learn from")
        sample = _smallest(pl.concat(parts)).drop("place")
        usual = usual_of(_until(frames, learn_until), learn_until)
        past = Past(usual, groups_of(usual, seed), sample)
        detectors: dict[str, Detector] = {
            "forest": Forest(random_state=seed).learn(past),
            "reconstruction": Reconstruction().learn(past),
            "own": Own().learn(past),
            "peers": Peers().learn(past),
            "cumulative": Cumulative().learn(past),
            "sequence": Sequence().learn(past),
        }
        scores = pl.concat(staying(_scores(detectors, frame, learn_until)) for frame in _until(frames, calibrate_until))
        detectors = {name: one for name, one in detectors.items() if scores[name].is_finite().sum() >= LEAST}
        meanings = {name: Calibration(random_state=seed).fit(scores[name].to_numpy()) for name in detectors}
        said = {name: meanings[name].one_in(scores[name].to_numpy()) for name in detectors}
        meanings[TOGETHER] = Calibration(random_state=seed).fit(_magnitude(said))
        return cls(detectors, meanings)

    def judge(self, days: pl.DataFrame, after: date | None = None) -> pl.DataFrame:
        """`person`, `day` and, for each detector and together, in one of how many person-days it is as odd; null where
        too little is known. A frame has the days before those that are asked about, as `Cumulative` says; of those up
        to `after` nothing is said."""
        scores = _scores(self.detectors, days, after)
        said = {name: self.meanings[name].one_in(scores[name].to_numpy()) for name in self.detectors}
        said[TOGETHER] = self.meanings[TOGETHER].one_in(_magnitude(said))
        return scores.select("person", "day").with_columns(
            pl.Series(name, values, dtype=pl.Float64, nan_to_null=True) for name, values in said.items()
        )

    def explain(self, days: pl.DataFrame, row: int, one_in: float) -> dict[str, tuple[Reason, ...]]:
        """What drove each detector's score of a row, and at which value it would be more usual than one in so many."""
        return {
            name: detector.explain(days, self.meanings[name].limit(one_in), [row])[0]
            for name, detector in self.detectors.items()
        }

    def parts(self) -> dict[str, BaseEstimator]:
        """All there is to keep of it."""
        return {**self.detectors, **{name + MEANING: one for name, one in self.meanings.items()}}

    @classmethod
    def of(cls, parts: Mapping[str, Any]) -> Self:
        """From its parts. Raises `Refused` where some are missing."""
        detectors = {name: part for name, part in parts.items() if isinstance(part, Detector)}
        meanings = {name.removesuffix(MEANING): part for name, part in parts.items() if isinstance(part, Calibration)}
        if not detectors or meanings.keys() != {*detectors, TOGETHER}:
            raise Refused("no model: detectors or what their scores mean are missing")
        return cls(detectors, meanings)


def _magnitude(said: Mapping[str, Floats]) -> Floats:
    values = np.log10(np.column_stack([said[name] for name in sorted(said)]))
    known = (~np.isnan(values)).sum(axis=1)
    total = np.nansum(np.square(values), axis=1) / np.maximum(known, 1)
    found: Floats = np.where(known >= AT_LEAST, np.sqrt(total), np.nan)
    return found


def _until(frames: Frames, last: date) -> Iterator[pl.DataFrame]:
    for frame in frames():
        if (before := frame.filter(pl.col("day") <= last)).height:
            yield before


def _sampled(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    return _smallest(staying(frame).with_columns(pl.struct("person", "day").hash(seed).alias("place")))


def _smallest(days: pl.DataFrame) -> pl.DataFrame:
    """A sample that does not depend on which frames rows came in."""
    return days.sort("place", "person", "day").head(SAMPLE)


def _scores(detectors: Mapping[str, Detector], days: pl.DataFrame, after: date | None) -> pl.DataFrame:
    """`person`, `day`, `stage` and what each detector says of the rows after a day."""
    asked = pl.lit(True) if after is None else pl.col("day") > after
    some = days.filter(asked)
    found = some.select("person", "day", "stage")
    for name, detector in detectors.items():
        scores = (
            pl.Series(detector.score_samples(days)).filter(days.select(asked).to_series())
            if detector.looks_back and after
            else pl.Series(detector.score_samples(some))
        )
        found = found.with_columns(scores.alias(name))
    return found
