"""Totals: what Elasticsearch adds up exactly it adds up; the rest is for looking at event by event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from core.totals import DAY, SINCE, UNTIL, totals_schema
from store.elasticsearch.connection import Client
from store.elasticsearch.searching import WHOLE, Query, every, ignored, none_of

BUCKETS = 50_000
"""Totals of one answer; a server gives 65,536 and looks through all events again for each answer."""
LARGE, EXACT = 2**40, 2**53
"""Servers add in floating point: numbers from the first on are not for them, nor are sums from the second on."""


def countable(query: Query, by: Sequence[str], sums: Sequence[str]) -> Query:
    """The events of a query of which a server sees every key and number, and no number is large or negative."""
    unseen = [ignored(field) for field in (*by, *sums) if field != DAY]
    large = [{"range": {name: limit}} for name in sums for limit in ({"lt": 0}, {"gte": LARGE})]
    return every(query, none_of(*unseen, *large))


def added_up(
    client: Client, index: str, query: Query, by: Sequence[str], zone: str, sums: Sequence[str], *, times: bool = False
) -> pl.DataFrame | None:
    """The totals of countable events; None where a sum may not be exact."""
    schema = totals_schema(by, sums, times=times)
    within = {name: {"sum": {"field": name}} for name in sums}
    ends = {SINCE: {"min": {"field": "@timestamp"}}, UNTIL: {"max": {"field": "@timestamp"}}} if times else {}
    rows: list[tuple[Any, ...]] = []
    for bucket in _buckets(client, index, query, by, zone, within | ends):
        keys = [_day(bucket["key"][name], zone) if name == DAY else bucket["key"][name] for name in by]
        added = [bucket[name]["value"] for name in sums]
        if any(value >= EXACT for value in added):
            return None
        first_and_last = (datetime.fromtimestamp(bucket[name]["value"] // 1000, UTC) for name in ends)
        rows.append((*keys, bucket["doc_count"], *map(int, added), *first_and_last))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _buckets(
    client: Client, index: str, query: Query, by: Sequence[str], zone: str, within: Mapping[str, Query]
) -> Iterator[dict[str, Any]]:
    days = {"field": "@timestamp", "calendar_interval": "day", "time_zone": zone}
    sources = [
        {name: {"date_histogram": days} if name == DAY else {"terms": {"field": name, "missing_bucket": True}}}
        for name in by
    ]
    after: dict[str, Any] = {}
    while True:
        asked = {"composite": {"size": BUCKETS, "sources": sources} | after, "aggs": within}
        answer = client.search(index=index, query=query, size=0, aggs={"by": asked}, track_total_hits=False, **WHOLE)
        found = answer["aggregations"]["by"] if "aggregations" in answer else {"buckets": []}
        yield from found["buckets"]
        if "after_key" not in found:
            return
        after = {"after": found["after_key"]}


def _day(milliseconds: int, zone: str) -> Any:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(ZoneInfo(zone)).date()
