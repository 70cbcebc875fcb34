"""Garbage of every kind: never a crash, never a record lost, never memory without bound."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_sources import FORMATS, accounted, read, source

from core.batch import Batch
from core.errors import Refused
from ingest.catalog import Source, sources
from ingest.reading import Limits

READERS: dict[str, Source] = {name: source(name) for name in FORMATS} | dict(sources())
LINE = b'{"time":"2026-03-02T10:00:00Z","user":"li.na","rows":1}'

SEEDS = [
    LINE,
    b'{"payload":{"time":"2026-03-02T10:00:00Z","user":"x"}}',
    b'{"payload":3,"time":"2026-03-02T10:00:00Z"}',
    b'{"time":"2026-03-02T10:00:00Z","user":"\\ud800"}',
    b'{"time":"2026-03-02T10:00:00Z","user":NaN}',
    b"time,user,rows",
    b'2026-03-02T10:00:00Z,"li ""na""",5',
    b"2026-03-02T10:00:00Z,li.na,5,6",
    b'"never closed',
    b"<34>Mar  2 10:00:00 host sshd[12]: hi",
    b'<34>1 2026-03-02T10:00:00Z h app 1 ID47 [a x="1\\"]"] msg',
    b'head time=2026-03-02T10:00:00Z user="a b" rows=3',
    b"CEF:0|v|p|1|c|n\\|x|5|rt=2026-03-02T10:00:00Z suser=a b cnt=4 msg=x\\=y",
    b"LEEF:2.0|v|p|1|e|^|time=2026-03-02T10:00:00Z^usrName=b",
    b"EVENT_TYPE,TIMESTAMP,USER_ID",
    b"Login,20260302100000.000,0055e",
    b'{"CreationTime":"2026-03-02T10:00:00","Operation":"FileDownloaded","UserId":"a@b"}',
    b'{"CreationTime":"2026-03-02T10:00:00","Operation":"UpdateInboxRules","OperationProperties":"Forward","Item":[1]}',
    b"[",
    b"]",
    b"\xff\xfe",
    "李娜".encode("gb18030"),
    b"\x00",
    b"",
    b"  ",
]
lines = st.one_of(st.sampled_from(SEEDS), st.binary(max_size=40))
between = st.sampled_from([b"\n", b"\r\n", b",\n", b"\n\n"])


def counts(batches: list[Batch]) -> tuple[object, ...]:
    """What must not depend on the size of the batches."""
    return (
        sum(batch.read for batch in batches),
        pl.concat([batch.events for batch in batches]).rows() if batches else [],
        pl.concat([batch.fragments for batch in batches]).rows() if batches else [],
        [record for batch in batches for record in batch.quarantined],
    )


@pytest.mark.parametrize("name", sorted(READERS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(lines, max_size=12), between, st.sampled_from([40, 2**24]), st.integers(1, 200))
def test_random_bytes_are_accounted_for_whatever_the_batches(name, parts, separator, most, batch_bytes):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(separator.join(parts))
        limits = Limits(max_record_bytes=most)
        whole = read(READERS[name], path, limits=limits)
        assert counts(whole) == counts(read(READERS[name], path, batch_bytes, limits))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), max_size=20))
def test_quarantine_holds_the_bytes_of_the_lines_that_were_bad(parts):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        # First lines that are JSON, so that the others are lines, and enough of them to tell the encoding.
        chinese = '{"time":"2026-03-02T10:00:00Z","user":"李"}'.encode()
        path.write_bytes(b"\n".join([chinese] * 25 + parts))
        batches = read(READERS["json"], path)
    wanted = [(number, part.removesuffix(b"\r")) for number, part in enumerate(parts, start=25)]
    wanted = [(number, part) for number, part in wanted if part and not part.isspace()]
    assert [(record.sequence, record.original) for batch in batches for record in batch.quarantined] == wanted


def test_garbage_between_good_lines_costs_nothing_but_itself(write):
    garbage = [
        b'{"time":"2026-03-02T10:00:00Z","user":"cu',
        b'{"time":"2026-03-02T10:00:00Z","user":"a\x00b"}',
        b'{"time":"2026-03-02T10:00:00Z","user":"\xff\xfe"}',
        b'{"time":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"x":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"time":"2026-02-31T10:00:00Z"}',
        b'{"time":"0000-00-00T00:00:00Z"}',
        b'{"time":"99999999999999999999"}',
        b'{"time":"2026-03-02T10:00:00Z","rows":"' + b"9" * 400 + b'"}',
        b"\x1f\x8b\x08 not gzip",
        b"<Event/>",
        bytes(range(1, 10)) + bytes(range(11, 256)),
    ]
    chinese = '{"time":"2026-03-02T10:00:00Z","user":"李娜"}'.encode()
    data = b"\n".join(part for line in garbage for part in (chinese, line)) + b"\n" + chinese
    [batch] = read(source("json"), write(data))
    assert batch.events.height == len(garbage) + 1
    assert [record.original for record in batch.quarantined] == garbage


def test_a_file_of_nothing_but_bad_lines_is_read_to_the_end(write):
    rng = random.Random(7)
    data = b"\n".join(rng.randbytes(rng.randrange(200)).replace(b"\n", b"") for _ in range(500))
    for reader in READERS.values():
        accounted(read(reader, write(data)))


def test_a_quote_never_closed_in_a_table_loses_only_its_line(write):
    rows = [b"time,user,rows,action", *(b'"2026-03-02T10:00:00Z","u%d","1","x"' % row for row in range(600))]
    rows[50] = b'"2026-03-02T10:00:00Z","open,"1","x"'
    batches = read(source("csv"), write(b"\n".join(rows)))
    assert sum(batch.events.height for batch in batches) == 599
    assert [record.original for batch in batches for record in batch.quarantined] == [rows[50]]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"when,who\n1,2\n", "has no column time, user"),
        (b"time,who\n1,2\n", "has no column user"),
        (b"," * 5000 + b"\n", "has no column time, user"),
        (b"time,user" + b"," * 5000 + b"\n", "has more than 2000 columns"),
    ],
)
def test_a_table_of_other_columns_is_refused_naming_them(header, says, write):
    with pytest.raises(Refused, match=says):
        list(source("csv").batches(write(header)))


def test_a_zip_bomb_is_refused_after_what_came_before_it(tmp_path):
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(LINE + b"\n") + gzip.compress(b" " * 40_000_000))
    limits = Limits(max_ratio=100, ratio_floor=2**20)
    kept: list[Batch] = []
    with pytest.raises(Refused, match="like a zip bomb"):
        kept.extend(source("json").batches(path, limits=limits))
    assert sum(batch.events.height for batch in kept) == 1


def test_a_file_that_expands_without_end_is_refused(tmp_path):
    path = tmp_path / "big.gz"
    path.write_bytes(gzip.compress((LINE + b"\n") * 50_000))
    with pytest.raises(Refused, match="expands to more than 100000 bytes"):
        list(source("json").batches(path, limits=Limits(max_expanded_bytes=100_000)))


def test_archives_in_archives_and_locked_ones_are_refused(tmp_path):
    path = tmp_path / "outer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.json", LINE)
        archive.writestr("inner.gz", gzip.compress(LINE))
    kept: list[Batch] = []
    with pytest.raises(Refused, match=r"inner\.gz is an archive inside an archive"):
        kept.extend(source("json").batches(path))
    assert sum(batch.events.height for batch in kept) == 1
    doubled = tmp_path / "twice.gz"
    doubled.write_bytes(gzip.compress(gzip.compress(LINE)))
    with pytest.raises(Refused, match="archive inside an archive"):
        list(source("json").batches(doubled))
    locked = bytearray(path.read_bytes())
    for start in (locked.find(b"PK\x03\x04") + 6, locked.find(b"PK\x01\x02") + 8):
        locked[start] |= 1
    path.write_bytes(locked)
    with pytest.raises(Refused, match="is encrypted"):
        list(source("json").batches(path))


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04 no zip at all", b"PK\x05\x06", b"\x1f\x8b\x08\x00 broken", b"7z\xbc\xaf\x27\x1c"]
)
def test_broken_archives_are_refused(data, write):
    with pytest.raises(Refused):
        list(source("json").batches(write(data)))


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_folder_a_missing_file_and_an_empty_one(name, tmp_path):
    reader = READERS[name]
    with pytest.raises(Refused, match="is a folder, not a file"):
        list(reader.batches(tmp_path))
    with pytest.raises(Refused, match="does not exist"):
        list(reader.batches(tmp_path / "none"))
    empty = tmp_path / "empty"
    empty.touch()
    assert [batch.read for batch in reader.batches(empty)] == [0]
    assert not reader.recognises(tmp_path)
    assert not reader.recognises(tmp_path / "none")


def test_a_line_of_50_megabytes_is_kept_in_pieces(write):
    long = b'{"time":"' + b"x" * 50_000_000 + b'"}'
    path = write(b"\n".join([LINE, long, LINE]))
    batches = read(source("json"), path)
    pieces = [record for batch in batches for record in batch.quarantined]
    assert b"".join(record.original for record in pieces) == long
    assert [record.reason.split("(")[1] for record in pieces] == ["part 1)", "part 2)", "part 3)"]
    assert sum(batch.events.height for batch in batches) == 2


def test_memory_stays_bounded_over_a_large_file(tmp_path):
    path = tmp_path / "large.json.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for part in range(60):
            file.write(
                b"".join(
                    b'{"time":"2026-03-02T10:00:00Z","user":"u%d","rows":%d,"x":"%s"}\n' % (row % 99, row, b"y" * 900)
                    for row in range(part * 4000, part * 4000 + 4000)
                )
            )
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from small_sources import source\n"
        "batches = source('json').batches(Path(sys.argv[1]), batch_bytes=4 * 2**20)\n"
        "print(sum(batch.events.height for batch in batches))\n"
        # The kernel's other figure counts what the parent had at most.
        "print(int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]) // 1024)"
    )
    command = [sys.executable, "-c", program, str(path), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    count, megabytes = map(int, done.stdout.split())
    assert count == 240_000
    assert megabytes < 600
