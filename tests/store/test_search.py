"""One language, the same answers from every store."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storing import START, a_batch, an_event, per_account

from core.calendar import CompanyCalendar
from core.canonical import content_id
from core.condition import (
    All,
    Any,
    Between,
    Condition,
    During,
    Has,
    Is,
    Like,
    Not,
    Vendor,
    Wild,
    Within,
    Words,
    network_of,
    words,
)  # fmt: skip
from core.directory import Directory
from core.person import Link
from core.ports import EventQuery, EventStore
from core.search import parse
from store.conditions import holds
from store.memory import MemoryStore
from store.records import SqlRecords
from store.segments import SegmentStore
from tests.cluster import fresh_namespace
from tests.store.conftest import elastic_store

LONG = "x" * 9_000
PATH = "C:\\Users\\li.na\\客户.xlsx"
EVENTS = [
    {"user__name": "zhang.wei", "event__action": "export", "data__records": 1000, "source__ip": "10.0.0.1"},
    {"user__name": "zhang.wei", "event__action": "export", "data__records": 1001, "source__ip": "10.1.2.3"},
    {"user__name": "Zhang.San", "event__action": "delete", "data__records": 0, "source__ip": "2001:db8::1"},
    {"user__name": None, "event__action": None, "data__records": None, "source__ip": None, "event__original": None},
    {"user__name": "", "file__path": PATH, "source__ip": "::1", "event__original": "C:\\Users\\li.na 客户名单.xlsx"},
    {"user__name": "a*b?c\\d", "file__path": "/share/a b.txt", "data__records": -5, "source__ip": "10.0.0.1:443"},
    {"user__name": "many\nlines", "rule__matched": ["mass", "night"], "data__records": 2**63 - 1},
    {"user__name": LONG, "rule__matched": ["mass"], "data__records": 2**53 + 1, "data__bytes": 2**62},
    {"user__name": "😀" * 5_000, "data__bytes": 2**62, "source__ip": "rubbish"},
    {"user__name": "a" * 300, "event__original": "wörd " + "y" * 300 + " Ends. JÜRGEN's 見積もり カタログ 견적"},
    {"user__name": "aab" * 40, "event__original": "mass export of 12,000 rows; mass exports, mass-exporting"},
    {
        "vendor": '{"A": "x", "n": 3, "f": 1e3, "o": {"b": "y"}, "l": [{"b": "z"}, "x"], "t": true}',
        "event__original": "1,2",
    },
    {
        "event__original": '{"A": ["x"], "n": "3", "f": 1000.0, "o.b": "y", "l": "[1]", "N": null}',
        "source__ip": "fe80::1%eth0",
    },
    {
        "event__original": '{"A": "x", "A": "y", "n": 3.0, "f": "1e3", "o": {"b": 1.10, "c": {"d": ""}}}',
        "source__ip": "010.0.0.1",
    },
    {"event__original": '{"A": "x", "d": ' + '{"d": ' * 30 + "3" + "}" * 31, "source__ip": "::FFFF:10.9.9.9"},
    {
        "vendor": '{"A": "' + "y" * 1_100 + '", "客户": "名单", "n": 123456789012345678901234567890}',
        "source__ip": "FE80:0::0001",
    },
    {"event__original": '[{"A": "x"}]', "vendor": '{"A": "x"', "source__ip": "1.2.3"},
    {"user__name": "login:x", "email__subject": "季度 报价 (final)", "event__original": "--- ... !!!"},
]
QUERIES = """
    * | *:* | user.name:* | NOT user.name:* | -user.name:* | !user.name:* | user.name:zhang.wei | user.name:"zhang.wei"
    user.name:zhang* | user.name:Z* | user.name:?hang.* | user.name:*g.* | user.name:*wei | user.name:zhang?wei
    NOT user.name:zhang* | user.name:"" | user.name:a\\*b\\?c\\\\d | user.name:a\\** | user.name:"a*b?c\\\\d"
    user.name:many* | user.name:*lines | user.name:many?lines | user.name:x* | user.name:*x | NOT user.name:*x*
    user.name:😀* | user.name:?????* | user.name:*?a?b* | user.name:*aab*aab*b
    user.name:"login:x" | user.name:login\\:x | user.name:(zhang.wei OR Zhang.San) | user.name:(zhang* AND NOT *wei)
    user.name:zhang.wei event.action:export
    user.name:zhang* AND event.action:export AND data.records:>1000 | user.name:zhang.wei && data.records:>1000
    event.action:export || event.action:delete | event.action:delete OR event.action:export AND data.records:1000
    event.action:delete OR event.action:export data.records:1000 | +event.action:export -data.records:1000
    NOT (event.action:export AND data.records:>1000) | NOT (NOT user.name:*x* OR user.name:zhang*)
    data.records:1000 | data.records:"-5" | data.records:>1000 | data.records:>=1000 | data.records:<1000
    data.records:<=1000 | data.records:[0 TO 1000] | data.records:{0 TO 1000} | data.records:[0 TO 1000}
    data.records:{0 TO 1000] | data.records:[-5 TO 0] | data.records:[* TO 0] | data.records:{5 TO *}
    data.records:[* TO *] | data.records:>9007199254740992 | data.records:9223372036854775807 | data.records:{5 TO 5}
    data.records:>9223372036854775807 | NOT data.records:>1000 | data.records:(0 OR 1000) | NOT data.records:*
    source.ip:10.0.0.1 | source.ip:"10.0.0.0/8" | source.ip:"::ffff:10.0.0.1" | source.ip:"::/0" | source.ip:"0.0.0.0/0"
    source.ip:"2001:db8::/32" | NOT source.ip:"10.0.0.0/8" | source.ip:* | NOT source.ip:* | source.ip:"2001:DB8:0::1"
    source.ip:"fe80::/10" | source.ip:"::ffff:0:0/96" | source.ip:"::/1" | NOT source.ip:"::/0" | source.ip:"10.1.2.3/8"
    rule.matched:mass | rule.matched:(mass AND night) | rule.matched:n* | NOT rule.matched:mass | rule.matched:*
    file.path:"C:\\\\Users\\\\li.na\\\\客户.xlsx" | file.path:*客户* | file.path:"/share/a b.txt" | file.path:\\/share*
    email.subject:"季度 报价 (final)" | email.subject:季度* | email.subject:季度 | event.original:"mass export"
    @timestamp:2026-03-02 | @timestamp:>=2026-03-02T17:03 | @timestamp:>2026-03-02T17:03 | @timestamp:<2026-03-02T17:03
    @timestamp:[2026-03-02T17:03 TO 2026-03-02T09:05:00Z] | @timestamp:{2026-03-02T17:03 TO "2026-03-02T17:05:00+08:00"}
    @timestamp:"2026-03-02T17:03:00" | @timestamp:{2026-03-01 TO *} | @timestamp:{2026-03-02 TO *]
    @timestamp:<=2026-03-02 | @timestamp:<0900-01-01 | @timestamp:>2500-01-01 | @timestamp:[1969-12-31 TO 2262-04-12]
    export | EXPORT | "mass export" | mass export | exp* | "mass exp*" | "mass-exports" | "export mass" | 000 | 12,000
    "12,000 rows" | 客户 | "客户名单" | 户名 | 客名 | 客户* | li.na | "users li na" | xlsx | .xlsx | users* | jürgen
    J* | j* | s | 见积 | 見積もり | カタ | 견적 | wörd* | "y ends" | ends | rows | number | NOT number
    NOT mass | -"mass exp*" | yyyy*
    person.id:1 | person.id:2 | NOT person.id:1 | person.id:(1 OR 2) | person.id:"login:b" | person.id:nobody
    vendor.A:x | vendor.A:y | NOT vendor.A:x | vendor.n:3 | vendor.n:3.0 | vendor.f:1000.0 | vendor.f:1e3 | vendor.o.b:y
    vendor.o.b:1.1 | vendor.o.b:1.10 | vendor.o.c.d:"" | vendor.l.b:z | vendor.l:"[1]" | vendor.t:true | vendor.N:null
    vendor.客户:名单 | vendor.A:(x OR y) AND vendor.n:3 | vendor.A:"[\\"x\\"]" | vendor.o:y | vendor.n:"-3" | vendor.A:X
    vendor.n:123456789012345678901234567890 | vendor.n:1.2345678901234568e+29
    person.id:1 AND event.action:export | user.name:*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa*
"""
TABLE = [query.strip() for line in QUERIES.strip().splitlines() for query in line.split(" | ")] + [
    '"' + "y" * 300 + '"',
    "y" * 130 + "*",
    "y" * 45,
    "vendor.A:" + "y" * 1_100,
    "vendor.d" + ".d" * 30 + ":3",
    "user.name:" + "a" * 300,
    "user.name:*" + "a" * 280 + "*",
    "user.name:*" + "a?" * 18 + "*",
    "user.name:" + "*ab" * 19,
    "user.name:" + "*aab" * 10 + "a" * 40 + "*",
    "user.name:" + LONG[:3_900] + "*",
    "user.name:" + "a" * 3_000 + "*" + "b" * 900,
]


def the_directory() -> Directory:
    """login:a is person 1's, login:b was person 1's until 09:05 UTC and person 2's from 09:07 on."""
    links = [
        Link(account="login:a", person="1"),
        Link(account="login:b", person="1", until=START + timedelta(minutes=5)),
        Link(account="login:b", person="2", since=START + timedelta(minutes=7)),
    ]
    return Directory([], links, [], {f"login:{name}": () for name in "abc"}, CompanyCalendar())


DIRECTORY = the_directory()
VALUES = ["zhang.wei", "a*b?c\\d", "", LONG, "😀" * 5_000, "mass", PATH, "export"]
PIECES = ["a", "b", "aab", "x", "zhang", ".", "\n", "\\", "*", "长", Wild.ANY, Wild.ONE]
NAMES = st.sampled_from(["user.name", "event.action", "rule.matched", "file.path"])
NUMBERS = st.none() | st.sampled_from([-5, 0, 1, 1000, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)])
TIMES = st.none() | st.integers(-1, 13).map(lambda n: START + timedelta(minutes=n))
NETWORKS = st.sampled_from(["10.0.0.1", "10.0.0.0/8", "::/0", "0.0.0.0/0", "::ffff:0:0/100", "2001:db8::/32"])
SAID = st.sampled_from(["mass", "export", "e", "y" * 120, "客", "number"])
LEAVES = st.one_of(
    st.builds(Has, st.sampled_from(["user.name", "source.ip", "data.records", "rule.matched"])),
    st.builds(Is, NAMES, st.sampled_from(VALUES)),
    st.builds(Like, NAMES, st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(tuple)),
    st.builds(Between, st.sampled_from(["data.records", "data.bytes"]), NUMBERS, NUMBERS),
    st.builds(During, st.just("@timestamp"), TIMES, TIMES),
    st.builds(Within, st.just("source.ip"), NETWORKS.map(network_of)),
    st.builds(Vendor, st.sampled_from(["A", "n", "o.b", "l"]), st.sampled_from(["x", "y", "3", "[1]", "1.1"])),
    st.builds(Words, st.lists(SAID, min_size=1, max_size=3).map(tuple), st.booleans()),
)  # fmt: skip
GROUPS = ["user.name", "event.action", "rule.matched", "user.account", "day"]
KEYS = st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3, unique=True)
CONDITIONS = st.recursive(
    LEAVES,
    lambda parts: (
        st.builds(All, st.lists(parts, max_size=3).map(tuple))
        | st.builds(Any, st.lists(parts, max_size=3).map(tuple))
        | st.builds(Not, parts)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module", params=["segments", pytest.param("elasticsearch", marks=pytest.mark.cluster)])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[EventStore]]:
    """The same events in memory and in another store."""
    folder = tmp_path_factory.mktemp("pair")
    with (
        closing(SqlRecords(f"sqlite:///{folder / 'a.db'}")) as one,
        closing(SqlRecords(f"sqlite:///{folder / 'b.db'}")) as two,
    ):
        if request.param == "segments":
            with closing(SegmentStore(folder / "events", two)) as other:
                yield filled(MemoryStore(one), other)
        else:
            with fresh_namespace() as namespace, closing(elastic_store(two, namespace)) as other:
                yield filled(MemoryStore(one), other)


def filled(*stores: EventStore) -> Sequence[EventStore]:
    for store in stores:
        for first in (0, 5):
            some = range(first, min(first + 5, len(EVENTS)) if not first else len(EVENTS))
            store.append(a_batch([an_event(n, **EVENTS[n]) for n in some]), [])
    return stores


def numbers(store: EventStore, condition: Condition, **rest: typing.Any) -> list[int]:
    return store.read(EventQuery(condition=condition, columns=["event.sequence"], **rest))["event.sequence"].to_list()


@settings(max_examples=100, deadline=None)
@given(CONDITIONS)
def test_every_store_means_the_same_by_a_condition(pair: Sequence[EventStore], condition: Condition) -> None:
    one, other = (numbers(store, condition) for store in pair)
    assert one == other
    turned = [numbers(store, Not(condition), newest=True) for store in pair]
    assert turned == [sorted(set(range(len(EVENTS))) - set(one), reverse=True)] * 2, "nothing is unknown"


@settings(max_examples=30, deadline=None)
@given(CONDITIONS, KEYS)
def test_every_store_adds_up_the_same(pair: Sequence[EventStore], condition: Condition, by: list[str]) -> None:
    one, other = (
        store.totals(EventQuery(condition=condition), by, "Asia/Shanghai", ["data.records", "data.bytes"])
        for store in pair
    )
    assert one.equals(other), (one, other)


def test_every_store_gives_the_same_answer(pair: Sequence[EventStore]) -> None:
    wrong = {}
    for query in TABLE:
        one, other = (numbers(store, parse(query, DIRECTORY)) for store in pair)
        if one != other:
            wrong[query[:80]] = (one, other)
    assert wrong == {}


@pytest.mark.parametrize("newest", [False, True])
def test_pages_follow_each_other_without_gap_or_repetition(pair: Sequence[EventStore], newest: bool) -> None:
    for store in pair:
        seen: list[int] = []
        after = None
        while True:
            query = EventQuery(condition=parse("NOT user.name:*x*", DIRECTORY), newest=newest, after=after, limit=3)
            page = store.read(query)
            seen += page["event.sequence"].to_list()
            if page.height < 3:
                break
            after = (page["@timestamp"][-1], page["event.id"][-1])
        whole = [number for number in range(len(EVENTS)) if number not in (7, 17)]
        assert seen == (whole[::-1] if newest else whole)


def test_events_of_one_moment_are_paged_by_id(store: EventStore) -> None:
    store.append(a_batch([an_event(n) | {"@timestamp": START} for n in range(5)]), [])
    ids = sorted(content_id("event", str(n)) for n in range(5))
    rest = store.read(EventQuery(after=(START, ids[1])))
    assert rest["event.id"].to_list() == ids[2:]
    rest = store.read(EventQuery(after=(START, ids[3]), newest=True, limit=2))
    assert rest["event.id"].to_list() == [ids[2], ids[1]]


def test_a_prefix_finds_however_many_words_begin_so(store: EventStore) -> None:
    store.append(a_batch([an_event(n, event__original=f"offer sent to kunde{n:03} today") for n in range(300)]), [])
    for query in ("kunde*", '"to kunde*"', 'user.account:login* AND "offer sent to kunde*"'):
        assert numbers(store, parse(query, DIRECTORY)) == list(range(300)), query
    assert numbers(store, parse('"to kunde00*"', DIRECTORY), limit=4) == [0, 1, 2, 3]


def test_words_are_found_after_tagging_anew(store: EventStore) -> None:
    store.append(a_batch([an_event(1, event__original="客户名单 exported"), an_event(2)]), [])
    tags = pl.lit(["late"]).alias("rule.matched")
    assert store.retag("2", lambda events: events.with_columns(tags)) == 2
    assert numbers(store, parse("客户名单 AND rule.matched:late", DIRECTORY)) == [1]
    assert store.read(EventQuery(limit=1))["event.original"].to_list() == ["客户名单 exported"]


def test_totals_of_days_and_keywords_count_what_is_missing_too(store: EventStore) -> None:
    # 2026-03-29 has 23 hours in Berlin, 2026-10-25 has 25.
    times = ["2026-03-28T22:59:59.999999", "2026-03-28T23:00", "2026-03-29T21:59", "2026-03-29T22:00",
             "2026-10-24T22:00", "2026-10-25T22:59", "2026-10-25T23:00"]  # fmt: skip
    names = [None, "a", "a", "b", "a", "a", "b"]
    events = [
        an_event(n, user__account=name, data__records=n, data__bytes=None)
        | {"@timestamp": datetime.fromisoformat(time).replace(tzinfo=UTC)}
        for n, (time, name) in enumerate(zip(times, names, strict=True))
    ]
    store.append(a_batch(events), [])
    found = store.totals(EventQuery(), ["day", "user.account"], "Europe/Berlin", ["data.records", "data.bytes"])
    assert found.columns == ["day", "user.account", "events", "data.records", "data.bytes"]
    assert found.rows() == [
        (date(2026, 3, 28), None, 1, 0, 0),
        (date(2026, 3, 29), "a", 2, 3, 0),
        (date(2026, 3, 30), "b", 1, 3, 0),
        (date(2026, 10, 25), "a", 2, 9, 0),
        (date(2026, 10, 26), "b", 1, 6, 0),
    ]


def test_totals_tell_when_the_first_and_the_last_were_to_the_second(store: EventStore) -> None:
    late, early = (datetime(2026, 3, day, 10, 0, 5, 999_999, tzinfo=UTC) for day in (9, 3))
    events = [
        an_event(1, user__account="a", data__records=2) | {"@timestamp": late},
        an_event(2, user__account="a", data__records=3) | {"@timestamp": early},
        an_event(3, user__account="b", data__records=-4) | {"@timestamp": late},
    ]
    store.append(a_batch(events), [])
    assert store.totals(EventQuery(), ["user.account"], sums=["data.records"], times=True).rows() == [
        ("a", 2, 5, early.replace(microsecond=0), late.replace(microsecond=0)),
        ("b", 1, -4, late.replace(microsecond=0), late.replace(microsecond=0)),
    ]


def test_days_begin_where_midnight_does_not_exist(store: EventStore) -> None:
    # On 2018-11-04 clocks in Sao Paulo went from 00:00 to 01:00; on 2018-02-17 from 24:00 to 23:00.
    times = ["2018-11-04T02:59", "2018-11-04T03:00", "2018-11-05T01:59", "2018-11-05T02:00",
             "2018-02-18T01:30", "2018-02-18T02:30", "2018-02-18T03:00"]  # fmt: skip
    moments = [datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times]
    store.append(a_batch([an_event(n) | {"@timestamp": moment} for n, moment in enumerate(moments)]), [])
    found = store.totals(EventQuery(), ["day"], "America/Sao_Paulo")
    assert found.rows() == [
        (date(2018, 2, 17), 2), (date(2018, 2, 18), 1),
        (date(2018, 11, 3), 1), (date(2018, 11, 4), 2), (date(2018, 11, 5), 1),
    ]  # fmt: skip
    there = Directory([], [], [], {}, CompanyCalendar(zone="America/Sao_Paulo"))
    assert numbers(store, parse("@timestamp:2018-11-04", there)) == [1, 2]
    assert numbers(store, parse("@timestamp:2018-02-17", there)) == [4, 5]


def test_sums_are_exact_and_stop_at_the_largest_number(store: EventStore) -> None:
    given = [2**53 + 1, 1, 2**53, *([2**40 - 1] * 9000)]
    events = [an_event(n % 1000, event__id=content_id(str(n)), data__records=many) for n, many in enumerate(given)]
    store.append(a_batch([event | {"user.account": "login:a"} for event in events]), [])
    assert store.totals(EventQuery(), ["user.account"], sums=["data.records"]).rows() == [("login:a", 9003, sum(given))]
    store.append(a_batch([an_event(n, user__account="login:z", data__bytes=2**63 - 1) for n in (2000, 2001)]), [])
    query = EventQuery(accounts=["login:z"])
    assert store.totals(query, ["user.account"], sums=["data.bytes"]).rows() == [("login:z", 2, 2**63 - 1)]


def test_more_groups_than_a_page_are_all_counted(store: EventStore) -> None:
    store.append(a_batch([an_event(n, user__account=f"login:{n:05}") for n in range(12_000)]), [])
    assert per_account(store) == {f"login:{n:05}": 1 for n in range(12_000)}


def test_the_deepest_query_is_still_answered(pair: Sequence[EventStore]) -> None:
    inner = "user.name:*x*"
    for number in range(9):
        inner = f"({inner} {'AND' if number % 2 else 'OR'} event.action:export)"
    for query in (inner, "NOT " * 19 + f'user.name:"{LONG[:3_000]}"', "-" * 19 + "person.id:1", "!" * 18 + "(a b*)"):
        condition = parse(query, DIRECTORY)
        place = (START, "f")
        one, other = (numbers(store, condition, start=START, accounts=["login:a", LONG], after=place) for store in pair)
        assert one == other
        one, other = (store.totals(EventQuery(condition=condition, accounts=[LONG]), ["user.name"]) for store in pair)
        assert one.equals(other)


@given(
    st.lists(st.text("aKkI1é É张-\u212a\u0130ßſ", max_size=12), max_size=9),
    st.text("akI1éÉ张\u212a\u0130ß- ", min_size=1),
)
def test_looking_for_each_word_first_loses_no_line(lines: list[str], asked: str) -> None:
    wanted = tuple(words_of([asked])[0].split())
    for open_end in (False, True):
        phrase = f" {' '.join(wanted)}{'' if open_end else ' '}"
        rows = pl.DataFrame({"event.original": [*lines, None]}, schema={"event.original": pl.String})
        found = rows.select(holds(Words(wanted, open_end))).to_series().to_list()
        assert found == [*(phrase in line for line in words_of(lines)), False]


def words_of(lines: Sequence[str]) -> list[str]:
    return pl.DataFrame({"line": lines}, schema={"line": pl.String}).select(words(pl.col("line"))).to_series().to_list()
