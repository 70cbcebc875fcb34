"""Verifies evidence bundles: python verify.py [BUNDLE.zip | FOLDER]... [--key FINGERPRINT] [--tsa FINGERPRINT]
Without a bundle: this folder. `--key`: of the ledger, as printed in the report; `--tsa`: SHA-256 of the certificate of
a time-stamping authority, or one above. Exit code 0: all holds; 1: what is broken first is named; 2: wrong use."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import struct
import sys
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

NAME = re.compile(r"(?=.{1,200}$)[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*){0,3}", re.ASCII)
SEAL, LISTS = "signature.json", ("manifest-sha256.txt", "tagmanifest-sha256.txt")
TREE, HEADS, CUSTODY = "data/proof/tree.json", "data/proof/heads.ndjson", "data/custody.ndjson"
LARGEST, MOST_FILES, FORMULA = 64 << 20, 65_000, tuple("=+-@\t\r\n＝＋－＠")
DIGESTS: dict[str, Callable[[bytes], Any]] = {"sha256": hashlib.sha256, "sm3": lambda data: hashlib.new("sm3", data)}
HASHES = {"01": hashes.SHA256(), "02": hashes.SHA384(), "03": hashes.SHA512()}


class Broken(Exception):
    """The text names the first thing that does not hold."""


def canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def entry(name: str, crc: int, size: int) -> tuple[bytes, bytes]:
    """What a container has before the bytes of a file, and in its list before the file's place."""
    common = struct.pack("<5H3I2H", 20, 0, 0, 0, 33, crc, size, size, len(name), 0)
    return b"PK\3\4" + common + name.encode(), b"PK\1\2\x14\3" + common + struct.pack("<3HI", 0, 0, 0, 0o100644 << 16)


def row(index: int, content: Mapping[str, Any], columns: Sequence[str]) -> bytes:
    """An event in a table. What a spreadsheet would run as a formula has an apostrophe before it."""
    cells = dict.fromkeys(columns, "") | {columns[0]: str(index)}
    for name, value in content.items():
        if name in cells:
            text = value if isinstance(value, str) else str(value) if type(value) is int else json.dumps(value)
            text = "'" + text if text is value and text.startswith(FORMULA) else text
            cells[name] = '"' + text.replace('"', '""') + '"'
    return ",".join(cells.values()).encode() + b"\r\n"


def der(data: bytes) -> list[Any]:
    found = []  # tag, content and whole of each part of a value in DER
    while data:
        size, head = (data[1], 2) if data[1] < 128 else (int.from_bytes(data[2 : data[1] - 126], "big"), data[1] - 126)
        found.append((data[0], data[head : head + size], data[: head + size]))
        data = data[head + size :]
    return found


def root(size: int, known: Mapping[int, bytes], order: Sequence[int], nodes: Iterator[str], digest: Any) -> str:
    """Of a tree (RFC 6962) by some leaves, in order, and, from left to right, the nodes over all others."""

    def fold(first: int, end: int, low: int, high: int) -> bytes:
        if low == high or end - first == 1:
            return known.get(first) or bytes.fromhex(next(nodes))
        middle = first + (1 << ((end - first - 1).bit_length() - 1))
        cut = bisect_left(order, middle, low, high)
        return bytes(digest(b"\1" + fold(first, middle, low, cut) + fold(middle, end, cut, high)).digest())

    return fold(0, size, 0, len(order)).hex()


class Bundle:
    """The files of a bundle by name: where each begins, its size and CRC. `at` is what is looked at."""

    def __init__(self, path: str, say: Callable[[str], object]) -> None:
        self.path, self.folder, self.at, self.say = path, os.path.isdir(path), "container", say
        self.files, self.digests = dict[str, tuple[int, int, int]](), dict[str, str]()

    def need(self, holds: object, why: str) -> None:
        if not holds:
            raise Broken(f"{ascii(self.at)[1:-1][:200]}: {why}")

    def open(self) -> None:
        for name, place in self.listed() if self.folder else self.zipped():
            self.at, before = name, next(reversed(self.files), "")
            named = NAME.fullmatch(name) and len(self.files) < MOST_FILES and (self.folder or name > before)
            self.need(named, "no file of a bundle is called so, or not in this place")
            self.files[name] = place

    def listed(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        for below, folders, names in os.walk(self.path):
            for whole in (os.path.join(below, one) for one in folders + names):
                name, plain = os.path.relpath(whole, self.path).replace(os.sep, "/"), os.path.isfile(whole)
                self.need(not os.path.islink(whole) and (plain or os.path.isdir(whole)), f"{name!a} is no plain file")
                if plain:
                    yield name, (0, os.path.getsize(whole), 0)

    def zipped(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        """Every byte is a file's, or is made again from the names, sizes and CRCs of files and compared."""
        place, listed = 0, list[bytes]()
        with open(self.path, "rb") as file:
            while (head := file.read(30)).startswith(b"PK\3\4"):
                crc, size, _, length = struct.unpack("<3IH", head[14:28])
                name = file.read(length).decode("latin-1")
                before, central = entry(name, crc, size)
                yield name, (place + len(before), size, crc)
                self.need(head + name.encode() == before, "what stands before its bytes was changed")
                listed.append(central + struct.pack("<I", place) + name.encode())
                place = file.seek(place + len(before) + size)
            whole, count, self.at = b"".join(listed), len(listed), "container"
            end = whole + b"PK\5\6" + struct.pack("<4H2IH", 0, 0, count, count, len(whole), place, 0)
            self.need(head + file.read(len(end)) == end, "its list of files was changed")

    def pieces(self, name: str, lines: bool = True) -> Iterator[bytes]:
        self.at = name
        self.need(name in self.files, "it is missing")
        start, left, _ = self.files[name]
        with open(os.path.join(self.path, name) if self.folder else self.path, "rb") as file:
            file.seek(start)
            while left:
                piece = file.readline(min(left, LARGEST)) if lines else file.read(min(left, 1 << 20))
                self.need(piece, "it is cut off")
                left -= len(piece)
                yield piece

    def read(self, name: str, most: int = LARGEST) -> bytes:
        self.need(self.files.get(name, (0, 0))[1] <= most, f"{name} is too large")
        return b"".join(self.pieces(name, lines=False))

    def bag(self) -> None:
        for listing in LISTS:
            said = {line[66:-1].decode(): line[:64].decode() for line in self.pieces(listing)}
            inside = {name for name in self.files if name.startswith("data/") == (listing == LISTS[0])}
            for name in sorted((said.keys() | inside) - {SEAL, LISTS[1]}):
                digest, crc = hashlib.sha256(), 0
                for piece in self.pieces(name, lines=False):
                    digest.update(piece)
                    crc = 0 if self.folder else zlib.crc32(piece, crc)
                self.digests[name] = digest.hexdigest()
                same = said.get(name) == digest.hexdigest() and crc == self.files[name][2]
                self.need(same, f"it is not what {listing} says")

    def keys(self, pinned: str) -> dict[str, Any]:
        """The ledger's keys, each signed by the one before. The bundle is signed by the pinned one or one after it."""
        chain: dict[str, ed25519.Ed25519PublicKey] = {}
        for one in json.loads(self.read("data/proof/keys.json")):
            before, public = ([*chain] or [""])[-1], bytes.fromhex(one["public"])
            self.need(one["before"] == before, "a key does not follow the one before it")
            if chain:
                statement = canonical({"key": {name: one[name] for name in ("before", "public", "since")}})
                chain[before].verify(bytes.fromhex(one["signature"]), statement)
            chain[hashlib.sha256(public).hexdigest()] = ed25519.Ed25519PublicKey.from_public_bytes(public)
        listing, seal, order = self.read(LISTS[1]), json.loads(self.read(SEAL)), [*chain]
        written = canonical({"key": seal["key"], "signature": bytes.fromhex(seal["signature"]).hex()}) + b"\n"
        self.need(self.read(SEAL) == written, "it is not written as it must be")
        trusted = order[order.index(pinned) if pinned in order else len(order) :] if pinned else order
        self.need(seal["key"] in trusted, "its key is not the one asked for, nor does it follow that")
        chain[seal["key"]].verify(bytes.fromhex(seal["signature"]), listing)
        self.say(f"signed by key {seal['key']}" + ("" if pinned else ": is it the one printed in the report?"))
        return chain

    def heads(self, chain: dict[str, Any]) -> list[dict[str, Any]]:
        """The heads of the tree, each signed by a key of its time, each tree the beginning of the next."""
        found, order = list[dict[str, Any]](), [*chain]
        for line in self.pieces(HEADS):
            one, self.at = json.loads(line), f"{HEADS}, head {len(found) + 1}"
            self.need(one["key"] in order, "its key is none of the ledger's")
            chain[one["key"]].verify(bytes.fromhex(one["signature"]), canonical({"head": one["head"]}))
            for before in found[-1:]:
                old, new, proof = before["head"], one["head"], one["consistency"]
                self.need(order.index(before["key"]) <= order.index(one["key"]), "a replaced key has signed it")
                for name in sorted({"sha256"} | old["roots"].keys() & new["roots"].keys()):
                    known, nodes = {old["size"] - 1: bytes.fromhex(proof[name][0])}, proof[name][1:]
                    made = [root(head["size"], known, [*known], iter(nodes), DIGESTS[name]) for head in (old, new)]
                    grown = made == [old["roots"][name], new["roots"][name]] and old["log"] == new["log"]
                    self.need(grown and old["size"] <= new["size"], "its tree did not grow out of the one before")
            found.append(one)
        return found

    def tree(self, head: Mapping[str, Any]) -> None:
        """The leaves shown and the hashes over all others make the root of the last head."""
        tree, known = json.loads(self.read(TREE, 16 * LARGEST)), {name: dict[int, bytes]() for name in head["roots"]}
        for index, line in self.leaves(iter(tree["indexes"])):
            for name, leaves in known.items():
                leaves[index] = DIGESTS[name](b"\0" + line).digest()
        self.at, order = TREE, sorted([*known["sha256"], *tree["withheld"]])
        once = len(known["sha256"]) == len(tree["indexes"]) and {*map(type, order)} <= {int}
        self.need(once and max(order, default=0) < head["size"], "a leaf is there twice, or outside of the tree")
        for name, signed in head["roots"].items():
            nodes = (found[0] for found in re.finditer("." * 64, tree["nodes"][name]))
            made = root(head["size"], known[name], order, nodes, DIGESTS[name]) + next(nodes, "")
            self.need(made == signed, f"the leaves do not make the signed {name} root")
        self.say(f"{len(tree['indexes'])} leaves of {head['size']} shown, {len(tree['withheld'])} withheld")

    def leaves(self, indexes: Iterator[int]) -> Iterator[tuple[int, bytes]]:
        """Each leaf's place in the tree and its bytes. Raw lines, tables and snapshots are what the leaves say."""
        for name in sorted(name for name in self.files if name.startswith("data/events/leaves-")):
            raw, table = hashlib.sha256(), hashlib.sha256()
            made = {f"data/events/raw-{name[19:-7]}.log": raw, f"data/events/events-{name[19:-7]}.csv": table}
            table.update(head := next(self.pieces([*made][1])))
            columns = head.decode().rstrip().split(",")
            for line in self.pieces(name):
                content, index = json.loads(line)["content"], next(indexes, -1)
                self.need(index >= 0 and line.endswith(b"\n"), f"{TREE} has no place for a line of it")
                yield index, line[:-1]
                if "snapshot" not in content:
                    raw.update(content.get("event.original", "").encode() + b"\n")
                    table.update(row(index, content, columns))
                elif (one := f"data/alerts/{content['alert']}-{content['snapshot']}.json") in self.files:
                    body = json.loads(self.read(one))
                    same = self.digests[one] == content["snapshot"] and body["alert"]["id"] == content["alert"]
                    self.need(same, "it is not what was frozen")
                    for used in (body["rule"], *body["rule"].get("on", ()), body["model"] or {"sha256": None}):
                        kept = (f"data/rules/{used['sha256']}.yml", f"data/models/{used['sha256']}.json")
                        self.need(used["sha256"] in map(self.digests.get, kept), f"{used['sha256']} is missing")
            for self.at, digest in made.items():
                self.need(self.digests.get(self.at) == digest.hexdigest(), f"it does not say what {name} says")
        self.need(next(indexes, None) is None, f"{TREE} has places of leaves that are not shown")

    def custody(self) -> None:
        last, before = -2, ""
        for one in map(json.loads, self.pieces(CUSTODY)):
            digest, number, self.at = one.pop("digest"), one["number"], f"{CUSTODY}, entry {one['number']}"
            self.need(digest in (one.get("withheld"), hashlib.sha256(canonical(one)).hexdigest()), "it was changed")
            self.need(number > last + 1 or (number, one["before"]) == (last + 1, before), "it is out of place")
            last, before = number, digest

    def stamps(self, heads: list[dict[str, Any]], authority: str) -> None:
        shown = set[str]()
        for head, name in ((one["head"], name) for one in heads for name in one["tokens"]):
            time, chain = self.stamp(self.read(name, 1 << 18), canonical({"head": head}))
            shown |= {*chain}
            self.say(f"{head['size']} leaves existed at {time}, says {chain[0]}; by the ledger's clock {head['at']}")
        self.need(authority in {"", *shown}, "there is no time stamp of the authority asked for")
        self.say(f"times by {', '.join(sorted(shown)) or 'the clock of the ledger alone: there is no time stamp'}")

    def stamp(self, token: bytes, statement: bytes) -> tuple[datetime, list[str]]:
        """When a statement existed by a token of RFC 3161, and the certificates up from who says so."""
        parts = der(der(der(der(der(token)[0][1])[1][1])[1][1])[0][1])
        info, signer = der(der(parts[2][1])[1][1])[0][1], der(der(parts[-1][1])[0][1])
        said, method = der(der(info)[0][1]), HASHES[der(signer[2][1])[0][1].hex()[-2:]]
        attributes = {der(one)[0][1].hex()[16:]: der(der(one)[1][1])[0][1] for _, one, _ in der(signer[3][1])}
        known = [x509.load_der_x509_certificate(one) for part in parts if part[0] == 0xA0 for _, _, one in der(part[1])]
        named = attributes.get("10022f") or attributes["10020c"]
        (owner,) = (one for one in known if any(one.fingerprint(h) in named for h in (hashes.SHA1(), *HASHES.values())))
        use, key = owner.extensions.get_extension_for_class(x509.ExtendedKeyUsage), owner.public_key()
        how = (padding.PKCS1v15(), method) if isinstance(key, rsa.RSAPublicKey) else (ec.ECDSA(method),)
        key.verify(signer[5][1], b"1" + signer[3][2][1:], *how)  # type: ignore[union-attr]
        self.need(attributes["04"] == hashlib.new(method.name, info).digest(), "what it says was changed")
        self.need(der(said[2][1])[1][1] == hashlib.sha256(statement).digest(), "it is the stamp of something else")
        stamping = use.critical and [*use.value] == [x509.oid.ExtendedKeyUsageOID.TIME_STAMPING]
        self.need(stamping and attributes["03"].hex().endswith("0109100104"), "its certificate is for other uses")
        time, chain = datetime.strptime(said[4][1].decode()[:14] + "+0000", "%Y%m%d%H%M%S%z"), [owner]
        self.need(owner.not_valid_before_utc <= time <= owner.not_valid_after_utc, "its certificate was not valid then")
        for one in known * len(known):
            if one.subject == chain[-1].issuer and one not in chain:
                chain[-1].verify_directly_issued_by(one)
                self.need(one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca, "its issuer is none")
                chain.append(one)
        return time, [one.fingerprint(hashes.SHA256()).hex() for one in chain]


def verify(path: str, key: str = "", tsa: str = "", say: Callable[[str], object] = print) -> None:
    """Raises `Broken` where a bundle does not hold; says what it rests on."""
    bundle = Bundle(path, say)
    try:
        bundle.open()
        bundle.bag()
        heads = bundle.heads(bundle.keys(key.lower()))
        bundle.tree(heads[-1]["head"])
        bundle.custody()
        bundle.stamps(heads, tsa.lower())
    except Exception as error:  # whatever hostile bytes lead to
        why = "a signature does not hold" if isinstance(error, InvalidSignature) else f"unreadable: {error!r:.99}"
        raise error if isinstance(error, Broken) else Broken(f"{ascii(bundle.at)[1:-1][:200]}: {why}") from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Verifies evidence bundles.")
    parser.add_argument("bundles", nargs="*", default=[os.path.dirname(os.path.abspath(__file__))])
    parser.add_argument("--key", default="")
    parser.add_argument("--tsa", default="")
    given = parser.parse_args()
    for path in given.bundles:
        if not os.path.exists(path):
            parser.error(f"there is no {path}")
        try:
            verify(path, given.key, given.tsa)
        except Broken as error:
            sys.exit(f"{path}: BROKEN: {error}")
        print(f"{path}: holds")
