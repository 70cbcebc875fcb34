"""Whoever takes a tenth of a daily limit every working day for a month is found, whatever it is that they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.calendar import CompanyCalendar
from core.directory import Directory
from core.person import Link, Person
from core.ports import Mark
from detection.bench import Bench
from detection.judge import judge
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from tests.detection.conftest import SURROUNDINGS, Reader, book, frame

BOOK = RuleBook.load()
CALENDAR = CompanyCalendar()
FIRST, BEGIN, END = date(2026, 4, 1), date(2026, 5, 6), date(2026, 6, 5)
CRM = {"event.module": "salesforce"}
KINDS: Mapping[str, Mapping[str, Any]] = {
    "mass_export": {**CRM, "event.action": "export", "data.records": None},
    "mass_read": {**CRM, "event.action": "search", "data.records": None},
    "mass_transfer": {**CRM, "event.action": "transfer_ownership", "data.records": None},
    "mass_delete_crm": {**CRM, "event.action": "delete", "data.records": None},
    "mass_download": {"event.module": "m365", "event.action": "download", "file.path": None},
    "mass_read_share": {"event.module": "windows", "event.action": "view", "file.path": None},
    "mass_share_outside": {
        "event.module": "m365",
        "event.action": "share",
        "share.scope": "external",
        "file.path": None,
    },
    "mass_delete_cloud": {"event.module": "m365", "event.action": "delete", "file.path": None},
    "mass_delete_share": {"event.module": "windows", "event.action": "delete", "file.path": None},
    "mass_cloud_upload": {"event.dataset": "m365.endpoint", "event.action": "upload", "file.path": None},
    "mass_print": {"event.module": "m365", "event.action": "print", "file.path": None},
    "removable_mass_copy": {"event.module": "windows", "event.action": "copy_to_removable", "file.path": None},
    "mail_volume_personal": {
        "event.action": "send",
        "event.outcome": "success",
        "email.to.address": "li@qq.com",
        "email.to.domain": "qq.com",
        "data.bytes": None,
    },
}
"""What each daily limit is about: an event, whose field with None holds how much."""


def working_days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days):
        if CALENDAR.is_working_day(day := first + timedelta(days=number)):
            yield day


def taken(deed: Mapping[str, Any], day: date, amount: int) -> Iterator[dict[str, object]]:
    """So much of it on a day: in one event where it is a number, else in one event each."""
    (field,) = (name for name, value in deed.items() if value is None)
    start = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    if field.startswith("data."):
        yield {**deed, "@timestamp": start, field: amount}
    else:
        for number in range(amount):
            yield {**deed, "@timestamp": start + timedelta(seconds=number), field: f"/{day}/{number}"}


def alerts_of(rows: list[dict[str, object]]) -> list[tuple[str, date]]:
    events = Tagger(BOOK, SURROUNDINGS).tag(frame(rows))
    accounts = sorted(set(events["user.account"]))
    names = [account.partition(":")[2].partition("@")[0] for account in accounts]
    people = [Person(id=name, name=name, department="Sales", title="Seller") for name in names]
    links = [Link(account=account, person=name) for account, name in zip(accounts, names, strict=True)]
    directory = Directory(people, links, (), dict.fromkeys(accounts, ()), CALENDAR)
    mark = Mark(subject="person:li.na", first=FIRST, last=END)
    bench = Bench(store=Reader(events), directory=directory, book=BOOK, surroundings=SURROUNDINGS)
    return [(alert.rule, alert.day) for one in judge([mark], bench) for alert in one.alerts]


@pytest.mark.parametrize("rule", KINDS)
def test_a_tenth_of_a_daily_limit_every_day_for_a_month_is_found(rule: str) -> None:
    window = BOOK.rules[rule].correlation
    assert window is not None
    tenth = int(window.limit) // 10
    quiet = [
        row for day in list(working_days(FIRST, BEGIN))[::5] for row in taken(KINDS[rule], day, max(1, tenth // 10))
    ]
    drip = [row for day in working_days(BEGIN, END) for row in taken(KINDS[rule], day, tenth)]
    found = alerts_of(quiet + drip)
    assert [one for one in found if one[1] >= BEGIN], "found"
    assert not [one for one in found if one[0] == rule], "and not by the daily limit"
    assert alerts_of(quiet) == [], "who takes next to nothing is not"


def test_different_customers_a_day_are_found_long_before_a_quarter_of_the_book() -> None:
    rows = [
        {**CRM, "event.action": "view", "crm.record_id": f"001{day}-{number}", "@timestamp": at}
        for day in working_days(FIRST, END)
        for number in range(20 if day >= BEGIN else 2)
        for at in [datetime(day.year, day.month, day.day, 3, number, tzinfo=UTC)]
    ]
    found = alerts_of(rows)
    assert ("customer_drip", next(iter(sorted(day for _, day in found)))) in found


def test_a_little_of_two_kinds_is_found_sooner_than_of_one() -> None:
    days = list(working_days(BEGIN, END))
    quiet = [row for name in ("mass_download", "mass_export") for row in taken(KINDS[name], FIRST, 1)]
    files = [row for day in days for row in taken(KINDS["mass_download"], day, 10)]
    records = [row for day in days for row in taken(KINDS["mass_export"], day, 300)]
    one, both = (
        min(alerts_of(quiet + files), key=lambda a: a[1]),
        min(alerts_of(quiet + files + records), key=lambda a: a[1]),
    )
    assert one == ("file_drip", days[3])
    assert both == ("drip_of_everything", days[2])


DRIP = """title: Drip
name: drip
level: high
behaviour: {type: cumulative, rules: [exported], field: data.records, a_day: 100, limit: 300}
"""
EXPORTED = """title: Exported
name: exported
logsource: {product: leaverwatch}
detection: {s: {event.action: export}, condition: s}
level: informational
"""


def exports(who: str, amounts: Mapping[date, int]) -> list[dict[str, object]]:
    return [
        {"user.account": f"mail:{who}@example.com", "@timestamp": at, "data.records": amount}
        for day, amount in amounts.items()
        for at in [datetime(day.year, day.month, day.day, 3, tzinfo=UTC)]
    ]


@pytest.mark.parametrize(("colleagues", "known"), [(5, True), (400, False)])
def test_whoever_is_new_is_held_to_what_the_busiest_colleague_has(
    colleagues: int, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody without a past takes 300 a day from the first day on."""
    monkeypatch.setitem(globals(), "BOOK", book(EXPORTED, DRIP))
    others = [
        row
        for who in ("ann", "ben", "cai")
        for row in exports(who, dict.fromkeys(working_days(FIRST, END), colleagues))
    ]
    new = exports("li.na", dict.fromkeys(list(working_days(BEGIN, END))[:8], 300))
    assert bool(alerts_of(others + new)) is known


def test_what_colleagues_do_as_well_is_usual() -> None:
    quiet = exports("li.na", dict.fromkeys(working_days(FIRST, BEGIN), 5))
    more = exports("li.na", dict.fromkeys(working_days(BEGIN, END), 150))
    others = [
        row for who in ("ann", "ben", "cai") for row in exports(who, dict.fromkeys(working_days(FIRST, END), 150))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "BOOK", book(EXPORTED, DRIP))
        assert alerts_of(quiet + more)
        assert not alerts_of(quiet + more + others)
