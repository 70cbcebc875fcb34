"""Letting go of what is older than it may be kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from core.directory import ALWAYS, NEVER
from core.ports import Records
from core.retention import Due, Expiry, Kept, Span, Stored, due_of
from core.schema import TIME
from store.manifest import Segment
from store.records import SqlRecords
from store.sealed import Sealed

EXPIRED = "expired"
NOT_FROZEN = "not frozen yet"
"""What keeps events that are kept by their ids."""
NEEDED: Mapping[Stored, Sequence[str]] = {
    Stored.EVENT: ("@timestamp", "user.account", "event.id"),
    Stored.FRAGMENT: ("@timestamp",),
    Stored.QUARANTINE: ("at",),
}
"""What has to be known of a record to tell whether it goes; the first is its time."""


@dataclass(frozen=True, slots=True)
class Going:
    """Which of some rows go, how many on which day, and how many old ones each hold keeps."""

    gone: pl.Series
    days: Mapping[date | None, int]
    held: Mapping[str, int]


def note_expiry(records: SqlRecords, expiry: Expiry) -> None:
    """Note what is about to go, so that a store that does not know the ids of what is gone does not take it again, and
    whoever misses an event can tell why. What a later one lets go too is noted once."""
    noted = [one for one in noted_expiries(records) if not _within(one, expiry)]
    values = [{**asdict(one), "ids": []} for one in (*noted, expiry)]
    records.set_setting(EXPIRED, json.dumps(values, default=lambda value: value.isoformat()))


def noted_expiry(records: Records) -> Expiry:
    """What expired last of everybody's."""
    noted = [one for one in noted_expiries(records) if one.only is None]
    return noted[-1] if noted else Expiry()


def let_in_no_more(records: Records) -> list[Expiry]:
    """What does not come back where its ids are not known: what expired last, and what went of some accounts only."""
    return [noted_expiry(records), *(one for one in noted_expiries(records) if one.only is not None)]


def noted_expiries(records: Records) -> list[Expiry]:
    """What has expired, in order: an event may be gone that any of them let go."""
    return [_expiry(values) for values in json.loads(records.setting(EXPIRED) or "[]")]


def going(rows: pl.DataFrame, kind: Stored, source: str, expiry: Expiry) -> Going:
    """Of rows of a source, with the columns of `NEEDED`, those that go."""
    limit, time = expiry.limit(source), NEEDED[kind][0]
    if limit is None:
        return Going(pl.repeat(False, rows.height, eager=True), {}, {})
    # A record in quarantine whose time nobody noted is from before that was done.
    numbered = rows.with_row_index("row")
    old = numbered.filter((pl.col(time) < limit.astimezone(UTC)).fill_null(True))
    old = _of_accounts(old, kind, expiry)
    held = pl.concat([_HELD, *_held(old, kind, expiry)]).unique()
    gone = old.join(held, on="row", how="anti")
    days = gone.group_by(pl.col(time).dt.convert_time_zone(expiry.zone).dt.date().alias("day")).len()
    return Going(
        numbered.select(pl.col("row").is_in(gone["row"].implode()))["row"],
        dict(days.iter_rows()),
        dict(held.group_by("hold").len().iter_rows()) if kind is Stored.EVENT else {},
    )


def added_up(found: Iterable[tuple[Stored, str, Going]]) -> Due:
    """What goes of all kinds and sources together."""
    erased: Counter[tuple[Stored, str, date | None]] = Counter()
    held: Counter[str] = Counter()
    for kind, source, part in found:
        erased.update({(kind, source, day): count for day, count in part.days.items()})
        held.update(part.held)
    return due_of(erased, held)


def look(sealed: Sealed, segments: Iterable[Segment], expiry: Expiry) -> Iterator[tuple[Segment, Going]]:
    """What goes of each segment of which anything may."""
    for segment in segments:
        limit, kind = expiry.limit(segment.source), Stored(segment.kind)
        if limit is not None and (segment.first is None or segment.first < limit):
            rows = sealed.load([segment], lambda lazy, kind=kind: lazy.select(NEEDED[kind]))  # type: ignore[misc]
            yield segment, going(rows, kind, segment.source, expiry)


def expire(sealed: Sealed, found: Iterable[tuple[Segment, Going]]) -> None:
    """Delete what goes. Segments of nothing else are not read again."""
    whole = []
    for segment, part in found:
        if part.gone.all():
            whole.append(segment)
        elif part.gone.any():
            left = sealed.load([segment]).filter(~part.gone)
            sealed.replace([segment], sealed.seal(segment.kind, segment.source, left, segment.rules_version))
    sealed.replace(whole, [])


def _of_accounts(old: pl.DataFrame, kind: Stored, expiry: Expiry) -> pl.DataFrame:
    """Of old rows those that an expiry of some accounts only is about."""
    if expiry.only is None:
        return old
    if kind is not Stored.EVENT:
        return old.clear()
    spans = [(one.account, one.since or ALWAYS, one.until or NEVER) for one in expiry.only]
    schema = {"user.account": pl.String(), "since": TIME, "until": TIME}
    within = (pl.col("@timestamp") >= pl.col("since")) & (pl.col("@timestamp") < pl.col("until"))
    own = old.join(pl.DataFrame(spans, schema=schema, orient="row"), on="user.account").filter(within)
    return old.join(own, on="row", how="semi")


_HELD = pl.DataFrame(schema={"row": pl.get_index_type(), "hold": pl.String()})


def _held(old: pl.DataFrame, kind: Stored, expiry: Expiry) -> Iterator[pl.DataFrame]:
    """Rows that are kept, by hold."""
    time = pl.col(NEEDED[kind][0])
    for kept in expiry.everybodys:
        # What arrived later than a time may be of that time.
        until = NEVER if kind is Stored.QUARANTINE else kept.until or NEVER
        within = (time >= (kept.since or ALWAYS)) & (time < until)
        yield old.filter(within).select("row", pl.lit(kept.hold).alias("hold"))
    if kind is not Stored.EVENT:
        return
    spans = [(one.account, one.hold, one.since or ALWAYS, one.until or NEVER) for one in expiry.kept if one.account]
    schema = {"user.account": pl.String(), "hold": pl.String(), "since": TIME, "until": TIME}
    of_accounts = old.join(pl.DataFrame(spans, schema=schema, orient="row"), on="user.account")
    yield of_accounts.filter((time >= pl.col("since")) & (time < pl.col("until"))).select("row", "hold")
    ids = pl.DataFrame({"event.id": list(expiry.ids)}, schema={"event.id": pl.String()})
    yield old.join(ids, on="event.id", how="semi").select("row", pl.lit(NOT_FROZEN).alias("hold"))


def _within(one: Expiry, other: Expiry) -> bool:
    """Whether all that one lets go the other does too."""
    if other.only is not None and one.only != other.only:
        return False
    if not {_span(kept) for kept in other.kept} <= {_span(kept) for kept in one.kept}:
        return False
    pairs = [(one.before, other.before), *((one.limit(s), other.limit(s)) for s in (*one.sources, *other.sources))]
    return all(first is None or (second is not None and first <= second) for first, second in pairs)


def _span(kept: Kept) -> tuple[str | None, datetime | None, datetime | None]:
    return kept.account, kept.since, kept.until


def _expiry(values: Mapping[str, Any]) -> Expiry:
    return Expiry(
        before=_moment(values["before"]),
        sources={source: datetime.fromisoformat(at) for source, at in values["sources"].items()},
        kept=tuple(
            Kept(**{**kept, **{end: _moment(kept[end]) for end in ("since", "until")}}) for kept in values["kept"]
        ),
        only=None
        if values.get("only") is None
        else tuple(Span(**{**one, **{end: _moment(one[end]) for end in ("since", "until")}}) for one in values["only"]),
        zone=values["zone"],
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
