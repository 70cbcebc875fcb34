"""Heads are signed by keys that followed each other and stamped by others than us; OpenSSL finds the same."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.errors import Broken, ConfigError, Refused, Unavailable
from core.merkle import grew
from core.tiles import sm3
from evidence.checking import check
from evidence.heads import enrol, export, lines, make_head, prove, read_exported, stamp_owed
from evidence.signing import FileSigner, ProgramSigner, Signer, check_keys, check_signature, following, make_key
from evidence.timestamps import Authority, certificates, stamp, stamped_at
from store.records import SqlRecords
from store.segments import SegmentStore
from tests.evidence.tsa import Tsa, answering
from tests.store.storing import batch_of

NOW = datetime.now(UTC)


def signed_ledger(store: SegmentStore, records: SqlRecords, signer: Signer, sizes: Sequence[int] = (3,)) -> None:
    """A head at each of these sizes."""
    enrol(records, signer, NOW)
    for number, (start, end) in enumerate(zip([0, *sizes], sizes, strict=False)):
        store.append(batch_of(*range(start, end)), ())
        assert make_head(records, signer, NOW + timedelta(seconds=number))


def pem(public: bytes, file: Path) -> Path:
    key = Ed25519PublicKey.from_public_bytes(public)
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return file


def openssl(*arguments: object) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_head_is_made_where_the_ledger_grew(store: SegmentStore, records: SqlRecords, signer: FileSigner) -> None:
    assert make_head(records, signer, NOW) is None
    signed_ledger(store, records, signer)
    assert make_head(records, signer, NOW) is None
    (signed,) = records.heads()
    check_signature(signed, records.keys())
    assert signed.head.roots == {"sha256": records.root(3).hex()}
    with pytest.raises(Broken, match="signature"):
        check_signature(replace(signed, head=replace(signed.head, size=2)), records.keys())
    with pytest.raises(Broken, match="not the ledger's"):
        check_signature(signed, ())


def test_heads_are_proved_to_have_grown_out_of_each_other(
    store: SegmentStore, records: SqlRecords, signer: FileSigner
) -> None:
    signed_ledger(store, records, signer, (3, 7, 300))
    roots = {one.head.size: bytes.fromhex(one.head.roots["sha256"]) for one in records.heads()}
    for old, new in ((3, 7), (3, 300), (7, 300)):
        assert grew(old, roots[old], new, roots[new], prove(records, old, new))


def test_the_key_is_its_owners_only(tmp_path: Path, signer: FileSigner) -> None:
    file = tmp_path / "ledger.key"
    assert file.stat().st_mode & 0o777 == 0o600
    make_key(file)
    assert FileSigner(file).public() == signer.public()
    file.chmod(0o640)
    with pytest.raises(Refused, match="others"):
        FileSigner(file)


def test_openssl_verifies_signatures_and_time_stamps(
    store: SegmentStore, records: SqlRecords, signer: FileSigner, tsa: Tsa, tmp_path: Path
) -> None:
    signed_ledger(store, records, signer)
    with answering(tsa) as url:
        trusted = certificates(tsa.ca)
        assert stamp_owed(records, [Authority(name="test", url=url, trusted=trusted)], NOW) == []
    (signed,) = records.heads()
    statement, signature, token = tmp_path / "statement", tmp_path / "signature", tmp_path / "token.tsr"
    statement.write_bytes(signed.head.statement())
    signature.write_bytes(signed.signature)
    token.write_bytes(signed.tokens[0].data)
    public = pem(records.keys()[0].public, tmp_path / "public.pem")
    openssl("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", statement, "-sigfile", signature)
    assert "OK" in openssl("ts", "-verify", "-data", statement, "-in", token, "-CAfile", tsa.ca)
    stamped = stamped_at(signed.tokens[0], signed.head.statement(), trusted)
    assert abs(stamped - datetime.now(UTC)) < timedelta(minutes=2)


def test_a_missing_or_broken_authority_delays_its_stamp_only(
    store: SegmentStore, records: SqlRecords, signer: FileSigner, tmp_path: Path
) -> None:
    good, bad = Tsa(tmp_path / "good"), Tsa(tmp_path / "bad")
    signed_ledger(store, records, signer, (2, 3))
    with ExitStack() as stack:
        servers = [
            Authority(name="away", url="http://127.0.0.1:9/", trusted=certificates(good.ca)),
            Authority(name="bad", url=stack.enter_context(answering(bad)), trusted=certificates(bad.ca)),
            Authority(name="good", url=stack.enter_context(answering(good)), trusted=certificates(good.ca)),
        ]
        for nonsense in (b"<html>", b"", b"0" * 300_000, good.folder.joinpath("tsa.pem").read_bytes()):
            bad.answer = lambda _, nonsense=nonsense: nonsense
            away, broken = stamp_owed(records, servers, NOW)
            assert "away" in away
            assert "bad" in broken
            assert [[one.authority for one in signed.tokens] for signed in records.heads()] == [["good"], ["good"]]
        old = records.heads()[0].tokens[0].data
        bad.answer = lambda _: old
        assert "another question" in stamp_owed(records, servers, NOW)[1]
        bad.answer = good.stamp
        assert "does not hold" in stamp_owed(records, servers, NOW)[1]
        bad.answer = bad.stamp
        assert len(stamp_owed(records, servers, NOW)) == 1
        assert stamp_owed(records, servers, NOW + timedelta(days=31)) == []
    assert [[one.authority for one in signed.tokens] for signed in records.heads()] == [["bad", "good"]] * 2


def test_a_certificate_that_has_expired_holds_for_what_it_stamped_before(
    store: SegmentStore, records: SqlRecords, signer: FileSigner, tmp_path: Path
) -> None:
    signed_ledger(store, records, signer)
    soon = datetime.now(UTC) + timedelta(seconds=2)
    tsa = Tsa(tmp_path / "short", until=soon)
    trusted = certificates(tsa.ca)
    with answering(tsa) as url:
        authority = Authority(name="short", url=url, trusted=trusted)
        assert stamp_owed(records, [authority], NOW) == []
        sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()) + 1)
        checked = check(records, {"short": trusted}, NOW)
        assert (checked.problems, checked.tokens) == ([], 1)
        with pytest.raises(Unavailable, match="does not hold"):
            stamp(b"later", authority)


def test_a_rotated_key_is_signed_by_the_one_before(
    store: SegmentStore, records: SqlRecords, signer: FileSigner, tmp_path: Path
) -> None:
    signed_ledger(store, records, signer)
    make_key(tmp_path / "second")
    second = FileSigner(tmp_path / "second")
    with pytest.raises(Refused, match="rotate"):
        enrol(records, second, NOW)
    with pytest.raises(Refused, match="is not here"):
        following(second, records.keys(), NOW, second)
    records.save_key(following(second, records.keys(), NOW, signer))
    store.append(batch_of(3), ())
    make_head(records, second, NOW)
    checked = check(records, {}, NOW)
    assert (checked.problems, checked.heads) == ([], 2)
    first, last = records.keys()
    for wrong in ([last], [first, replace(last, signature=b"")], [first, replace(last, public=first.public)]):
        with pytest.raises(Broken):
            check_keys(wrong)


def test_a_program_signs_where_the_key_is_not_a_file(
    store: SegmentStore, records: SqlRecords, signer: FileSigner, tmp_path: Path
) -> None:
    line = ("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(tmp_path / "ledger.key"), "-in", "{file}")
    public = pem(signer.public(), tmp_path / "public.pem")
    program = ProgramSigner(line, public)
    signed_ledger(store, records, program)
    check_signature(records.heads()[0], records.keys())
    make_key(tmp_path / "other")
    other = pem(FileSigner(tmp_path / "other").public(), tmp_path / "other.pem")
    with pytest.raises(Unavailable, match="not an Ed25519 signature"):
        ProgramSigner(line, other).sign(b"x")
    with pytest.raises(Unavailable, match="ended with 1"):
        ProgramSigner(("false", "{file}"), public).sign(b"x")
    with pytest.raises(Unavailable, match="did not sign"):
        ProgramSigner(("/no/such/program", "{file}"), public).sign(b"x")
    with pytest.raises(ConfigError, match="what to sign"):
        ProgramSigner(("true",), public)


def test_heads_are_written_where_they_are_never_written_again(
    store: SegmentStore, records: SqlRecords, signer: FileSigner, tmp_path: Path
) -> None:
    signed_ledger(store, records, signer, (2, 3))
    folder = tmp_path / "mount"
    with pytest.raises(Refused, match="cannot be written"):
        export(records.heads(), records.keys(), folder)
    folder.mkdir()
    assert export(records.heads(), records.keys(), folder) == 3
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert export([replace(one, signature=b"") for one in records.heads()], records.keys(), folder) == 0
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    file = tmp_path / "heads.ndjson"
    file.write_bytes(b"".join(lines(records.heads(), records.keys())))
    for path in (folder, file):
        found = read_exported(path)
        assert [*found.heads] == [replace(one, tokens=[]) for one in records.heads()]
        assert [*found.keys] == [*records.keys()]


@pytest.mark.parametrize("nonsense", ["[]", "{", '{"head": 1}', '{"public": "zz"}', "[" * 100_000, '{"head":{}}'])
def test_a_file_of_heads_that_is_none_is_refused(tmp_path: Path, nonsense: str) -> None:
    file = tmp_path / "heads"
    file.write_text(nonsense)
    with pytest.raises(Refused, match="line 1"):
        read_exported(file)


def test_a_wrong_clock_is_told_of_as_long_as_it_matters(
    store: SegmentStore, records: SqlRecords, signer: FileSigner
) -> None:
    enrol(records, signer, NOW)
    moments = [NOW, NOW - timedelta(days=2), NOW + timedelta(minutes=1), NOW + timedelta(days=9)]
    told = []
    for number, at in enumerate(moments):
        store.append(batch_of(number), ())
        make_head(records, signer, at)
        checked = check(records, {}, NOW)
        told.append((len(checked.problems), len(checked.notes)))
        assert checked.heads == number + 1
    assert told == [(0, 0), (1, 0), (0, 1), (1, 1)]


def test_sm3_stands_beside_sha256_from_the_first_event_on(tmp_path: Path, signer: FileSigner) -> None:
    records = SqlRecords(f"sqlite:///{tmp_path / 'sm3.db'}", ("sha256", "sm3"))
    store = SegmentStore(tmp_path / "sm3", records)
    signed_ledger(store, records, signer, (3, 300))
    (_, signed) = records.heads()
    assert signed.head.roots == {name: records.root(300, name).hex() for name in ("sha256", "sm3")}
    roots = [bytes.fromhex(one.head.roots["sm3"]) for one in records.heads()]
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert grew(3, roots[0], 300, roots[1], prove(records, 3, 300, "sm3"), sm3)
    assert json.loads(signed.head.statement())["head"]["roots"].keys() == {"sha256", "sm3"}
    assert check(records, {}, NOW + timedelta(minutes=1)).problems == []
    store.close()
    records.close()


def test_sm3_cannot_begin_later(store: SegmentStore, records: SqlRecords, tmp_path: Path) -> None:
    store.append(batch_of(1), ())
    store.close()
    again = SqlRecords(f"sqlite:///{tmp_path / 'records.db'}", ("sha256", "sm3"))
    with pytest.raises(ConfigError, match="sm3"):
        SegmentStore(tmp_path / "events", again).append(batch_of(2), ())
    again.close()
