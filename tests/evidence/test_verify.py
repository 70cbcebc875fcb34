"""Whatever is changed in a bundle is found and named."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import cryptography
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.verify import Broken, verify
from tests.evidence.bundles import Key, a_story, packed, unpacked
from tests.evidence.tampering import BY_HAND, BY_THE_OWNER, FOLDER, Files, a_bundle, contained, sealed

EXPECTED = {name: named for kinds in (BY_HAND, BY_THE_OWNER) for name, (_, named) in kinds.items()}


def quiet(_: str) -> None:
    pass


def broken(path: Path, **pinned: str) -> str:
    """What the verifier names."""
    with pytest.raises(Broken) as caught:
        verify(str(path), say=quiet, **pinned)
    return str(caught.value)


@pytest.fixture(scope="module")
def files() -> Files:
    return a_bundle()


@pytest.fixture(scope="module")
def small(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that holds."""
    return contained(dict(sorted(files.items())), tmp_path_factory.mktemp("small") / "case.zip")


def laid_out(files: Files, folder: Path) -> Path:
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def test_a_bundle_holds_as_it_came_and_unpacked(small: Path, files: Files, tmp_path: Path) -> None:
    for path in (small, laid_out(files, tmp_path / "unpacked")):
        verify(str(path), say=quiet)
        verify(str(path), key=Key().fingerprint.upper(), say=quiet)


@pytest.mark.parametrize("bundle", sorted(FOLDER.glob("*.zip")), ids=lambda path: path.stem)
def test_a_tampered_bundle_is_found_out(bundle: Path) -> None:
    assert EXPECTED[bundle.stem] in broken(bundle)


def test_every_kind_of_tampering_is_kept_as_a_file() -> None:
    assert {bundle.stem for bundle in FOLDER.glob("*.zip")} == EXPECTED.keys()


def test_every_bit_of_the_container_counts_at_the_edges_of_every_region(small: Path, tmp_path: Path) -> None:
    data = small.read_bytes()
    names = [name.encode() for name in unpacked(small)]
    edges = {0, 21, len(data) - 22, len(data) - 1}
    for name in names:
        first, last = data.index(name), data.rindex(name)
        edges |= {first - 30, first - 16, first - 4, first - 1, first, first + len(name), first + len(name) + 1}
        edges |= {last - 46, last - 8, last - 4, last - 1, last}
    for at in sorted(edge for edge in edges if edge < len(data)):
        for bit in range(8):
            assert found_out(data, at, bit, tmp_path), (at, bit)


@settings(max_examples=400, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(
    small: Path, tmp_path_factory: pytest.TempPathFactory, where: float, bit: int
) -> None:
    data = small.read_bytes()
    assert found_out(data, int(where * len(data)), bit, tmp_path_factory.getbasetemp())


def found_out(data: bytes, at: int, bit: int, folder: Path) -> bool:
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    path = folder / "flipped.zip"
    path.write_bytes(changed)
    return bool(broken(path))


def test_a_flipped_bit_is_named_in_an_unpacked_bundle(files: Files, tmp_path: Path) -> None:
    folder = laid_out(files, tmp_path / "unpacked")
    for name in sorted(files):
        for at in {0, len(files[name]) // 2, len(files[name]) - 1} if files[name] else ():
            for bit in (0, 5, 7):
                changed = bytearray(files[name])
                changed[at] ^= 1 << bit
                (folder / name).write_bytes(changed)
                told = broken(folder)
                assert name in told or name.endswith(("sha256.txt", "signature.json")), (name, at, bit, told)
        (folder / name).write_bytes(files[name])
    verify(str(folder), say=quiet)


def test_dropping_any_file_is_named(files: Files, tmp_path: Path) -> None:
    for name in files:
        told = broken(contained({one: files[one] for one in sorted(files) if one != name}, tmp_path / "case.zip"))
        assert name in told


def test_files_in_another_order_are_no_bundle(files: Files, tmp_path: Path) -> None:
    assert "place" in broken(contained(dict(sorted(files.items(), reverse=True)), tmp_path / "case.zip"))


@pytest.mark.parametrize("more", [b"x", b"PK\5\6" + bytes(18), bytes(70_000)])
def test_nothing_stands_behind_or_before_a_bundle(small: Path, tmp_path: Path, more: bytes) -> None:
    data = small.read_bytes()
    for whole in (data + more, more + data):
        (tmp_path / "case.zip").write_bytes(whole)
        assert "container" in broken(tmp_path / "case.zip")


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "data/../../evil", "data\\evil", "c:evil", "DATA/X", "data//x", "data/\x00", "é"]
)
def test_a_name_that_leads_elsewhere_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.iterdir())
    bad = contained({name: b"x"}, tmp_path / "case.zip")
    assert "no file of a bundle" in broken(bad)
    bad.unlink()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "socket"])
def test_links_and_pipes_in_an_unpacked_bundle_are_refused(files: Files, tmp_path: Path, kind: str) -> None:
    folder = laid_out(files, tmp_path / "unpacked")
    case = folder / "data" / "case.json"
    if kind == "link":
        shutil.copy(case, tmp_path / "elsewhere")
        case.unlink()
        case.symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        (folder / "data" / "more").symlink_to(tmp_path)
    else:
        os.mkfifo(folder / "data" / "more.json")
    assert "plain file" in broken(folder)


def test_a_bomb_is_refused_before_it_is_read(small: Path, files: Files, tmp_path: Path) -> None:
    data = bytearray(small.read_bytes())
    place = data.index(b"data/case.json") - 30
    struct.pack_into("<2I", data, place + 18, 0xFFFFFFF0, 0xFFFFFFF0)
    struct.pack_into("<H", data, place + 8, 8)
    (tmp_path / "case.zip").write_bytes(data)
    assert "data/case.json" in broken(tmp_path / "case.zip")
    huge = laid_out(files, tmp_path / "unpacked")
    with (huge / "data" / "proof" / "keys.json").open("wb") as file:
        file.truncate(1 << 40)
    (huge / "manifest-sha256.txt").write_bytes(b"")
    assert broken(huge)


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\3\4", b"\0" * 40, b"PK\5\6" + bytes(18), b"<!DOCTYPE x>", os.urandom(999)]
)
def test_anything_else_is_no_bundle(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "case.zip").write_bytes(data)
    assert broken(tmp_path / "case.zip")


def test_a_bundle_of_another_key_is_refused_where_one_is_pinned(small: Path, tmp_path: Path) -> None:
    assert "not the one asked for" in broken(small, key=Key(2).fingerprint)


def test_a_key_that_was_replaced_vouches_for_the_next_and_not_the_other_way_round(tmp_path: Path) -> None:
    story = a_story()
    old, new = Key(), Key(2)
    (before,) = packed(story, tmp_path / "before.zip")
    story.ledger.known.append(new.after(old))
    story.ledger.append("later", b'{"event.id":"later"}')
    story.ledger.head(new, story.ledger.signed[-1].head.at)
    story.signer = new
    (bundle,) = packed(story, tmp_path / "case.zip")
    for pinned in (old, new):
        verify(str(bundle), key=pinned.fingerprint, say=quiet)
    assert "not the one asked for" in broken(before, key=new.fingerprint)
    story.ledger.append("last", b'{"event.id":"last"}')
    story.ledger.head(old, story.ledger.signed[-1].head.at)
    assert "replaced key" in broken(packed(story, tmp_path / "stolen.zip")[0])


def test_a_key_that_nobody_handed_over_to_is_refused(tmp_path: Path) -> None:
    story = a_story()
    story.ledger.known.append(Key(2).after(Key(3)))
    told = broken(packed(story, tmp_path / "case.zip")[0])
    assert "keys.json" in told


def test_a_signature_by_the_replaced_key_is_refused_where_the_next_is_pinned(tmp_path: Path) -> None:
    story = a_story()
    story.ledger.known.append(Key(2).after(Key()))
    (bundle,) = packed(story, tmp_path / "case.zip")
    verify(str(bundle), key=Key().fingerprint, say=quiet)
    assert "not the one asked for" in broken(bundle, key=Key(2).fingerprint)


def test_a_second_tree_of_another_hash_is_held_to_its_root(tmp_path: Path) -> None:
    files = unpacked(packed(a_story(algorithms=("sha256", "sm3")), tmp_path / "case.zip")[0])
    at = files["data/proof/tree.json"].index(b'"sm3":"') + 10
    tree = bytearray(files["data/proof/tree.json"])
    tree[at : at + 1] = b"0" if tree[at : at + 1] != b"0" else b"1"
    told = broken(
        contained(dict(sorted(sealed(files | {"data/proof/tree.json": bytes(tree)}).items())), tmp_path / "x.zip")
    )
    assert "sm3" in told


def test_the_times_are_said_to_be_the_ledgers_own_without_a_time_stamp(small: Path) -> None:
    said: list[str] = []
    verify(str(small), say=said.append)
    assert any("no time stamp" in line for line in said)
    assert "no time stamp of the authority" in broken(small, tsa="ab" * 32)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder from which nothing but cryptography, and what it needs, can be imported."""
    folder = tmp_path_factory.mktemp("bare")
    site = Path(cryptography.__file__).parent.parent
    for name in ("cryptography", "cffi", "pycparser"):
        if (site / name).is_dir():
            (folder / name).symlink_to(site / name)
    for file in site.glob("_cffi_backend*"):
        (folder / file.name).symlink_to(file)
    return folder


def alone(bare: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-S", "-B", *map(str, arguments)]
    environment = {"PYTHONPATH": str(bare), "PATH": "/nowhere"}
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_verifier_in_the_bundle_needs_cryptography_alone(bare: Path, tmp_path: Path) -> None:
    (bundle,) = packed(a_story(), tmp_path / "case.zip")
    folder = laid_out(unpacked(bundle), tmp_path / "unpacked")
    assert alone(bare, "-c", "import polars", cwd=folder).returncode
    done = alone(bare, "verify.py", "--key", Key().fingerprint, cwd=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "holds" in done.stdout
    assert alone(bare, "verify.py", bundle, cwd=folder).returncode == 0
    case = folder / "data" / "case.json"
    case.write_bytes(case.read_bytes().replace(b"new", b"old"))
    done = alone(bare, "verify.py", cwd=folder)
    assert done.returncode == 1
    assert "data/case.json" in done.stderr
    assert alone(bare, "verify.py", "nowhere.zip", cwd=folder).returncode == 2
    assert alone(bare, "verify.py", "--what", cwd=folder).returncode == 2


def test_the_verifier_stays_small_and_imports_nothing_of_ours() -> None:
    text = (Path(__file__).parents[2] / "evidence" / "verify.py").read_text("utf-8")
    assert len(text.splitlines()) < 300
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported - sys.stdlib_module_names == {"cryptography"}


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_openssl_verifies_the_signature(small: Path, files: Files, tmp_path: Path) -> None:
    import json

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Key().private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(public)
    (tmp_path / "list").write_bytes(files["tagmanifest-sha256.txt"])
    (tmp_path / "signature").write_bytes(bytes.fromhex(json.loads(files["signature.json"])["signature"]))
    line = "openssl pkeyutl -verify -rawin -pubin -inkey key.pem -in list -sigfile signature"
    done = subprocess.run(line.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verified Successfully" in done.stdout, done.stderr
