"""What is wrong with the brokers, and what a process's user may not do there. Looking makes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from operator import itemgetter
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import CoordinatorNotAvailableError, GroupAuthorizationFailedError

from core.errors import Unavailable
from store.kafka.connection import ALERTS, EVENTS, GROUP, KEPT, QUARANTINE, Address, administering

MISSING, FORBIDDEN = 3, 29
LARGEST = "max.message.bytes"
ACLS = "deploy/kafka/acls.sh has what it needs"
RIGHTS: Mapping[str, Mapping[str, str]] = {
    "collect": {EVENTS: "WRITE", QUARANTINE: "WRITE"},
    "worker": {EVENTS: "READ", QUARANTINE: "READ"},
    "judge": {ALERTS: "WRITE"},
}
"""What each process does with which topic."""


def look(address: Address, partitions: int, processes: Collection[str]) -> str:
    """What it is, where it serves and the user may do what the processes do. Raises `ConfigError`, `Unavailable`."""
    needs = {
        topic: {rights[topic] for process, rights in RIGHTS.items() if process in processes and topic in rights}
        for topic in KEPT
    }
    with administering(address) as admin:
        brokers = len(admin.describe_cluster()["brokers"])
        topics = sorted(admin.describe_topics([topic for topic in needs if needs[topic]]), key=itemgetter("name"))
        there = [topic["name"] for topic in topics if not topic["error_code"]]
        wrong = [told for topic in topics for told in _wrong(topic, needs[topic["name"]], partitions)]
        wrong += _small(admin, there)
        if "worker" in processes and EVENTS in there:
            wrong += _no_group(admin)
    if wrong:
        raise Unavailable(f"Kafka: {'; '.join(wrong)}")
    return f"Kafka with {brokers} brokers, {'over' if address.is_secure else 'without'} TLS: {', '.join(there)}"


def _wrong(topic: Mapping[str, Any], needed: set[str], partitions: int) -> Iterator[str]:
    name, missing = topic["name"], topic["error_code"] == MISSING
    rights, has = topic["authorized_operations"], len(topic["partitions"])
    lacks = needed - set(rights or ()) if topic["error_code"] != FORBIDDEN else needed
    if lacks:
        yield f"this user lacks {', '.join(sorted(lacks))} on {name} ({ACLS})"
    if missing and "CREATE" in (rights or ()):
        yield f"there is no topic {name} yet, the first process makes it"
    elif missing:
        yield f"there is no topic {name} and this user lacks CREATE to make it"
    elif has and has < partitions:
        yield f"{name} has {has} partitions, not {partitions} as configured: no more workers than that share the work"
    if any(part["leader_id"] < 0 for part in topic["partitions"]):
        yield f"{name} has partitions that no broker serves"


def _small(admin: KafkaAdminClient, topics: list[str]) -> Iterator[str]:
    """Where the user may see what is set, it has to let through what we send."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, {LARGEST: None}) for name in topics]
    found = admin.describe_configs(asked, config_filter="all").get("topic", {}) if asked else {}
    for name, settings in found.items():
        needed = int(KEPT[name].get(LARGEST, 0))
        if LARGEST in settings and int(settings[LARGEST]["value"]) < needed:
            yield f"{name} takes {settings[LARGEST]['value']} bytes, set {LARGEST} to {needed}"


def _no_group(admin: KafkaAdminClient) -> list[str]:
    try:
        admin.describe_groups([GROUP])
    except GroupAuthorizationFailedError:
        return [f"this user lacks READ on group {GROUP} ({ACLS})"]
    except CoordinatorNotAvailableError:
        pass  # nobody has read yet
    return []
