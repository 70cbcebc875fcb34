"""The ledger as its user has it: signed after an import, exported, held against what is stored."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from app.cli import main
from app.config import Authority, Config, Evidence
from app.heads import KEY, NEXT, keep_heads, keeping_heads, rotate, signer_of
from app.wiring import open_house
from core.errors import Refused
from evidence.signing import FileSigner, check_keys, fingerprint, following, make_key
from tests.evidence.test_heads import pem
from tests.evidence.tsa import Tsa, answering
from tests.store.storing import batch_of

Line = Callable[..., tuple[int, str, str]]
LOGIN = '"EVENT_TYPE","TIMESTAMP","TIMESTAMP_DERIVED","USER_ID","USER_NAME","LOGIN_STATUS","SOURCE_IP"\n' + "".join(
    f'"Login","2026030203{minute:02}00.000","2026-03-02T03:{minute:02}:00.000Z","005xx000001Sv1m",'
    '"li.na@example.com","LOGIN_NO_ERROR","10.0.0.5"\n'
    for minute in range(20)
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def line(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    def typed(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["leaverwatch", *map(str, arguments), "--data", str(data)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return typed


def test_an_import_is_signed_and_what_is_tampered_with_is_found(line: Line, data: Path, tmp_path: Path) -> None:
    file, exported = tmp_path / "login.csv", tmp_path / "heads.ndjson"
    file.write_text(LOGIN)
    assert line("ingest", "salesforce_event_log", file)[0] == 0
    assert (data / KEY).stat().st_mode & 0o777 == 0o600
    (head,) = map(json.loads, line("evidence", "heads", "list", "--json")[1].splitlines())
    assert head["head"]["size"] == 20
    assert line("evidence", "heads", "export", exported)[0] == 0
    assert line("evidence", "heads", "make")[1] == "nothing was added since the last head\n"
    code, out, _ = line("doctor", "--ledger", "--heads", exported)
    assert (code, "FAIL" in out) == (0, False), out
    assert line("evidence", "keys", "rotate")[0] == 0
    assert len(line("evidence", "keys", "list", "--json")[1].splitlines()) == 2
    (segment,) = (data / "events").glob("*.parquet")
    rows = pl.read_parquet(segment)
    victim = rows["event.id"][3]
    rows.with_columns(
        pl.when(pl.col("event.id") == victim).then(pl.lit("10.9.9.9")).otherwise(pl.col("source.ip")).alias("source.ip")
    ).write_parquet(segment)
    code, out, _ = line("doctor", "--ledger", "--json")
    wrong = [finding["text"] for finding in json.loads(out) if not finding["ok"]]
    assert code == 1
    assert wrong[1] == f"event {victim} of salesforce.login at 2026-03-02T03:03:00.000000Z: changed"
    with sqlite3.connect(data / "records.db") as connection:
        connection.execute("delete from ledger_heads")
    connection.close()
    code, out, _ = line("doctor", "--ledger", "--heads", exported)
    assert code == 1
    assert "was taken away" in out
    assert line("doctor", "--heads", exported)[0] == 2


def test_heads_are_stamped_and_written_elsewhere_however_late(tmp_path: Path) -> None:
    tsa, mount = Tsa(tmp_path / "tsa"), tmp_path / "mount"
    with answering(tsa) as url:
        evidence = Evidence(authorities={"test": Authority(url=url, ca=tsa.ca)}, heads_to=mount)
        config = Config(data=tmp_path / "data", evidence=evidence)
        away = Config(
            data=config.data,
            evidence=evidence.model_copy(
                update={"authorities": {"test": Authority(url="http://127.0.0.1:9/", ca=tsa.ca)}}
            ),
        )
        with open_house(away) as house:
            house.events.append(batch_of(1), ())
            kept = keep_heads(house)
            assert kept.head is not None
            stamp, folder = kept.troubles
            assert "test" in stamp
            assert "mount" in folder
        mount.mkdir()
        with open_house(config) as house, keeping_heads(house):
            pass
    names = sorted(file.name for file in mount.iterdir())
    assert [(name.partition("-")[0], name.rpartition(".")[2]) for name in names] == [
        ("head", "tsr"),
        ("head", "json"),
        ("key", "json"),
    ]


def test_a_rotation_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "data")
    with open_house(config) as house:
        house.events.append(batch_of(1), ())
        keep_heads(house)
        first = FileSigner(config.data / KEY)
        make_key(config.data / NEXT)  # a kill before handing over leaves this
        rotate(house)
        second = FileSigner(config.data / KEY)
        assert second.public() != first.public()
        make_key(config.data / NEXT)
        third = FileSigner(config.data / NEXT)
        house.records.save_key(following(third, house.records.keys(), house.records.keys()[-1].since, second))
        house.events.append(batch_of(2), ())  # and a kill after it
        kept = keep_heads(house)
        assert kept.head is not None
        assert kept.head.key == fingerprint(third.public())
        assert not (config.data / NEXT).exists()
        check_keys(house.records.keys())
        (config.data / KEY).unlink()
        house.events.append(batch_of(3), ())
        with pytest.raises(Refused, match="is not in"):
            keep_heads(house)
        assert not (config.data / KEY).exists()


def test_a_program_takes_over_from_the_file(tmp_path: Path) -> None:
    make_key(tmp_path / "module")
    public = pem(FileSigner(tmp_path / "module").public(), tmp_path / "public.pem")
    line = ("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(tmp_path / "module"), "-in", "{file}")
    config = Config(data=tmp_path / "data")
    by_program = config.model_copy(update={"evidence": Evidence(signer=line, signer_public=public)})
    with open_house(config) as house:
        house.events.append(batch_of(1), ())
        keep_heads(house)
    with open_house(by_program) as house:
        house.events.append(batch_of(2), ())
        with pytest.raises(Refused, match="rotate"):
            keep_heads(house)
        rotate(house)
        assert not (config.data / KEY).exists()
        kept = keep_heads(house)
        assert kept.head is not None
        assert kept.head.key == fingerprint(signer_of(by_program, ()).public())
        check_keys(house.records.keys())
