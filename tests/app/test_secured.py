"""Servers as they should be in a company: TLS with an authority of their own, passwords, users with no more rights than
they need. Whatever is wrong is one sentence, and no password is in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import psycopg
import pytest
from kafka import KafkaAdminClient

from core.batch import Appended
from core.errors import LeaverwatchError, Unavailable
from core.ports import EventQuery, News
from core.retention import Expiry
from deploy.dev_cluster.certificates import Certificates
from deploy.dev_cluster.secured import (
    ADMIN,
    DEPLOY,
    PASSWORD,
    ROLES,
    SecuredElasticsearch,
    SecuredKafka,
    SecuredPostgreSQL,
    certificates,
)
from store.elasticsearch import ElasticStore
from store.elasticsearch.connection import connect
from store.elasticsearch.rights import RIGHTS, role
from store.elasticsearch.templates import Names
from store.kafka import connection
from store.kafka.connection import KEPT, Address, make_topics
from store.kafka.receiving import Subscription
from store.kafka.sending import Publisher
from store.kafka.telling import KafkaHerald
from store.records import SqlRecords
from tests.app.conftest import run
from tests.cluster import own_server
from tests.store.storing import START, a_line, bad, batch_of, lines

pytestmark = pytest.mark.cluster
NAMESPACE = "leaverwatch"
PARTITIONS = 3


@pytest.fixture(scope="module")
def elastic() -> Iterator[SecuredElasticsearch]:
    with own_server(SecuredElasticsearch) as server:
        yield server


@pytest.fixture(scope="module")
def kafka() -> Iterator[SecuredKafka]:
    with own_server(SecuredKafka) as server:
        server.allow()
        yield server


@pytest.fixture(scope="module")
def postgresql() -> Iterator[SecuredPostgreSQL]:
    with own_server(SecuredPostgreSQL) as server:
        yield server


@pytest.fixture(scope="module")
def strange_ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that signed none of the servers."""
    made = Certificates(tmp_path_factory.mktemp("strange") / "made")
    made.make()
    return made.ca


@pytest.fixture(scope="module")
def rows(postgresql: SecuredPostgreSQL) -> str:
    """The address of a user who has rows only, of tables that their owner has made."""
    address = postgresql.address_of("leaverwatch_rows")
    with psycopg.connect(postgresql.address, autocommit=True) as owner:
        owner.execute((DEPLOY / "postgresql/rows.sql").read_text())
        owner.execute(f"alter role leaverwatch_rows password '{PASSWORD}'")
    assert "permission denied" in refusal(lambda: SqlRecords(address))
    SqlRecords(postgresql.address).close()
    return address


@pytest.fixture
def topics(kafka: SecuredKafka) -> None:
    make_topics(signed(kafka, ADMIN), PARTITIONS, KEPT)


@pytest.fixture
def doctor(
    elastic: SecuredElasticsearch,
    kafka: SecuredKafka,
    postgresql: SecuredPostgreSQL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[str, str]]:
    """What doctor finds wrong, by check, with everything configured as it should be but for what a test says."""

    def asked(*arguments: str, expect: int | None = 1, **given: object) -> dict[str, str]:
        right: dict[str, object] = {
            "POSTGRESQL": postgresql.address,
            "ELASTICSEARCH": url(elastic, ADMIN),
            "ELASTICSEARCH_CA": certificates(elastic).ca,
            "KAFKA": kafka.address,
            "KAFKA_USER": ADMIN,
            "KAFKA_PASSWORD": PASSWORD,
            "KAFKA_CA": certificates(kafka).ca,
            "KAFKA_PARTITIONS": PARTITIONS,
        }
        for name, value in (right | given).items():
            monkeypatch.setenv(f"LEAVERWATCH_CLUSTER_{name}", str(value))
        done = run("doctor", "--json", *arguments, data=tmp_path, expect=expect)
        assert PASSWORD not in done.stdout + done.stderr
        assert done.stderr == ""
        return {one["check"]: one["text"] for one in json.loads(done.stdout) if not one["ok"]}

    return asked


def url(server: SecuredElasticsearch, user: str, password: str = PASSWORD) -> str:
    return server.address.replace("//", f"//{user}:{password}@")


@contextmanager
def events(server: SecuredElasticsearch, user: str, records: SqlRecords) -> Iterator[ElasticStore]:
    client = connect(url(server, user), ca=certificates(server).ca)
    with closing(ElasticStore(client, records, NAMESPACE)) as store:
        yield store


def signed(server: SecuredKafka, user: str, password: str = PASSWORD, ca: Path | None = None) -> Address:
    return Address(brokers=server.address, user=user, password=password, ca=ca or certificates(server).ca)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(LeaverwatchError) as told:
        act()
    assert PASSWORD not in str(told.value)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_doctor_names_everything_that_is_not_made_yet_and_makes_nothing(
    doctor: Callable[..., dict[str, str]],
    elastic: SecuredElasticsearch,
    kafka: SecuredKafka,
    postgresql: SecuredPostgreSQL,
) -> None:
    with psycopg.connect(postgresql.address, autocommit=True) as connection:
        connection.execute("create database fresh")
    fresh = postgresql.address.replace("/postgres?", "/fresh?")
    with closing(KafkaAdminClient(**signed(kafka, ADMIN).settings())) as admin:
        if set(admin.list_topics()) & set(KEPT):
            admin.delete_topics(list(KEPT))
        assert doctor(POSTGRESQL=fresh, NAMESPACE="fresh") == {
            "postgresql": "PostgreSQL 18.0: there are no tables yet: any process makes them",
            "kafka": "Kafka: "
            + "; ".join(f"there is no topic {name} yet, the first process makes it" for name in sorted(KEPT)),
        }
        assert not set(admin.list_topics()) & set(KEPT)
    with closing(connect(url(elastic, ADMIN), ca=certificates(elastic).ca)) as client:
        assert not client.indices.exists_index_template(name="leaverwatch-events-fresh")
        assert not client.indices.exists(index=Names("fresh").quarantine)
    with psycopg.connect(fresh) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)


def test_every_process_works_with_its_rights_in_elasticsearch(elastic: SecuredElasticsearch, tmp_path: Path) -> None:
    with closing(SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")) as records:
        with events(elastic, "leaverwatch_worker", records) as worker:
            whole = replace(batch_of(0, 1, 2), quarantined=[bad(1)])
            assert worker.append(whole, []) == Appended(stored=3, quarantined=1)
            assert worker.append(lines(a_line(0, "A1")), []).stored == 1
            worker.compact()
            worker.release([one.id for one in worker.quarantined()])
            assert list(worker.quarantined()) == []
        with events(elastic, "leaverwatch_judge", records) as judge:
            assert judge.retag("v2", lambda found: found.with_columns(pl.lit(["r"]).alias("rule.matched"))) == 3
            assert judge.read(EventQuery(tagged=["r"])).height == 3
        with events(elastic, "leaverwatch_api", records) as api:
            assert (api.count(), list(api.problems())) == (3, [])
            assert sum(one.events for one in api.sources()) == 3
        with events(elastic, "leaverwatch_retention", records) as retention:
            assert retention.expire(Expiry(before=START + timedelta(minutes=1))).count() == 1
            assert retention.expire(Expiry(before=START + timedelta(days=1))).count() == 2
            assert retention.count() == 0


def test_who_lacks_a_right_is_told_which(elastic: SecuredElasticsearch, tmp_path: Path) -> None:
    with closing(SqlRecords(f"sqlite:///{tmp_path / 'records.db'}")) as records:
        with events(elastic, "leaverwatch_api", records) as api:
            assert "indices:admin/refresh" in refusal(api.catch_up)
        with events(elastic, "nobody", records) as nobody:
            assert "does not allow this user what it needs" in refusal(lambda: nobody.append(batch_of(0), []))
            (problem,) = nobody.problems()
            assert "cluster:monitor" in problem


def test_the_roles_we_ship_are_those_that_doctor_asks_for() -> None:
    assert {f"leaverwatch_{process}": role(process, Names(NAMESPACE)) for process in RIGHTS} == ROLES


def test_elasticsearch_is_believed_only_with_its_own_authority(elastic: SecuredElasticsearch, strange_ca: Path) -> None:
    right = certificates(elastic).ca
    for ca in (None, strange_ca):
        with closing(connect(url(elastic, ADMIN), ca=ca)) as client:
            assert "certificate is not trusted" in refusal(client.info)
    with closing(connect(url(elastic, ADMIN, "wrong"), ca=right)) as client:
        assert refusal(client.info) == "Elasticsearch does not know this user or API key"


def test_an_api_key_is_what_signs_a_request() -> None:
    seen = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.handle_request).start()
        with closing(connect(f"http://127.0.0.1:{server.server_port}", api_key="a2V5")) as client:
            assert refusal(client.info) == "Elasticsearch does not know this user or API key"
    assert seen == ["ApiKey a2V5"]


def test_collector_worker_and_judge_work_with_their_rights_in_kafka(kafka: SecuredKafka, tmp_path: Path) -> None:
    with closing(Publisher(signed(kafka, "leaverwatch-collector"), tmp_path, 1 << 20, PARTITIONS)) as publisher:
        publisher.publish(replace(batch_of(1), quarantined=[bad(1)]))
        assert publisher.wait_until_sent(60)
    with closing(Subscription(signed(kafka, "leaverwatch-worker"), PARTITIONS)) as subscription:
        found = 0
        for delivery in subscription.batches(once=True):
            with delivery as batch:
                found += batch.events.height + len(batch.quarantined)
        assert found == 2
        assert not any(subscription.lag().values())
    with closing(KafkaHerald(signed(kafka, "leaverwatch-judge"), PARTITIONS)) as herald:
        herald.tell([News(alert="a", person="p", now=None, stamp=1)])


def test_kafka_turns_away_who_has_no_right(kafka: SecuredKafka, strange_ca: Path) -> None:
    def subscribe(address: Address) -> str:
        def read() -> None:
            with closing(Subscription(address, PARTITIONS)) as subscription:
                list(subscription.batches(once=True))

        return refusal(read)

    assert "does not allow this user" in subscribe(signed(kafka, "nobody"))
    assert "does not allow this user" in subscribe(signed(kafka, "leaverwatch-collector"))
    assert "does not allow" in refusal(lambda: KafkaHerald(signed(kafka, "leaverwatch-worker"), 1).tell([]))
    assert "certificate is not trusted" in subscribe(signed(kafka, ADMIN, ca=strange_ca))
    assert "certificate is not trusted" in subscribe(replace(signed(kafka, ADMIN), ca=None))


def test_kafka_turns_away_who_is_not_known(kafka: SecuredKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 3)
    for address, told in (
        (signed(kafka, ADMIN, "wrong"), "does not let admin in: wrong user or password"),
        (replace(signed(kafka, ""), password=""), "kafka_user is not set"),
        (Address(brokers=kafka.address), "kafka_user or kafka_ca is not set"),
    ):
        assert told in refusal(lambda address=address: Subscription(address, PARTITIONS))  # type: ignore[misc]


def test_a_user_who_has_rows_only_keeps_records(postgresql: SecuredPostgreSQL, rows: str) -> None:
    with closing(SqlRecords(rows)) as records:
        records.set_setting("a", "b")
        with records.alone("a job"):
            assert records.setting("a") == "b"
        assert list(records.pending()) == []
        with psycopg.connect(postgresql.address, autocommit=True) as owner:
            owner.execute("revoke update on settings from leaverwatch_rows")
            told = refusal(lambda: records.set_setting("a", "c"))
            owner.execute("grant update on settings to leaverwatch_rows")
        assert told.endswith("permission denied for table settings")
        with pytest.raises(Unavailable, match="must be owner"), records.database.writing() as connection:
            connection.exec_driver_sql("drop table settings")


def test_postgresql_is_believed_only_with_its_own_authority(postgresql: SecuredPostgreSQL, strange_ca: Path) -> None:
    def told(**given: object) -> str:
        return refusal(lambda: SqlRecords(postgresql.address_of("leaverwatch", **given)))  # type: ignore[arg-type]

    assert "certificate verify failed" in told(sslrootcert=strange_ca)
    assert "does not exist" in told(sslrootcert="/missing.pem")
    assert "no encryption" in told(sslmode="disable", sslrootcert="")
    assert "password authentication failed" in told(password="wrong")


def test_doctor_explains_every_server_that_turns_us_away(
    doctor: Callable[..., dict[str, str]],
    elastic: SecuredElasticsearch,
    postgresql: SecuredPostgreSQL,
    strange_ca: Path,
) -> None:
    found = doctor(
        POSTGRESQL=postgresql.address_of("leaverwatch", sslrootcert=strange_ca),
        ELASTICSEARCH=url(elastic, ADMIN, "wrong"),
        KAFKA_CA=strange_ca,
    )
    assert "certificate verify failed" in found.pop("postgresql")
    assert found == {
        "elasticsearch": "Elasticsearch does not know this user or API key",
        "kafka": "Kafka's certificate is not trusted: unable to get local issuer certificate",
    }


@pytest.mark.usefixtures("topics")
def test_doctor_tells_which_rights_a_process_lacks(
    doctor: Callable[..., dict[str, str]], elastic: SecuredElasticsearch, postgresql: SecuredPostgreSQL, rows: str
) -> None:
    with psycopg.connect(postgresql.address, autocommit=True) as owner:
        owner.execute("revoke delete on alerts, marks from leaverwatch_rows")
        found = doctor("--process=api", POSTGRESQL=rows)
        owner.execute("grant delete on alerts, marks to leaverwatch_rows")
    assert found == {"postgresql": "PostgreSQL 18.0: user leaverwatch_rows lacks delete on alerts, marks"}
    found = doctor(
        "--process=worker",
        POSTGRESQL=rows,
        ELASTICSEARCH=url(elastic, "leaverwatch_judge"),
        KAFKA_USER="leaverwatch-collector",
    )
    assert "lacks the rights manage_index_templates of the cluster, create_index" in found["elasticsearch"]
    assert "lacks READ on leaverwatch.events" in found["kafka"]
    assert "lacks READ on group leaverwatch-workers" in found["kafka"]


@pytest.mark.usefixtures("topics")
def test_doctor_finds_nothing_wrong_with_the_users_we_ship(
    doctor: Callable[..., dict[str, str]], elastic: SecuredElasticsearch, rows: str
) -> None:
    for process in ("worker", "judge", "api"):
        user = url(elastic, f"leaverwatch_{process}")
        given = {"POSTGRESQL": rows, "ELASTICSEARCH": user, "KAFKA_USER": f"leaverwatch-{process}"}
        found = doctor(f"--process={process}", expect=None, **given)
        assert not {"postgresql", "elasticsearch", "kafka", "stores"} & set(found)
    assert doctor("--process=collect", KAFKA_USER="leaverwatch-collector", expect=0) == {}
    assert "4 as configured" in doctor("--process=judge", KAFKA_PARTITIONS=4)["kafka"]
