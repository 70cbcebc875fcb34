"""Whose a machine is, told by its domain: the company's domains are those of several people's machines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from core.calendar import CompanyCalendar
from core.condition import Has
from core.ports import EventQuery, EventReader

DOMAIN, OURS = "host.domain", "host.company"
PEOPLE = 3
"""Of fewer people's accounts a domain is not the company's."""
DAYS = 30
"""Looked at before a month begins, so that an answer does not change with every event of others."""

Domains = dict[date, frozenset[str]]
"""The company's domains by the first day of the month in which they count."""


def with_company(events: pl.DataFrame, store: EventReader, calendar: CompanyCalendar, known: Domains) -> pl.DataFrame:
    """The events, which have `day`, with `host.company`; what is asked of the store is added to `known`."""
    month = pl.col("day").dt.truncate("1mo")
    asked = events.filter(pl.col(DOMAIN).is_not_null()).select(month.alias("month"))["month"].unique().sort().to_list()
    for first in asked:
        if first not in known:
            known[first] = _domains(first, store, calendar)
    return events.with_columns(_ours({first: known[first] for first in asked if known[first]}, month).alias(OURS))


def _ours(known: Mapping[date, frozenset[str]], month: pl.Expr) -> pl.Expr:
    found = pl.lit(None, pl.Boolean)
    for first, domains in known.items():
        found = pl.when(month == first).then(pl.col(DOMAIN).is_in(sorted(domains))).otherwise(found)
    return found


def _domains(month: date, store: EventReader, calendar: CompanyCalendar) -> frozenset[str]:
    query = EventQuery(
        start=calendar.start_of(month - timedelta(days=DAYS)), end=calendar.start_of(month), condition=Has(DOMAIN)
    )
    totals = store.totals(query, [DOMAIN, "user.account"]).drop_nulls()
    accounts = totals.group_by(DOMAIN).agg(pl.col("user.account").n_unique())
    return frozenset(accounts.filter(pl.col("user.account") >= PEOPLE)[DOMAIN])
