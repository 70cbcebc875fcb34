"""The language of source.yml: what it gives, and that every mistake is named with file and line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from small_sources import FORMATS, HEAD, read, source

from core.errors import MappingError
from core.person import account_key
from ingest.catalog import compile_source
from ingest.times import read_times

WHEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FILE = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def field(name: str, value: str, record: dict, write) -> object:
    """The value one field gets from one JSON record."""
    records = f"""
fields:
  "@timestamp": {{from: time, time: iso}}
  event.action: other
records:
  - name: all
    fields:
      {name}: {value}
"""
    document = json.dumps({"time": "2026-03-02T10:00:00Z", **record}).encode()
    [batch] = read(source("json", records), write(document))
    assert not batch.quarantined
    return batch.events[name][0]


@pytest.mark.parametrize(
    ("value", "record", "result"),
    [
        ("{from: a}", {"a": "x"}, "x"),
        ("{from: [a, b]}", {"a": "", "b": "y"}, "y"),
        ("[{from: a}, constant]", {}, "constant"),
        ("{from: a, apply: [trim, lower]}", {"a": " LiNa "}, "lina"),
        ("{from: a, apply: [upper]}", {"a": "x"}, "X"),
        ("{from: a, apply: [basename]}", {"a": "C:\\data\\客户.xlsx"}, "客户.xlsx"),
        ("{from: a, apply: [basename]}", {"a": "https://x/y/z/"}, "z"),
        ("{from: a, apply: [dirname]}", {"a": "/srv/share/a.txt"}, "/srv/share"),
        ("{from: a, apply: [extension]}", {"a": "/srv/.hidden/Report.Final.XLSX"}, "xlsx"),
        ("{from: a, apply: [extension]}", {"a": "/srv/.bashrc"}, None),
        ("{from: a, apply: [extension]}", {"a": "/a.b/noextension"}, None),
        ("{from: a, apply: [email]}", {"a": "李娜 <Li.Na@Example.CN>"}, "li.na@example.cn"),
        ("{from: a, apply: [email]}", {"a": "smtp:li.na@gmail.com;x@y.z"}, "li.na@gmail.com"),
        ("{from: a, apply: [email]}", {"a": "nobody"}, None),
        ("{from: a, apply: [domain_of_email]}", {"a": "Li <li.na@QQ.com>"}, "qq.com"),
        ("{from: a, apply: [{account: mail}]}", {"a": " Li.Na@X.cn "}, "mail:li.na@x.cn"),
        ("{from: a, apply: [{account: salesforce}]}", {"a": "0055e000001AbCdAAK"}, "salesforce:0055e000001AbCd"),
        ("{from: a, apply: [{map: {x: one, y: two}}]}", {"a": "y"}, "two"),
        ("{from: a, apply: [{map: {x: one}}]}", {"a": "z"}, None),
        ("{from: a, apply: [{map_or_keep: {x: one}}]}", {"a": "z"}, "z"),
        ("{from: a, apply: [{extract: 'id=(\\d+)'}]}", {"a": "k id=42;"}, "42"),
        ("{from: a, apply: [{replace: {'\\s+': '_'}}]}", {"a": "a  b c"}, "a_b_c"),
        ("{from: a, apply: [{split: {by: ';', item: -1}}]}", {"a": "a;b;c"}, "c"),
        ("{from: a, apply: [{split: {by: ';', item: 7}}]}", {"a": "a;b;c"}, None),
        ("{from: a, apply: [{json: 'b[0].c'}]}", {"a": {"b": [{"c": 5}]}}, "5"),
        (
            "{from: p, apply: [{json_item: {where: Name, is: [X, ForwardTo], take: Value}}]}",
            {"p": [{"Name": "ForwardTo", "Value": "q"}]},
            "q",
        ),
        ("{from: a, apply: [{null_if: ['-', N/A]}]}", {"a": "-"}, None),
        ("{from: a, apply: [{prefix: 'x:'}]}", {"a": "1"}, "x:1"),
        ("{from: a, apply: [url_decode]}", {"a": "a%20%E5%AE%A2"}, "a 客"),
        ("{from: a, apply: [hex_integer]}", {"a": "0x1F"}, "31"),
        ("{join: [{from: a}, {from: b}], by: /}", {"a": "x", "b": "y"}, "x/y"),
        ("{join: [{from: a}, {from: b}], by: /}", {"a": "x"}, None),
        ("{join: [{from: a}, {from: b}], by: /, skip_missing: true}", {"a": "x"}, "x"),
        ("{const: yes-it-is, when: {a: {present: true}}}", {"a": "1"}, "yes-it-is"),
        ("{const: yes-it-is, when: {a: {present: true}}}", {"a": ""}, None),
    ],
)
def test_values(value, record, result, write):
    assert field("event.reason", value, record, write) == result


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7:443 ", "203.0.113.7"),
        ("[203.0.113.7]:5", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("[0:0:0:0:0:ffff:cb00:7107]:443", "203.0.113.7"),
        ("0000:0000:0000:0000:0000:ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8::ffff:cb00:7107", "2001:db8::ffff:cb00:7107"),
        ("[2001:DB8::7]:443", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("[IPv6:2001:db8::7]", "2001:db8::7"),
        ("Salesforce.com IP", None),
        ("unknown", None),
    ],
)
def test_addresses_lose_what_is_around_them(text, address, write):
    assert field("source.ip", "{from: a}", {"a": text}, write) == address


@pytest.mark.parametrize(("text", "number"), [("12", 12), (12.0, 12), ("-1", -1), (" 7 ", 7), (2**53 + 1, 2**53 + 1)])
def test_numbers(text, number, write):
    assert field("data.records", "{from: a}", {"a": text}, write) == number


def test_numbers_may_be_multiplied_and_items_counted(write):
    assert field("data.bytes", "{from: a, apply: [{multiply: 1024}]}", {"a": "2"}, write) == 2048
    assert field("data.records", "{from: a, apply: [count_items]}", {"a": [{"x": 1}, {"x": 2}]}, write) == 2


@pytest.mark.parametrize("realm", ["mail", "salesforce"])
def test_account_keys_are_those_of_core(realm, write):
    for name in ("Li.Na@X.CN", "0055e000001AbCdAAK", " x "):
        assert field("user.account", f"{{from: a, apply: [{{account: {realm}}}]}}", {"a": name}, write) == account_key(
            realm, name
        )


@pytest.mark.parametrize(
    ("form", "text", "zone", "moment"),
    [
        ("iso", "2026-03-02T10:00:00Z", "UTC", WHEN),
        ("iso", "2026-03-02T10:00:00", "UTC", WHEN),
        ("iso", "2026-03-02 18:00:00", "Asia/Shanghai", WHEN),
        ("iso", "2026-03-02T18:00:00.000+08:00", "UTC", WHEN),
        ("iso", "2026-03-02T10:00:00.000+0000", "Asia/Shanghai", WHEN),
        ("iso", "2026-03-02T10:00:00.123456789Z", "UTC", WHEN.replace(microsecond=123456)),
        ("iso", "2026-03-02T10:00", "UTC", WHEN),
        ("iso", "2026-02-30T10:00:00Z", "UTC", None),
        ("iso", "2026-03-02T25:00:00Z", "UTC", None),
        ("iso", "2026-13-02T10:00:00Z", "UTC", None),
        ("iso", "0000-00-00T00:00:00Z", "UTC", None),
        ("iso", "9999-12-31T23:59:59Z", "UTC", None),
        ("iso", "yesterday", "UTC", None),
        ("iso", "2026-03-29T02:30:00", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("iso", "2026-10-25T02:30:00", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("compact", "20260302100000.123", "UTC", WHEN.replace(microsecond=123000)),
        ("compact", "20260302100000", "UTC", WHEN),
        ("compact", "20260302990000", "UTC", None),
        ("us", "3/2/2026 10:00:00 AM", "UTC", WHEN),
        ("us", "03/02/2026, 12:30 AM", "UTC", WHEN.replace(hour=0, minute=30)),
        ("us", "3/2/2026 13:00:00 PM", "UTC", None),
        ("us", "3/2/2026", "UTC", WHEN.replace(hour=0)),
        ("slash", "2026/3/2 10:00:00", "UTC", WHEN),
        ("slash", "2026/3/2", "Asia/Shanghai", datetime(2026, 3, 1, 16, tzinfo=UTC)),
        ("epoch_s", "1772445600", "UTC", WHEN),
        ("epoch_s", "1772445600.5", "UTC", WHEN.replace(microsecond=500000)),
        ("epoch_ms", "1772445600000", "UTC", WHEN),
        ("epoch_ms", "99999999999999999999", "UTC", None),
        ("epoch_s", "nan", "UTC", None),
        ("syslog", "Mar  2 10:00:00", "UTC", WHEN),
        ("syslog", "Dec 31 23:59:59", "UTC", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("syslog", "Feb 29 10:00:00", "UTC", datetime(2024, 2, 29, 10, tzinfo=UTC)),
        ("syslog", "Feb 30 10:00:00", "UTC", None),
        ("%d.%m.%Y %H:%M", "02.03.2026 10:00", "UTC", WHEN),
    ],
)
def test_times(form, text, zone, moment):
    texts = pl.Series([text, None, "no time at all"])
    assert read_times(texts, [form], zone, pl.Series([FILE] * 3)).to_list() == [moment, None, None]


def test_the_first_format_that_fits_reads_a_time():
    texts = pl.Series(["Mar  2 10:00:00", "2026-03-02T10:00:00Z", "x"])
    assert read_times(texts, ["iso", "syslog"], "UTC", pl.Series([FILE] * 3)).to_list() == [WHEN, WHEN, None]


@pytest.mark.parametrize(
    ("when", "matching", "other"),
    [
        ("{a: x}", {"a": "x"}, {"a": "X"}),
        ("{a: [x, y]}", {"a": "y"}, {}),
        ("{a: {starts: [x, y]}}", {"a": "yes"}, {"a": "no"}),
        ("{a: {ends: .xlsx}}", {"a": "q.xlsx"}, {"a": "q"}),
        ("{a: {contains: or}}", {"a": "export"}, {"a": "x"}),
        ("{a: {matches: '^e.*t$'}}", {"a": "export"}, {"a": "exports"}),
        ("{a: {nocase: [EXPORT]}}", {"a": "Export"}, {"a": "import"}),
        ("{a: {present: true}}", {"a": "x"}, {"a": ""}),
        ("{a: {present: false}}", {}, {"a": "x"}),
        ("{a: {bits: 0x10000}}", {"a": "0x110080"}, {"a": "0x1"}),
        ("{a: {bits: 0x10000}}", {"a": "65536"}, {"a": "text"}),
        ("{a: {not: x}}", {"a": "y"}, {"a": "x"}),
        ("{a: {not: x}}", {}, {"a": "x"}),
        ("{a: {not: {starts: x}}}", {"a": "y"}, {"a": "xx"}),
        ("{a | b: x}", {"a": "", "b": "x"}, {"a": "y", "b": "x"}),
        ("{any: [{a: x}, {b: y}]}", {"b": "y"}, {"b": "x"}),
        ("{all: [{a: x}, {b: y}]}", {"a": "x", "b": "y"}, {"a": "x"}),
        ("{none: [{a: x}, {b: y}]}", {"a": "1"}, {"a": "x"}),
        ("{a: x, b: y}", {"a": "x", "b": "y"}, {"b": "y"}),
    ],
)
def test_conditions(when, matching, other, write):
    records = f"""
fields: {{"@timestamp": {{from: time, time: iso}}}}
records:
  - {{name: yes, when: {when}, fields: {{event.action: export}}}}
  - {{name: rest, fields: {{event.action: other}}}}
"""
    lines = [json.dumps({"time": "2026-03-02T10:00:00Z", **record}) for record in (matching, other)]
    [batch] = read(source("json", records), write("\n".join(lines).encode()))
    assert batch.events["event.action"].to_list() == ["export", "other"]


def test_bad_values_quarantine_their_record_and_name_the_column(write):
    lines = [
        {"time": "2026-03-02T10:00:00Z", "rows": "5"},
        {"time": "2026-03-02T10:00:00Z", "rows": "many"},
        {"time": "31/31/31", "rows": "5"},
        {"rows": "5"},
        {"time": "2026-03-02T10:00:00Z", "rows": "9" * 30},
        {"time": "2026-03-02T10:00:00Z", "action": "noise"},
    ]
    [batch] = read(source("json"), write("\n".join(map(json.dumps, lines)).encode()))
    assert [record.reason for record in batch.quarantined] == [
        "rows or cnt is not a whole number in range: many",
        "time or timestamp or rt is not a time: 31/31/31",
        "has no time",
        f"rows or cnt is not a whole number in range: {'9' * 30}",
    ]
    assert batch.events.height == 1
    assert batch.ignored == {"noise": 1}


def test_a_record_of_no_known_type_is_quarantined(write):
    records = """
fields: {"@timestamp": {from: time, time: iso}}
records:
  - {name: export, when: {action: export}, fields: {event.action: export}}
"""
    [batch] = read(source("json", records), write(b'{"time":"2026-03-02T10:00:00Z"}'))
    assert [record.reason for record in batch.quarantined] == ["of no known type"]


GOOD = """
fields:
  "@timestamp": {from: time, time: iso}
records:
  - name: all
    fields: {event.action: other}
"""


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            GOOD.replace("event.action: other", "event.action: steal"),
            17,
            "steal is not one of the words of event.action",
        ),
        (
            GOOD.replace("event.action: other", "event.action: other, event.actoin: x"),
            17,
            "event.actoin is not a field",
        ),
        (GOOD.replace("event.action: other", "event.action: other, event.id: x"), 17, "event.id is not a field"),
        (
            GOOD.replace("event.action: other", "user.name: {from: a, apply: [upper, sing]}"),
            17,
            "sing is not a transform",
        ),
        (
            GOOD.replace("event.action: other", "user.name: {from: a, apply: [extract]}"),
            17,
            "extract needs an argument",
        ),
        (
            GOOD.replace("event.action: other", "user.name: {from: a, apply: [{lower: x}]}"),
            17,
            "lower takes no argument",
        ),
        (
            GOOD.replace("event.action: other", "user.name: {from: a, apply: [{extract: '(?=x)'}]}"),
            17,
            "the pattern cannot be used",
        ),
        (GOOD.replace("event.action: other", "user.name: {from: a, apply: [{extract: 'x'}]}"), 17, "needs a group"),
        (GOOD.replace("event.action: other", "event.action: {from: a}"), 17, "its last transform must be a map"),
        (
            GOOD.replace("event.action: other", "event.action: {from: a, apply: [{map: {x: rob}}]}"),
            17,
            "rob is not one of the words",
        ),
        (GOOD.replace("event.action: other", "user.name: {form: a}"), 17, "form is not known here"),
        (GOOD.replace("event.action: other", "user.name: x"), 16, "sets no event.action"),
        (
            GOOD.replace("event.action: other", "event.action: other, event.action: view"),
            17,
            "event.action is given twice",
        ),
        (
            GOOD.replace("event.action: other", "event.action: other, data.records: many"),
            17,
            "a whole number is expected",
        ),
        (GOOD.replace("time: iso", "time: isoo"), 14, "isoo is not a time format"),
        (GOOD.replace(", time: iso", ""), 14, "@timestamp needs time"),
        (GOOD.replace('"@timestamp"', "user.name").replace(", time: iso", ""), 16, "sets no @timestamp"),
        (GOOD.replace("fields: {event", "when: {a: {bigger: 3}}, fields: {event"), 17, "not valid YAML"),
        (GOOD + "    when: {a: {bigger: 3}}\n", 18, "bigger is not known here"),
        (GOOD + "colour: red\n", 18, "colour is not known here"),
        (GOOD + "join: nothing\n", 18, "nothing is not known"),
        (GOOD + "ignore: [{when: {a: x}}]\n", 18, "needs when and reason"),
        (GOOD + "title: again\n", 18, "title is given twice"),
    ],
)
def test_every_mistake_is_named_with_file_and_line(text, line, says):
    with pytest.raises(MappingError) as error:
        compile_source("test", f"{HEAD}formats:\n  - {FORMATS['json']}\n{text}", "test/source.yml")
    assert str(error.value).startswith(f"test/source.yml:{line}: ")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("zone: UTC", "zone: Mars/Olympus", "Mars/Olympus is not a time zone"),
        ("certainty: C", "certainty: D", "certainty is A, B or C"),
        ("title: Test\n", "", "title is missing"),
        ("title: Test", "title: [Test]", "a text is expected"),
    ],
)
def test_mistakes_in_the_head_are_named(old, new, says):
    with pytest.raises(MappingError, match=says):
        source("json", GOOD, HEAD.replace(old, new))


def test_the_company_zone_is_used_where_asked(write):
    reader = compile_source(
        "t", f"{HEAD.replace('UTC', 'company')}formats:\n  - {FORMATS['json']}\n{GOOD}", zone="Asia/Tokyo"
    )
    [batch] = read(reader, write(b'{"time":"2026-03-02T19:00:00"}'))
    assert batch.events["@timestamp"].to_list() == [WHEN]
