"""Time stamps: text columns to UTC times. What cannot be read becomes null; the caller decides what that means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl

from core.schema import TIME

FILE_TIME = "\0modified"
"""Column with the moment the file was last written: the year of stamps that have none follows from it."""

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_ISO = (
    r"^\s*(?P<day>\d{4}-\d\d?-\d\d?)[T ](?P<clock>\d\d?:\d\d(?::\d\d)?)(?:[.,](?P<part>\d{1,9}))?"
    r"\s?(?P<zone>Z|z|UTC|GMT|[+-]\d\d:?\d\d)?\s*$"
)
_COMPACT = r"^\s*(?P<day>\d{8})(?P<clock>\d{6})(?:[.,](?P<part>\d{1,9}))?(?P<zone>Z)?\s*$"
_US = (
    r"(?i)^\s*(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})"
    r"(?:,?\s+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:\.(?P<part>\d{1,9}))?\s*(?P<half>AM|PM)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?\s*$"
)
_SLASH = (
    r"^\s*(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})"
    r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:\.(?P<part>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?\s*$"
)
_SYSLOG = r"^\s*(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})\s+(?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<part>\d{1,9}))?\s*$"


def parse_time(text: pl.Expr, form: str, zone: str) -> pl.Expr:
    """Read times written in `form` (a name of `FORMS` or a strftime pattern); stamps without a zone are of `zone`."""
    if form in FORMS:
        return _sane(FORMS[form](text, zone))
    return _sane(_in_zone(text.str.strip_chars().str.to_datetime(form, time_unit="us", strict=False), zone))


def _sane(moment: pl.Expr) -> pl.Expr:
    """Nothing for times outside 1970-2200: they are misread numbers, and would break calendar arithmetic."""
    moment = moment.cast(TIME)
    return pl.when(moment.is_between(EARLIEST, LATEST)).then(moment)


def _in_zone(naive: pl.Expr, zone: str) -> pl.Expr:
    """Wall clock of a zone to UTC: the earlier of two, and one hour on where the clock skipped."""
    if zone == "UTC":
        return naive.dt.replace_time_zone("UTC")

    def place(clock: pl.Expr) -> pl.Expr:
        return clock.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")

    return pl.coalesce(place(naive), place(naive + pl.duration(hours=1)))


def _micros(part: pl.Expr) -> pl.Expr:
    return part.fill_null("").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64, strict=False).cast(pl.Duration("us"))


def _placed(naive: pl.Expr, written: pl.Expr, zone: str) -> pl.Expr:
    """A naive time with the zone written beside it, or else of `zone`."""
    sign = pl.when(written.str.starts_with("-")).then(-1).otherwise(1)
    digits = written.str.replace(":", "", literal=True)
    minutes = digits.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(3, 2).cast(
        pl.Int64, strict=False
    )
    offset = (sign * minutes.fill_null(0) * 60_000_000).cast(pl.Duration("us"))
    return pl.when(written.is_not_null()).then(_in_zone(naive - offset, "UTC")).otherwise(_in_zone(naive, zone))


def _group(groups: pl.Expr, name: str) -> pl.Expr:
    return groups.struct.field(name)


def _iso(text: pl.Expr, zone: str) -> pl.Expr:
    groups = text.str.extract_groups(_ISO)
    clock = _group(groups, "clock")
    clock = pl.when(clock.str.count_matches(":", literal=True) == 1).then(clock + ":00").otherwise(clock)
    naive = pl.concat_str(_group(groups, "day"), clock, separator=" ").str.to_datetime(
        "%Y-%m-%d %H:%M:%S", time_unit="us", strict=False
    )
    return _placed(naive + _micros(_group(groups, "part")), _group(groups, "zone"), zone)


def _compact(text: pl.Expr, zone: str) -> pl.Expr:
    groups = text.str.extract_groups(_COMPACT)
    naive = pl.concat_str(_group(groups, "day"), _group(groups, "clock")).str.to_datetime(
        "%Y%m%d%H%M%S", time_unit="us", strict=False
    )
    return _placed(naive + _micros(_group(groups, "part")), _group(groups, "zone"), zone)


def _parts(text: pl.Expr, pattern: str, zone: str) -> pl.Expr:
    """Times whose numbers are groups of a pattern; a time of day that is missing is midnight."""
    groups = text.str.extract_groups(pattern)
    hour = _group(groups, "hour").fill_null("0").cast(pl.Int64, strict=False)
    if "(?P<half>" in pattern:
        half = _group(groups, "half").str.to_uppercase()
        late = pl.when(half == "PM").then(12).otherwise(0)
        hour = pl.when(half.is_null()).then(hour).when(hour.is_between(1, 12)).then(hour % 12 + late)
    written = pl.format(
        "{}-{}-{} {}:{}:{}",
        *(_group(groups, name) for name in ("year", "month", "day")),
        hour.cast(pl.String),
        *(_group(groups, name).fill_null("0") for name in ("minute", "second")),
    )
    naive = written.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    return _placed(naive + _micros(_group(groups, "part")), _group(groups, "zone"), zone)


def _epoch(text: pl.Expr, per_second: int) -> pl.Expr:
    number = text.str.strip_chars().cast(pl.Float64, strict=False)
    whole = text.str.strip_chars().cast(pl.Int64, strict=False)
    scale = 1_000_000 // per_second
    # Bounds before the cast: an Int64 product must not overflow.
    inside = number.abs() < LATEST.timestamp() * per_second
    exact = pl.when(inside).then(pl.coalesce(whole * scale, (number * scale).round().cast(pl.Int64, strict=False)))
    return exact.cast(TIME)


def _syslog(text: pl.Expr, zone: str) -> pl.Expr:
    """The newest moment of that day and clock that is not later than a day after the file was last written."""
    groups = text.str.extract_groups(_SYSLOG)
    newest = pl.col(FILE_TIME) + pl.duration(days=1)

    def in_year(back: int) -> pl.Expr:
        year = (newest.dt.year() - back).cast(pl.String)
        stamp = pl.format("{} {} {} {}", year, *(_group(groups, name) for name in ("month", "day", "clock")))
        naive = stamp.str.to_datetime("%Y %b %d %H:%M:%S", time_unit="us", strict=False)
        moment = _in_zone(naive + _micros(_group(groups, "part")), zone)
        return pl.when(moment <= newest).then(moment)

    # Up to eight years back: 29 February does not come every year.
    return pl.coalesce(in_year(back) for back in range(9))


FORMS: dict[str, Callable[[pl.Expr, str], pl.Expr]] = {
    "iso": _iso,
    "compact": _compact,
    "us": lambda text, zone: _parts(text, _US, zone),
    "slash": lambda text, zone: _parts(text, _SLASH, zone),
    "syslog": _syslog,
    "epoch_s": lambda text, _: _epoch(text, 1),
    "epoch_ms": lambda text, _: _epoch(text, 1000),
}
