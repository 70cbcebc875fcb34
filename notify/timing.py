"""When somebody is told: at once or in a digest, and not in quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.alert import Severity
from core.notifying import Digest, Quiet, Timing

RETRIES = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0)
"""Seconds until the next attempt, as the Standard Webhooks specification suggests."""


def due(now: datetime, timing: Timing, severity: str) -> datetime:
    """When what happens now is told."""
    critical = severity == Severity.CRITICAL.value
    if critical and (timing.quiet is None or timing.quiet.critical_passes):
        return now
    at = _next_digest(now, timing)
    return _after_quiet(at, timing.quiet) if timing.quiet else at


def retry(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many attempts that failed; None: never."""
    return now + timedelta(seconds=RETRIES[attempts - 1]) if attempts <= len(RETRIES) else None


def _next_digest(now: datetime, timing: Timing) -> datetime:
    if timing.digest is Digest.AT_ONCE:
        return now
    if timing.digest is Digest.HOURLY:
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return _next(now, timing.daily_at, timing.zone)


def _after_quiet(at: datetime, quiet: Quiet) -> datetime:
    here = at.astimezone(ZoneInfo(quiet.zone)).time()
    over_night = quiet.starts > quiet.ends
    inside = here >= quiet.starts or here < quiet.ends if over_night else quiet.starts <= here < quiet.ends
    return _next(at, quiet.ends, quiet.zone) if inside else at


def _next(now: datetime, at: time, zone: str) -> datetime:
    """The next moment at which clocks in a zone show a time."""
    here = now.astimezone(ZoneInfo(zone))
    today = datetime.combine(here.date(), at, here.tzinfo)
    chosen = today if today > here else datetime.combine(here.date() + timedelta(days=1), at, here.tzinfo)
    return chosen.astimezone(UTC)
