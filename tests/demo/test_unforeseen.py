"""Thieves whom no rule was written for: each does something that logs hold, and the truth names it."""

from __future__ import annotations

from pathlib import Path

from demo.simulate import simulate
from demo.unforeseen import UNFORESEEN

SINCE = 10


def test_every_kind_acts_in_time_and_leaves_traces(tmp_path: Path) -> None:
    truth = simulate(tmp_path, employees=120, days=45, seed=5, kinds=tuple(UNFORESEEN), since=SINCE)
    assert sorted(thief.kind for thief in truth.thieves) == sorted(UNFORESEEN)
    for thief in truth.thieves:
        assert thief.systems, thief.kind
        assert (thief.start.date() - truth.start).days >= SINCE - 1, thief.kind
        assert thief.start < thief.end
        assert thief.end.date() <= truth.end
        assert sum(thief.volume.values()) > 0, thief.kind
