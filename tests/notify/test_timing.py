"""People are told at once, in digests, and not in their quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from core.notifying import Digest, Quiet, Timing
from notify.timing import RETRIES, due, retry

NOON = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
"""12:30 in Shanghai."""
NIGHT = Quiet(starts=time(22), ends=time(7), zone="Asia/Shanghai")


def test_at_once_is_now() -> None:
    assert due(NOON, Timing(), "high") == NOON


def test_an_hourly_digest_goes_at_the_next_full_hour() -> None:
    assert due(NOON, Timing(digest=Digest.HOURLY), "high") == datetime(2026, 3, 2, 5, tzinfo=UTC)


@pytest.mark.parametrize(("at", "day"), [(time(18), 2), (time(9), 3), (time(12, 30), 3)])
def test_a_daily_digest_goes_at_its_time_in_its_zone(at: time, day: int) -> None:
    timing = Timing(digest=Digest.DAILY, daily_at=at, zone="Asia/Shanghai")
    assert due(NOON, timing, "high") == datetime(2026, 3, day, at.hour, at.minute, tzinfo=UTC) - timedelta(hours=8)


@pytest.mark.parametrize("hour", [15, 20, 22])
def test_in_quiet_hours_it_waits_until_they_end(hour: int) -> None:
    at = datetime(2026, 3, 2, hour, tzinfo=UTC)
    seven = datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert due(at, Timing(quiet=NIGHT), "high") == seven
    assert due(seven, Timing(quiet=NIGHT), "high") == seven


def test_quiet_hours_of_a_day_and_a_digest_that_falls_into_them() -> None:
    lunch = Quiet(starts=time(12), ends=time(13), zone="Asia/Shanghai")
    assert due(NOON, Timing(quiet=lunch), "low") == datetime(2026, 3, 2, 5, tzinfo=UTC)
    digest = Timing(digest=Digest.DAILY, daily_at=time(3), zone="Asia/Shanghai", quiet=NIGHT)
    assert due(NOON, digest, "low") == datetime(2026, 3, 2, 23, tzinfo=UTC)


def test_what_is_critical_passes_unless_nothing_may() -> None:
    at = datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert due(at, Timing(digest=Digest.HOURLY, quiet=NIGHT), "critical") == at
    silent = Quiet(starts=NIGHT.starts, ends=NIGHT.ends, zone=NIGHT.zone, critical_passes=False)
    assert due(at, Timing(quiet=silent), "critical") == datetime(2026, 3, 2, 23, tzinfo=UTC)


def test_quiet_hours_follow_the_clocks_when_they_change() -> None:
    berlin = Timing(quiet=Quiet(starts=time(22), ends=time(7), zone="Europe/Berlin"))
    assert due(datetime(2026, 3, 28, 23, tzinfo=UTC), berlin, "low") == datetime(2026, 3, 29, 5, tzinfo=UTC)
    assert due(datetime(2026, 3, 27, 23, tzinfo=UTC), berlin, "low") == datetime(2026, 3, 28, 6, tzinfo=UTC)


def test_retries_wait_longer_and_longer_and_end() -> None:
    waits = [retry(attempts, NOON) for attempts in range(1, 8)]
    assert [wait and (wait - NOON).total_seconds() for wait in waits] == [*RETRIES, None]
