"""Time stamps, clocks and certificates: what a bundle says about when."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from core.proof import Token, canonical
from evidence.verify import Broken, Bundle, verify
from tests.evidence.bundles import Story, a_story, packed, unpacked
from tests.evidence.tampering import contained, sealed
from tests.evidence.tsa import Tsa

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
TOKEN = "data/proof/tokens/0002-1-test.tsr"


def stamped(story: Story, tsa: Tsa, name: str = "test") -> Story:
    """The story with a time stamp on its last head."""
    head = story.ledger.signed[-1]
    asked = TimestampRequestBuilder().data(head.head.statement()).hash_algorithm(HashAlgorithm.SHA256).build()
    token = Token(authority=name, data=tsa.stamp(asked.as_bytes()))
    story.ledger.signed[-1] = replace(head, tokens=[*head.tokens, token])
    return story


def fingerprint(tsa: Tsa) -> str:
    certificate = x509.load_pem_x509_certificate((tsa.folder / "tsa.pem").read_bytes())
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def told(bundle: Path, **pinned: str) -> str:
    said: list[str] = []
    verify(str(bundle), say=said.append, **pinned)
    return "\n".join(said)


def test_a_time_stamp_tells_who_says_so_and_when_beside_the_ledgers_own_clock(tsa: Tsa, tmp_path: Path) -> None:
    (bundle,) = packed(stamped(a_story(), tsa), tmp_path / "case.zip")
    said = told(bundle, tsa=fingerprint(tsa))
    assert fingerprint(tsa) in said
    assert f"{datetime.now(UTC):%Y-%m-%d}" in said
    assert "2026-03-02T10:00:00" in said


def test_another_authority_than_the_pinned_one_is_not_enough(tsa: Tsa, tmp_path: Path) -> None:
    (bundle,) = packed(stamped(a_story(), tsa), tmp_path / "case.zip")
    with pytest.raises(Broken, match="authority"):
        verify(str(bundle), tsa="ab" * 32, say=lambda _: None)


def test_several_authorities_stand_beside_each_other(tsa: Tsa, tmp_path: Path) -> None:
    other = Tsa(tmp_path / "other")
    (bundle,) = packed(stamped(stamped(a_story(), tsa), other, "Other GmbH"), tmp_path / "case.zip")
    for authority in (tsa, other):
        assert fingerprint(authority) in told(bundle, tsa=fingerprint(authority))


def test_openssl_verifies_the_time_stamp_of_a_bundle(tsa: Tsa, tmp_path: Path) -> None:
    files = unpacked(packed(stamped(a_story(), tsa), tmp_path / "case.zip")[0])
    head = json.loads(files["data/proof/heads.ndjson"].splitlines()[1])
    (tmp_path / "statement").write_bytes(canonical({"head": head["head"]}))
    (tmp_path / "token.tsr").write_bytes(files[head["tokens"][0]])
    line = ["openssl", "ts", "-verify", "-data", "statement", "-in", "token.tsr", "-CAfile", tsa.ca]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout, done.stderr


def test_a_certificate_that_expired_since_still_holds_for_what_it_stamped(tmp_path: Path) -> None:
    tsa = Tsa(tmp_path / "tsa", until=datetime.now(UTC) + timedelta(seconds=2))
    (bundle,) = packed(stamped(a_story(), tsa), tmp_path / "case.zip")
    time.sleep(2.5)
    assert fingerprint(tsa) in told(bundle)


def test_a_certificate_that_was_not_valid_when_it_stamped_does_not(tmp_path: Path) -> None:
    tsa = Tsa(tmp_path / "tsa", until=datetime.now(UTC) - timedelta(days=1))
    (bundle,) = packed(stamped(a_story(), tsa), tmp_path / "case.zip")
    with pytest.raises(Broken, match="not valid then"):
        verify(str(bundle), say=lambda _: None)


def test_a_wrong_clock_breaks_nothing_and_both_times_are_told(tsa: Tsa, tmp_path: Path) -> None:
    story = a_story()
    story.ledger.append("late", b'{"event.id":"late"}')
    story.ledger.head(story.signer, datetime(2099, 1, 1, tzinfo=UTC))
    stamped(story, tsa)
    story.ledger.append("later", b'{"event.id":"later"}')
    story.ledger.head(story.signer, datetime(1999, 1, 1, tzinfo=UTC))
    (bundle,) = packed(story, tmp_path / "case.zip")
    said = told(bundle)
    assert "holds" not in said
    (tmp_path / "other").mkdir()
    story.ledger.signed.pop()
    said = told(packed(story, tmp_path / "other" / "case.zip")[0])
    assert "2099-01-01" in said
    assert f"{datetime.now(UTC):%Y-%m-%d}" in said


@pytest.mark.parametrize("change", ["dropped", "of another head", "of nothing", "cut"])
def test_a_token_that_was_swapped_is_named_though_the_owner_sealed_it(tsa: Tsa, tmp_path: Path, change: str) -> None:
    files = unpacked(packed(stamped(a_story(), tsa), tmp_path / "case.zip")[0])
    other = unpacked(packed(stamped(a_story(algorithms=("sha256", "sm3")), tsa), tmp_path / "other.zip")[0])
    changed = {
        "dropped": {name: data for name, data in files.items() if name != TOKEN},
        "of another head": files | {TOKEN: other[TOKEN]},
        "of nothing": files | {TOKEN: b""},
        "cut": files | {TOKEN: files[TOKEN][:-100]},
    }[change]
    bundle = contained(dict(sorted(sealed(changed).items())), tmp_path / "changed.zip")
    with pytest.raises(Broken, match=TOKEN):
        verify(str(bundle), say=lambda _: None)


def test_no_bit_of_a_token_changes_what_it_says(tsa: Tsa) -> None:
    story = stamped(a_story(), tsa)
    head = story.ledger.signed[-1]
    token, statement = head.tokens[0].data, head.head.statement()
    reader = Bundle("nowhere", print)
    whole = reader.stamp(token, statement)
    for at in range(len(token)):
        changed = bytearray(token)
        changed[at] ^= 1 << at % 8
        try:
            assert reader.stamp(bytes(changed), statement) == whole
        except AssertionError:
            raise
        except Exception:
            continue
