"""The ledger against what is stored, and against its signed heads: what was changed, removed or added, and which event
it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import polars as pl

from core.canonical import moment_text
from core.errors import Damaged
from core.leaf import ACCOUNT_BYTES, UNTIMED, account_digest, contents, leaf_hashes
from core.proof import Entry, Ledger
from evidence.copied import EVENT_ID_BYTES, Bytes, Copied, Flags, Numbers

SHOWN = 100
"""Events named of each kind; all are counted."""
ASKED_AGAIN = 100_000
EVENT_ID = rf"^[0-9a-f]{{{2 * EVENT_ID_BYTES}}}$"
ROWS = 10_000
SHORT = ("event.id", "event.dataset", "@timestamp", "user.account")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class How(StrEnum):
    """What is wrong with an event."""

    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    TWICE = "stored twice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """An event that is not as it was stored: its id, and its source and time as far as they are known."""

    how: How
    id: str
    source: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempt:
    """Some events: of an account, or of everybody (None), `since` <= time < `until`."""

    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetGo:
    """What retention deleted: events from before a moment, of some sources from before one of their own (of others, and
    with None, nothing), but for those exempt; with `only`, no others than these."""

    before: datetime | None
    sources: Mapping[str, datetime] = field(default_factory=dict)
    exempt: Sequence[Exempt] = ()
    only: Sequence[Exempt] | None = None


@dataclass(slots=True, kw_only=True)
class Examined:
    """What was found. `without` are events without a leaf from before there was a ledger, `under_way` those being
    stored meanwhile; `wrong` names the first of each kind, `counts` counts them all; `damaged` says what could not be
    read."""

    leaves: int = 0
    events: int = 0
    expired: int = 0
    without: int = 0
    under_way: int = 0
    counts: Counter[How] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def add(self, how: How, rows: Iterable[tuple[str, str, datetime | None]]) -> None:
        for event_id, source, time in rows:
            self.counts[how] += 1
            if self.counts[how] <= SHOWN:
                at = moment_text(time) if time else ""
                self.wrong.append(Wrong(how=how, id=event_id, source=source, time=at))


def examine(
    ledger: Ledger,
    stored: Callable[[], Iterable[pl.DataFrame | Damaged]],
    let_go: Callable[[], Sequence[LetGo]],
    folder: Path,
) -> Examined:
    """Every event of a store against its leaf, and every leaf against the store. Works in a folder that somebody else
    makes and takes away; memory does not grow with what is stored. What is stored or deleted meanwhile is not held
    against anybody."""
    copied = Copied(ledger, folder)
    found = Examined(leaves=copied.size)
    seen = np.zeros(copied.size, np.bool_)
    strangers = []
    for part in stored():
        if isinstance(part, Damaged):
            found.damaged.append(str(part))
            continue
        for rows in part.iter_slices(ROWS):
            found.events += rows.height
            if (strange := _compare(rows, copied, seen, found)).height:
                strangers.append(strange)
            if sum(some.height for some in strangers) > ASKED_AGAIN:
                _sort_out(pl.concat(strangers), ledger, found)
                strangers = []
    if strangers:
        _sort_out(pl.concat(strangers), ledger, found)
    for first, others in copied.twins.items():
        seen[others] |= seen[first]
    # Read last: what retention deletes meanwhile it has noted before.
    _missing(ledger, copied.is_event & ~seen, let_go(), found)
    return found


def _compare(rows: pl.DataFrame, copied: Copied, seen: Flags, found: Examined) -> pl.DataFrame:
    """Note which leaves these events have, and which events differ from theirs; returns those without a leaf."""
    named = rows.with_columns(pl.col("event.id").fill_null(""))
    proper = named["event.id"].str.contains(EVENT_ID)
    known, strange = named.filter(proper), named.filter(~proper)
    ids = np.frombuffer(bytes.fromhex("".join(known["event.id"])), np.uint8).reshape(-1, EVENT_ID_BYTES)
    indexes = copied.find(ids)
    there = indexes >= 0
    strange = pl.concat([strange, known.filter(pl.Series(~there))])
    known, indexes = known.filter(pl.Series(there)), indexes[there]
    if known.height:
        again = seen[indexes]
        again[np.setdiff1d(np.arange(len(indexes)), np.unique(indexes, return_index=True)[1])] = True
        seen[indexes] = True
        found.add(How.TWICE, _named(known.filter(pl.Series(again))))
        content = contents(known)
        changed = ~_same(content, indexes, copied)
        for row, first in enumerate(indexes.tolist() if copied.twins else ()):
            for other in copied.twins.get(first, ()):
                changed[row] |= ~_same(content[row : row + 1], np.array([other]), copied)[0]
        found.add(How.CHANGED, _named(known.filter(pl.Series(changed))))
    return strange.select(*SHORT)


def _same(content: pl.Series, indexes: Numbers, copied: Copied) -> Flags:
    digests = b"".join(leaf_hashes(content, copied.salts(indexes)))
    own = np.frombuffer(digests, np.uint8).reshape(-1, 32)
    same: Flags = (own == copied.hashes(indexes)).all(axis=1)
    return same


def _named(rows: pl.DataFrame) -> Iterator[tuple[str, str, datetime | None]]:
    return rows.select(pl.col("event.id"), pl.col("event.dataset").fill_null(""), pl.col("@timestamp")).iter_rows()


def _sort_out(strangers: pl.DataFrame, ledger: Ledger, found: Examined) -> None:
    """Of events without a leaf: those that have got one meanwhile, are about to, or are older than the ledger."""
    proper = strangers.filter(pl.col("event.id").str.contains(EVENT_ID))["event.id"].to_list()
    under_way = ledger.under_way()
    late = ledger.placed(proper)
    left = strangers.filter(~pl.col("event.id").is_in(list(late)))
    coming = left["user.account"].is_in(list(under_way)).fill_null(False)
    found.under_way += int(coming.sum()) + len(late)
    left = left.filter(~coming)
    older = min(left.height, ledger.before_ledger() - found.without)
    found.without += older
    found.add(How.ADDED, _named(left[older:]))


def _missing(ledger: Ledger, missing: Flags, let_go: Sequence[LetGo], found: Examined) -> None:
    for entry in ledger.entries() if missing.any() else ():
        places = np.flatnonzero(missing[entry.first : entry.first + entry.count])
        if not len(places) or not entry.whole():
            continue
        times = np.frombuffer(entry.times, "<i8")[places]
        accounts = np.frombuffer(entry.accounts, np.uint8).reshape(-1, ACCOUNT_BYTES)[places]
        gone = np.zeros(len(places), np.bool_)
        for rule in let_go:
            gone |= _covered(rule, entry, times, accounts)
        found.expired += int(gone.sum())
        found.add(
            How.REMOVED,
            (
                (entry.id_of(place), entry.source, None if time == UNTIMED else EPOCH + timedelta(microseconds=time))
                for place, time in zip(places[~gone].tolist(), times[~gone].tolist(), strict=True)
            ),
        )


def _covered(rule: LetGo, entry: Entry, times: Numbers, accounts: Bytes) -> Flags:
    limit = rule.sources.get(entry.source, rule.before)
    if limit is None:
        return np.zeros(len(times), np.bool_)
    covered: Flags = times < _microseconds(limit)
    if rule.only is not None:
        named = [_within(one, entry, times, accounts) for one in rule.only]
        covered &= np.logical_or.reduce(named) if named else False
    for exempt in rule.exempt:
        covered &= ~_within(exempt, entry, times, accounts)
    return covered


def _within(span: Exempt, entry: Entry, times: Numbers, accounts: Bytes) -> Flags:
    own: Flags = np.ones(len(times), np.bool_)
    if span.account is not None:
        digest = np.frombuffer(account_digest(span.account, entry.salt), np.uint8)
        own = (accounts == digest).all(axis=1)
    if span.since is not None:
        own &= times >= _microseconds(span.since)
    if span.until is not None:
        own &= times < _microseconds(span.until)
    return own


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
