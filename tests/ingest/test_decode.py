"""Decoders give one row of text per record, whatever company a record is in."""

from __future__ import annotations

import json

import polars as pl
import pytest
from small_sources import read, source

from core.batch import Quarantined
from core.errors import Unreadable
from ingest.decode import Layout, as_json, whole_json
from ingest.jsonlines import json_decoder
from ingest.textlines import cef_decoder, keyvalue_decoder, leef_decoder, syslog_decoder


def rows(decoder, *lines: str, columns: tuple[str, ...] = (), **options) -> list[dict]:
    decoded = decoder(Layout(columns=frozenset(columns), **options))([line.encode() for line in lines])
    assert decoded.frame.height == len(lines)
    assert not decoded.bad
    return [{key: value for key, value in row.items() if value is not None} for row in decoded.frame.to_dicts()]


def test_every_json_type_becomes_text_and_nested_values_json_text():
    [row] = rows(
        json_decoder, '{"a":1,"b":true,"c":null,"d":[1,{"e":"中"}],"f":"x","g":9}', columns=("a", "b", "c", "d", "f")
    )
    assert row == {"a": "1", "b": "true", "d": row["d"], "f": "x"}
    assert json.loads(row["d"]) == [1, {"e": "中"}]


def test_a_dotted_column_is_that_key_or_a_path():
    found = rows(json_decoder, '{"a.b":"flat"}', '{"a":{"b":"deep"}}', '{"a":{"b":{"c":5}}}', columns=("a.b", "a.b.c"))
    assert [row.get("a.b") for row in found] == ["flat", "deep", '{"c": 5}']
    assert found[2]["a.b.c"] == "5"


def test_a_wrapped_record_is_read_inside():
    found = rows(
        json_decoder,
        '{"data":{"payload":{"x":1}}}',
        '{"payload":{"x":2}}',
        '{"x":3}',
        columns=("x",),
        inside=("payload", "data.payload"),
    )
    assert [row["x"] for row in found] == ["1", "2", "3"]


def test_a_value_where_an_object_is_expected_is_no_reason_to_lose_the_record():
    found = rows(
        json_decoder,
        '{"payload":7,"x":"1"}',
        '{"payload":[1],"x":"2"}',
        '{"payload":{"x":3}}',
        columns=("x",),
        inside=("payload",),
    )
    assert [row["x"] for row in found] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "broken",
    [
        '{"a":1',
        "[1]",
        '"text"',
        "17",
        "null",
        '{"a":1} tail',
        '{"a":1}{"a":2}',
        '{"a":NaN}',
        "{'a':1}",
        '{"a":"\x01"}',
        '{"a":"\t"}',
        "{" * 10_000,
        '{"a":' + "[" * 10_000 + "]" * 10_000 + "}",
        '{"a":1e999}',
        "\ufeff",
    ],
)
def test_a_broken_line_is_bad_alone(broken):
    texts = [b'{"a":"1"}', broken.encode(), b'{"a":"2"}']
    decoded = json_decoder(Layout(columns=frozenset({"a"})))(texts)
    assert set(decoded.bad) == {1}
    assert decoded.frame["a"].to_list()[::2] == ["1", "2"]


@pytest.mark.parametrize(
    "odd",
    [
        '{"a":"\\ud800"}',
        '{"a":1,"a":2}',
        '{"a":123456789012345678901234567890}',
        '{"a":1.10}',
        '{"a":{"b":[1.50,2]}}',
        '{"a":"\\u0000"}',
        "{}",
        '  {"a":"x"}  ',
    ],
)
def test_an_odd_line_reads_the_same_in_good_and_bad_company(odd):
    decoder = json_decoder(Layout(columns=frozenset({"a"})))
    alone = decoder([odd.encode()])
    beside = decoder([odd.encode(), b'{"a":', b"[1]"])
    assert not alone.bad
    assert set(beside.bad) == {1, 2}
    assert beside.frame["a"][0] == alone.frame["a"][0]


CSV = "time,user,rows,action\n"


def test_csv_cells_may_hold_quotes_commas_and_line_ends(write):
    [batch] = read(source("csv"), write((CSV + '2026-03-02T10:00:00Z,"a ""b"", c\nd",3,export\n').encode()))
    assert batch.events["user.account"].to_list() == ['mail:a "b", c\nd']
    assert batch.ignored == {"header line": 1}
    assert json.loads(batch.events["vendor"][0])["user"] == 'a "b", c\nd'


def test_rows_of_another_width_are_bad_one_by_one_and_say_so(write):
    good = "2026-03-02T10:00:00Z,li.na,3,export"
    text = CSV + "\n".join([good, "2026-03-02T10:00:00Z,li.na", good + ",x,y", good])
    [batch] = read(source("csv"), write(text.encode()))
    assert batch.events.height == 2
    assert [record.reason for record in batch.quarantined] == [
        "has 2 columns, the header 4",
        "has 6 columns, the header 4",
    ]
    assert [record.original for record in batch.quarantined] == [b"2026-03-02T10:00:00Z,li.na", good.encode() + b",x,y"]


def test_a_header_met_again_is_ignored_and_synonyms_are_known(write):
    text = "时间,user\n2026-03-02T10:00:00Z,a\n时间,user\n2026-03-02T10:00:00Z,b\n"
    [batch] = read(source("csv"), write(text.encode()))
    assert batch.events["user.account"].to_list() == ["mail:a", "mail:b"]
    assert batch.ignored == {"header line": 2}


def test_a_csv_row_comes_back_from_quarantine_by_its_header(write):
    reader = source("csv")
    [batch] = read(reader, write((CSV + "2 March,li.na,3,export\n").encode()))
    [record] = batch.quarantined
    assert record.reason == "time or timestamp or rt is not a time: 2 March"
    assert record.context == CSV.strip()
    with pytest.raises(Unreadable, match="is not a time"):
        reader.parse_record(record)
    mended = Quarantined(
        id=record.id,
        source="test",
        file="f",
        sequence=1,
        reason="",
        original=b"2026-03-02,li.na,3,export".replace(b"-02,", b"-02T10:00:00Z,"),
        context=record.context,
    )
    event = reader.parse_record(mended)
    assert event["event.id"].to_list() == [record.id]
    assert event["data.records"].to_list() == [3]


def test_syslog_of_both_kinds():
    found = rows(
        syslog_decoder,
        "<34>Mar  2 10:00:00 mail postfix/smtpd[12]: 4A1: client=x[1.2.3.4]",
        "Mar 12 10:00:00 mail kernel: hello: world",
        "2026-03-02T10:00:00.5+08:00 mail postfix/qmgr[3]: removed",
        '<165>1 2026-03-02T10:00:00Z host app 12 ID47 [ex@1 a="]\\"" b="2"][y@2] \ufeffmessage here',
        "1 2026-03-02T10:00:00Z host app - - - ",
        "Mar  2 10:00:00 mail last message repeated 3 times",
    )
    assert found[0] == {
        "priority": "34",
        "timestamp": "Mar  2 10:00:00",
        "host": "mail",
        "program": "postfix/smtpd",
        "pid": "12",
        "message": "4A1: client=x[1.2.3.4]",
    }
    assert (found[1]["program"], found[1]["message"]) == ("kernel", "hello: world")
    assert found[2]["timestamp"] == "2026-03-02T10:00:00.5+08:00"
    assert found[3]["structured"] == '[ex@1 a="]\\"" b="2"][y@2]'
    assert found[3]["message"] == "message here"
    assert found[4] == {"timestamp": "2026-03-02T10:00:00Z", "host": "host", "program": "app"}
    assert found[5]["message"] == "last message repeated 3 times"


def test_pairs_keep_quoted_spaces_and_what_stands_before_them():
    [row] = rows(
        keyvalue_decoder,
        'Mar 2 fw: user="li na" path="C:\\\\x \\"y\\"" act=drop note="user=x"',
        columns=("user", "path", "act", "gone"),
    )
    assert row == {"head": "Mar 2 fw:", "user": "li na", "path": 'C:\\x "y"', "act": "drop"}


def test_cef_escapes_are_undone():
    [row] = rows(
        cef_decoder,
        r"Mar  2 10:00:00 host CEF:0|Vendor\|X|P|1.0|100|Copied \\ file|5|"
        r"suser=li na fname=a\=b.xlsx msg=two\nlines cs1=C:\\x act=copy",
        columns=("suser", "fname", "msg", "cs1", "act"),
    )
    assert row["cef.vendor"] == "Vendor|X"
    assert row["cef.name"] == "Copied \\ file"
    assert (row["suser"], row["fname"], row["msg"], row["cs1"], row["act"]) == (
        "li na",
        "a=b.xlsx",
        "two\nlines",
        "C:\\x",
        "copy",
    )
    assert (row["timestamp"], row["host"]) == ("Mar  2 10:00:00", "host")


@pytest.mark.parametrize(("mark", "between"), [("^|", "^"), ("x5E|", "^"), ("0x7c|", "|"), ("|", "\t")])
def test_leef_2_names_its_delimiter(mark, between):
    [row] = rows(
        leef_decoder, f"LEEF:2.0|V|P|1|login|{mark}usrName=li na{between}src=1.2.3.4", columns=("usrName", "src")
    )
    assert (row["leef.event"], row["usrName"], row["src"]) == ("login", "li na", "1.2.3.4")


def test_leef_1_is_tabbed():
    [row] = rows(leef_decoder, "LEEF:1.0|V|P|1|login|usrName=a=b\tsrc=1.2.3.4", columns=("usrName", "src"))
    assert (row["usrName"], row["src"]) == ("a=b", "1.2.3.4")


def test_a_record_as_json_leaves_nulls_out_and_is_exact():
    frame = pl.DataFrame({"a": ['x":null,"', None, "\\"], "b": [None, None, '{"b":null}'], "c d": ["中", None, None]})
    assert [json.loads(text) for text in as_json(frame)] == [
        {"a": 'x":null,"', "c d": "中"},
        {},
        {"a": "\\", "b": '{"b":null}'},
    ]
    assert [json.loads(text) for text in whole_json(frame)] == frame.to_dicts()
