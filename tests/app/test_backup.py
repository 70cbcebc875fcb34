"""A backup brings everything back as it was, whoever writes meanwhile; what is not whole brings nothing back."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

import pyrage
import pytest
from pydantic import SecretStr

from app.backup import back_up
from app.config import Access, Cluster, Config, Evidence, Privacy
from app.doctor import examine
from app.entrance import sealer_of
from app.heads import keep_heads
from app.jobs import judge_marked
from app.ledgerdoctor import examine_ledger
from app.restoring import restore
from app.wiring import House, open_house, records_of
from core.errors import ConfigError, Refused
from core.evidence import AuditEntry, Deed
from core.ports import EventQuery
from store.archive import MANIFEST, add, end, parts
from tests.app.conftest import run
from tests.app.test_grounds import NOON, export, people, store
from tests.cluster import fresh_database

WANG = "mail:wang.wei@corp.example"
Parts = dict[str, bytes]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A house with alerts, a case, a signed ledger, an audit log and a report."""
    made = Config(data=tmp_path_factory.mktemp("company") / "data")
    with open_house(made) as house:
        people(house, "li.na", "wang.wei")
        store(house, export(0), export(1, account=WANG))
        judge_marked(house)
        keep_heads(house)
        case = house.records.cases()[0]
        house.records.note(AuditEntry(at=NOON, by="ann", deed=Deed.SAW, about=[case.id, case.person], why="triage"))
    (made.data / "reports" / "八月").mkdir(parents=True)
    (made.data / "reports" / "八月" / "own.csv").write_text("大量导出\n")
    return made


@pytest.fixture
def file(config: Config, tmp_path: Path) -> Path:
    out = tmp_path / "backup.tar"
    back_up(config, out, by="ann", with_keys=True)
    return out


def everything(house: House) -> dict[str, Any]:
    records = house.records
    return {
        "alerts": records.alerts(outcome=None),
        "cases": records.cases(),
        "persons": records.persons(),
        "ledger": (records.size(), records.root(records.size()), records.heads(), records.log()),
        "audit": [entry for entry in records.audited() if entry.deed not in (Deed.BACKED_UP, Deed.RESTORED)],
        "events": house.events.read(EventQuery()).rows(),
        "snapshots": list(records.every_snapshot()),
    }


def healthy(config: Config) -> None:
    assert [finding.text for finding in examine(config) if not finding.ok] == []
    with open_house(config) as house:
        assert [finding.text for finding in examine_ledger(house) if not finding.ok] == []


def back(file: Path, name: str = "back", **more: Any) -> Config:
    config = Config(data=file.parent / name)
    restore(config, file, by="bob", **more)
    return config


def test_what_is_restored_is_what_was_backed_up(config: Config, file: Path) -> None:
    restored = back(file)
    healthy(restored)
    with open_house(config) as old, open_house(restored) as new:
        assert everything(new) == everything(old)
        last = new.records.last_noted()
        assert last
        assert (last.by, last.deed, last.details["of"]) == ("bob", Deed.RESTORED, "ann")
        store(new, export(3))
        judge_marked(new)
        assert keep_heads(new).head, "it goes on, signed by the same key"
    assert (restored.data / "reports" / "八月" / "own.csv").read_text() == "大量导出\n"
    assert file.stat().st_mode & 0o077 == 0


def test_a_backup_taken_while_logs_are_imported_is_of_one_moment(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "data")
    taken = []
    with open_house(config) as house:
        people(house, "li.na")

        def importing() -> None:
            for number in range(24):
                store(house, *(export(number % 20, 10 * number + one) for one in range(5)))
                if number % 8 == 7:
                    house.events.compact()

        thread = Thread(target=importing)
        thread.start()
        while thread.is_alive():
            taken.append(tmp_path / f"{len(taken)}.tar")
            back_up(config, taken[-1], by="ann", with_keys=True)
        thread.join()
    assert len(taken) > 1
    counts = []
    for number, file in enumerate([taken[0], taken[len(taken) // 2]]):
        restored = back(file, f"back{number}")
        with open_house(restored) as house:
            counts.append(house.events.count())
            assert house.events.count() == house.records.size(), "every event has its leaf, and no leaf lacks its event"
            judge_marked(house)
        healthy(restored)
    assert counts == sorted(counts)


def test_keys_and_secrets_stay_out_unless_asked_for(config: Config, tmp_path: Path) -> None:
    secret = "c4n4ry-in-the-m1ne"
    sealer_of(config, records_of(config))
    sealing = (config.data / "access.key").read_bytes().strip()
    told = Config(
        data=config.data,
        access=Access(key=SecretStr(secret)),
        cluster=Cluster(kafka_password=SecretStr(secret)),
        evidence=Evidence(signer=("sign", secret, "{file}")),
    )
    manifest = back_up(told, tmp_path / "without.tar", by="ann")
    content = taken_apart(tmp_path / "without.tar")
    key = (config.data / "ledger.key").read_bytes()
    assert manifest.keys == []
    for part in content.values():
        plain = gzip.decompress(part) if part[:2] == b"\x1f\x8b" else part
        assert secret.encode() not in plain
        assert key not in plain
        assert sealing not in plain
    assert json.loads(content["configuration.json"])["company"]["zone"] == "Asia/Shanghai"
    with_keys = back_up(told, tmp_path / "with.tar", by="ann", with_keys=True)
    assert with_keys.keys == ["ledger.key", "access.key", "records.key"]
    assert taken_apart(tmp_path / "with.tar")["keys/ledger.key"] == key
    assert secret.encode() not in (tmp_path / "with.tar").read_bytes()


def test_an_encrypted_backup_is_opened_by_its_key_only(config: Config, tmp_path: Path) -> None:
    own, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    file = tmp_path / "backup.age"
    back_up(config, file, by="ann", with_keys=True, recipients=(str(own.to_public()),))
    assert b"records/" not in file.read_bytes()
    (tmp_path / "key").write_text(f"# ours\n{own}\n")
    (tmp_path / "other").write_text(str(other))
    for identity in (None, tmp_path / "other", file, tmp_path / "nothing"):
        with pytest.raises(Refused):
            back(file, identity=identity)
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    with pytest.raises(Refused, match="cannot be decrypted"):
        back(tmp_path / "damaged", identity=tmp_path / "key")
    assert not (tmp_path / "back").exists()
    with open_house(back(file, identity=tmp_path / "key")) as new, open_house(config) as old:
        assert everything(new) == everything(old)


def test_rows_that_the_manifest_does_not_count_bring_nothing_back(file: Path) -> None:
    content = taken_apart(file)
    rows = json.loads(content[MANIFEST])["rows"]
    refused(written(file, content, rows=rows | {"persons": rows["persons"] + 1}))


def test_nothing_is_overwritten(config: Config, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(Refused, match="is there already"):
        back_up(config, file, by="ann")
    assert file.read_bytes() == before
    with pytest.raises(Refused, match="not empty"):
        restore(config, file, by="bob")
    with pytest.raises(ConfigError, match="nothing to back up"):
        back_up(Config(data=file.parent / "nowhere"), file.parent / "x", by="ann")
    (file.parent / "empty").mkdir()
    back(file, "empty")


def taken_apart(file: Path) -> Parts:
    with file.open("rb") as opened:
        return {name: b"".join(content) for name, _, content in parts(opened)}


def written(file: Path, content: Parts, **said: Any) -> Path:
    """A backup of these parts whose manifest agrees with them, but for what is said otherwise."""
    manifest = json.loads(content[MANIFEST])
    with file.open("wb") as out:
        named = [(name, data) for name, data in content.items() if name != MANIFEST]
        made = [add(out, name, len(data), io.BytesIO(data)) for name, data in named]
        told = json.dumps(manifest | {"parts": [asdict(part) for part in made]} | said).encode()
        add(out, MANIFEST, len(told), io.BytesIO(told))
        end(out)
    return file


def refused(file: Path) -> None:
    with pytest.raises(Refused):
        back(file, "never")
    assert sorted(one.name for one in file.parent.iterdir() if "never" in one.name) == []


def test_a_backup_that_was_changed_or_cut_short_brings_nothing_back(file: Path) -> None:
    whole = file.read_bytes()
    for where in range(100, len(whole) - 2048, len(whole) // 12):
        file.write_bytes(whole[:where])
        refused(file)
        changed = bytearray(whole)
        changed[where] ^= 0x55
        file.write_bytes(changed)
        refused(file)


Change = Callable[[Parts], dict[str, Any]]


def swapped(content: Parts) -> dict[str, Any]:
    """Rows of one table said to be of another."""
    persons = next(name for name in content if "-persons." in name)
    content["records/999999-cases.jsonl.gz"] = content.pop(persons)
    return {}


def unnamed(content: Parts) -> dict[str, Any]:
    content["records/999999-nonsense.jsonl"] = b'["a"]\n[1]'
    return {}


def bomb(content: Parts) -> dict[str, Any]:
    content["records/999999-persons.jsonl.gz"] = gzip.compress(b"[" + b" " * (1 << 24))
    return {}


def nested(content: Parts) -> dict[str, Any]:
    content["records/999999-persons.jsonl"] = b'["id"]\n' + b"[" * 100_000
    return {}


def fewer(content: Parts) -> dict[str, Any]:
    del content[next(name for name in content if name.startswith("events/"))]
    return {"parts": json.loads(content[MANIFEST])["parts"]}


def shape(content: Parts) -> dict[str, Any]:
    return {"shape": "9999"}


def format_(content: Parts) -> dict[str, Any]:
    return {"format": 2}


def extra(content: Parts) -> dict[str, Any]:
    return {"unknown": ["x"] * 3, "rows": "many"}


def elsewhere(content: Parts) -> dict[str, Any]:
    return {"events": "elasticsearch"}


@pytest.mark.parametrize("change", [swapped, unnamed, bomb, nested, fewer, shape, format_, extra, elsewhere])
def test_a_backup_that_says_what_is_not_so_brings_nothing_back(file: Path, change: Change) -> None:
    content = taken_apart(file)
    said = change(content)
    refused(written(file, content, **said))


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "head",
    [
        member("../out"),
        member("/etc/passwd"),
        member("models/../../out"),
        member("models/./x"),
        member("models//x"),
        member("models/.hidden"),
        member("models\\x"),
        member("models/a\nb"),
        member("events/not-a-segment"),
        member("keys/authorized_keys"),
        member("records.db"),
        member("models/x", tarfile.SYMTYPE, "/etc/passwd"),
        member("models/x", tarfile.LNKTYPE, "models/y"),
        member("models", tarfile.DIRTYPE),
        member("models/x", tarfile.FIFOTYPE),
        member("models/x", tarfile.GNUTYPE_SPARSE),
        member("models/x", tarfile.XHDTYPE),
        member("models/x", size=1 << 60),
        member("manifest.json", size=1 << 60),
        b"\xff" * 512,
        b"x" * 100,
        b"",
    ],
)
def test_only_plain_files_of_known_names_are_taken(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "file").write_bytes(head + bytes(1024))
    refused(tmp_path / "file")


def test_a_restore_that_was_killed_leaves_nothing_and_is_done_again(file: Path) -> None:
    killed = (
        "import os, sys; from pathlib import Path; import app.restoring as r; from app.config import Config\n"
        "r._move = lambda *_: os._exit(9)\n"
        "r.restore(Config(data=Path(sys.argv[2])), Path(sys.argv[1]), by='bob')"
    )
    data = file.parent / "back"
    done = subprocess.run(
        [sys.executable, "-c", killed, str(file), str(data)], env=os.environ, timeout=120, check=False
    )
    assert (done.returncode, data.exists()) == (9, False)
    healthy(back(file))
    assert not (file.parent / ".back.restoring").exists()


@pytest.mark.cluster
def test_records_come_back_into_a_server_and_are_backed_up_from_it(config: Config, file: Path) -> None:
    with fresh_database() as address, fresh_database() as another:
        server = Config(data=file.parent / "server", cluster=Cluster(postgresql=SecretStr(address)))
        server = server.model_copy(update={"privacy": Privacy(key=server.data / "records.key")})
        restore(server, file, by="bob")
        healthy(server)
        with open_house(config) as old, open_house(server) as new:
            assert everything(new) == everything(old)
        back_up(server, file.parent / "again.tar", by="ann", with_keys=True)
        with pytest.raises(Refused, match="not empty"):
            restore(server.model_copy(update={"data": file.parent / "third"}), file, by="bob")
        assert not (file.parent / "third").exists()
        again = Config(data=file.parent / "again", cluster=Cluster(postgresql=SecretStr(another)))
        again = again.model_copy(update={"privacy": Privacy(key=again.data / "records.key")})
        restore(again, file.parent / "again.tar", by="bob")
        healthy(again)


def test_by_command_line(config: Config, tmp_path: Path) -> None:
    out = tmp_path / "backup.tar"
    told = run("backup", out, "--by", "ann", data=config.data).stdout
    assert "keys are NOT in it" in told
    assert "not encrypted" in told
    done = json.loads(run("restore", out, "--json", data=tmp_path / "back").stdout)
    assert done["events"] == "here"
    assert "not empty" in run("restore", out, data=tmp_path / "back", expect=2).stderr


def test_what_was_sealed_by_the_access_key_is_opened_after_a_restore(config: Config, tmp_path: Path) -> None:
    with open_house(config) as house:
        sealed = sealer_of(config, house.records).seal("a second factor", "totp|ann")
    out = tmp_path / "sealed.tar"
    back_up(config, out, by="ann", with_keys=True)
    restored = back(out, "unsealed")
    with open_house(restored) as house:
        assert sealer_of(restored, house.records).open(sealed, "totp|ann") == "a second factor"
