"""Conditions in Elasticsearch's query language, as near as its indices come to them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network

from core.condition import (
    All,
    Any,
    Between,
    Condition,
    During,
    Has,
    Is,
    Like,
    Not,
    Vendor,
    Wild,
    Within,
    Words,
)
from core.ports import EventQuery
from store.elasticsearch.searching import (
    EVERYTHING,
    NOTHING,
    Query,
    any_of,
    between,
    every,
    ignored,
    none_of,
    one_of,
)
from store.elasticsearch.templates import LONGEST_KEYWORD, LONGEST_VENDOR, WORDS

MAPPED = IPv6Network("::ffff:0:0/96")
"""Where Elasticsearch keeps IPv4 addresses."""
LONGEST_PATTERN = 100
SPELT_OTHERWISE = re.compile(r"[\[{]|-?\d+(?=[.e])(\.\d+)?(e[+-]?\d+)?\Z", re.ASCII)
"""Lists, objects and fractions: their text is not always as it stands in the record."""
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Two queries around a condition: every event it holds of is found by `most`, and it holds of all that `least`
    finds. What lies between has to be looked at by itself."""

    most: Query
    least: Query

    @property
    def exact(self) -> bool:
        return self.most == self.least


def asked_for(query: EventQuery) -> Bounds:
    """The condition of a query, without its limit."""
    parts: list[Bounds] = []
    if query.start is not None or query.end is not None:
        parts.append(exactly(between(start=query.start, end=query.end)))
    if query.accounts is not None:
        parts.append(equal("user.account", query.accounts))
    if query.ids is not None:
        parts.append(exactly(one_of("event.id", query.ids)))
    if query.tagged is not None:
        parts.append(exactly(one_of("rule.matched", query.tagged)))
    if query.condition is not None:
        parts.append(bounds(query.condition))
    if query.after is not None:
        parts.append(exactly(_after(*query.after, newest=query.newest)))
    return _all(parts)


def bounds(condition: Condition) -> Bounds:
    """The queries around a condition."""
    match condition:
        case All(parts):
            return _all([bounds(part) for part in parts])
        case Any(parts):
            around = [bounds(part) for part in parts]
            return Bounds(any_of(*(part.most for part in around)), any_of(*(part.least for part in around)))
        case Not(part):
            inner = bounds(part)
            return Bounds(none_of(inner.least), none_of(inner.most))
        case Has(field):
            return _or_ignored(field, {"exists": {"field": field}})
        case Is(field, value):
            return equal(field, [value])
        case Like(field, pattern):
            return _like(field, pattern)
        case Between(field, low, high):
            limits = {"gte": low, "lte": high}
            return exactly({"range": {field: {name: limit for name, limit in limits.items() if limit is not None}}})
        case During(field, start, end):
            return exactly(between(field, start=start, end=end))
        case Within(field, network):
            return _or_ignored(field, _within(field, network))
        case Vendor(path, value):
            return _vendor(path, value)
        case Words(words, open_end):
            return _words(words, open_end)


def exactly(query: Query) -> Bounds:
    return Bounds(query, query)


def equal(field: str, values: Collection[str]) -> Bounds:
    """Events with one of these keywords; one that may be too long to be searched for may be in each that is ignored."""
    short = [value for value in values if len(value) <= LONGEST_KEYWORD]
    sure = [value for value in short if not _too_long(value)]
    most = one_of(field, short)
    return exactly(most) if len(sure) == len(values) else Bounds(any_of(most, ignored(field)), one_of(field, sure))


def _all(parts: Sequence[Bounds]) -> Bounds:
    return Bounds(every(*(part.most for part in parts)), every(*(part.least for part in parts)))


def _or_ignored(field: str, query: Query) -> Bounds:
    return Bounds(any_of(query, ignored(field)), query)


def _too_long(value: str) -> bool:
    """Whether it may not be searched for. Servers differ in what they count of letters beyond the first plane."""
    return len(value.encode("utf-16-le")) // 2 > LONGEST_KEYWORD


def _like(field: str, pattern: tuple[str | Wild, ...]) -> Bounds:
    """Servers refuse patterns that are long or count characters after any number of them: they get a wider one."""
    places = [place for part in pattern for place in ((part,) if isinstance(part, Wild) else part)]
    asked = places if len(places) <= LONGEST_PATTERN else [*places[:LONGEST_PATTERN], Wild.ANY]
    if Wild.ANY in asked:
        after = asked.index(Wild.ANY)
        asked = asked[:after] + [Wild.ANY if place is Wild.ONE else place for place in asked[after:]]
    text = "".join(p.value if isinstance(p, Wild) else f"\\{p}" if p in "*?\\" else p for p in asked)
    found = _or_ignored(field, {"wildcard": {field: {"value": text}}})
    return found if asked == places else Bounds(found.most, NOTHING)


def _within(field: str, network: IPv4Network | IPv6Network) -> Query:
    inside: Query = {"term": {field: str(network)}}
    if isinstance(network, IPv6Network) and MAPPED.subnet_of(network):
        return {"bool": {"filter": [inside], "must_not": [{"term": {field: "0.0.0.0/0"}}]}}
    return inside


def _vendor(path: str, value: str) -> Bounds:
    """Servers find every value of a list, and nothing in a record that they refused."""
    unknown = SPELT_OTHERWISE.match(value) or len(value.encode()) > LONGEST_VENDOR
    found = EVERYTHING if unknown else {"term": {f"vendor.{path}": value}}
    return Bounds(any_of(found, none_of({"exists": {"field": "vendor"}})), NOTHING)


def _words(words: tuple[str, ...], open_end: bool) -> Bounds:
    if not open_end:
        return exactly({"match_phrase": {WORDS: " ".join(words)}})
    *before, last = words
    begins: Query = {"prefix": {WORDS: last}}
    if not before:
        return exactly(begins)
    # Servers complete the last word of a phrase to some words only.
    return Bounds(every({"match_phrase": {WORDS: " ".join(before)}}, begins), NOTHING)


def _after(time: datetime, event_id: str, *, newest: bool) -> Query:
    beyond = between(end=time) if newest else between(start=time + MICROSECOND)
    later = {"range": {"event.id": {"lt" if newest else "gt": event_id}}}
    return any_of(beyond, every(between(start=time, until=time), later))
