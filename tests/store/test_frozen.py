"""What is frozen stays, a hold is lifted by two, and nothing can be taken out of the audit log unseen."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from time import sleep
from typing import Any

import pytest
import sqlalchemy as sa
from storing import an_alert

from core.alert import Outcome
from core.case import Case, CaseState, case_id
from core.errors import Broken, Refused
from core.evidence import FREEZING, AuditEntry, Deed, Evidence, Hold, HoldScope, Snapshot, Unfrozen, check_chain
from core.proof import canonical
from core.retention import Due, Erased, Erasure, KeptFor, Stored, Terms
from store.records import SqlRecords
from store.records.database import migrate
from store.records.tables import audit

AT = datetime(2026, 3, 2, 9, 30, 0, 250_000, tzinfo=UTC)
RULE = "title: 中文\n".encode()


def a_snapshot(alert: str, body: bytes, minute: int = 0) -> Snapshot:
    name = hashlib.sha256(body).hexdigest()
    return Snapshot(id=name, alert=alert, person="e1", at=AT + timedelta(minutes=minute), body=body)


def settle(records: SqlRecords, *alerts: Any, day: int = 1) -> None:
    on = date(2026, 3, day)
    records.settle((), [("e1", on, on)], alerts, ())


def freeze(records: SqlRecords, body: bytes, minute: int = 0, **events: bytes) -> Sequence[Unfrozen]:
    """Freeze what waits to be frozen, with this body."""
    due = records.unfrozen(9)
    made = [a_snapshot(one.alert, body, minute) for one in due if one.now and not one.same]
    records.freeze(Evidence(snapshots=made, events=events, texts=[RULE]), due)
    return due


def test_an_alert_waits_to_be_frozen_once_for_every_change(records: SqlRecords) -> None:
    settle(records, an_alert("e1", 1))
    (due,) = freeze(records, b"one")
    assert (due.now, due.same) == (an_alert("e1", 1), False)
    settle(records, an_alert("e1", 1))
    assert records.unfrozen(9) == [], "judged again with the same answer"
    settle(records, an_alert("e1", 1, score=50.0))
    (due,) = freeze(records, b"two", 1)
    assert not due.same
    bodies = [snapshot.body for snapshot in records.snapshots([an_alert("e1", 1).id])]
    assert bodies == [b"one", b"two"], "the old one stays"


def test_what_went_and_came_back_the_same_is_not_frozen_again(records: SqlRecords) -> None:
    settle(records, an_alert("e1", 1))
    freeze(records, b"one")
    settle(records)
    settle(records, an_alert("e1", 1))
    (due,) = records.unfrozen(9)
    assert due.same
    records.freeze(Evidence(snapshots=(), events={}, texts=()), [due])
    assert records.unfrozen(9) == []
    settle(records)
    (gone,) = records.unfrozen(9)
    assert gone.now is None, "nothing is left to freeze"


def test_what_somebody_counts_on_who_freezes_does_not_go(records: SqlRecords) -> None:
    """The only snapshot of an event goes while somebody is about to freeze another one that rests on it."""
    body = canonical({"events": ["shared"]})
    settle(records, an_alert("e1", 1))
    freeze(records, body, shared=b"{}")
    over = Terms(before={KeptFor.ALERTS: AT + timedelta(days=99)}, events=AT + timedelta(days=99))
    with ThreadPoolExecutor(1) as pool:
        with records.alone(FREEZING):
            assert records.not_frozen(["shared"]) == []
            lapsing = pool.submit(records.lapse, over, "ann")
            sleep(0.5)
            assert list(records.every_snapshot()) == []
            settle(records, an_alert("e1", 1))
            freeze(records, body)
        lapsing.result(60)
    assert [one.body for one in records.every_snapshot()] == [body]
    assert list(records.every_frozen_event()) == [("shared", b"{}")]


def test_matches_that_are_no_alerts_are_not_frozen_until_they_become_some(records: SqlRecords) -> None:
    suppressed = replace(an_alert("e1", 1), outcome=Outcome.SUPPRESSED)
    settle(records, suppressed)
    assert records.unfrozen(9) == []
    case = Case(
        id=case_id("e1", 0), person="e1", number=0, state=CaseState.NEW, opened=AT, score=9,
        alerts=[an_alert("e1", 2).id],
    )  # fmt: skip
    records.settle((), [("e1", date(2026, 3, 2), date(2026, 3, 2))], [an_alert("e1", 2)], [case])
    records.divide([case.id])
    assert [one.now for one in records.unfrozen(9)] == [None], "the budget has no room for it"
    records.freeze(Evidence(snapshots=(), events={}, texts=()), records.unfrozen(9))
    records.divide([])
    assert [one.now and one.now.id for one in records.unfrozen(9)] == [an_alert("e1", 2).id]


def test_a_change_while_freezing_is_not_struck_off(records: SqlRecords) -> None:
    settle(records, an_alert("e1", 1))
    due = records.unfrozen(9)
    settle(records, an_alert("e1", 1, score=50.0))
    records.freeze(Evidence(snapshots=[a_snapshot(due[0].alert, b"one")], events={}, texts=()), due)
    (left,) = records.unfrozen(9)
    assert (left.now, left.same) == (an_alert("e1", 1, score=50.0), False)


def test_what_is_frozen_comes_back_byte_for_byte_and_is_never_written_over(records: SqlRecords) -> None:
    settle(records, an_alert("e1", 1))
    freeze(records, b"\x00one\xff", **{"b" * 32: b"{}", "a" * 32: b'{"x":1}'})
    settle(records, an_alert("e1", 1, score=50.0))
    freeze(records, b"two", 1, **{"a" * 32: b"other"})
    assert records.snapshots([an_alert("e1", 1).id])[0].body == b"\x00one\xff"
    assert dict(records.frozen_events(["a" * 32, "b" * 32, "c" * 32])) == {"a" * 32: b'{"x":1}', "b" * 32: b"{}"}
    assert records.not_frozen(["c" * 32, "a" * 32, "d" * 32]) == ["c" * 32, "d" * 32]
    assert records.frozen_text(hashlib.sha256(RULE).hexdigest()) == RULE
    assert records.frozen_text("0" * 64) is None
    newest = records.last_snapshot()
    assert newest is not None
    assert newest.body == b"two"


def test_alerts_from_before_anything_was_frozen_are_frozen(records: SqlRecords, address: str) -> None:
    settle(records, an_alert("e1", 1))
    with records.database.writing() as connection:
        migrate(connection, "0009")
        assert not sa.inspect(connection).has_table("unfrozen")
    with closing(SqlRecords(address)) as again:
        assert [one.alert for one in again.unfrozen(9)] == [an_alert("e1", 1).id]
        freeze(again, b"one")
        assert again.unfrozen(9) == []


def an_entry(number: int, **changed: Any) -> AuditEntry:
    values = {"at": AT + timedelta(minutes=number), "by": "ann", "deed": Deed.SAW, "about": [f"e{number}", "all"]}
    return AuditEntry(**values | changed)


def test_each_entry_follows_the_one_before_it_and_is_found_by_whom_it_is_about(records: SqlRecords) -> None:
    noted = [records.note(an_entry(number, details={"what": "cases", "n": number})) for number in range(3)]
    assert [entry.number for entry in noted] == [0, 1, 2]
    assert noted[0].before == "0" * 64
    assert noted[2].before == noted[1].digest
    assert [entry.digest for entry in records.audited()] == [entry.digest for entry in noted]
    assert [entry.number for entry in records.audited("e1")] == [1]
    assert [entry.number for entry in records.audited("all", AT + timedelta(minutes=1))] == [1, 2]
    assert [entry.number for entry in records.audited(after=0, most=1)] == [1]
    assert records.last_noted() == records.audited()[-1]
    assert check_chain(records.audited()) == records.last_noted()


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        ("update audit set why = 'other' where number = 1", "audit entry 1 was changed"),
        ("update audit set about = '[]' where number = 1", "audit entry 1 was changed"),
        ("update audit set at = '2020-01-01 00:00:00' where number = 2", "audit entry 2 was changed"),
        ("delete from audit where number = 1", "audit entry 1 is missing"),
        ("delete from audit where number = 0", "audit entry 0 is missing"),
        (f"update audit set before = '{'1' * 64}' where number = 2", "audit entry 2 does not follow"),
    ],
)
def test_whoever_touches_an_entry_is_found_out(records: SqlRecords, tamper: str, said: str) -> None:
    for number in range(4):
        records.note(an_entry(number))
    with records.database.writing() as connection:
        connection.exec_driver_sql(tamper)
    with pytest.raises(Broken, match=said):
        check_chain(records.audited())


def test_an_entry_forged_with_a_digest_of_its_own_breaks_the_next(records: SqlRecords) -> None:
    for number in range(3):
        records.note(an_entry(number))
    first, second, _ = records.audited()
    forged = replace(second, by="nobody").after(first)
    with records.database.writing() as connection:
        values = {"by": forged.by, "digest": forged.digest}
        connection.execute(sa.update(audit).where(audit.c.number == 1).values(values))
    with pytest.raises(Broken, match="audit entry 2 does not follow"):
        check_chain(records.audited())


WRITER = """
import sys
from datetime import UTC, datetime
from core.evidence import AuditEntry, Deed
from store.records import SqlRecords
records = SqlRecords(sys.argv[1])
for number in range(40):
    records.note(AuditEntry(at=datetime.now(UTC), by=sys.argv[2], deed=Deed.SAW, about=[f"e{number}"]))
records.close()
"""


def test_processes_that_note_at_the_same_time_do_not_fork_the_chain(records: SqlRecords, address: str) -> None:
    lines = [[sys.executable, "-c", WRITER, address, name] for name in ("ann", "bob", "eve")]
    for process in [subprocess.Popen(line) for line in lines]:
        assert process.wait(200) == 0
    entries = records.audited()
    assert len(entries) == 120
    check_chain(entries)
    assert {entry.by for entry in entries[:100]} > {"ann"}, "they took turns"


def test_a_decision_is_noted_with_it(records: SqlRecords) -> None:
    case = Case(
        id=case_id("e1", 0), person="e1", number=0, state=CaseState.NEW, opened=AT, score=9, alerts=["x"]
    )  # fmt: skip
    records.settle((), [("e1", date(2026, 3, 1), date(2026, 3, 1))], (), [case])
    records.decide(case.id, CaseState.CONFIRMED, "saw it", AT, "ann")
    (entry,) = records.audited(case.id)
    assert (entry.by, entry.deed, entry.why, entry.about) == ("ann", Deed.DECIDED, "saw it", ("e1", case.id))
    with pytest.raises(Refused):
        records.decide("none", CaseState.CONFIRMED, "saw it", AT, "ann")
    assert len(records.audited()) == 1, "nothing was decided"


def a_hold(**changed: Any) -> Hold:
    values = {"id": "h1", "scope": HoldScope.PERSON, "subject": "e1", "reason": "lawsuit", "placed_by": "ann"}
    return Hold(**values | {"placed": AT, "since": AT - timedelta(days=9), "persons": ("e1",)} | changed)


def test_a_hold_is_lifted_by_another_person_than_who_asked(records: SqlRecords) -> None:
    records.save_hold(a_hold())
    assert records.holds() == [a_hold()]
    lifted = a_hold(lifted_by="bob", lifted=AT + timedelta(days=1))
    with pytest.raises(Refused, match="nobody has asked"):
        records.save_hold(lifted)
    with pytest.raises(Refused, match="nobody has asked"):
        records.save_hold(replace(lifted, lift_asked_by="carl"))
    asked = a_hold(lift_asked_by="bob", lift_reason="settled")
    records.save_hold(asked)
    with pytest.raises(Refused, match="somebody else"):
        records.save_hold(replace(asked, lifted_by=" BOB", lifted=AT))
    done = replace(asked, lifted_by="carl", lifted=AT + timedelta(days=1))
    records.save_hold(done)
    assert records.holds() == [done]
    with pytest.raises(Refused, match="lifted already"):
        records.save_hold(a_hold())
    deeds = [(entry.deed, entry.by, entry.why) for entry in records.audited("e1")]
    assert deeds == [
        (Deed.HELD, "ann", "lawsuit"),
        (Deed.ASKED_TO_LIFT, "bob", "settled"),
        (Deed.LIFTED, "carl", "settled"),
    ]


def test_an_erasure_is_noted_once_it_is_done(records: SqlRecords) -> None:
    went = [
        Erased(kind=Stored.EVENT, source="crm", day=date(2025, 3, 1), records=7),
        Erased(kind=Stored.QUARANTINE, source="crm", day=None, records=2),
    ]
    begun = Erasure(
        id="x", by="ann", begun=AT, before={"": AT, "crm": AT - timedelta(days=9)}, due=Due(erased=went, held={"h1": 3})
    )
    records.save_erasure(begun)
    assert records.erasures() == [replace(begun, due=Due(erased=tuple(went), held={"h1": 3}))]
    assert records.audited() == []
    records.save_erasure(replace(begun, done=AT + timedelta(hours=1)))
    (entry,) = records.audited()
    assert entry.deed is Deed.ERASED
    assert entry.details == {"erasure": "x", "records": {"event": 7, "quarantine": 2}, "held": {"h1": 3}}
    assert [one.done for one in records.erasures()] == [AT + timedelta(hours=1)]
