"""Nothing that somebody wrote ends a field, a line or a message."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from core.evidence import AuditEntry, Deed
from core.happening import Happening, Kind
from notify.cef import cef
from notify.forwarding import of_entry, of_happening
from notify.syslog import message
from tests.notify.test_planning import ALERT, OUTLOOK

NASTY = "a|b=c\\d\r\ne\nf\rg\x00h\x1b[31mi\x7fj\x85k\u2028l"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_headers_and_values_are_escaped_by_their_own_rules() -> None:
    assert cef("e|v", "n\\m", "high", {"msg": "x=1|2\\3"}, version="1|0") == (
        "CEF:0|leaverwatch|leaverwatch|1\\|0|e\\|v|n\\\\m|8|msg=x\\=1|2\\\\3"
    )


def test_line_breaks_and_control_characters_make_no_second_line() -> None:
    made = cef(NASTY, NASTY, "low", {"msg": NASTY}, version="1")
    assert len(made.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", made)
    assert made.endswith("msg=a|b\\=c\\\\d\\ne\\nf\\ng h [31mi j k l")


def test_empty_fields_are_left_out_and_unknown_severities_are_low() -> None:
    assert cef("e", "n", "", {"a": "", "b": "2"}, version="1") == "CEF:0|leaverwatch|leaverwatch|1|e|n|3|b=2"


def test_a_name_of_a_field_is_ours() -> None:
    with pytest.raises(ValueError, match="CEF"):
        cef("e", "n", "", {"a b": "1"}, version="1")


def test_a_message_has_a_header_of_rfc_5424() -> None:
    made = message(AT, "ho st\nx", "alert.raised", "critical", "text").decode()
    assert made == "<106>1 2026-03-02T09:30:00.000000Z hostx leaverwatch - alert.raised - \ufefftext"
    assert message(AT, "\n", "k" * 99, "", "t").decode().split()[2:6] == ["-", "leaverwatch", "-", "k" * 32]


def test_an_alert_as_cef_goes_by_the_pseudonym() -> None:
    made = of_happening(ALERT, OUTLOOK, "cef", "h", "1").decode()
    assert "|alert.raised|Mass export|8|" in made
    assert "suser=P0123456789ABCDEF" in made
    assert "cs1Label=rule cs1=crm_export" in made
    assert "li.na" not in made


def test_an_alert_as_ecs_is_one_line_of_json() -> None:
    made = of_happening(ALERT, OUTLOOK, "ecs", "h", "1").decode()
    document = json.loads(made.partition("\ufeff")[2])
    assert document["event"]["action"] == "alert.raised"
    assert document["user"] == {"id": "P0123456789ABCDEF"}
    assert document["rule"] == {"id": "crm_export", "name": "Mass export"}
    assert document["event"]["sequence"] == 7


@pytest.mark.parametrize("form", ["cef", "ecs"])
def test_a_nasty_name_of_a_rule_stays_within_its_field(form: str) -> None:
    nasty = Happening(at=AT, kind=Kind.ALERT_RAISED, subject=NASTY, details={"rule": NASTY}, number=1)
    made = of_happening(nasty, OUTLOOK, "cef" if form == "cef" else "ecs", "h", "1").decode()
    assert len(made.splitlines()) == 1
    if form == "ecs":
        assert json.loads(made.partition("\ufeff")[2])["event"]["id"].startswith("a|b=c\\d\r\ne")


def test_an_entry_of_the_audit_log_says_who_did_what_but_not_to_whom() -> None:
    entry = AuditEntry(at=AT, by="ann", deed=Deed.SAW, about=("li.na",), why="of li.na", number=3, digest="d" * 64)
    for form in ("cef", "ecs"):
        made = of_entry(entry, "cef" if form == "cef" else "ecs", "h", "1").decode()
        assert "audit.saw" in made
        assert "ann" in made
        assert "d" * 64 in made
        assert "li.na" not in made
