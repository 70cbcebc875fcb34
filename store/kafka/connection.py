"""Talking to Kafka, and what is wrong when it refuses, in one sentence."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    KafkaTimeoutError,
    TopicAlreadyExistsError,
)

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

    @property
    def is_secure(self) -> bool:
        return bool(self.user or self.ca)

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
            **(secure if self.is_secure else {}),
            **(signed if self.user else {}),
        }


@contextmanager
def explained() -> Iterator[None]:
    """Errors of the library as `Unavailable`, in one sentence."""
    try:
        yield
    except AuthorizationError as error:
        raise Unavailable(f"Kafka does not allow this user what it needs: {type(error).__name__}") from error
    except KafkaError as error:
        raise Unavailable(f"Kafka cannot be used: {_reason(error)}") from error
    except OSError as error:
        raise Unavailable(f"Kafka cannot be reached: {error}") from error


def find(address: Address) -> None:
    """Raises `Unavailable` where no broker is listening or none is trusted: the library would go on trying for long."""
    reasons = []
    for broker in address.settings()["bootstrap_servers"]:
        try:
            _knock(broker, address)
        except ssl.SSLCertVerificationError as error:
            raise Unavailable(f"Kafka's certificate is not trusted: {error.verify_message}") from None
        except ssl.SSLError as error:
            reasons.append(f"{broker}: it does not speak TLS ({error.reason})")
        except (OSError, ValueError) as error:
            reasons.append(f"{broker}: {error}")
        else:
            return
    raise Unavailable(f"Kafka cannot be reached at {'; '.join(reasons)}")


@contextmanager
def administering(address: Address) -> Iterator[KafkaAdminClient]:
    """A client that asks about the brokers. Raises `Unavailable`."""
    find(address)
    with explained():
        opened: list[Any] = []

        def opening(**settings: Any) -> Any:
            opened.append(KafkaAdminClient.DEFAULT_CONFIG["kafka_client"](**settings))
            return opened[-1]

        asking = {"request_timeout_ms": ANSWER_SECONDS * 1000, "kafka_client": opening}
        try:
            client = KafkaAdminClient(**address.settings(), **asking)
        except KafkaTimeoutError:
            opened[-1].close()  # its thread would go on trying for ever
            raise Unavailable(_unanswered(address)) from None
        try:
            yield client
        finally:
            client.close()


def make_topics(address: Address, partitions: int, topics: Collection[str]) -> None:
    """Make those that are missing, in as many copies as there are brokers, three at most. Raises `Unavailable`."""
    with administering(address) as admin:
        missing = set(topics) - set(admin.list_topics())
        if not missing:
            return
        copies = min(COPIES, len(admin.describe_cluster()["brokers"]))
        durable = {"min.insync.replicas": "2"} if copies == COPIES else {}
        try:
            admin.create_topics(
                [
                    NewTopic(
                        name=name,
                        num_partitions=partitions,
                        replication_factor=copies,
                        topic_configs=KEPT[name] | durable,
                    )
                    for name in sorted(missing)
                ]
            )
        except TopicAlreadyExistsError:
            pass  # another process was quicker
        except AuthorizationError:
            names = ", ".join(sorted(missing))
            raise Unavailable(f"Kafka does not allow this user to see or to make {names}") from None


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


def _knock(broker: str, address: Address) -> None:
    host, _, port = broker.rpartition(":")
    host = host.strip("[]")
    with socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS) as line:
        if address.is_secure:
            ssl.create_default_context(cafile=address.ca).wrap_socket(line, server_hostname=host).close()


def _unanswered(address: Address) -> str:
    """Somebody listens, and the certificate is right: the library does not tell what it was that failed after that."""
    if address.user:
        return f"Kafka does not let {address.user} in: wrong user or password, or it knows no SCRAM-SHA-512"
    wanted = "kafka_user" if address.ca else "kafka_user or kafka_ca"
    return f"Kafka does not answer; perhaps it wants a user or TLS: {wanted} is not set"


def _reason(error: KafkaError) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
