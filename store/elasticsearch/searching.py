"""Questions to Elasticsearch: what a query asks for, read page by page from one point in time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from store.elasticsearch.connection import Client

Query = Mapping[str, Any]

KEEP_ALIVE = "5m"
PAGE, HEAVY_PAGE = 10_000, 2_000
HEAVY = frozenset({"event.original", "leaverwatch.vendor", "original"})
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
"""Times that Elasticsearch keeps to the nanosecond."""
MOST_TERMS = 50_000
"""Values of one `terms` query; servers take 65,536."""
Order = Sequence[Query | str]
BY_TIME, NEWEST_FIRST = (
    ({"@timestamp": {"order": order, "numeric_type": "date_nanos"}}, {"event.id": order}) for order in ("asc", "desc")
)
AS_STORED: Order = ("_shard_doc",)
"""As shards have them, which costs nothing: a server sorts for each page anew."""
EVERYTHING: Query = {"match_all": {}}
NOTHING: Query = {"match_none": {}}


def between(
    field: str = "@timestamp",
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    until: datetime | None = None,
) -> Query:
    """start <= time < end, or <= until."""
    bounds = {"gte": start, "lt": end, "lte": until}
    stamps = {
        name: min(max(time, EARLIEST), LATEST).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for name, time in bounds.items()
        if time
    }
    return {"range": {field: stamps}}


def one_of(field: str, values: Collection[str]) -> Query:
    some = sorted(values)
    runs = [some[start : start + MOST_TERMS] for start in range(0, len(some), MOST_TERMS)]
    return any_of(*({"terms": {field: run}} for run in runs))


def every(*filters: Query) -> Query:
    return {"bool": {"filter": list(filters)}} if filters else EVERYTHING


def any_of(*choices: Query) -> Query:
    return {"bool": {"should": list(choices), "minimum_should_match": 1}} if choices else NOTHING


def none_of(*refused: Query) -> Query:
    return {"bool": {"must_not": list(refused)}}


def ignored(field: str) -> Query:
    """Events whose value there is kept and not searched: it is too long or malformed."""
    return {"term": {"_ignored": field}}


def pages(
    client: Client,
    index: str,
    query: Query,
    fields: Sequence[str],
    *,
    sort: Order = AS_STORED,
    limit: int | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """The hits in order, some at a time, as they were when the first page was asked for. Whoever needs only `limit` of
    them stops asking."""
    size = min(HEAVY_PAGE if HEAVY & set(fields) else PAGE, limit or PAGE)
    asked = {"source_includes": fields or None, "source": bool(fields), "size": size, "sort": sort}
    yield from _paged(client, index, query, asked, "hits.hits._id,hits.hits._index,hits.hits._source")


def value_pages(client: Client, index: str, query: Query, fields: Mapping[str, str | None]) -> Iterator[list[Any]]:
    """Of each hit the values of some fields, each in its format, as indices have them in columns: documents need not be
    unpacked. Some hits at a time, in no order."""
    values = [{"field": name} | ({"format": form} if form else {}) for name, form in fields.items()]
    asked = {"docvalue_fields": values, "source": False, "stored_fields": "_none_", "size": PAGE, "sort": AS_STORED}
    for hits in _paged(client, index, query, asked, "hits.hits.fields"):
        yield [hit.get("fields", {}) for hit in hits]


def _paged(
    client: Client, index: str, query: Query, asked: Mapping[str, Any], answered: str
) -> Iterator[list[dict[str, Any]]]:
    pit = client.open_point_in_time(index=index, keep_alive=KEEP_ALIVE, allow_partial_search_results=False)["id"]
    try:
        after: dict[str, Any] = {}
        while True:
            answer = client.search(
                pit={"id": pit, "keep_alive": KEEP_ALIVE},
                query=query,
                track_total_hits=False,
                allow_partial_search_results=False,
                filter_path=f"pit_id,hits.hits.sort,{answered}",
                **asked,
                **after,
            )
            hits = answer.get("hits", {}).get("hits", [])
            if not hits:
                return
            pit = answer["pit_id"]
            yield hits
            after = {"search_after": hits[-1]["sort"]}
    finally:
        client.close_point_in_time(id=pit)


def buckets(client: Client, index: str, query: Query, field: str) -> Iterator[tuple[str, int]]:
    """How many documents each value of a field has."""
    after: dict[str, Any] = {}
    while True:
        asked = {"composite": {"size": PAGE, "sources": [{"value": {"terms": {"field": field}}}]} | after}
        answer = client.search(index=index, query=query, size=0, aggs={"by": asked}, track_total_hits=False, **WHOLE)
        found = answer["aggregations"]["by"] if "aggregations" in answer else {"buckets": []}
        yield from ((bucket["key"]["value"], bucket["doc_count"]) for bucket in found["buckets"])
        if "after_key" not in found:
            return
        after = {"after": found["after_key"]}


def count(client: Client, index: str, query: Query = EVERYTHING) -> int:
    answer = client.search(index=index, query=query, size=0, track_total_hits=True, **WHOLE)
    found: int = answer["hits"]["total"]["value"]
    return found


def time_of(client: Client, index: str, query: Query = EVERYTHING, *, order: str) -> datetime | None:
    """The first time (`asc`) or the last (`desc`), to the microsecond."""
    sort = [{"@timestamp": {"order": order, "numeric_type": "date_nanos"}}]
    answer = client.search(index=index, query=query, size=1, sort=sort, source_includes="@timestamp", **WHOLE)
    hits = answer["hits"]["hits"]
    return datetime.strptime(hits[0]["_source"]["@timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z") if hits else None


WHOLE: Mapping[str, Any] = {"allow_partial_search_results": False, "ignore_unavailable": True}
"""An answer from some of the shards is no answer."""
