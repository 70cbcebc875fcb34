"""What only a store without transactions, behind data streams that roll over, can break."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from storing import START, a_batch, a_line, an_event, batch_of, lines, per_account

from core.batch import Appended
from core.canonical import content_id
from core.errors import ConfigError, Unavailable
from core.ports import EventQuery, Mark
from core.retention import Expiry, Kept
from evidence.examining import How, examine
from store.elasticsearch import ElasticStore
from store.elasticsearch.bulk import Bulk, Outcome
from store.elasticsearch.connection import Client, connect
from store.elasticsearch.streams import backing
from store.elasticsearch.templates import Names
from store.manifest import Manifest
from store.records import SqlRecords
from store.records.tables import intents
from tests.cluster import address_of, fresh_namespace
from tests.records import fresh_file
from tests.store.conftest import elastic_store

pytestmark = pytest.mark.cluster
DAY = START.date()
MARKS = [Mark(subject=f"login:{name}", first=DAY, last=DAY) for name in "abc"]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    with closing(SqlRecords(fresh_file(tmp_path / "records.db"))) as opened:
        yield opened


@pytest.fixture
def namespace() -> Iterator[str]:
    with fresh_namespace() as fresh:
        yield fresh


@pytest.fixture
def elastic(records: SqlRecords, namespace: str) -> Iterator[ElasticStore]:
    with closing(elastic_store(records, namespace)) as opened:
        yield opened


@pytest.fixture
def client() -> Iterator[Client]:
    with closing(connect(address_of("elasticsearch"))) as opened:
        yield opened


def numbers(store: ElasticStore, query: EventQuery | None = None) -> list[int]:
    return store.read(query or EventQuery())["event.sequence"].to_list()


def roll(client: Client, namespace: str) -> None:
    for stream in backing(client, f"*-{namespace}"):
        client.indices.rollover(alias=stream)


def subjects(records: SqlRecords) -> list[str]:
    found = [mark.subject for mark in records.pending()]
    records.settle(records.pending(), (), (), ())
    return found


def test_an_event_is_known_in_whichever_index_behind_the_stream(
    elastic: ElasticStore, client: Client, namespace: str
) -> None:
    elastic.append(batch_of(0, 1), [])
    elastic.append(lines(a_line(0, "A1")), [])
    roll(client, namespace)
    assert elastic.append(batch_of(1, 2), []) == Appended(stored=1, duplicate=1)
    assert elastic.append(lines(a_line(0, "A1")), []) == Appended(duplicate=1)
    roll(client, namespace)
    assert elastic.append(batch_of(0, 1, 2, 3), []) == Appended(stored=1, duplicate=3)
    assert numbers(elastic) == [0, 1, 2, 3]


def test_an_event_stored_twice_by_a_roll_over_meanwhile_is_stored_once(
    elastic: ElasticStore, client: Client, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elastic.append(batch_of(0, 1), [])
    send = Bulk.send

    def late(bulk: Bulk, sent: Sequence[bytes]) -> list[Outcome]:
        if any(b'"create"' in line for line in sent):
            roll(client, namespace)
        return send(bulk, sent)

    monkeypatch.setattr(Bulk, "send", late)
    assert elastic.append(batch_of(0, 2), []) == Appended(stored=1, duplicate=1)
    assert numbers(elastic) == [0, 1, 2]


def test_a_writer_that_died_between_storing_and_marking_leaves_no_event_unmarked(
    elastic: ElasticStore, records: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Manifest, "add", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            elastic.append(batch_of(0, 1), MARKS[:2])
    assert subjects(records) == []
    assert elastic.append(batch_of(0, 1, 2), MARKS) == Appended(stored=1, duplicate=2)
    assert subjects(records) == ["login:a", "login:b", "login:c"], "though nothing of a and b was new"
    assert elastic.append(batch_of(2), MARKS[2:]).duplicate == 1
    assert subjects(records) == []


def test_several_marks_of_one_subject_in_an_append_are_one(elastic: ElasticStore, records: SqlRecords) -> None:
    later = DAY + timedelta(days=9)
    elastic.append(a_batch([an_event(0)]), [MARKS[0], Mark(subject=MARKS[0].subject, first=DAY, last=later)])
    assert [(mark.subject, mark.first, mark.last) for mark in records.pending()] == [(MARKS[0].subject, DAY, later)]


def test_what_a_writer_long_dead_meant_to_touch_is_marked(elastic: ElasticStore, records: SqlRecords) -> None:
    dead = {"append": "x", "subject": "login:z", "first": DAY, "last": DAY}
    with records.database.writing() as connection:
        connection.execute(intents.insert(), dead | {"begun": datetime.now(UTC) - timedelta(days=2)})
    elastic.append(batch_of(0), [])
    assert subjects(records) == ["login:z"]
    with records.database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(intents)).scalar() == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"depth": ' * 60 + "1" + "}" * 60,
        '{"broken": }',
        '{"half": "\\ud800"}',
        '{"a": 1, "a": 2}',
        "{\n  \"pretty\": 1\n}",
        '{"key' + "x" * 40_000 + '": "' + "y" * 40_000 + '"}',
        "{}",
        "}{",
    ],
    ids=range(8),
)  # fmt: skip
def test_a_vendors_record_is_kept_letter_by_letter_searchable_or_not(elastic: ElasticStore, text: str) -> None:
    given = [an_event(0, event__original=text), an_event(1, vendor=text, event__original="4663,ALICE")]
    assert elastic.append(a_batch([*given, an_event(2)]), []).stored == 3
    kept = elastic.read(EventQuery(columns=["vendor", "event.original"]))
    assert kept["vendor"].to_list()[:2] == [None, text]
    assert kept["event.original"].to_list()[0] == text


def test_what_the_server_refuses_is_kept_in_quarantine(elastic: ElasticStore, client: Client, namespace: str) -> None:
    strict = {"mappings": {"properties": {"user.domain": {"type": "date"}}}}
    name = f"leaverwatch-events-{namespace}@custom"
    client.cluster.put_component_template(name=name, template=strict)
    odd = an_event(1, user__domain="CORP", event__original="客户名单,1", log__file__path="a.csv")
    assert elastic.append(a_batch([an_event(0), odd, an_event(2)]), MARKS) == Appended(stored=2, quarantined=1)
    (bad,) = elastic.quarantined()
    assert (bad.source, bad.file, bad.sequence, bad.original.decode()) == ("crm", "a.csv", 1, "客户名单,1")
    assert bad.reason.startswith("Elasticsearch refused it: ")
    assert "CORP" in bad.reason
    assert numbers(elastic) == [0, 2]


def test_an_index_of_nothing_but_old_events_goes_as_a_whole(
    elastic: ElasticStore, client: Client, namespace: str
) -> None:
    pattern = Names(namespace).events
    elastic.append(batch_of(0, 1), [])
    roll(client, namespace)
    elastic.append(batch_of(2, 3, 4), [])
    _, new = backing(client, pattern)[f"logs-crm-{namespace}"]
    assert elastic.expire(Expiry(before=START + timedelta(minutes=3))).count() == 3
    assert backing(client, pattern)[f"logs-crm-{namespace}"] == [new], "the one half old stays"
    assert numbers(elastic) == [3, 4]
    assert elastic.expire(Expiry(before=START + timedelta(minutes=9))).count() == 2
    assert elastic.count() == 0
    assert elastic.append(batch_of(5), []).duplicate == 1, "older than the last expiry"
    assert elastic.append(batch_of(20), []).stored == 1


def test_an_account_on_hold_keeps_its_index_and_still_gets_old_events(
    elastic: ElasticStore, client: Client, namespace: str
) -> None:
    name = "login:" + "长" * 9_000
    elastic.append(a_batch([an_event(0), an_event(1), an_event(2, user__account=name)]), [])
    roll(client, namespace)
    kept = [Kept(hold="h", account="login:a"), Kept(hold="h", account=name)]
    due = elastic.expire(Expiry(before=START + timedelta(days=1), kept=kept))
    assert (due.count(), due.held) == (1, {"h": 2})
    assert numbers(elastic) == [0, 2]
    assert elastic.append(batch_of(3, 4), []) == Appended(stored=1, duplicate=1)
    assert numbers(elastic) == [0, 2, 3]


def test_accounts_too_long_to_be_searched_for_are_found_and_counted(elastic: ElasticStore) -> None:
    one, other = "login:" + "x" * 9_000, "login:" + "😀" * 5_000
    elastic.append(a_batch([an_event(0, user__account=one), an_event(1, user__account=other), an_event(2)]), [])
    assert numbers(elastic, EventQuery(accounts=[one])) == [0]
    assert numbers(elastic, EventQuery(accounts=[other, "login:c"], limit=1)) == [1]
    assert per_account(elastic) == {one: 1, other: 1, "login:c": 1}
    assert per_account(elastic, EventQuery(accounts=[other])) == {other: 1}


def test_fields_that_do_not_fit_their_type_are_kept_as_they_came(elastic: ElasticStore) -> None:
    odd = {"source__ip": "10.0.0.1:443", "file__size": 2**63 - 1, "user__name": "长" * 40_000}
    elastic.append(a_batch([an_event(0, **odd)]), [])
    (row,) = elastic.read(EventQuery()).to_dicts()
    assert row["source.ip"] == "10.0.0.1:443"
    assert row["file.size"] == 2**63 - 1
    assert row["user.name"] == "长" * 40_000


ODD_FIELDS = [
    {"source__ip": "2001:DB8::0:1", "user__name": ""},
    {"source__ip": "not an address", "file__size": -(2**63)},
    {"source__ip": "010.001.000.001"},
    {"source__ip": "10.0.0.1", "user__name": "长" * 40_000, "rule__matched": ["crm_export", "file_delete"]},
    {"source__ip": None, "@timestamp": START + timedelta(microseconds=1), "file__size": 0},
]


@pytest.mark.parametrize("odd", ODD_FIELDS, ids=range(len(ODD_FIELDS)))
def test_columns_read_by_themselves_are_those_of_whole_events(elastic: ElasticStore, odd: dict[str, object]) -> None:
    elastic.append(a_batch([an_event(0), an_event(1, **odd), an_event(2, source__ip="10.1.2.3")]), [])
    columns = ["@timestamp", "event.id", "user.account", "user.name", "source.ip", "file.size", "rule.matched"]
    whole = elastic.read(EventQuery())
    assert whole.height == 3
    assert elastic.read(EventQuery(columns=columns)).equals(whole.select(columns))
    assert elastic.read(EventQuery(columns=columns, newest=True)).equals(whole.select(columns).reverse())


def test_more_events_than_a_page_come_in_order(elastic: ElasticStore) -> None:
    some = [an_event(number % 50, event__id=content_id("many", str(number))) for number in range(25_000)]
    assert elastic.append(a_batch(some), []).stored == 25_000
    found = elastic.read(EventQuery(columns=["@timestamp", "event.id"]))
    assert found.height == 25_000
    assert found.equals(found.sort("@timestamp", "event.id"))
    assert elastic.read(EventQuery(columns=["event.id"], limit=12_345)).equals(found.select("event.id").head(12_345))


def test_two_processes_that_append_the_same_store_it_once(
    elastic: ElasticStore, records: SqlRecords, namespace: str
) -> None:
    with closing(elastic_store(records, namespace)) as other:
        assert elastic.append(batch_of(0, 1), []).stored == 2
        assert other.append(batch_of(1, 2), []) == Appended(stored=1, duplicate=1)
        elastic.catch_up()
        assert numbers(elastic) == [0, 1, 2]


def test_a_template_that_has_changed_is_put_again(elastic: ElasticStore, client: Client, namespace: str) -> None:
    elastic.append(a_batch(), [])
    name = f"leaverwatch-events-{namespace}"
    own = client.cluster.get_component_template(name=name)["component_templates"][0]["component_template"]
    client.cluster.put_component_template(name=name, template={"mappings": {}})
    with closing(ElasticStore(connect(address_of("elasticsearch")), elastic._records, namespace)) as again:
        again.append(a_batch(), [])
    put = client.cluster.get_component_template(name=name)["component_templates"][0]["component_template"]
    assert (put["template"], put["_meta"]) == (own["template"], own["_meta"])


def test_what_is_written_after_a_template_has_changed_is_found_by_every_field(
    elastic: ElasticStore, client: Client, namespace: str
) -> None:
    name = f"leaverwatch-events-{namespace}"
    elastic.append(a_batch([an_event(0)]), [])
    old = client.cluster.get_component_template(name=name)["component_templates"][0]["component_template"]
    fewer = copy.deepcopy(old["template"])
    del fewer["mappings"]["properties"]["user.name"]
    client.cluster.put_component_template(name=name, template=fewer)
    for stream in backing(client, f"logs-*-{namespace}"):
        client.indices.rollover(alias=stream)
    with closing(ElasticStore(connect(address_of("elasticsearch")), elastic._records, namespace)) as newer:
        newer.append(a_batch([an_event(1, user__name="Li")]), [])
        assert newer.read(EventQuery(columns=["user.name"]))["user.name"].to_list() == [None, "Li"]


@pytest.mark.parametrize(
    ("address", "told"),
    [("127.0.0.1:9200", "https://HOST:9200"), ("ftp://x", "https://HOST:9200"), ("http://", "https://HOST:9200")],
)
def test_an_address_that_is_none_is_refused(address: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        connect(address)


def test_a_server_that_is_not_there_is_one_sentence(records: SqlRecords) -> None:
    with closing(ElasticStore(connect("http://me:secret@127.0.0.1:1"), records, "x")) as store:
        (problem,) = store.problems()
        assert problem.startswith("Elasticsearch cannot be reached")
        assert "secret" not in problem
        with pytest.raises(Unavailable):
            store.append(batch_of(0), [])


def test_an_index_that_is_blocked_is_told(elastic: ElasticStore, client: Client, namespace: str) -> None:
    elastic.append(batch_of(0), [])
    assert list(elastic.problems()) == []
    client.indices.put_settings(index=Names(namespace).events, settings={"index.blocks.read_only_allow_delete": True})
    (problem,) = elastic.problems()
    assert problem == "Elasticsearch's disk is full: 1 indices take no events until there is room"
    client.indices.put_settings(index=Names(namespace).events, settings={"index.blocks.read_only_allow_delete": None})


def test_a_writer_that_died_before_the_ledger_had_its_events_leaves_them_to_the_next(
    elastic: ElasticStore, records: SqlRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Manifest, "add", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            elastic.append(batch_of(1, 2, 3), MARKS)
    assert records.size() == 0
    elastic.append(a_batch([an_event(1), an_event(2, user__name="read otherwise"), an_event(4)]), MARKS)
    assert records.size() == 3
    elastic.append(batch_of(1, 2, 3, 4), MARKS)
    assert records.size() == 4
    folder = Path(f"{records.database.engine.url.database}.aside")
    folder.mkdir()
    found = examine(records, elastic.stored, list, folder)
    assert (found.events, found.counts) == (4, Counter())


def test_a_document_that_somebody_changed_took_away_or_put_in_is_named(
    elastic: ElasticStore, client: Client, namespace: str, records: SqlRecords, tmp_path: Path
) -> None:
    elastic.append(batch_of(*range(6)), MARKS)
    elastic.retag("2", lambda events: events)
    elastic.catch_up()
    ids = [content_id("event", str(number)) for number in range(6)]
    ((stream, (index,)),) = backing(client, f"logs-*-{namespace}").items()
    client.update(index=index, id=ids[1], doc={"event.original": "{}"})
    client.delete(index=index, id=ids[2])
    client.update(index=index, id=ids[3], doc={"event.sequence": "no number"})
    document = client.get(index=index, id=ids[4])["_source"] | {"event.id": "f" * 32}
    client.create(index=stream, id="f" * 32, document=document)
    elastic.catch_up()
    found = examine(records, elastic.stored, list, tmp_path)
    assert {(wrong.how, wrong.id) for wrong in found.wrong} == {
        (How.CHANGED, ids[1]),
        (How.REMOVED, ids[2]),
        (How.REMOVED, ids[3]),
        (How.ADDED, "f" * 32),
    }
    assert ids[3] in found.damaged[0]


def test_events_that_somebody_is_storing_are_not_called_forged(
    elastic: ElasticStore, records: SqlRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Manifest, "add", lambda *_: None)
    elastic.append(batch_of(1, 2, 3), MARKS)
    found = examine(records, elastic.stored, list, tmp_path)
    assert (found.under_way, found.counts) == (3, Counter())
