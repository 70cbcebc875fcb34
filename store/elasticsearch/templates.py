"""What indices look like: made from the one list of fields, put where the server's differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.batch import FRAGMENT
from core.canonical import content_id
from core.schema import FIELDS, Kind
from store.elasticsearch.connection import Client, Trouble

PRIORITY = 500
"""Above Elastic's own template of `logs-*-*`."""
LONGEST_KEYWORD = 8191
"""Characters of a keyword that is searched whole: its bytes stay below Lucene's limit of 32,766."""
KEYWORD: Mapping[str, Any] = {"type": "keyword", "ignore_above": LONGEST_KEYWORD}
LONGEST_VENDOR = 1024
UNSEARCHED: Mapping[str, Any] = {"type": "keyword", "index": False, "doc_values": False}
TYPES: Mapping[Kind, Mapping[str, Any]] = {
    Kind.KEYWORD: KEYWORD,
    Kind.KEYWORDS: KEYWORD,
    Kind.TEXT: UNSEARCHED,
    Kind.IP: {"type": "ip", "ignore_malformed": True},
    Kind.LONG: {"type": "long", "ignore_malformed": True},
    Kind.DATE: {"type": "date_nanos"},
    Kind.BOOLEAN: {"type": "boolean"},
    # Fields of fields, found by their whole name; deeper ones than this leave a document without them.
    Kind.RECORD: {"type": "flattened", "ignore_above": LONGEST_VENDOR, "depth_limit": 20},
}
SOURCE, RULES = "leaverwatch.source", "leaverwatch.rules"
BUILT, VENDOR, WORDS = "leaverwatch.built", "leaverwatch.vendor", "leaverwatch.words"
"""Beside an event's fields: what it came from, the version of the rules that tagged it, whether it was built of lines,
its `vendor` letter by letter, the words of its original line."""


class Names:
    """Names of everything that belongs to one installation: its data streams end in the namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.events = f"logs-*-{namespace}"
        self.lines = f"leaverwatch.lines-*-{namespace}"
        self.line_stream = f"leaverwatch.lines-all-{namespace}"
        self.quarantine = f"leaverwatch.quarantine-{namespace}"

    def stream(self, dataset: str) -> str:
        """The data stream of a dataset, in the letters that Elasticsearch takes."""
        safe = re.sub(r"[^a-z0-9._]", "_", dataset.lower())[:100].lstrip("._")
        return f"logs-{safe or 'other'}-{self.namespace}"


def install(client: Client, names: Names) -> None:
    """Put the templates and the quarantine's index where the server's are not these. Data streams made before begin a
    new index each: what is written from now on is found by every field."""
    for name, pattern, properties in (
        (f"leaverwatch-events-{names.namespace}", names.events, _events()),
        (f"leaverwatch-lines-{names.namespace}", names.lines, _lines()),
    ):
        _put(client, name, pattern, properties)
    if not client.indices.exists(index=names.quarantine):
        try:
            client.indices.create(index=names.quarantine, mappings=_nested(_quarantine()))
        except Trouble as trouble:
            if trouble.status != 400:  # another process was quicker
                raise


def _put(client: Client, name: str, pattern: str, properties: Mapping[str, Mapping[str, Any]]) -> None:
    component = {
        "mappings": _nested(properties),
        "settings": {"index": {"codec": "best_compression", "refresh_interval": "30s"}},
    }
    index: dict[str, Any] = {
        "index_patterns": [pattern],
        "priority": PRIORITY,
        "data_stream": {},
        "composed_of": [name, f"{name}@custom"],
        "ignore_missing_component_templates": [f"{name}@custom"],
        # Rolls over by itself where the server has life cycles; it never deletes: retention knows of legal holds.
        "template": {"lifecycle": {"enabled": True}},
    }
    digest = content_id("template", repr((component, index)))
    try:
        found = client.cluster.get_component_template(name=name)["component_templates"][0]["component_template"]
    except Trouble as trouble:
        if trouble.status != 404:
            raise
        found = {}
    if found.get("_meta", {}).get("digest") == digest:
        return
    # The digest comes last: a kill in between puts both again.
    client.cluster.put_component_template(name=name, template=component)
    client.indices.put_index_template(name=name, **index)
    for stream in client.indices.resolve_index(name=pattern)["data_streams"]:
        client.indices.rollover(alias=stream["name"])
    client.cluster.put_component_template(name=name, template=component, meta={"digest": digest})


def _events() -> dict[str, Mapping[str, Any]]:
    # Words stand between spaces already; an analyzer that knows more would find less.
    words = {"type": "text", "analyzer": "whitespace", "norms": False}
    own = {SOURCE: KEYWORD, RULES: KEYWORD, BUILT: TYPES[Kind.BOOLEAN], VENDOR: UNSEARCHED, WORDS: words}
    return {field.name: TYPES[field.kind] for field in FIELDS} | own


def _lines() -> dict[str, Mapping[str, Any]]:
    searched = {"@timestamp": TYPES[Kind.DATE], "event.id": KEYWORD, "source": KEYWORD, "key": KEYWORD, "kind": KEYWORD}
    numbers = {"event.sequence": TYPES[Kind.LONG]}
    return dict.fromkeys(FRAGMENT, UNSEARCHED) | searched | numbers


def _quarantine() -> dict[str, Mapping[str, Any]]:
    own = {"id": KEYWORD, "source": KEYWORD, "file": KEYWORD, "sequence": TYPES[Kind.LONG]}
    return own | {"reason": UNSEARCHED, "context": UNSEARCHED, "at": UNSEARCHED, "original": {"type": "binary"}}


def _nested(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The mapping; a field that is not on it is kept and not searched."""
    return {"dynamic": False, "properties": dict(properties)}
