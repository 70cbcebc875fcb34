"""Bundles that somebody has changed: `python -m tests.evidence.tampering` writes them beside this file, and how each is
found out. Those of the first kind were changed by whoever had the bundle in hand, those of the second by whoever has
the ledger's key as well: lists and signature of these hold."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.proof import canonical
from evidence.bag import file_of, write
from tests.evidence.bundles import Key, a_story, packed, unpacked

FOLDER = Path(__file__).parent / "tampered"
Files = dict[str, bytes]
LEAVES, TREE, HEADS, KEYS = (
    "data/events/leaves-0001.ndjson",
    "data/proof/tree.json",
    "data/proof/heads.ndjson",
    "data/proof/keys.json",
)
LEFT_OUT = (
    "data/case-uco.jsonld",
    "data/account.en.md",
    "data/account.zh.md",
    "data/favour.json",
    "data/coverage.json",
)


def a_bundle() -> Files:
    """The files of a small bundle that holds."""
    with tempfile.TemporaryDirectory() as folder:
        found = unpacked(packed(a_story(), Path(folder) / "case.zip")[0])
    return sealed({name: data for name, data in found.items() if name not in LEFT_OUT})


def sealed(files: Mapping[str, bytes], key: Key | None = None) -> Files:
    """Files with lists and a signature that hold."""
    key = key or Key()
    made = {name: data for name, data in files.items() if name.startswith("data/")}
    made["manifest-sha256.txt"] = _listed(made)
    made |= {"bag-info.txt": b"", "bagit.txt": files["bagit.txt"], "verify.py": b""}
    made["tagmanifest-sha256.txt"] = _listed(
        {name: data for name, data in made.items() if not name.startswith("data/")}
    )
    signature = key.sign(made["tagmanifest-sha256.txt"]).hex()
    made["signature.json"] = canonical({"key": key.fingerprint, "signature": signature}) + b"\n"
    return made


def contained(files: Mapping[str, bytes], out: Path) -> Path:
    """A container of files, in the order in which they are given."""
    with out.open("wb") as file:
        write([file_of(name, data) for name, data in files.items()], file)
    return out


def _listed(files: Mapping[str, bytes]) -> bytes:
    return b"".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode() for name, data in sorted(files.items()))


def _changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda files: files | {name: change(files[name])}


def _of_json(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        values = json.loads(data)
        change(values)
        return canonical(values) + b"\n"

    return changed


def _of_lines(change: Callable[[list[bytes]], object]) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        found = data.splitlines(keepends=True)
        change(found)
        return b"".join(found)

    return changed


def _of_line(number: int, change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    return _of_lines(lambda found: found.__setitem__(number, _of_json(change)(found[number])))


def _without(start: str) -> Callable[[Files], Files]:
    return lambda files: {name: data for name, data in files.items() if not name.startswith(start)}


def _swap(found: list[bytes]) -> None:
    found[0], found[1] = found[1], found[0]


BY_HAND: Mapping[str, tuple[Callable[[Files], Files], str]] = {
    "a-leaf-changed": (_changed(LEAVES, lambda data: data.replace(b"export", b"delete", 1)), LEAVES),
    "a-raw-line-changed": (_changed("data/events/raw-0001.log", lambda data: data[:-3] + b"x}\n"), "raw-0001.log"),
    "a-table-changed": (_changed("data/events/events-0001.csv", lambda data: data + b"x"), "events-0001.csv"),
    "the-verifier-changed": (lambda files: files | {"verify.py": b"print('holds')\n"}, "verify.py"),
    "a-file-dropped": (_without("data/custody"), "data/custody.ndjson: it is missing"),
    "a-file-added": (lambda files: files | {"data/more.json": b"{}"}, "data/more.json"),
    "a-tag-added": (lambda files: files | {"more.txt": b""}, "more.txt"),
    "a-list-changed": (_changed("manifest-sha256.txt", lambda data: data.replace(b"0", b"1", 1)), ""),
    "the-signature-dropped": (_without("signature.json"), "signature.json: it is missing"),
    "two-files-swapped": (
        lambda files: (
            files | {"data/case.json": files["data/export.json"], "data/export.json": files["data/case.json"]}
        ),
        "data/case.json",
    ),
    "signed-by-a-stranger": (lambda files: sealed(files, Key(9)), "signature.json"),
}
"""What was done, and what the answer names."""

BY_THE_OWNER: Mapping[str, tuple[Callable[[Files], Files], str]] = {
    "owner-changed-a-leaf": (
        _changed(LEAVES, _of_line(0, lambda leaf: leaf["content"].update({"event.sequence": 7}))), "",
    ),
    "owner-dropped-a-leaf": (_changed(LEAVES, _of_lines(lambda found: found.pop())), ""),
    "owner-added-a-leaf": (_changed(LEAVES, _of_lines(lambda found: found.append(found[0]))), "has no place"),
    "owner-swapped-leaves": (_changed(LEAVES, _of_lines(_swap)), ""),
    "owner-changed-a-raw-line": (_changed("data/events/raw-0001.log", lambda data: data + b"x\n"), "raw-0001.log"),
    "owner-changed-a-table": (
        _changed("data/events/events-0001.csv", lambda data: data.replace(b"export", b"delete", 1)), "events-0001.csv",
    ),
    "owner-moved-a-leaf": (_changed(TREE, _of_json(lambda tree: tree["indexes"].reverse())), ""),
    "owner-showed-a-leaf-outside": (
        _changed(TREE, _of_json(lambda tree: tree["indexes"].__setitem__(0, 99))), "data/proof/tree.json",
    ),
    "owner-showed-a-leaf-twice": (
        lambda files: _changed(TREE, _of_json(lambda tree: tree["indexes"].append(tree["indexes"][1])))(
            _changed(LEAVES, _of_lines(lambda found: found.append(found[0])))(files)
        ), "",
    ),
    "owner-dropped-a-node": (
        _changed(TREE, _of_json(lambda tree: tree["nodes"].update(sha256=tree["nodes"]["sha256"][64:]))), TREE,
    ),
    "owner-added-a-node": (
        _changed(TREE, _of_json(lambda tree: tree["nodes"].update(sha256=tree["nodes"]["sha256"] + "0" * 64))), TREE,
    ),
    "owner-changed-a-head": (_changed(HEADS, _of_line(1, lambda one: one["head"].update(size=15))), "head 2"),
    "owner-dropped-the-last-head": (_changed(HEADS, _of_lines(lambda found: found.pop())), TREE),
    "owner-swapped-heads": (_changed(HEADS, _of_lines(_swap)), "head 2"),
    "owner-broke-a-proof": (
        _changed(HEADS, _of_line(1, lambda one: one["consistency"]["sha256"].reverse())), "head 2",
    ),
    "owner-dropped-the-key": (_changed(KEYS, lambda data: b"[]\n"), "signature.json"),
    "owner-changed-a-snapshot": (
        lambda files: files | {
            name: data.replace(b"12,000", b"12,001") for name, data in files.items() if name.startswith("data/alerts/")
        }, "data/alerts/",
    ),
    "owner-dropped-a-rule": (_without("data/rules/"), "is missing"),
    "owner-changed-a-rule": (
        lambda files: files | {name: data + b"#" for name, data in files.items() if name.startswith("data/rules/")},
        "is missing",
    ),
    "owner-changed-custody": (
        _changed("data/custody.ndjson", _of_line(1, lambda one: one.update(by="nobody"))), "entry 1",
    ),
    "owner-dropped-custody": (
        _changed("data/custody.ndjson", _of_lines(lambda found: (found.pop(0), _swap(found)))), "custody",
    ),
    "owner-nested-too-deep": (_changed(TREE, lambda data: b"[" * 100_000), TREE),
}  # fmt: skip


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    whole = a_bundle()
    for name, (change, _) in BY_HAND.items():
        contained(dict(sorted(change(whole).items())), FOLDER / f"{name}.zip")
    for name, (change, _) in BY_THE_OWNER.items():
        contained(dict(sorted(sealed(change(whole)).items())), FOLDER / f"{name}.zip")


if __name__ == "__main__":
    main()
