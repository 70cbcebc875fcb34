"""Talking to Kafka, and what is wrong when it refuses, in one sentence."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from core.errors import ConfigError, Unavailable

EVENTS, QUARANTINE, ALERTS = "leaverwatch.events", "leaverwatch.quarantine", "leaverwatch.alerts"
TOPICS = (EVENTS, QUARANTINE)
"""What workers read. Alerts go out to whoever cares."""
GROUP = "leaverwatch-workers"
LARGEST_MESSAGE = 32 << 20
"""Bytes; one record of any size the sources let through fits, compressed."""
COPIES = 3
DAYS_KEPT = 7
ANSWER_SECONDS = 15
_PASSING = {"max.message.bytes": str(LARGEST_MESSAGE), "retention.ms": str(DAYS_KEPT * 86_400_000)}
KEPT: Mapping[str, dict[str, str]] = {
    EVENTS: _PASSING,
    QUARANTINE: _PASSING,
    ALERTS: {"cleanup.policy": "compact"},
}
"""How long what is in each topic stays: of an alert, what was last told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the brokers are, and how to prove who one is. A `user` signs in by SCRAM-SHA-512; a `user` or a `ca` (PEM)
    means TLS."""

    brokers: str
    user: str = ""
    password: str = ""
    ca: Path | None = None

    def settings(self) -> dict[str, Any]:
        """What every client of the library takes. Raises `ConfigError`."""
        if self.ca is not None and not self.ca.is_file():
            raise ConfigError(f"no certificate authority for Kafka at {self.ca}")
        secure: Mapping[str, Any] = {"ssl_cafile": None if self.ca is None else str(self.ca)}
        signed: Mapping[str, Any] = {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }
        return {
            "bootstrap_servers": [part.strip() for part in self.brokers.split(",") if part.strip()],
            "client_id": "leaverwatch",
            "bootstrap_timeout_ms": ANSWER_SECONDS * 1000,
            "security_protocol": "SASL_SSL" if self.user else "SSL" if self.ca else "PLAINTEXT",
            **(secure if self.user or self.ca else {}),
            **(signed if self.user else {}),
        }


@contextmanager
def explained() -> Iterator[None]:
    """Errors of the library as `Unavailable`, in one sentence."""
    try:
        yield
    except KafkaError as error:
        raise Unavailable(f"Kafka cannot be used: {_reason(error)}") from error
    except OSError as error:
        raise Unavailable(f"Kafka cannot be reached: {error}") from error


def find(address: Address) -> None:
    """Raises `Unavailable` where no broker is listening: the library would go on trying for long."""
    reasons = []
    for broker in address.settings()["bootstrap_servers"]:
        host, _, port = broker.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
        except (OSError, ValueError) as error:
            reasons.append(f"{broker}: {error}")
        else:
            return
    raise Unavailable(f"Kafka cannot be reached at {'; '.join(reasons)}")


def make_topics(address: Address, partitions: int) -> None:
    """Make the topics that are missing, in as many copies as there are brokers, three at most. Raises `Unavailable`."""
    find(address)
    with explained():
        admin = KafkaAdminClient(**address.settings(), request_timeout_ms=ANSWER_SECONDS * 1000)
        try:
            there = set(admin.list_topics())
            copies = min(COPIES, len(admin.describe_cluster()["brokers"]))
            durable = {"min.insync.replicas": "2"} if copies == COPIES else {}
            new = [
                NewTopic(name=name, num_partitions=partitions, replication_factor=copies, topic_configs=kept | durable)
                for name, kept in KEPT.items()
                if name not in there
            ]
            if new:
                admin.create_topics(new)
        except TopicAlreadyExistsError:
            pass  # another process was quicker
        finally:
            admin.close()


def producer(address: Address) -> KafkaProducer:
    """Confirms a message when every copy has it, and writes each once. Raises `Unavailable`."""
    with explained():
        return KafkaProducer(
            **address.settings(),
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST_MESSAGE,
            linger_ms=5,
        )


def partition_of(sender: KafkaProducer, topic: str, slot: int) -> int:
    """The partition of a slot: always the same one, as long as there are as many."""
    partitions = sorted(sender.partitions_for(topic))
    found: int = partitions[slot % len(partitions)]
    return found


def confirmed(sender: KafkaProducer, sent: Sequence[Any]) -> None:
    """Wait until all that was sent is confirmed. Raises `Unavailable`."""
    with explained():
        sender.flush()
        for future in sent:
            future.get(timeout=1)


def _reason(error: KafkaError) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
