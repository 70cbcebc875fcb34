"""Person-days: a row depends on what happened, not on how it is asked for or when it arrived."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from core.actions import Action
from core.directory import Directory
from core.person import Filing, Link
from models import reading
from models.featurepage import pages
from models.features import ENOUGH, FEATURES, NAMES, REACH, VERSION, digest
from models.hows import MEMORY, Sum
from models.person_days import SCHEMA, person_days
from tests.models.conftest import LI, LI_AT_HER_DESK, LINKS, WANG, Reader, a_day, at, directory, events, rows

TUESDAY = date(2026, 3, 3)
TEXTS = {
    "event.action": [*(action.value for action in Action), "unheard of"],
    "event.outcome": ["success", "failure"],
    "event.module": ["salesforce", "m365", "windows"],
    "user.account": [LI, LI_AT_HER_DESK, WANG, "login:nobody"],
    "host.name": ["pc1", "pc2"],
    "source.ip": ["10.0.0.1", "192.0.2.7"],
    "device.id": ["usb1"],
    "file.path": ["/销售/报价单.xlsx", "\\\\fs\\a\\b.docx", "plain"],
    "file.extension": ["xlsx", "zip"],
    "file.target_extension": ["jpg", "xlsx"],
    "email.to.address": ["me@qq.com", "x@customer.example", "wang.wei@example.com"],
    "email.to.domain": ["qq.com", "customer.example", "example.com", ""],
    "target.user": ["guest@else.example"],
    "share.scope": ["internal", "external", "anonymous"],
    "url.full": ["http://www.Jobs.example/a", "https://me:x@leaks.example:8080", "no address"],
    "crm.record_id": ["001A", "003B", "00O1"],
    "data.sensitivity": ["机密", "Public", "8d2f-id"],
    "data.owner": ["li.na", "wang.wei"],
    "user.name": ["li.na"],
}
START = datetime(2026, 1, 5, tzinfo=UTC)


@st.composite
def an_event(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = {"@timestamp": START + timedelta(minutes=draw(st.integers(0, 130 * 24 * 60)))}
    for name, values in TEXTS.items():
        row[name] = draw(st.sampled_from([None, *values]))
    for name in ("data.records", "data.bytes"):
        row[name] = draw(st.sampled_from([None, 0, 1, 7000, -3, 2**62]))
    return row


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(an_event(), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_a_touched_day_has_the_rows_that_the_whole_run_gave_it(seen: list[dict[str, Any]], random: Any) -> None:
    stored = events(*seen)
    moved = Link(account=WANG, person="1001", since=START + timedelta(days=60), confidence=2.0)
    people = directory(stored, links=[*LINKS, moved])
    first, last = date(2026, 1, 1), date(2026, 5, 20)
    batch = rows(stored, first, last, people)
    shuffled = stored.sample(fraction=1, shuffle=True, seed=random.randrange(1000))
    assert_frame_equal(rows(shuffled, first, last, people, at_once=1), batch, check_exact=True)
    days = sorted({last, *stored["@timestamp"].dt.date()})
    for day in random.sample(days, min(3, len(days))):
        known = stored.filter(pl.col("@timestamp") < people.calendar.end_of(day))
        for source in (shuffled, known):
            alone = rows(source, day, day, people)
            expected = batch.filter(pl.col("day") == day) if batch.height else batch
            if alone.height or expected.height:
                assert_frame_equal(alone, expected, check_exact=True)


def test_large_days_are_read_in_pieces_and_give_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = (LI, LI_AT_HER_DESK, WANG)
    stored = events(
        *(
            {"@timestamp": at("03-02T09:00") + timedelta(minutes=97 * number), "user.account": accounts[number % 3]}
            for number in range(400)
        )
    )
    whole = rows(stored, date(2026, 3, 1), date(2026, 4, 1))
    monkeypatch.setattr(reading, "EVENTS_AT_ONCE", 5)
    assert_frame_equal(rows(stored, date(2026, 3, 1), date(2026, 4, 1)), whole, check_exact=True)


def test_there_is_a_row_for_every_working_day_since_the_first_event_and_for_days_off_with_events() -> None:
    stored = events({"@timestamp": at("03-03T10:00")}, {"@timestamp": at("03-08T10:00")})
    found = rows(stored, date(2026, 2, 1), date(2026, 3, 10))
    assert found["day"].to_list() == [date(2026, 3, day) for day in (3, 4, 5, 6, 8, 9, 10)]
    assert found["events"].to_list() == [1, 0, 0, 0, 1, 0, 0]
    assert dict(found.schema) == SCHEMA
    late = rows(stored, date(2026, 3, 9), date(2026, 3, 10))
    assert late["day"].to_list() == [date(2026, 3, 9), date(2026, 3, 10)], "the first event may be long before"


def test_nobody_without_events_has_a_row_and_nobodys_accounts_only_by_name() -> None:
    stored = events({"@timestamp": at("03-03T10:00")}, {"@timestamp": at("03-03T10:00"), "user.account": "login:svc"})
    assert rows(stored, TUESDAY, TUESDAY)["person"].to_list() == ["1001"]
    assert rows(stored, TUESDAY, TUESDAY, persons=["login:svc", "1002"])["person"].to_list() == ["login:svc"]
    assert rows(stored, date(2026, 3, 1), date(2026, 3, 2)).is_empty()
    assert list(person_days(Reader(stored), directory(stored), TUESDAY, date(2026, 3, 1))) == []


def test_accounts_count_for_whom_they_belonged_to_then() -> None:
    since = at("03-04T00:00")
    links = [*LINKS, Link(account="login:desk", person="1001", until=since)]
    links.append(Link(account="login:desk", person="1002", since=since))
    desk = {"user.account": "login:desk"}
    stored = events({"@timestamp": at("03-03T10:00"), **desk}, {"@timestamp": at("03-04T10:00"), **desk})
    found = rows(stored, TUESDAY, date(2026, 3, 4), directory(stored, links=links))
    assert found.select("person", "day", "events").rows() == [
        ("1001", TUESDAY, 1.0),
        ("1001", date(2026, 3, 4), 0.0),
        ("1002", date(2026, 3, 4), 1.0),
    ]


def test_a_stage_is_what_hr_had_filed_by_the_end_of_the_day() -> None:
    stored = events({"@timestamp": at("03-02T10:00")})
    filings = [Filing(account=LI, filed=at("03-04T23:59"), last_day=date(2026, 3, 5))]
    found = rows(stored, date(2026, 3, 2), date(2026, 3, 6), directory(stored, filings))
    assert found["stage"].to_list() == ["active", "active", "notice", "notice", "departed"]
    assert found["department"].unique().to_list() == ["销售部"]


def test_a_department_nobody_filed_is_null() -> None:
    stored = events({"@timestamp": at("03-03T10:00")})
    people = Directory([], LINKS, [], {LI: ()}, directory(stored).calendar)
    assert rows(stored, TUESDAY, TUESDAY, people).select("department", "title").row(0) == (None, None)


def test_pages_are_of_sites_and_a_site_is_new_once() -> None:
    usual = [{"@timestamp": at(f"02-{day:02}T10:00"), "url.full": "http://news.example/a.htm"} for day in range(2, 28)]
    day = [
        {"@timestamp": at("03-03T10:00"), "url.full": "https://www.News.example:443/b?c"},
        {"@timestamp": at("03-03T10:01"), "url.full": "http://jobs.example/"},
        {"@timestamp": at("03-03T10:02"), "url.full": "http://user:word@jobs.example/x"},
        {"@timestamp": at("03-03T10:03"), "url.full": "nowhere"},
        {"@timestamp": at("03-03T10:04"), "url.full": "https://a.sharepoint.example/b.xlsx", "file.path": "/b.xlsx"},
    ]
    row = a_day(TUESDAY, *usual, *day)
    assert (row["sites"], row["new_sites"], row["new_sites_share"]) == (2, 1, 0.5)


def test_volumes_count_what_was_done_and_failures_apart() -> None:
    moment = {"@timestamp": at("03-03T10:00")}
    row = a_day(
        TUESDAY,
        {**moment, "event.action": "export", "data.records": 7000},
        {**moment, "event.action": "export", "data.records": 5000, "event.outcome": "failure"},
        {**moment, "event.action": "download", "data.bytes": 2**62},
        {**moment, "event.action": None, "data.bytes": -5},
        {**moment, "event.action": "login_failed", "event.outcome": "failure"},
    )
    assert (row["events"], row["exports"], row["records_exported"], row["failures"]) == (5, 1, 7000, 2)
    assert row["bytes_taken"] == 2**40, "no number that a log claims drowns the others"
    assert (row["other_actions"], row["failed_logins"]) == (1, 1)


def test_mail_outside_is_told_apart_by_whose_the_domain_is() -> None:
    mail = {"@timestamp": at("03-03T10:00"), "event.action": "send", "data.bytes": 100}
    row = a_day(
        TUESDAY,
        {**mail, "email.to.domain": "QQ.com", "email.to.address": "me@QQ.com"},
        {**mail, "email.to.domain": "customer.example", "email.to.address": "x@customer.example"},
        {**mail, "email.to.domain": "sub.example.com", "email.to.address": "y@sub.example.com"},
    )
    assert (row["mails"], row["mails_personal"], row["mails_external"], row["destinations"]) == (3, 1, 1, 2)
    assert (row["bytes_personal"], row["bytes_external"], row["bytes_mailed"]) == (100, 100, 300)


def test_disguise_scope_and_labels_are_seen() -> None:
    moment = {"@timestamp": at("03-03T21:00")}
    row = a_day(
        TUESDAY,
        {**moment, "event.action": "rename", "file.extension": "xlsx", "file.target_extension": "jpg"},
        {**moment, "event.action": "rename", "file.extension": "xlsx", "file.target_extension": "xlsx"},
        {**moment, "event.action": "rename", "file.extension": "xlsx"},
        {**moment, "event.action": "share", "share.scope": "anonymous"},
        {**moment, "event.action": "share", "share.scope": "external", "target.user": "g@else.example"},
        {**moment, "event.action": "download", "data.sensitivity": " 绝密 "},
        {**moment, "event.action": "view", "data.sensitivity": "8d2f"},
        {**moment, "event.action": "view", "data.sensitivity": "公开", "data.owner": "wang.wei", "user.name": "li.na"},
    )
    assert (row["renames"], row["disguises"]) == (3, 1)
    assert (row["shares"], row["shares_external"], row["shares_anonymous"]) == (2, 2, 1)
    assert (row["labelled"], row["sensitivity"], row["sensitivity_taken"], row["strangers"]) == (2, 7, 5, 1)
    assert (row["off_hours"], row["off_hours_share"], row["taken_off_hours"]) == (8, 1.0, 3)


def working_past(days: int, **fields: Any) -> list[dict[str, Any]]:
    """An event at ten on each of so many days before the Tuesday."""
    return [{"@timestamp": at("03-03T10:00") - timedelta(days=ago), **fields} for ago in range(1, days + 1)]


def test_what_is_new_is_new_to_the_person_and_forgotten_after_a_while() -> None:
    today = {"@timestamp": at("03-03T10:00")}
    past = working_past(ENOUGH, **{"host.name": "pc1"})
    old = {"@timestamp": at("03-03T10:00") - timedelta(days=MEMORY + 1), "host.name": "pc9"}
    row = a_day(TUESDAY, *past, old, *({**today, "host.name": name} for name in ("pc1", "pc2", "pc9", "pc9")))
    assert (row["hosts"], row["new_hosts"]) == (3, 2)
    assert row["new_hosts_share"] == pytest.approx(2 / 3)
    assert row["new_customers_share"] == 0, "none of none is new"


def test_without_enough_past_nothing_is_said_against_it() -> None:
    row = a_day(TUESDAY, *working_past(ENOUGH - 1), {"@timestamp": at("03-03T02:00"), "host.name": "pc1"})
    assert [row[name] for name in ("new_hosts", "new_hosts_share", "off_habit_share", "order_surprise")] == [None] * 4
    assert row["hosts"] == 1


def test_hours_are_unusual_by_the_persons_own_habit() -> None:
    night = [{"@timestamp": one["@timestamp"] - timedelta(hours=8)} for one in working_past(20)]
    row = a_day(TUESDAY, *night, {"@timestamp": at("03-03T02:30")}, {"@timestamp": at("03-03T10:30")})
    assert (row["off_hours"], row["off_habit_share"]) == (1, 0.5), "a night worker is at home at night"


def test_another_order_of_the_same_actions_surprises() -> None:
    def day(ago: int, actions: str) -> list[dict[str, Any]]:
        words = {"v": "view", "e": "export", "d": "delete"}
        start = at("03-03T10:00") - timedelta(days=ago)
        return [
            {"@timestamp": start + timedelta(minutes=number), "event.action": words[one]}
            for number, one in enumerate(actions)
        ]

    past = [event for ago in range(1, 21) for event in day(ago, "vved")]
    usual, strange = a_day(TUESDAY, *past, *day(0, "vved")), a_day(TUESDAY, *past, *day(0, "devv"))
    assert usual["action_entropy"] == strange["action_entropy"] == 1.5
    assert strange["order_surprise"] > usual["order_surprise"] + 1
    assert (usual["new_steps_share"], strange["new_steps_share"]) == (0.0, pytest.approx(2 / 3))
    steps = ("look_then_look", "look_then_take", "take_then_remove", "remove_then_take", "take_then_look")
    assert [usual[name] for name in steps] == [1, 1, 1, 0, 0]
    assert [strange[name] for name in steps] == [1, 0, 0, 1, 1]


def test_the_book_is_what_anybody_touched_before_the_month() -> None:
    crm = {"event.module": "salesforce"}
    book = [
        {"@timestamp": at("02-10T10:00"), "crm.record_id": f"001{number}", "user.account": WANG, **crm}
        for number in range(8)
    ]
    report = {"@timestamp": at("02-10T10:00"), "crm.record_id": "00O7", "user.account": WANG, **crm}
    mine = [
        {"@timestamp": at(f"{day}T10:00"), "crm.record_id": f"001{one}", **crm}
        for day, one in (("02-27", 1), ("03-02", 1), ("03-03", 2), ("01-15", 3))
    ]
    row = a_day(TUESDAY, *book, report, *mine)
    assert (row["customers"], row["customers_7d"], row["customers_30d"], row["customers_90d"]) == (1, 2, 2, 3)
    assert row["book_share_30d"] == 2 / 8
    assert a_day(date(2026, 1, 15), *mine)["book_share_30d"] is None, "nobody knows the book before there is one"


def test_long_windows_add_up_the_rows_of_their_days() -> None:
    past = working_past(REACH + 5, **{"event.action": "delete"})
    row = a_day(TUESDAY, *past)
    assert [row[f"deletes_{days}d"] for days in (7, 30, 90)] == [6, 29, 89]
    assert (row["deletes"], row["active_days_30d"]) == (0, 29)


def test_features_are_named_once_in_both_languages_and_sums_are_of_features() -> None:
    assert len(NAMES) == len(set(NAMES)) >= 60
    assert all(feature.en and feature.zh and str(feature.how) and feature.how.zh for feature in FEATURES)
    assert all(feature.how.of in NAMES for feature in FEATURES if isinstance(feature.how, Sum))


def test_the_digest_changes_with_names_their_order_and_the_version() -> None:
    assert len(digest()) == 64
    others = {digest(NAMES[1:]), digest((*NAMES[1:], NAMES[0])), digest(NAMES, VERSION + 1)}
    assert len(others | {digest()}) == 4


def test_the_pages_of_features_are_the_list() -> None:
    for path, table in pages().items():
        assert table in Path(path).read_text(encoding="utf-8"), f"python -m models.featurepage rewrites {path}"
