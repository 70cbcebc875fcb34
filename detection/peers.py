"""What peers usually have: the same window's value among people of the same department and title."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl

from core.alert import Alert, Fact
from core.directory import Directory
from core.ports import EventQuery, EventReader
from core.schema import SCHEMA
from detection.behaviours.company import Usual
from detection.correlations import Correlation
from detection.rule import Rule
from detection.rulebook import RuleBook

LEAST = 3
"""Of fewer peers nothing is usual."""
PEERS = "peers_usual"
"""The fact of what a rule was judged against."""
A_DAY = timedelta(days=1)
COMPARED = ("event_count", "value_count", "value_sum")


def peers_usual(alerts: Iterable[Alert], store: EventReader, directory: Directory, book: RuleBook) -> dict[str, Fact]:
    """The median of what peers have in the window of each alert, by alert; those who did nothing count as 0.

    It is read from the stored events, in one query a rule, whenever it is asked for, so it does not depend on who was
    judged before whom; what a rule was judged against stands in its facts. An alert is missing where it has no peers,
    or where its rule does not simply count or add up.
    """
    alerts = list(alerts)
    found = judged_against(alerts)
    per_rule: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.id in found:
            continue
        rule = book.rules.get(alert.rule)
        if rule and _compares(rule, book) and len(directory.peers_of(alert.person)) >= LEAST:
            per_rule[alert.rule].append(alert)
    for name, own in sorted(per_rule.items()):
        window = book.rules[name].correlation
        assert window is not None  # noqa: S101
        for some in _together(own, window):
            values = _values(some, window, store, directory)
            found |= {alert.id: _usual(alert, window, values, directory) for alert in some}
    return found


def judged_against(alerts: Iterable[Alert]) -> dict[str, Fact]:
    """What peers usually have, by alert, where its rule was judged against that."""
    return {alert.id: alert.facts[PEERS] for alert in alerts if PEERS in alert.facts}


def daily_usual(
    peers: Collection[str], field: str | None, days: int, asked: EventQuery, store: EventReader, directory: Directory
) -> Usual:
    """What peers have in one of so many days of the events asked for, on average: of the events, of the sum of a
    number, or of how many distinct values a field had; those who did nothing count as 0."""
    owners = _owners(peers, directory)
    query = replace(asked, accounts=frozenset(owners["user.account"]))
    adds = field is not None and SCHEMA[field].is_numeric()
    by = ["day", "user.account", *([field] if field and not adds else [])]
    totals = store.totals(query, by, directory.calendar.zone, [field] if field and adds else [])
    value = pl.col(field if field and adds else "events")
    if field and not adds:
        totals = totals.drop_nulls(field).select("day", "user.account", pl.lit(1).alias("events"))
    own = totals.join(owners, on="user.account").group_by("person").agg(value.sum().alias("n"))
    known = dict(own.iter_rows())
    return Usual(_median(known, peers) / days, max(known.values(), default=0) / days)


def _owners(peers: Collection[str], directory: Directory) -> pl.DataFrame:
    """Rows of `user.account` and `person`."""
    found = [(one, peer) for peer in sorted(peers) for one in sorted(directory.accounts_of([f"person:{peer}"]))]
    return pl.DataFrame(found, schema={"user.account": pl.String, "person": pl.String}, orient="row")


def _median(known: Mapping[str, int], peers: Collection[str]) -> float:
    median = pl.Series([known.get(peer, 0) for peer in sorted(peers)], dtype=pl.Float64).median()
    assert isinstance(median, float)  # noqa: S101
    return median


def _compares(rule: Rule, book: RuleBook) -> bool:
    window = rule.correlation
    if window is None or window.type not in COMPARED or window.group != ("person.id",):
        return False
    if len(window.measure.fields) > 1:
        return False
    bases = [book.rules[name] for name in window.rules if name in book.rules]
    return len(bases) == len(window.rules) and all(
        b.exact is None and not b.extra.first_seen and not b.correlation for b in bases
    )


def _together(alerts: Sequence[Alert], window: Correlation) -> list[list[Alert]]:
    """Alerts that one query answers: all, where windows are whole days; else each by itself."""
    return [list(alerts)] if window.span >= A_DAY else [[alert] for alert in alerts]


def _values(alerts: Sequence[Alert], window: Correlation, store: EventReader, directory: Directory) -> pl.DataFrame:
    """Rows of `person`, `day`, `value`: what counts of the peers of these alerts."""
    calendar = directory.calendar
    peers = frozenset().union(*(directory.peers_of(person) for person in {alert.person for alert in alerts}))
    owners = _owners(peers, directory)
    start, end = _range(alerts, window, directory)
    accounts = frozenset(owners["user.account"])
    query = EventQuery(start=start, end=end, accounts=accounts, tagged=window.rules)
    by = ["day", "user.account", *([window.field] if window.type == "value_count" and window.field else [])]
    sums = [window.field] if window.type == "value_sum" and window.field else []
    totals = store.totals(query, by, calendar.zone, sums)
    value = pl.col(window.field if window.type != "event_count" and window.field else "events")
    if window.type == "value_count":
        totals = totals.filter(value.is_not_null())
    days = pl.col("day").cast(pl.String).str.to_date("%Y-%m-%d")
    return totals.join(owners, on="user.account").select("person", days.alias("day"), value.alias("value"))


def _range(alerts: Sequence[Alert], window: Correlation, directory: Directory) -> tuple[datetime, datetime]:
    if window.span < A_DAY:
        (alert,) = alerts
        last = datetime.fromisoformat(str(alert.facts["last"])) if "last" in alert.facts else alert.time
        return last - window.span, last + timedelta(seconds=1)
    calendar = directory.calendar
    first = min(_first_day(alert, window) for alert in alerts)
    return calendar.start_of(first), calendar.end_of(max(alert.day for alert in alerts))


def _first_day(alert: Alert, window: Correlation) -> date:
    return alert.day - timedelta(days=max(0, -(-window.span // A_DAY) - 1))


def _usual(alert: Alert, window: Correlation, values: pl.DataFrame, directory: Directory) -> Fact:
    peers = directory.peers_of(alert.person)
    own = values.filter(pl.col("person").is_in(sorted(peers)))
    if window.span >= A_DAY:
        own = own.filter(pl.col("day").is_between(_first_day(alert, window), alert.day))
    value = pl.col("value")
    total = own.group_by("person").agg((value.n_unique() if window.type == "value_count" else value.sum()).alias("n"))
    median = _median(dict(total.iter_rows()), peers)
    return int(median) if median.is_integer() else round(median, 2)
