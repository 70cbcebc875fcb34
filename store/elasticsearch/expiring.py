"""Letting go of documents that are older than they may be kept: what goes, and deleting it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from core.retention import Due, Expiry, Kept, Span, Stored, due_of
from core.totals import DAY
from store.elasticsearch.bulk import Bulk
from store.elasticsearch.conditions import Bounds, equal, exactly
from store.elasticsearch.connection import Client, Trouble
from store.elasticsearch.documents import delete_line, frame_of
from store.elasticsearch.searching import Query, any_of, between, count, every, none_of, one_of, pages
from store.elasticsearch.streams import backing
from store.elasticsearch.templates import SOURCE, Names
from store.elasticsearch.totals import added_up
from store.expiry import NEEDED, NOT_FROZEN, going
from store.frames import QUARANTINED

Hits = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where documents of a kind lie, and which of their fields says what they came from."""

    kind: Stored
    index: str
    source: str

    def old(self, expiry: Expiry) -> Query:
        """What is older than its source's may be."""
        named = [every(one_of(self.source, [one]), between(end=at)) for one, at in sorted(expiry.sources.items())]
        rest = none_of(one_of(self.source, expiry.sources.keys()))
        return any_of(*named, *([every(rest, between(end=expiry.before))] if expiry.before else []))

    def kept(self, expiry: Expiry) -> Bounds:
        """What stays all the same, of the old and of others."""
        kept = expiry.kept if self.kind is Stored.EVENT else expiry.everybodys
        ids = [exactly(one_of("event.id", expiry.ids))] if self.kind is Stored.EVENT and expiry.ids else []
        parts = [*_spans(kept), *ids]
        return Bounds(any_of(*(part.most for part in parts)), any_of(*(part.least for part in parts)))


def places(names: Names) -> Sequence[Place]:
    """Of what has a time of its own."""
    return Place(Stored.EVENT, names.events, SOURCE), Place(Stored.FRAGMENT, names.lines, "source")


def due(client: Client, names: Names, expiry: Expiry) -> Due:
    """What would go. Nothing is made or refreshed."""
    erased: Counter[tuple[Stored, str, date | None]] = Counter()
    held: Counter[str] = Counter()
    if expiry.only is not None:
        for source, found, _ in _of_accounts(client, names, expiry):
            erased.update({(Stored.EVENT, source, day): rows for day, rows in found.days.items()})
            held.update(found.held)
        return due_of(erased, held)
    for place in places(names):
        old, kept = place.old(expiry), place.kept(expiry)
        sure = added_up(client, place.index, every(old, none_of(kept.most)), [place.source, DAY], expiry.zone, [])
        for source, day, events in () if sure is None else sure.iter_rows():
            erased[place.kind, source, day] += events
        if place.kind is Stored.EVENT:
            for hold, own in _by_hold(expiry).items():
                held[hold] += count(client, place.index, every(old, own.least))
        if not kept.exact:
            unsure = every(old, kept.most, none_of(kept.least))
            for source, found, _ in _walk(client, place, unsure, expiry):
                erased.update({(place.kind, source, day): rows for day, rows in found.days.items()})
                held.update(found.held)
    for source, found, _ in _bad(client, names, expiry):
        erased.update({(Stored.QUARANTINE, source, day): rows for day, rows in found.days.items()})
    return due_of(erased, Counter({hold: events for hold, events in held.items() if events}))


def expire(client: Client, bulk: Bulk, names: Names, expiry: Expiry) -> None:
    """Delete what goes: an index of nothing else as a whole, from the others one document after the other."""
    if expiry.only is not None:
        _send(bulk, _of_accounts(client, names, expiry))
        client.indices.refresh(index=names.events)
        return
    for place in places(names):
        old, kept = place.old(expiry), place.kept(expiry)
        stays = any_of(none_of(old), kept.most)
        for stream, indices in backing(client, place.index).items():
            for index in indices:
                there = count(client, index)
                if there and not count(client, index, stays):
                    if index == indices[-1]:
                        client.indices.rollover(alias=stream)
                    _delete(client, index)
                elif there:
                    own = Place(place.kind, index, place.source)
                    _send(bulk, _walk(client, own, every(old, none_of(kept.least)), expiry))
                elif index != indices[-1]:
                    _delete(client, index)
        client.indices.refresh(index=place.index)
    _send(bulk, _bad(client, names, expiry))


def _of_accounts(client: Client, names: Names, expiry: Expiry) -> Iterator[tuple[str, Any, Hits]]:
    """The events of an expiry of some accounts only."""
    place = places(names)[0]
    of = any_of(*(part.most for part in _spans(expiry.only or ())))
    return _walk(client, place, every(place.old(expiry), of), expiry)


def _spans(kept: Collection[Kept | Span]) -> Iterator[Bounds]:
    """Accounts that are kept between the same times are asked for together."""
    accounts: dict[tuple[datetime | None, datetime | None], list[str]] = defaultdict(list)
    for one in kept:
        if one.account is None:
            yield exactly(between(start=one.since, end=one.until))
        else:
            accounts[one.since, one.until].append(one.account)
    for (since, until), own in accounts.items():
        within, of = between(start=since, end=until), equal("user.account", own)
        yield Bounds(every(within, of.most), every(within, of.least))


def _by_hold(expiry: Expiry) -> Mapping[str, Bounds]:
    of: dict[str, list[Kept]] = defaultdict(list)
    for one in expiry.kept:
        of[one.hold].append(one)
    found = {hold: Bounds(any_of(), any_of(*(part.least for part in _spans(own)))) for hold, own in of.items()}
    ids = {NOT_FROZEN: exactly(one_of("event.id", expiry.ids))} if expiry.ids else {}
    return found | ids


def _walk(client: Client, place: Place, query: Query, expiry: Expiry) -> Iterator[tuple[str, Any, Hits]]:
    """The documents found, judged by themselves: of each source what goes of them, and these."""
    needed = list(NEEDED[place.kind])
    for hits in pages(client, place.index, query, [*needed, place.source]):
        for source, own in _per_source(hits, place.source).items():
            found = going(frame_of([hit["_source"] for hit in own], needed), place.kind, source, expiry)
            yield source, found, [hit for hit, goes in zip(own, found.gone, strict=True) if goes]


def _bad(client: Client, names: Names, expiry: Expiry) -> Iterator[tuple[str, Any, Hits]]:
    """The same of records in quarantine, all of which are looked at: their time cannot be searched for."""
    for hits in pages(client, f"{names.quarantine}*", every(), ["source", "at"]):
        for source, own in _per_source(hits, "source").items():
            times = pl.Series("at", [_moment(hit["_source"].get("at")) for hit in own], dtype=QUARANTINED["at"])
            found = going(times.to_frame(), Stored.QUARANTINE, source, expiry)
            yield source, found, [hit for hit, goes in zip(own, found.gone, strict=True) if goes]


def _per_source(hits: Hits, field: str) -> Mapping[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for hit in hits:
        found[hit["_source"].get(field, "")].append(hit)
    return found


def _send(bulk: Bulk, found: Iterator[tuple[str, Any, Hits]]) -> None:
    for _, _, hits in found:
        bulk.send_all([delete_line(hit["_index"], hit["_id"]) for hit in hits])


def _delete(client: Client, index: str) -> None:
    try:
        client.indices.delete(index=index)
    except Trouble as trouble:
        if trouble.status != 404:  # another process was quicker
            raise


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
