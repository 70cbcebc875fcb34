"""Data streams and the indices behind them: which there are, rolling over, deleting what is older than it may be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from store.elasticsearch.bulk import Bulk
from store.elasticsearch.conditions import equal
from store.elasticsearch.connection import Client, Trouble
from store.elasticsearch.documents import delete_line
from store.elasticsearch.searching import Query, any_of, between, count, every, none_of, pages

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


def expire(client: Client, bulk: Bulk, pattern: str, before: datetime, hold: Collection[str]) -> int:
    """Delete what is older than `before` and not of an account on hold: an index of nothing else as a whole, from the
    others one document after the other. Returns how many documents went."""
    client.indices.refresh(index=pattern)
    young = between(start=before)
    kept = any_of(young, equal("user.account", hold).most)
    gone = 0
    for stream, indices in backing(client, pattern).items():
        for index in indices:
            there = count(client, index)
            if there and not count(client, index, kept):
                gone += there
                if index == indices[-1]:
                    client.indices.rollover(alias=stream)
                _delete(client, index)
            elif there:
                gone += _delete_documents(client, bulk, index, every(none_of(young)), frozenset(hold))
            elif index != indices[-1]:
                _delete(client, index)
    client.indices.refresh(index=pattern)
    return gone


def _delete(client: Client, index: str) -> None:
    try:
        client.indices.delete(index=index)
    except Trouble as trouble:
        if trouble.status != 404:  # another process was quicker
            raise


def _delete_documents(client: Client, bulk: Bulk, index: str, old: Query, hold: frozenset[str]) -> int:
    gone = 0
    wanted = every(old, none_of(equal("user.account", hold).least))
    for hits in pages(client, index, wanted, ["user.account"]):
        lines = [
            delete_line(hit["_index"], hit["_id"]) for hit in hits if hit["_source"].get("user.account") not in hold
        ]
        gone += sum(outcome.done for outcome in bulk.send(lines))
    return gone
