"""What rules may know beyond the event itself: the company's calendar and mail domains."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from core.calendar import CompanyCalendar
from core.domains import PERSONAL_DOMAINS, kind_of_domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The company rules are judged in. A mail domain of the company counts with its subdomains."""

    calendar: CompanyCalendar = field(default_factory=CompanyCalendar)
    company_domains: frozenset[str] = frozenset()
    personal_domains: frozenset[str] = PERSONAL_DOMAINS

    def __str__(self) -> str:
        """The same text for the same surroundings, in any process."""
        calendar = self.calendar
        parts = (calendar.zone, calendar.country, calendar.starts, calendar.ends, sorted(calendar.extra_holidays))
        return repr((*map(str, parts), sorted(self.company_domains), sorted(self.personal_domains)))


def derive(events: pl.DataFrame, surroundings: Surroundings) -> pl.DataFrame:
    """The events with the columns of `core.schema.DERIVED`. Needs @timestamp and email.to.domain."""
    off_hours = surroundings.calendar.off_hours(events["@timestamp"]).alias("calendar.off_hours")
    kind = kind_of_domain(pl.col("email.to.domain"), surroundings.company_domains, surroundings.personal_domains)
    return events.with_columns(off_hours, kind.alias("email.to.kind"))
