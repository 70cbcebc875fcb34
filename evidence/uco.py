"""A case for other forensic tools: JSON-LD in the words of CASE (Cyber-investigation Analysis Standard Expression) and
of the Unified Cyber Ontology that it builds on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from core.canonical import moment_text
from core.evidence import AuditEntry
from evidence.bag import File

Node = dict[str, Any]
UCO = "https://ontology.unifiedcyberontology.org/uco/"
CONTEXT = {
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "kb": "urn:leaverwatch:",
    **{f"uco-{name}": f"{UCO}{name}/" for name in ("action", "core", "identity", "observable", "role", "types")},
    "uco-vocabulary": f"{UCO}vocabulary/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def graph(case: Mapping[str, Any], custody: Sequence[AuditEntry], files: Sequence[File]) -> Node:
    """The investigation, who it is about, the files of events with their digests, and what was done with them."""
    name = str(case["id"])
    persons = [_person(person) for person in case["persons"]]
    subjects = [node for person in persons for node in _subject(person["@id"])]
    observed = [_file(name, file) for file in files]
    exhibits = {
        "@id": _id("provenance", name),
        "@type": "case-investigation:ProvenanceRecord",
        "case-investigation:exhibitNumber": name,
        "uco-core:description": "Events as they were stored, in order of their lines",
        "uco-core:object": [_ref(node) for node in observed],
    }
    workers = {by: _identity(by) for by in sorted({entry.by for entry in custody})}
    actions = [_action(name, entry, workers[entry.by], exhibits) for entry in custody]
    inside = [*persons, *subjects, exhibits, *observed, *workers.values(), *actions]
    investigation = {
        "@id": _id("investigation", name),
        "@type": "case-investigation:Investigation",
        "case-investigation:investigationForm": "case",
        "case-investigation:investigationStatus": case["state"],
        "uco-core:name": name,
        "uco-core:startTime": _time(case["opened"]),
        "uco-core:object": [_ref(node) for node in inside],
    }
    return {"@context": CONTEXT, "@graph": [investigation, *inside]}


def _person(person: Mapping[str, Any]) -> Node:
    return {
        "@id": _id("person", str(person["id"])),
        "@type": "uco-identity:Person",
        "uco-core:name": person.get("name") or person["id"],
        "uco-core:externalReference": [
            {
                "@id": _id("reference", str(person["id"])),
                "@type": "uco-core:ExternalReference",
                "uco-core:externalIdentifier": person["id"],
            }
        ],
    }


def _subject(person: str) -> list[Node]:
    role = {"@id": _id("role", person), "@type": "case-investigation:Subject", "uco-core:name": "subject"}
    relation = {
        "@id": _id("relation", person),
        "@type": "uco-core:Relationship",
        "uco-core:source": {"@id": person},
        "uco-core:target": _ref(role),
        "uco-core:kindOfRelationship": "has-role",
        "uco-core:isDirectional": True,
    }
    return [role, relation]


def _identity(by: str) -> Node:
    return {"@id": _id("identity", by), "@type": "uco-identity:Identity", "uco-core:name": by}


def _file(case: str, file: File) -> Node:
    digest = {
        "@id": _id("hash", case, file.name),
        "@type": "uco-types:Hash",
        "uco-types:hashMethod": {"@type": "uco-vocabulary:HashNameVocab", "@value": "SHA256"},
        "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": file.sha256},
    }
    size = {"@type": "xsd:integer", "@value": str(file.size)}
    return {
        "@id": _id("file", case, file.name),
        "@type": "uco-observable:File",
        "uco-core:hasFacet": [
            {
                "@id": _id("file-facet", case, file.name),
                "@type": "uco-observable:FileFacet",
                "uco-observable:fileName": file.name.rpartition("/")[2],
                "uco-observable:filePath": file.name,
                "uco-observable:sizeInBytes": size,
            },
            {
                "@id": _id("content-facet", case, file.name),
                "@type": "uco-observable:ContentDataFacet",
                "uco-observable:hash": [digest],
                "uco-observable:sizeInBytes": size,
            },
        ],
    }


def _action(case: str, entry: AuditEntry, by: Node, exhibits: Node) -> Node:
    return {
        "@id": _id("action", case, str(entry.number)),
        "@type": "case-investigation:InvestigativeAction",
        "uco-action:object": [_ref(exhibits)],
        "uco-action:performer": _ref(by),
        "uco-action:startTime": _time(moment_text(entry.at)),
        "uco-core:description": entry.why,
        "uco-core:name": entry.deed.value,
    }


def _time(text: str) -> Node:
    return {"@type": "xsd:dateTime", "@value": text}


def _ref(node: Node) -> Node:
    return {"@id": node["@id"]}


def _id(kind: str, *parts: str) -> str:
    """Always the same for the same thing."""
    return f"kb:{kind}-{uuid5(NAMESPACE_URL, 'urn:leaverwatch:' + chr(0).join((kind, *parts)))}"
