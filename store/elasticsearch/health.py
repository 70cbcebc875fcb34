"""What is wrong with the events' indices, a sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import LeaverwatchError, Unavailable
from store.elasticsearch.connection import Client, check_version
from store.elasticsearch.rights import lacking
from store.elasticsearch.templates import Names


def look(client: Client, names: Names, process: str) -> str:
    """What it is, where it serves and the user may do what the process does. Raises `ConfigError`, `Unavailable`."""
    lacks = lacking(client, process, names)
    if lacks:
        role = f"deploy/elasticsearch/leaverwatch_{process}.json has what it needs"
        raise Unavailable(f"Elasticsearch's user lacks the rights {', '.join(lacks)} ({role})")
    return f"Elasticsearch {check_version(client)}"


def problems(client: Client, names: Names) -> Sequence[str]:
    """Unreachable, of a wrong version, with indices whose data is missing or that take nothing any more."""
    try:
        check_version(client)
        pattern = f"{names.events},{names.lines},{names.quarantine}*"
        return [*_missing(client, pattern), *_blocked(client, pattern)]
    except LeaverwatchError as error:
        return [str(error)]


def _missing(client: Client, pattern: str) -> list[str]:
    health = client.cluster.health(index=pattern, level="indices", expand_wildcards="all")
    red = sorted(name for name, index in health["indices"].items() if index["status"] == "red")
    return [f"Elasticsearch has lost part of {', '.join(red[:5])}{' and others' if red[5:] else ''}"] if red else []


def _blocked(client: Client, pattern: str) -> list[str]:
    blocks = client.indices.get_settings(
        index=pattern, name="index.blocks.*", expand_wildcards="all", ignore_unavailable=True, flat_settings=True
    )
    full: list[str] = []
    closed: list[str] = []
    for name, index in sorted(blocks.items()):
        on = {block for block, value in index["settings"].items() if value == "true"}
        if on:
            (full if "index.blocks.read_only_allow_delete" in on else closed).append(name)
    return [
        *([f"Elasticsearch's disk is full: {len(full)} indices take no events until there is room"] if full else []),
        *([f"somebody has blocked writing to {', '.join(closed[:5])}"] if closed else []),
    ]
