"""Data streams and the indices behind them: which there are, rolling over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store.elasticsearch.connection import Client

ROLLS_OVER: Mapping[str, Any] = {"max_age": "30d", "max_primary_shard_size": "50gb"}


def backing(client: Client, pattern: str) -> dict[str, list[str]]:
    """The indices behind each data stream, oldest first; the last one is written to."""
    streams = client.indices.resolve_index(name=pattern)["data_streams"]
    return {stream["name"]: list(stream["backing_indices"]) for stream in streams}


def roll_over(client: Client, pattern: str) -> None:
    """Begin a new index behind each data stream whose last one is large or old. A server with life cycles does so by
    itself; then there is nothing to do."""
    for stream in backing(client, pattern):
        client.indices.rollover(alias=stream, conditions=ROLLS_OVER)
