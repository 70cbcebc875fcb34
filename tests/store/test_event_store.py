"""What every event store promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from storing import START, a_batch, a_line, an_event, bad, batch_of, lines, per_account

from core.batch import Appended, Progress
from core.canonical import content_id, record_ids
from core.ports import EventQuery, EventStore, Mark
from core.retention import Due, Erased, Expiry, Kept, Span, Stored
from core.schema import SCHEMA
from store.records import SqlRecords

DAY = START.date()


def numbers(store: EventStore, query: EventQuery | None = None) -> list[int]:
    return store.read(query or EventQuery())["event.sequence"].to_list()


def test_a_batch_appended_twice_is_stored_once(store: EventStore) -> None:
    assert store.append(batch_of(1, 2, 3), []) == Appended(stored=3)
    assert store.append(batch_of(1, 2, 3), []) == Appended(duplicate=3)
    assert numbers(store) == [1, 2, 3]
    assert store.count() == 3


def test_what_is_known_of_an_overlapping_batch_is_left_as_it_is(store: EventStore) -> None:
    store.append(batch_of(1, 2), [])
    changed = a_batch([an_event(2, event__action="delete"), an_event(3)])
    assert store.append(changed, []) == Appended(stored=1, duplicate=1)
    assert store.read(EventQuery(columns=["event.action"]))["event.action"].to_list() == ["export"] * 3


def test_two_equal_records_at_two_positions_are_two_events(store: EventStore) -> None:
    ids = record_ids("crm", [b"same", b"same"], [0, 1])
    twins = [an_event(7, event__id=one) for one in ids]
    assert store.append(a_batch(twins), []).stored == 2
    assert store.append(a_batch(twins), []) == Appended(duplicate=2)
    assert numbers(store) == [7, 7]


def test_an_id_twice_in_one_batch_is_one_event(store: EventStore) -> None:
    assert store.append(batch_of(1, 1), []) == Appended(stored=1, duplicate=1)
    assert numbers(store) == [1]


def test_a_known_event_is_known_though_its_time_moved_to_another_year(store: EventStore) -> None:
    store.append(batch_of(1), [])
    moved = an_event(1) | {"@timestamp": START - timedelta(days=900)}
    assert store.append(a_batch([moved]), []) == Appended(duplicate=1)


def test_an_empty_store_answers_with_no_rows_of_the_right_columns(store: EventStore) -> None:
    assert store.read(EventQuery()).schema == pl.Schema(SCHEMA)
    assert store.read(EventQuery(columns=["file.size"], tagged=["r"])).schema == pl.Schema({"file.size": pl.Int64})
    assert (store.count(), store.newest(), list(store.sources())) == (0, None, [])
    assert per_account(store) == {}


def test_an_empty_batch_is_welcome(store: EventStore) -> None:
    assert store.append(a_batch(), []) == Appended()
    assert store.count() == 0


def test_events_come_in_order_of_time_then_id(store: EventStore) -> None:
    at_once = [an_event(number) | {"@timestamp": START} for number in (1, 2, 3)]
    store.append(a_batch([an_event(9), *at_once]), [])
    store.append(batch_of(4), [])
    found = store.read(EventQuery())
    assert found["@timestamp"].is_sorted()
    assert found["event.id"].to_list()[:3] == sorted(event["event.id"] for event in at_once)
    assert numbers(store)[3:] == [4, 9]


def test_a_query_narrows_by_time_account_tag_and_id(store: EventStore) -> None:
    tagged = [an_event(number, rule__matched=["mass_export", "night"] if number == 4 else []) for number in range(6)]
    store.append(a_batch(tagged), [])
    from_two = EventQuery(start=START + timedelta(minutes=2), end=START + timedelta(minutes=4))
    assert numbers(store, from_two) == [2, 3], "the end is not included"
    assert numbers(store, EventQuery(accounts=["login:a", "login:nobody"])) == [0, 3]
    assert numbers(store, EventQuery(accounts=[])) == []
    assert numbers(store, EventQuery(tagged=["night", "other"])) == [4]
    assert numbers(store, EventQuery(tagged=["mass"])) == [], "a tag is whole"
    assert numbers(store, EventQuery(ids=[content_id("event", "5"), "0" * 32])) == [5]
    assert numbers(store, EventQuery(limit=2)) == [0, 1]
    assert store.read(EventQuery(columns=["user.account", "event.sequence"])).columns == [
        "user.account",
        "event.sequence",
    ]


def test_an_event_without_tags_has_null_there(store: EventStore) -> None:
    store.append(a_batch([an_event(1, rule__matched=[]), an_event(2, rule__matched=["r"])]), [])
    assert store.read(EventQuery())["rule.matched"].to_list() == [None, ["r"]]


def test_events_of_each_account_are_counted(store: EventStore) -> None:
    store.append(batch_of(0, 1, 3), [])
    store.append(a_batch([an_event(4, user__account=None)]), [])
    assert per_account(store) == {"login:a": 2, "login:b": 1}
    assert per_account(store, EventQuery(start=START + timedelta(minutes=2))) == {"login:a": 1}


def test_only_accounts_with_new_events_are_marked(store: EventStore, records: SqlRecords) -> None:
    marks = [Mark(subject=f"login:{name}", first=DAY, last=DAY) for name in "ab"]
    store.append(batch_of(0, 1), marks)
    records.settle(records.pending(), (), (), ())
    store.append(batch_of(0, 1, 3), marks)
    assert [(mark.subject, mark.first) for mark in records.pending()] == [("login:a", DAY)]
    records.settle(records.pending(), (), (), ())
    everybody = [Mark(subject="*", first=DAY, last=DAY)]
    store.append(batch_of(0), everybody)
    assert records.pending() == [], "what is known already touches nobody"
    store.append(batch_of(0, 6), everybody)
    assert [mark.subject for mark in records.pending()] == ["*"], "a mark of no account in the batch is kept"


def test_an_account_that_gains_a_key_is_judged_again_whole(store: EventStore, records: SqlRecords) -> None:
    store.append(a_batch([an_event(0)]), [])
    assert list(records.pending()) == []
    store.append(a_batch([an_event(3, user__email="Li.Na@corp.example")], source="files"), [])
    assert records.accounts()["login:a"] == ["mail:li.na@corp.example"]
    subjects = {mark.subject: (mark.first, mark.last) for mark in records.pending()}
    assert subjects["login:a"] == (date(1970, 1, 1), date(9999, 12, 31))
    records.settle(records.pending(), (), (), ())
    store.append(a_batch([an_event(6, user__email="li.na@corp.example")], source="files"), [])
    assert list(records.pending()) == [], "a key known already changes nothing"


def test_keys_beside_an_account_are_its_sid_and_mail_address(store: EventStore, records: SqlRecords) -> None:
    sid = an_event(0, user__id="S-1-5-21-9", user__email="a@corp.example")
    itself = an_event(1, user__account="mail:b@corp.example", user__email="b@corp.example", user__id="0051")
    store.append(a_batch([sid, itself]), [])
    assert records.accounts() == {"login:a": ["mail:a@corp.example", "sid:s-1-5-21-9"], "mail:b@corp.example": []}


def test_fragments_come_by_key_and_time_and_wait_until_their_event_is_built(store: EventStore) -> None:
    first, second = a_line(1, "A1"), a_line(2, "A2")
    store.append(lines(a_line(0, "A1", kind="from"), first, second), [])
    assert store.append(lines(first), []) == Appended(duplicate=1)
    found = store.fragments("postfix", ["A1"], START, START + timedelta(minutes=1))
    assert found["event.sequence"].to_list() == [0, 1]
    assert store.fragments("postfix", ["A1"], START, START)["event.sequence"].to_list() == [0]
    assert store.fragments("exim", ["A1"], START, START + timedelta(minutes=9)).height == 0
    assert [status.waiting for status in store.sources()] == [2]
    store.append(a_batch([an_event(1, event__id=first["event.id"])], source="postfix", read=0), [])
    store.append(a_batch([an_event(7)], source="postfix"), [])
    assert [status.waiting for status in store.sources()] == [1]
    assert store.append(a_batch([an_event(2, event__id=second["event.id"])], source="postfix", read=0), []).stored == 1


def test_quarantined_bytes_come_back_as_they_were_until_released(store: EventStore) -> None:
    batch = replace(batch_of(1), quarantined=[bad(2), bad(3)], read=3)
    assert store.append(batch, []) == Appended(stored=1, quarantined=2)
    assert store.append(batch, []) == Appended(duplicate=3)
    assert list(store.quarantined()) == [bad(2), bad(3)]
    assert list(store.quarantined("files")) == []
    store.release([bad(2).id])
    assert list(store.quarantined("crm")) == [bad(3)]
    assert [status.quarantined for status in store.sources()] == [1]
    assert store.append(replace(a_batch(), quarantined=[bad(2)], read=1), []).quarantined == 1
    store.release([])
    assert len(list(store.quarantined())) == 2


def test_retagging_touches_what_another_version_tagged_and_nothing_else(store: EventStore) -> None:
    store.append(batch_of(1, 2), [])
    store.append(batch_of(3, rules_version="2"), [])

    def tag(events: pl.DataFrame) -> pl.DataFrame:
        return events.with_columns(
            pl.when(pl.col("event.sequence") > 1).then(pl.lit(["late"])).otherwise(pl.lit([], pl.List(pl.String)))
            .alias("rule.matched")
        )  # fmt: skip

    before = store.read(EventQuery()).drop("rule.matched")
    assert store.retag("2", tag) == 2
    assert store.retag("2", tag) == 0
    assert numbers(store, EventQuery(tagged=["late"])) == [2]
    assert store.read(EventQuery()).drop("rule.matched").equals(before)


def before(minutes: int, *kept: Kept, **rest: Any) -> Expiry:
    return Expiry(before=START + timedelta(minutes=minutes), kept=kept, **rest)


def held(account: str | None = None, since: int | None = None, until: int | None = None, hold: str = "h") -> Kept:
    first, last = (None if minute is None else START + timedelta(minutes=minute) for minute in (since, until))
    return Kept(hold=hold, account=account, since=first, until=last)


def went(due: Due) -> dict[tuple[str, str], int]:
    found: Counter[tuple[str, str]] = Counter()
    for one in due.erased:
        found[one.kind.value, one.source] += one.records
    return dict(found)


def test_expiry_takes_old_events_but_not_those_of_accounts_on_hold(store: EventStore) -> None:
    store.append(batch_of(0, 1, 2, 3), [])
    store.append(a_batch([an_event(2, event__id=content_id("nobody"), user__account=None)]), [])
    store.append(lines(a_line(0, "A1"), a_line(5, "A1")), [])
    due = store.due(before(3, held("login:b")))
    assert due == store.expire(before(3, held("login:b"))), "what would go went"
    assert list(due.erased) == [
        Erased(kind=Stored.EVENT, source="crm", day=DAY, records=3),
        Erased(kind=Stored.FRAGMENT, source="postfix", day=DAY, records=1),
    ]
    assert due.held == {"h": 1}
    assert numbers(store) == [1, 3]
    assert store.fragments("postfix", ["A1"], START, START + timedelta(days=1))["event.sequence"].to_list() == [5]
    assert went(store.expire(before(3, held("login:b")))) == {}
    assert went(store.expire(before(1440))) == {("event", "crm"): 2, ("fragment", "postfix"): 1}
    assert (store.count(), store.newest()) == (0, None)


def test_a_hold_keeps_an_account_only_between_its_times(store: EventStore) -> None:
    store.append(batch_of(*range(12)), [])
    due = store.expire(before(10, held("login:a", since=3, until=9), held("login:b", since=7, hold="other")))
    assert numbers(store) == [3, 6, 7, 10, 11], "a hold begins with its first moment and ends before its last"
    assert due.held == {"h": 2, "other": 1}


def test_a_hold_of_everybody_keeps_lines_too_and_what_arrived_since_it_began(store: EventStore) -> None:
    store.append(replace(batch_of(*range(6)), quarantined=[bad(1)], read=7), [])
    store.append(lines(a_line(0, "A1"), a_line(4, "A1")), [])
    everybody = held(since=1, until=3)
    far = Expiry(before=datetime.now(UTC) + timedelta(days=1), kept=[everybody])
    due = store.expire(far)
    assert numbers(store) == [1, 2]
    assert went(due) == {("event", "crm"): 4, ("fragment", "postfix"): 2}
    assert len(list(store.quarantined())) == 1, "what cannot be read may be of any time before it came"
    assert went(store.expire(replace(far, kept=[held(since=10**7)]))) == {("event", "crm"): 2, ("quarantine", "crm"): 1}
    assert list(store.quarantined()) == []


def test_each_source_may_have_a_limit_of_its_own(store: EventStore) -> None:
    store.append(batch_of(0, 1, 2), [])
    store.append(a_batch([an_event(number) for number in (10, 11)], source="files"), [])
    limits = {"files": START + timedelta(minutes=11)}
    assert went(store.expire(Expiry(sources=limits))) == {("event", "files"): 1}
    assert numbers(store) == [0, 1, 2, 11]
    assert went(store.expire(before(2, sources={"files": START}))) == {("event", "crm"): 2}
    assert numbers(store) == [2, 11]


def test_events_that_are_kept_by_their_ids_stay(store: EventStore) -> None:
    store.append(batch_of(0, 1, 2), [])
    due = store.expire(before(9, ids=[content_id("event", "1")]))
    assert (numbers(store), due.held) == ([1], {"not frozen yet": 1})


def test_days_of_what_goes_are_those_of_a_zone(store: EventStore) -> None:
    store.append(a_batch([an_event(0) | {"@timestamp": datetime(2026, 3, 1, 20, tzinfo=UTC)}]), [])
    assert [one.day for one in store.due(before(0, zone="Asia/Shanghai")).erased] == [date(2026, 3, 2)]


def test_what_goes_is_told_before_it_goes(store: EventStore) -> None:
    store.append(batch_of(0, 1), [])

    def witness(due: Due) -> None:
        assert (went(due), numbers(store)) == ({("event", "crm"): 2}, [0, 1])
        raise InterruptedError

    with pytest.raises(InterruptedError):
        store.expire(before(5), witness)
    assert numbers(store) == [0, 1]


def test_what_expires_of_some_accounts_only_leaves_everything_else(store: EventStore) -> None:
    """Accounts are a, b and c in turn, one event a minute."""
    store.append(replace(batch_of(*range(9)), quarantined=[bad(20)], read=10), [])
    store.append(lines(a_line(0, "A1")), [])
    only = [Span(account="login:a", since=START + timedelta(minutes=3)), Span(account="login:b")]
    expiry = before(8, held("login:b", since=4, until=5), only=only)
    due = store.due(expiry)
    assert due == store.expire(expiry)
    assert (went(due), due.held) == ({("event", "crm"): 4}, {"h": 1})
    assert numbers(store) == [0, 2, 4, 5, 8]
    assert len(list(store.quarantined())) == 1
    assert store.append(batch_of(*range(9)), []) == Appended(duplicate=9)
    assert store.append(batch_of(12, 13), []).stored == 2, "what comes later is kept"


def test_an_old_file_imported_again_does_not_bring_expired_events_back(store: EventStore) -> None:
    store.append(batch_of(0, 1), [])
    store.expire(before(1))
    assert store.append(batch_of(0, 1), []) == Appended(duplicate=2)
    assert numbers(store) == [1]


def test_sources_say_what_arrived_and_what_was_left_out(store: EventStore) -> None:
    def part(reasons: int, *, first: bool) -> dict[str, Any]:
        progress = Progress(file="a.csv", read=3, ignored={"heading": reasons}, first=first)
        return {"ignored": {"heading": reasons}, "read": 3, "files": [progress]}

    store.append(batch_of(0, 1, **part(1, first=True)), [])
    store.append(batch_of(4, **part(2, first=False)), [])
    store.append(batch_of(2, source="files"), [])
    crm, files = store.sources()
    assert (crm.source, crm.events, crm.quarantined, crm.ignored, crm.waiting) == ("crm", 3, 0, {"heading": 3}, 0)
    assert (crm.first_event, crm.last_event) == (START, START + timedelta(minutes=4))
    assert crm.accounts == {"login:a", "login:b"}
    assert (files.source, files.events, files.accounts) == ("files", 1, {"login:c"})
    store.append(batch_of(0, **part(1, first=True)), [])
    assert store.sources()[0].ignored == {"heading": 1}, "reading a file again counts it again, not twice"


def test_compaction_and_a_sound_store_have_nothing_to_report(store: EventStore) -> None:
    for number in range(20):
        store.append(batch_of(number), [])
    before = store.read(EventQuery())
    store.compact()
    assert store.read(EventQuery()).equals(before)
    assert list(store.problems()) == []


@pytest.mark.parametrize("text", ["客户名单\u0000", "😀", "'; drop table marks; --", "x" * 100_000])
def test_hostile_text_is_only_text(store: EventStore, records: SqlRecords, text: str) -> None:
    account = f"login:{text}"
    mark = Mark(subject=account, first=DAY, last=DAY)
    store.append(a_batch([an_event(1, user__account=account, file__name=text)]), [mark])
    assert numbers(store, EventQuery(accounts=[account])) == [1]
    assert [found.subject for found in records.pending()] == [account]
