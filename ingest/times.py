"""Time stamps: columns of text to UTC times. What cannot be read becomes null; the caller decides what that means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import polars as pl

from core.schema import TIME

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_ZONE = r"(?P<zone>Z|z|UTC|GMT|[+-]\d\d:?\d\d)?"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:[.,](?P<part>\d{1,9}))?"
_ISO = rf"^\s*(?P<year>\d{{4}})-(?P<month>\d\d?)-(?P<day>\d\d?)[T ]+{_CLOCK}\s?{_ZONE}\s*$"
_SLASH = rf"^\s*(?P<year>\d{{4}})/(?P<month>\d\d?)/(?P<day>\d\d?)(?:[T ]+{_CLOCK})?\s?{_ZONE}\s*$"
_US = (
    r"(?i)^\s*(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})"
    rf"(?:,?\s+{_CLOCK}\s*(?P<half>AM|PM)?)?\s*{_ZONE}\s*$"
)
_COMPACT = (
    r"^\s*(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)"
    rf"(?:[.,](?P<part>\d{{1,9}}))?{_ZONE}\s*$"
)
_SYSLOG = rf"^\s*(?P<name>[A-Z][a-z]{{2}})\s+(?P<day>\d{{1,2}})\s+{_CLOCK}\s*$"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Reader = Callable[[pl.Series, str, pl.Series], pl.Series]


def read_times(text: pl.Series, forms: Sequence[str], zone: str, modified: pl.Series) -> pl.Series:
    """Times written in any of `forms` (names of `FORMS` or strftime patterns), tried in order.

    Stamps without a zone are of `zone`; stamps without a year are the newest that are not later than a day after
    `modified`, when the file of each was last written. Times outside 1970-2200 are misread numbers, so they are null.
    """
    found = pl.Series([None] * len(text), dtype=TIME)
    for form in forms:
        left = found.is_null() & text.is_not_null()
        if not left.any():
            break
        rest = text if left.all() else text.set(~left, None)
        read = FORMS[form](rest, zone, modified) if form in FORMS else _by_pattern(rest, form, zone)
        sane = read.cast(TIME).is_between(EARLIEST, LATEST)
        found = found.zip_with(found.is_not_null(), read.cast(TIME).set(~sane.fill_null(value=False), None))
    return found


def _by_pattern(text: pl.Series, pattern: str, zone: str) -> pl.Series:
    naive = text.str.strip_chars().str.to_datetime(pattern, time_unit="us", strict=False)
    return naive if naive.dtype == TIME else _in_zone(naive, zone)


def _in_zone(naive: pl.Series, zone: str) -> pl.Series:
    """Wall clock of a zone to UTC: the earlier of two, and one hour on where the clock skipped."""
    if zone == "UTC":
        return naive.dt.replace_time_zone("UTC")

    def place(clock: pl.Series) -> pl.Series:
        return clock.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")

    placed = place(naive)
    skipped = placed.is_null() & naive.is_not_null()
    return placed if not skipped.any() else placed.zip_with(~skipped, place(naive + timedelta(hours=1)))


def _groups(text: pl.Series, pattern: str) -> pl.DataFrame:
    """The groups of a pattern as columns of numbers, but for zone, half and name."""
    groups = text.str.extract_groups(pattern).struct.unnest()
    part = pl.col("part").fill_null("").str.pad_end(6, "0").str.slice(0, 6)
    numbers = [name for name in ("year", "month", "day", "hour", "minute", "second") if name in groups.columns]
    return groups.with_columns(
        part.cast(pl.Int64, strict=False).alias("part"),
        *(pl.col(name).cast(pl.Int32, strict=False) for name in numbers),
    )


def _clock(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `naive`: the time the numbers make, null where they make none."""
    in_range = (
        pl.col("month").is_between(1, 12)
        & pl.col("day").is_between(1, pl.date(pl.col("year"), pl.col("month"), 1).dt.days_in_month())
        & (pl.col("hour").fill_null(0) < 24)
        & (pl.col("minute").fill_null(0) < 60)
        & (pl.col("second").fill_null(0) < 60)
    )
    # Only numbers known to be good reach the constructor, which raises on others.
    good = frame.with_columns(fits=pl.col("month").is_between(1, 12) & pl.col("year").is_between(1, 9999)).with_columns(
        pl.when("fits").then("month").alias("month"), pl.when("fits").then("year").alias("year")
    )
    good = good.with_columns(fits=in_range.fill_null(value=False))
    whole = pl.datetime(
        *(
            pl.when("fits").then(pl.col(name).fill_null(0))
            for name in ("year", "month", "day", "hour", "minute", "second")
        )
    )
    return good.with_columns(naive=whole.cast(pl.Datetime("us")) + pl.col("part").cast(pl.Duration("us")))


def _placed(frame: pl.DataFrame, zone: str) -> pl.Series:
    """Naive times with the zone written beside them, or else of `zone`."""
    written = frame["zone"]
    local = _in_zone(frame["naive"], zone)
    if written.null_count() == len(written):
        return local
    digits = pl.col("zone").str.replace(":", "", literal=True)
    minutes = digits.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(3, 2).cast(
        pl.Int64, strict=False
    )
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    offset = (sign * minutes.fill_null(0) * 60_000_000).cast(pl.Duration("us"))
    exact = frame.select((pl.col("naive") - offset).dt.replace_time_zone("UTC").alias("naive")).to_series()
    return exact.zip_with(written.is_not_null(), local)


def _parts(pattern: str) -> Reader:
    def read(text: pl.Series, zone: str, _: pl.Series) -> pl.Series:
        groups = _groups(text, pattern)
        if "half" in groups.columns:
            half = pl.col("half").str.to_uppercase()
            late = pl.when(half == "PM").then(12).otherwise(0)
            hour = pl.col("hour")
            told = pl.when(hour.is_between(1, 12)).then(hour % 12 + late).otherwise(99)
            groups = groups.with_columns(hour=pl.when(half.is_null()).then(hour).otherwise(told))
        return _placed(_clock(groups), zone)

    return read


def _iso(text: pl.Series, zone: str, modified: pl.Series) -> pl.Series:
    """The two commonest shapes at once, the others by their parts."""
    exact = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
    exact = exact.dt.replace_time_zone("UTC") if exact.dtype != TIME else exact
    if exact.null_count() == text.null_count():
        return exact
    bare = text.set(exact.is_not_null(), None).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    exact = exact.zip_with(exact.is_not_null(), _in_zone(bare, zone))
    if exact.null_count() == text.null_count():
        return exact
    rest = _parts(_ISO)(text.set(exact.is_not_null(), None), zone, modified)
    return exact.zip_with(exact.is_not_null(), rest)


def _epoch(per_second: int) -> Reader:
    scale = 1_000_000 // per_second

    def read(text: pl.Series, _: str, __: pl.Series) -> pl.Series:
        number, whole = pl.col("x").cast(pl.Float64, strict=False), pl.col("x").cast(pl.Int64, strict=False)
        # Bounds before the product, which must not overflow.
        inside = number.abs() < LATEST.timestamp() * per_second
        micros = pl.coalesce(
            pl.when(inside).then(whole) * scale,
            (pl.when(inside).then(number) * scale).round().cast(pl.Int64, strict=False),
        )
        return text.str.strip_chars().to_frame("x").select(micros.cast(TIME)).to_series()

    return read


def _syslog(text: pl.Series, zone: str, modified: pl.Series) -> pl.Series:
    newest = (modified + timedelta(days=1)).alias("newest")
    latest = cast(datetime, newest.max() or LATEST)
    oldest = cast(datetime, newest.min() or LATEST)
    groups = _groups(text, _SYSLOG).with_columns(
        month=pl.col("name").replace_strict(_MONTHS, range(1, 13), default=None, return_dtype=pl.Int32),
        zone=pl.lit(None, pl.String),
    )
    found = pl.Series([None] * len(text), dtype=TIME)
    # Up to eight years back: 29 February does not come every year.
    for year in range(latest.year, oldest.year - 9, -1):
        moment = _placed(_clock(groups.with_columns(year=pl.lit(year, pl.Int32))), zone)
        known = found.is_not_null() | (moment > newest)
        found = found.zip_with(known.fill_null(value=False), moment)
        if found.null_count() == groups["name"].null_count():
            break
    return found


FORMS: dict[str, Reader] = {
    "iso": _iso,
    "compact": _parts(_COMPACT),
    "us": _parts(_US),
    "slash": _parts(_SLASH),
    "syslog": _syslog,
    "epoch_s": _epoch(1),
    "epoch_ms": _epoch(1000),
}
