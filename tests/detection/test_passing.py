"""Conditions that the judge asks again share one bound on what they keep, and answer as if they kept nothing."""

from __future__ import annotations

import polars as pl

from core.condition import Wild
from detection.engine import Engine
from detection.node import Leaf, Node
from detection.passing import Engines, in_columns
from detection.predicate import Pattern


def ends_with(text: str) -> Node:
    return Leaf("file.path", Pattern((Wild.ANY, text)))


def paths(turn: int) -> pl.DataFrame:
    """A thousand paths, no two frames with one in common."""
    return pl.DataFrame({"file.path": [f"/share/{turn}/{number}.xlsx" for number in range(1_000)]})


def test_all_conditions_together_keep_no_more_than_one_may() -> None:
    engines = Engines(room=500_000)
    for turn in range(20):
        for digit in range(10):
            condition, events = ends_with(f"{digit}.xlsx"), paths(turn)
            rows = engines.passing(condition, events)
            ((_, alone),) = in_columns(Engine([condition]), events)
            assert rows.tolist() == alone.tolist()
            assert engines.taken <= 500_000
    assert engines.taken > 250_000, "answers are kept while there is room"


def test_what_was_asked_about_longest_ago_is_forgotten_first() -> None:
    engines = Engines(room=300_000, most=3)
    first, second, third, fourth = (ends_with(f"{digit}.xlsx") for digit in range(4))
    for condition in (first, second, first, third):
        engines.passing(condition, paths(0))
    kept = {condition: engine.passed.taken > 0 for condition, engine in engines.known.items()}
    assert kept == {second: False, first: True, third: True}
    engines.passing(fourth, paths(0))
    assert set(engines.known) == {first, third, fourth}
