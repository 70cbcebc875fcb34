"""Detectors and what their scores mean, learned together and asked together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
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
from models.sequence import Sequence as Order
from models.supervised import SAID
from models.table import Floats, Sample, staying
from models.usual import usual_of

SAMPLE = 100_000
"""Person-days that detectors of the whole company learn from."""
AT_LEAST = 2
"""Detectors that have to have a score before they say something together."""
TOGETHER = "together"
INCIDENTS = "incidents"
"""The detector that learned from people's decisions: it hears what the others say."""
MEANING = " means"

Frames = Callable[[], Iterable[pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class Panel:
    """Detectors by name, and for each name and `together` what a score means. One detector is one vote: together they
    say the fourth root of the mean fourth power of what each says, in orders of magnitude, which is calibrated again:
    who is very sure is heard though all others see nothing, and those who agree are heard sooner."""

    detectors: Mapping[str, Detector]
    meanings: Mapping[str, Calibration]

    @classmethod
    def learn(cls, frames: Frames, learn_until: date, calibrate_until: date, seed: int = 0) -> Self:
        """Detectors learn from the days to the first date, meanings from those after it to the second. Each frame has
        all days of some persons; one is in memory at a time. A detector
        that scores too few days to tell what is rare is left out. Raises `Refused` where there is too little."""
        sample = Sample(SAMPLE, seed)
        for frame in _until(frames, learn_until):
            sample.add(staying(frame))
        usual = usual_of(_until(frames, learn_until), learn_until)
        past = Past(usual, groups_of(usual, seed), sample.rows())
        detectors: dict[str, Detector] = {
            "forest": Forest(random_state=seed).learn(past),
            "reconstruction": Reconstruction().learn(past),
            "own": Own().learn(past),
            "peers": Peers().learn(past),
            "cumulative": Cumulative().learn(past),
            "sequence": Order().learn(past),
        }
        since = learn_until + timedelta(days=1)
        scores = pl.concat(_of_staying(detectors, frame, since) for frame in _until(frames, calibrate_until))
        detectors = {name: one for name, one in detectors.items() if scores[name].is_finite().sum() >= LEAST}
        meanings = {name: Calibration(random_state=seed).fit(scores[name].to_numpy()) for name in detectors}
        said = {name: meanings[name].one_in(scores[name].to_numpy()) for name in detectors}
        meanings[TOGETHER] = Calibration(random_state=seed).fit(magnitude(said))
        return cls(detectors, meanings)

    @property
    def looks_back(self) -> int:
        """How many days before those that are asked about a frame has to hold."""
        return max(detector.looks_back for detector in self.detectors.values())

    def judge(self, days: pl.DataFrame, since: date | None = None) -> pl.DataFrame:
        """`person`, `day` and, for each detector and together, in one of how many person-days it is as odd; null where
        too little is known. A frame has the days before those that are asked about, as `looks_back` says; with `since`
        nothing is said of these."""
        said = self.said(days, since)
        said[TOGETHER] = self.meanings[TOGETHER].one_in(magnitude(said))
        return (
            _asked(days, since)
            .select("person", "day")
            .with_columns(pl.Series(name, values, dtype=pl.Float64, nan_to_null=True) for name, values in said.items())
        )

    def explain(self, days: pl.DataFrame, rows: Sequence[int], one_in: float) -> list[dict[str, tuple[Reason, ...]]]:
        """Of each of these rows, what drove each detector's score, and at which value it would be more usual than one
        in so many."""
        told = {
            name: detector.explain(self._heard(days, name), self.meanings[name].limit(one_in), rows)
            for name, detector in self.detectors.items()
        }
        return [{name: own[place] for name, own in told.items()} for place in range(len(rows))]

    def said(self, days: pl.DataFrame, since: date | None = None) -> dict[str, Floats]:
        """What each says by itself, in one of how many, of the days from `since` on."""
        heard = {name: detector for name, detector in self.detectors.items() if name != INCIDENTS}
        scores = _scores(heard, days, since)
        said = {name: self.meanings[name].one_in(values) for name, values in scores.items()}
        if INCIDENTS in self.detectors:
            own = with_said(_asked(days, since), said)
            said[INCIDENTS] = self.meanings[INCIDENTS].one_in(self.detectors[INCIDENTS].score_samples(own))
        return said

    def _heard(self, days: pl.DataFrame, name: str) -> pl.DataFrame:
        """The rows as a detector sees them: one hears what the others say."""
        if name != INCIDENTS:
            return days
        others = {one: detector for one, detector in self.detectors.items() if one != INCIDENTS}
        return with_said(days, Panel(others, self.meanings).said(days))

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


def with_said(days: pl.DataFrame, said: Mapping[str, Floats]) -> pl.DataFrame:
    """The days with what each detector says of them, in orders of magnitude."""
    return days.with_columns(
        pl.Series(SAID + name, np.log10(values), dtype=pl.Float64, nan_to_null=True) for name, values in said.items()
    )


def magnitude(said: Mapping[str, Floats]) -> Floats:
    """What detectors say together, before it is calibrated; not a number where too few have a score."""
    values = np.log10(np.column_stack([said[name] for name in sorted(said)]))
    known = (~np.isnan(values)).sum(axis=1)
    # With squares one that is sure drowns in those who say nothing; with higher powers the oddest alone decides.
    total = np.nansum(np.square(np.square(values)), axis=1) / np.maximum(known, 1)
    found: Floats = np.where(known >= AT_LEAST, np.sqrt(np.sqrt(total)), np.nan)
    return found


def _until(frames: Frames, last: date) -> Iterator[pl.DataFrame]:
    for frame in frames():
        if (before := frame.filter(pl.col("day") <= last)).height:
            yield before


def _asked(days: pl.DataFrame, since: date | None) -> pl.DataFrame:
    return days if since is None else days.filter(pl.col("day") >= since)


def _scores(detectors: Mapping[str, Detector], days: pl.DataFrame, since: date | None) -> dict[str, Floats]:
    """What each detector says of the rows from a day on."""
    return {name: _scores_of(detector, days, since) for name, detector in detectors.items()}


def _scores_of(detector: Detector, days: pl.DataFrame, since: date | None) -> Floats:
    back = timedelta(days=detector.looks_back)
    own = _asked(days, since and since - back)
    scores = detector.score_samples(own)
    return scores[(own["day"] >= since).to_numpy()] if since and back else scores


def _of_staying(detectors: Mapping[str, Detector], days: pl.DataFrame, since: date) -> pl.DataFrame:
    """What each detector says of the rows from a day on, of people who stay."""
    scores = [pl.Series(name, values) for name, values in _scores(detectors, days, since).items()]
    return staying(_asked(days, since).select("stage").with_columns(scores))
