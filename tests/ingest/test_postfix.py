"""Postfix: one send event per recipient, whatever order its lines come in."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from ingest.catalog import sources

SOURCE = sources()["postfix"]
SAMPLE = Path("ingest/sources/postfix/sample.log")
NOON = "2026-03-02T12:00:{:02}+08:00 mx1 postfix/{}[7]: {}"
SAID = ["@timestamp", "user.account", "email.from.address", "email.to.address", "data.bytes", "email.message_id"]


def fragments(path: Path) -> pl.DataFrame:
    return pl.concat(batch.fragments for batch in SOURCE.batches(path))


def assembled(*paths: Path) -> pl.DataFrame:
    return SOURCE.assemble(pl.concat(fragments(path) for path in paths)).sort("event.id")


def write(path: Path, *lines: tuple[int, str, str]) -> Path:
    path.write_text("\n".join(NOON.format(*line) for line in lines) + "\n")
    return path


def mail(start: int, sender: str, recipient: str) -> list[tuple[int, str, str]]:
    return [
        (start, "smtpd", f"ABCDE1: client=pc[10.0.0.5], sasl_username={sender}"),
        (start, "cleanup", f"ABCDE1: message-id=<{start}@x>"),
        (start, "qmgr", f"ABCDE1: from=<{sender}>, size={start}, nrcpt=1 (queue active)"),
        (start + 1, "smtp", f"ABCDE1: to=<{recipient}>, relay=r[1.2.3.4]:25, status=sent (250 ok)"),
        (start + 2, "qmgr", "ABCDE1: removed"),
    ]


def test_the_order_of_lines_and_their_files_changes_nothing(tmp_path: Path) -> None:
    lines = SAMPLE.read_text().splitlines()
    wanted = assembled(SAMPLE)
    assert wanted.height == 4
    for seed in range(5):
        random.Random(seed).shuffle(lines)
        one, two = tmp_path / "one.log", tmp_path / "two.log"
        one.write_text("\n".join(lines[:9]) + "\n")
        two.write_text("\n".join(lines[9:]) + "\n")
        same = assembled(two, one)
        columns = [name for name in same.columns if name not in ("event.sequence", "log.file.path")]
        assert same.select(columns).equals(wanted.select(columns))


def test_a_queue_id_used_again_is_another_mail(tmp_path: Path) -> None:
    file = write(tmp_path / "mail.log", *mail(1, "a@x.cn", "b@y.cn"), *mail(20, "c@x.cn", "d@y.cn"))
    found = assembled(file).sort("@timestamp").select(SAID).rows()
    assert [(row[1], row[3], row[4]) for row in found] == [("mail:a@x.cn", "b@y.cn", 1), ("mail:c@x.cn", "d@y.cn", 20)]


def test_a_delivery_waits_until_its_heads_are_there(tmp_path: Path) -> None:
    lines = mail(1, "a@x.cn", "b@y.cn")
    for missing in range(3):
        file = write(tmp_path / "mail.log", *(line for number, line in enumerate(lines) if number != missing))
        assert assembled(file).height == 0
    again = mail(20, "c@x.cn", "d@y.cn")
    file = write(tmp_path / "mail.log", *lines, *(line for number, line in enumerate(again) if number != 2))
    assert assembled(file).height == 1, "what was removed lends nothing to the next mail of that id"


def test_a_bounce_has_the_mail_system_for_a_sender(tmp_path: Path) -> None:
    lines = [(1, "pickup", "ABCDE1: uid=0 from=<x>"), *mail(1, "a@x.cn", "b@y.cn")[1:]]
    lines[2] = (1, "qmgr", "ABCDE1: from=<>, size=9, nrcpt=1 (queue active)")
    assert assembled(write(tmp_path / "mail.log", *lines))["user.account"].to_list() == ["mail:mailer-daemon@mx1"]


def test_stamps_without_a_year_take_it_from_the_file_and_roll_over_at_new_year(tmp_path: Path) -> None:
    file = tmp_path / "mail.log"
    line = "{} mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from u[1.2.3.4]: 554 no; from=<a@b.cn> to=<c@d.cn>"
    file.write_text("\n".join(line.format(stamp) for stamp in ("Dec 31 23:59:59", "Jan  1 00:00:01")) + "\n")
    written = datetime(2026, 1, 1, 1, tzinfo=UTC).timestamp()
    os.utime(file, (written, written))
    (batch,) = SOURCE.batches(file)
    assert batch.events["@timestamp"].dt.to_string("%Y-%m-%dT%H:%M:%SZ").to_list() == [
        "2025-12-31T15:59:59Z",
        "2025-12-31T16:00:01Z",
    ]


def test_lines_that_tell_of_no_mail_are_counted_and_those_that_are_no_syslog_are_kept(tmp_path: Path) -> None:
    file = write(tmp_path / "mail.log", (1, "smtpd", "connect from x[1.2.3.4]"), *mail(1, "a@x.cn", "b@y.cn"))
    with file.open("a") as out:
        out.write("2026-03-02T12:00:00+08:00 mx1 dovecot: imap-login\n\x01garbage\n")
    (batch,) = SOURCE.batches(file)
    assert batch.ignored == {"says nothing of a mail that was sent": 1, "line of another program": 1}
    assert [bad.original for bad in batch.quarantined] == [b"\x01garbage"]
    assert batch.fragments.height == 5


def test_heads_of_two_mails_are_never_mixed(tmp_path: Path) -> None:
    one, other = mail(1, "a@x.cn", "b@y.cn"), mail(20, "c@x.cn", "d@y.cn")
    without_its_first_line = write(tmp_path / "mail.log", *one[:-1], *other[1:])
    assert assembled(without_its_first_line)["email.to.address"].to_list() == ["b@y.cn"]
    with_heads_of_the_first = write(tmp_path / "mail.log", *one[1:3], other[0], other[3])
    assert assembled(with_heads_of_the_first).height == 0


def test_a_head_older_than_any_queue_is_of_another_mail(tmp_path: Path) -> None:
    heads = "".join(NOON.format(*line) + "\n" for line in mail(1, "a@x.cn", "b@y.cn")[:3])
    delivery = NOON.format(*mail(1, "a@x.cn", "b@y.cn")[3]) + "\n"
    file = tmp_path / "mail.log"
    for day, sent in (("2026-03-07", 1), ("2026-03-20", 0)):
        file.write_text(heads + delivery.replace("2026-03-02", day))
        assert assembled(file).height == sent


def test_what_the_system_forwards_or_bounces_is_sent_too() -> None:
    found = assembled(SAMPLE.with_name("sample_5424.log")).sort("@timestamp")
    said = found.select("user.account", "email.to.address", "event.outcome", "email.subject").rows()
    assert said == [
        ("mail:li.na@corp.example", "lina88@qq.com", "success", None),
        ("login:li.na", "gone@partner.example", "failure", "客户名单 from March"),
        ("mail:mailer-daemon@mx2", "li.na@corp.example", "success", None),
    ]
    assert found["event.original"][1].count("\n") == 4


def test_a_mail_refused_after_it_was_queued_is_a_failed_send() -> None:
    (batch,) = SOURCE.batches(SAMPLE.with_name("sample_5424.log"))
    (event,) = batch.events.to_dicts()
    assert (event["event.action"], event["event.outcome"]) == ("send", "failure")
    assert (event["user.account"], event["email.to.address"]) == ("mail:li.na@corp.example", "lina88@qq.com")
    assert event["source.ip"] == "10.0.8.7"


def test_a_queue_id_used_again_at_once_is_another_mail(tmp_path: Path) -> None:
    file = write(tmp_path / "mail.log", *mail(1, "a@x.cn", "b@y.cn"), *mail(3, "c@x.cn", "d@y.cn"))
    assert assembled(file).sort("@timestamp").select("user.account", "data.bytes").rows() == [
        ("mail:a@x.cn", 1),
        ("mail:c@x.cn", 3),
    ]


def test_stamps_may_stand_in_the_wrong_order_for_five_seconds(tmp_path: Path) -> None:
    client, cleanup, qmgr, delivery, removed = mail(1, "a@x.cn", "b@y.cn")
    for late, sent in ((6, 1), (8, 0)):
        lines = [client, cleanup, (late, *qmgr[1:]), delivery, (2, *removed[1:])]
        assert assembled(write(tmp_path / "mail.log", *lines)).height == sent


def test_a_mail_given_up_says_nothing_of_another_size_and_what_is_not_sent_has_failed(tmp_path: Path) -> None:
    lines = mail(1, "a@x.cn", "b@y.cn")
    lines.insert(3, (2, "qmgr", "ABCDE1: from=<a@x.cn>, status=expired, returned to sender"))
    lines[4] = (2, "error", "ABCDE1: to=<b@y.cn>, relay=none, delay=1, dsn=4.4.1, status=SOFTBOUNCE (no)")
    (event,) = assembled(write(tmp_path / "mail.log", *lines)).to_dicts()
    assert (event["data.bytes"], event["event.outcome"]) == (1, "failure")
