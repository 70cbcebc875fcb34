"""Files become records in bounded memory: plain, gzip, zip; lines, CSV, JSON of every writing."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_sources import read, source

from core.canonical import record_ids
from core.errors import Refused
from ingest.encoding import as_text_stream, sniff
from ingest.jsonsplit import split_json
from ingest.occurrences import RecordIds
from ingest.reading import Limits, OpenFile, Stream
from ingest.splitting import Bad, split_csv, split_lines

LINE = b'{"time":"2026-03-02T10:00:00Z","user":"li.na","rows":1}'


class Raw:
    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, _raw: object, size: int) -> bytes:
        return self._data.read(size)


def stream(data: bytes) -> Stream:
    return Stream(io.BytesIO(), Raw(data))  # type: ignore[arg-type]


def records(split, data: bytes, limits: Limits | None = None) -> list[bytes | Bad]:
    found: list[bytes | Bad] = []
    for item in split(stream(data), limits or Limits()):
        found += item if isinstance(item, list) else [item]
    return found


def test_a_line_ends_with_either_line_end_and_the_last_may_lack_it():
    assert records(split_lines, b"a\r\nb\nc") == [b"a", b"b", b"c"]


def test_a_line_that_is_too_long_comes_in_pieces_and_loses_no_byte():
    found = records(split_lines, b"short\n" + b"x" * 25 + b"\nnext", Limits(max_record_bytes=10))
    assert found[0] == b"short"
    assert [item.original for item in found[1:4]] == [b"x" * 10, b"x" * 10, b"x" * 5]
    assert [item.reason for item in found[1:4]] == [f"is longer than 10 bytes (part {part})" for part in (1, 2, 3)]
    assert found[4] == b"next"


def test_a_quoted_cell_may_span_lines():
    assert records(split_csv, b'a,"x\r\ny"\r\nb,c\r\n') == [b'a,"x\r\ny"', b"b,c"]


def test_a_quote_that_is_never_closed_costs_its_own_line_only():
    lines = [b'1,"open', *(b"%d,x" % number for number in range(1000))]
    found = records(split_csv, b"\n".join(lines))
    assert isinstance(found[0], Bad)
    assert found[0].original == lines[0]
    assert found[1:] == lines[1:]


@pytest.mark.parametrize("indent", [None, 2])
def test_elements_of_an_array_are_records_however_it_is_written(indent):
    documents = [{"a": 'br{ack]et, "quote" \\'}, {"b": [1, {"c": "]"}]}, {"d": "中"}] * 50
    found = records(split_json, json.dumps(documents, indent=indent, ensure_ascii=False).encode())
    assert [json.loads(record) for record in found] == documents


def test_objects_over_several_lines_are_records():
    documents = [{"a": 1, "b": {"c": "}"}}, {"d": [1, 2]}]
    text = "\n".join(json.dumps(document, indent=1) for document in documents)
    assert [json.loads(record) for record in records(split_json, text.encode())] == documents


def test_a_text_left_open_in_an_array_costs_its_record_only():
    found = records(split_json, b'[\n{"a": "open},\n{"b": 2},\n{"c": 3}\n]\n')
    assert [type(item) for item in found] == [Bad, bytes, bytes]
    assert [json.loads(item) for item in found[1:]] == [{"b": 2}, {"c": 3}]


def test_an_array_element_that_is_too_long_comes_in_pieces():
    data = b'[{"a":1},{"b":"' + b"x" * 100 + b'"},{"c":3}]'
    found = records(split_json, data, Limits(max_record_bytes=40))
    assert found[0] == b'{"a":1}'
    assert found[-1] == b'{"c":3}'
    assert b"".join(item.original for item in found[1:-1]) == b'{"b":"' + b"x" * 100 + b'"}'


@given(
    st.lists(
        st.recursive(st.integers() | st.text(max_size=8), lambda inner: st.dictionaries(st.text(max_size=4), inner)),
        max_size=20,
    )
)
def test_any_array_of_objects_is_cut_as_it_was_made(values):
    documents = [{"v": value} for value in values]
    found = records(split_json, json.dumps(documents).encode())
    assert [json.loads(record) for record in found] == documents


def test_gzip_in_one_or_more_members_and_zip_give_the_ids_of_the_plain_file(tmp_path: Path):
    data = b"\n".join([LINE, LINE.replace(b"na", b"si"), LINE])
    plain, packed, zipped = tmp_path / "a.json", tmp_path / "a.json.gz", tmp_path / "a.zip"
    plain.write_bytes(data)
    packed.write_bytes(gzip.compress(data[:70]) + gzip.compress(data[70:]))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../inside.json", data)
    ids = [
        [key for batch in read(source("json"), path) for key in batch.events["event.id"]]
        for path in (plain, packed, zipped)
    ]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[0])) == 3


def test_each_file_of_a_zip_is_a_file_of_its_own(tmp_path: Path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.csv", "time,user\n2026-03-02T10:00:00Z,li.na\n")
        archive.writestr("two.csv", "user,time\nwang.wei,2026-03-02T10:00:00Z\n")
    [batch] = read(source("csv"), path)
    rows = batch.events.select("user.account", "log.file.path", "event.sequence").rows()
    assert rows == [("mail:li.na", "two.zip/one.csv", 1), ("mail:wang.wei", "two.zip/two.csv", 1)]
    assert [(file.read, file.ignored, file.last) for file in batch.files] == [
        (2, {"header line": 1}, False),
        (2, {"header line": 1}, True),
    ]
    assert batch.bytes == path.stat().st_size


def test_equal_records_get_different_ids_and_the_pieces_do_not_matter():
    rows = [b"a", b"b", b"a", b"a", b"c", b"b"] * 7
    whole = RecordIds("s").take(rows)
    assert len(set(whole)) == len(rows)
    assert whole[0] == record_ids("s", [b"a"], [0])[0]
    assert whole[2] == record_ids("s", [b"a"], [1])[0]
    for size in (1, 2, 5, 11):
        one = RecordIds("s")
        assert [key for start in range(0, len(rows), size) for key in one.take(rows[start : start + size])] == whole


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=60), st.integers(1, 9), st.integers(1, 20))
def test_counting_restarts_in_the_next_block_with_other_ids(rows, size, block):
    one = RecordIds("s", block=block)
    pieces = [key for start in range(0, len(rows), size) for key in one.take(rows[start : start + size])]
    assert pieces == RecordIds("s", block=block).take(rows)
    assert len(set(pieces)) == len(rows)


def test_the_memory_of_ids_is_sorted_runs():
    ids = RecordIds("s")
    for start in range(0, 5000, 50):
        ids.take([b"%d" % number for number in range(start, start + 50)])
    assert sum(map(len, ids._runs)) == 5000
    assert len(ids._runs) < 12
    assert all(np.all(np.diff(run.astype(object)) >= 0) for run in ids._runs)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be"])
def test_chinese_is_read_in_every_encoding(encoding, write):
    text = '{"time":"2026-03-02T10:00:00Z","user":"李娜 客户名单"}\n' * 3
    data = b"\xfe\xff" + text.encode(encoding) if encoding == "utf-16-be" else text.encode(encoding)
    [batch] = read(source("json"), write(data))
    assert batch.events["user.account"].to_list() == ["mail:李娜 客户名单"] * 3


def test_an_array_in_gb18030_is_cut_by_its_characters(write):
    # Second bytes of these characters are brackets and a backslash.
    names = ["\u4e17", "乗", "俓", "乣", "價}", "郳["]
    documents = [{"time": "2026-03-02T10:00:00Z", "user": name} for name in names]
    [batch] = read(source("json"), write(json.dumps(documents, ensure_ascii=False).encode("gb18030")))
    assert batch.events["user.account"].to_list() == [f"mail:{name}" for name in names]


def test_one_line_in_another_encoding_is_bad_alone_with_its_bytes(write):
    good = '{"time":"2026-03-02T10:00:00Z","user":"李娜"}'.encode()
    wrong = '{"time":"2026-03-02T10:00:00Z","user":"王伟"}'.encode("gb18030")
    [batch] = read(source("json"), write(b"\n".join([good, good, wrong, good])))
    assert batch.events.height == 3
    assert [(record.original, record.sequence) for record in batch.quarantined] == [(wrong, 2)]


def test_a_file_whose_first_chinese_comes_late_is_told_by_that_line(write):
    plain = LINE + b"\n"
    late = '{"time":"2026-03-02T10:00:00Z","user":"王伟"}\n'.encode("gb18030")
    [batch] = read(source("json"), write(plain * 3000 + late))
    assert batch.events["user.account"][-1] == "mail:王伟"


def test_the_encoding_is_what_most_telling_lines_are_in():
    assert sniff(b"abc").name is None
    assert sniff("李娜\n".encode() * 3 + b"\xff\xff\n").name == "utf-8"
    assert sniff("李娜\n".encode("gb18030") * 3 + "王\n".encode()).name == "gb18030"


def test_utf16_cut_in_a_character_still_ends(write):
    data = ("\ufeff" + LINE.decode() + "\n").encode("utf-16-le")[:-1]
    text, _ = as_text_stream(stream(data), lambda _: False)
    assert text.read(10_000).strip() == LINE


@pytest.mark.parametrize(
    ("name", "says"), [("missing.log", "does not exist"), (".", "is a folder"), ("x.xz", "is a xz archive")]
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, name, says):
    (tmp_path / "x.xz").write_bytes(b"\xfd7zXZ\x00 and more")
    with pytest.raises(Refused, match=says):
        list(source("json").batches(tmp_path / name))


def test_bytes_on_disk_add_up(write):
    path = write(gzip.compress((LINE + b"\n") * 5000))
    batches = read(source("json"), path, batch_bytes=20_000)
    assert len(batches) > 5
    assert sum(batch.bytes for batch in batches) == path.stat().st_size
    with OpenFile(path, Limits()) as file:
        assert file.size == path.stat().st_size
