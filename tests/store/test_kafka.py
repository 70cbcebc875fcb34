"""What only a bus over the network can break: messages of strangers, a spool that is full, brokers that are away."""

from __future__ import annotations

import io
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from uuid import uuid4

import orjson
import polars as pl
import pytest
from kafka import KafkaConsumer, KafkaProducer
from storing import a_batch, a_line, an_alert, an_event, bad, batch_of, lines

from core.batch import Batch, Progress
from core.errors import ConfigError, Damaged, Unavailable
from core.ports import News
from store.kafka import connection, messages, receiving, sending, telling
from store.kafka.connection import Address
from store.kafka.messages import ROWS, Message, Poison, batch_from, messages_of, poisoned, together
from store.kafka.receiving import Subscription
from store.kafka.sending import Publisher
from store.kafka.spool import Spool
from store.kafka.telling import KafkaHerald
from tests.cluster import address_of

PARTS = [Progress(file="a.csv", read=9, ignored={"heading": 1}, first=True, last=True)]


def whole() -> Batch:
    """A batch with a bit of everything."""
    events = [an_event(number) for number in range(9)] + [an_event(9, user__account=None)]
    return replace(a_batch(events), fragments=lines(a_line(0, "A1")).fragments, quarantined=[bad(1)], files=PARTS)


def back(messages: list[Message]) -> Batch:
    (batch,) = together([batch_from(message.headers, message.value) for message in messages])
    return batch


def test_a_batch_comes_back_from_its_messages() -> None:
    batch = whole()
    again = back(list(messages_of(batch, 4)))
    assert again.events.sort("event.sequence").equals(batch.events)
    assert again.fragments.equals(batch.fragments)
    assert (again.quarantined, again.files, again.source) == (batch.quarantined, batch.files, "crm")
    assert again.read == 12


def test_an_account_has_one_partition_and_a_mail_too() -> None:
    slots: dict[str, set[int]] = {}
    for message in messages_of(replace(whole(), fragments=pl.concat([whole().fragments] * 3)), 4):
        if message.kind == "event":
            for account in batch_from(message.headers, message.value).events["user.account"]:
                slots.setdefault(account, set()).add(message.slot)
    assert set(slots) == {"login:a", "login:b", "login:c", None}
    assert all(len(found) == 1 for found in slots.values())


def test_messages_are_small() -> None:
    one = an_event(1, event__original="x" * 3_000_000)
    many = a_batch([an_event(number, user__account="login:a") for number in range(2 * ROWS + 1)])
    sizes = [batch_from(m.headers, m.value).events.height for m in messages_of(many, 4)]
    assert sum(sizes) == 2 * ROWS + 1
    assert max(sizes) <= ROWS
    heavy = a_batch([one | {"event.id": str(number), "user.account": "login:a"} for number in range(5)])
    assert [batch_from(m.headers, m.value).events.height for m in messages_of(heavy, 4)] == [1] * 5


@pytest.mark.parametrize("kind", [b"event", b"line", b"quarantine", b"progress", b"", b"\xff", None])
@pytest.mark.parametrize("value", [b"", None, b"\x00" * 99, b"ARROW1\x00\x00junk", b'{"a": 1}', b"[" * 9000])
def test_a_message_that_is_none_of_ours_is_poison(kind: bytes | None, value: bytes | None) -> None:
    with pytest.raises(Poison):
        batch_from([("schema", b"1"), ("source", b"crm"), ("kind", kind)], value)


def test_a_message_of_another_schema_or_cut_off_is_poison() -> None:
    message = next(messages_of(whole(), 1))
    with pytest.raises(Poison, match="schema"):
        batch_from([("schema", b"2")], message.value)
    for length in range(0, len(message.value), 97):
        with pytest.raises(Poison):
            batch_from(message.headers, message.value[:length])


def test_a_message_from_before_a_field_was_added_has_null_there() -> None:
    (message,) = messages_of(batch_of(1, 4), 4)
    rows = pl.read_ipc(io.BytesIO(message.value)).drop("source.geo.country_iso_code")
    older = io.BytesIO()
    rows.write_ipc(older)
    (batch, whole) = (batch_from(message.headers, value) for value in (older.getvalue(), message.value))
    assert batch.events.equals(whole.events, null_equal=True)


def test_a_poisoned_message_is_kept_with_its_place() -> None:
    (kept,) = poisoned("t", 3, 77, b"\x00rubbish", "why").quarantined
    assert (kept.file, kept.sequence, kept.original, kept.reason) == ("t/3", 77, b"\x00rubbish", "why")
    assert kept.id != poisoned("t", 3, 78, b"\x00rubbish", "why").quarantined[0].id


def test_the_spool_gives_back_what_was_put_also_another_time(tmp_path: Path) -> None:
    first, messages = Spool(tmp_path, 1 << 20), list(messages_of(whole(), 4))
    first.put(messages)
    first.put(list(messages_of(batch_of(3), 4)))
    (tmp_path / "0000000000000009.part").write_bytes(b"a kill came")
    again = Spool(tmp_path, 1 << 20)
    assert again.waiting_bytes == first.waiting_bytes > 0
    number = again.first(0)
    assert number is not None
    assert list(again.messages(number)) == messages
    again.remove(number)
    assert again.first(0) == number + 1
    again.remove(number + 1)
    assert (again.first(0), again.waiting_bytes) == (None, 0)


def test_a_full_spool_makes_the_collector_wait(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1)
    spool.put(list(messages_of(batch_of(1), 4)))
    waiting = Thread(target=lambda: spool.put(list(messages_of(batch_of(2), 4))), daemon=True)
    waiting.start()
    time.sleep(0.2)
    assert waiting.is_alive()
    number = spool.first(0)
    assert number is not None
    spool.remove(number)
    waiting.join(5)
    assert spool.first(0) == number + 1


def test_a_damaged_spool_is_named(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20)
    spool.put(list(messages_of(batch_of(1), 4)))
    (file,) = tmp_path.glob("*.spool")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(Damaged, match=file.name):
        list(spool.messages(1))


def test_a_collector_goes_on_while_kafka_is_away(tmp_path: Path) -> None:
    with closing(Publisher(Address(brokers="127.0.0.1:1"), tmp_path, 1 << 20, 4)) as publisher:
        publisher.publish(batch_of(1))
        publisher.publish(batch_of(2))
        assert not publisher.wait_until_sent(0.3)
        assert publisher.spool.waiting_bytes > 0


def test_a_broker_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(Unavailable, match="Kafka cannot be"):
        Subscription(Address(brokers="127.0.0.1:1"), 4)
    with pytest.raises(ConfigError, match="no certificate authority"):
        Address(brokers="x", ca=Path("missing.pem")).settings()


def test_who_signs_in_does_so_over_tls(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    assert Address(brokers="a:1, b:2").settings()["bootstrap_servers"] == ["a:1", "b:2"]
    assert Address(brokers="a", ca=ca).settings()["security_protocol"] == "SSL"
    signed = Address(brokers="a", user="me", password="x").settings()
    assert (signed["security_protocol"], signed["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Address:
    """The real broker, with topics of this test's own."""
    names = {name: f"test.{name}.{uuid4().hex[:8]}" for name in ("EVENTS", "QUARANTINE", "ALERTS")}
    kept = {names[name]: connection.KEPT[getattr(connection, name)] for name in names}
    own = {**names, "KEPT": kept, "TOPICS": (names["EVENTS"], names["QUARANTINE"])}
    address = Address(brokers=address_of("kafka"))
    for module in (connection, messages, receiving, sending, telling):
        for name in own.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, own[name])
    return address


def received(address: Address, group: str) -> list[int]:
    with closing(Subscription(address, 3, group)) as subscription:
        found = []
        for delivery in subscription.batches(once=True):
            with delivery as batch:
                found += batch.events["event.sequence"].to_list()
        return found


@pytest.mark.cluster
def test_what_is_published_is_received_until_it_is_done(broker: Address, tmp_path: Path) -> None:
    group = f"test-{uuid4().hex}"
    with closing(Publisher(broker, tmp_path, 1 << 20, 3)) as publisher:
        for number in range(10):
            publisher.publish(batch_of(number))
        assert publisher.wait_until_sent(60)
    with closing(Subscription(broker, 3, group)) as dying:
        with pytest.raises(OSError, match="disk full"):  # noqa: PT012
            for delivery in dying.batches():
                with delivery as batch:
                    assert batch.source == "crm"
                    raise OSError("disk full")
        assert next(dying.batches()), "delivered again, and then the worker dies"
    again = received(broker, group)
    assert sorted(again) == list(range(10)), "what was not committed comes again"
    by_account = {account: [n for n in again if n % 3 == account] for account in range(3)}
    assert all(own == sorted(own) for own in by_account.values()), "in order, account by account"
    assert received(broker, group) == [], "what was committed does not"


@pytest.mark.cluster
def test_messages_of_strangers_are_quarantined_and_stop_nobody(broker: Address, tmp_path: Path) -> None:
    producer = KafkaProducer(**broker.settings())
    with closing(Publisher(broker, tmp_path, 1 << 20, 3)) as publisher:
        publisher.publish(batch_of(1))
        assert publisher.wait_until_sent(60)
        for value in (b"rubbish", b"", None):
            producer.send(connection.EVENTS, key=b"key", value=value, partition=0).get(10)
        producer.close()
        publisher.publish(batch_of(2))
        assert publisher.wait_until_sent(60)
    events, quarantined = [], []
    with closing(Subscription(broker, 3, f"test-{uuid4().hex}")) as subscription:
        for delivery in subscription.batches(once=True):
            with delivery as batch:
                events += batch.events["event.sequence"].to_list()
                quarantined += batch.quarantined
    assert sorted(events) == [1, 2]
    assert [one.original for one in quarantined] == [b"rubbish", b"", b""]
    assert len({one.id for one in quarantined}) == 3
    assert all(one.file == f"{connection.EVENTS}/0" for one in quarantined)


def heard(address: Address) -> list[tuple[str, float | None, int]]:
    """Every message about an alert: its id, its score or none, its partition; partition by partition in order."""
    with closing(KafkaConsumer(connection.ALERTS, **address.settings(), auto_offset_reset="earliest")) as consumer:
        return [
            (message.key.decode(), orjson.loads(message.value)["score"] if message.value else None, message.partition)
            for polled in iter(lambda: consumer.poll(timeout_ms=3000), {})
            for messages in polled.values()
            for message in messages
        ]


@pytest.mark.cluster
def test_what_became_of_an_alert_is_told_in_order_and_kept_by_its_id(broker: Address) -> None:
    one, two = an_alert("p1", 2), an_alert("p2", 3)
    with closing(KafkaHerald(broker, 3)) as herald:
        herald.tell([News(alert=alert.id, person=alert.person, now=alert, stamp=0) for alert in (one, two)])
        herald.tell([News(alert=one.id, person="p1", now=replace(one, score=50.0), stamp=1)])
        herald.tell([News(alert=one.id, person="p1", now=None, stamp=2)])
    told = heard(broker)
    assert [score for alert, score, _ in told if alert == one.id] == [40.0, 50.0, None]
    assert [score for alert, score, _ in told if alert == two.id] == [40.0]
    assert len({partition for alert, _, partition in told if alert == one.id}) == 1


def test_who_cannot_tell_says_so(tmp_path: Path) -> None:
    with closing(KafkaHerald(Address(brokers="127.0.0.1:1"), 3)) as herald, pytest.raises(Unavailable, match="Kafka"):
        herald.tell([News(alert="a", person="p", now=None, stamp=0)])
