"""Approvals from CSV: in English and Chinese, and every bad row named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.calendar import CompanyCalendar
from core.errors import Refused
from core.grounds import Approval, ApprovalKind
from ingest.approvals import Approvals, read_approvals

HEAD = "approval_id,email,recipient,purpose,valid_from,valid_to,approver1,approver2,files"
CALENDAR = CompanyCalendar()
MANY = ";".join(f"c{number}.example" for number in range(201))


def read(tmp_path: Path, *lines: str, kind: ApprovalKind = ApprovalKind.APPROVAL) -> Approvals:
    file = tmp_path / "approvals.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_approvals(file, kind, CALENDAR, {"mail:li.na@corp.example"})


WHOLE = Approval(
    id="A-17",
    kind=ApprovalKind.APPROVAL,
    account="mail:li.na@corp.example",
    recipients=("customer.example", "b@other.example"),
    files=("报价*.xlsx", "plan.docx"),
    purpose="the quote",
    since=datetime(2026, 3, 1, 16, tzinfo=UTC),
    until=datetime(2026, 3, 4, 16, tzinfo=UTC),
    filed=datetime(2026, 3, 1, 16, tzinfo=UTC),
    approvers=("boss@corp.example", "chief@corp.example"),
)


@pytest.mark.parametrize("head", [HEAD, "审批单号,申请人,接收方,用途,生效,失效,审批人1,审批人2,文件"])
def test_both_headers_read_the_same_and_a_last_day_counts_whole(head: str, tmp_path: Path) -> None:
    row = (
        "A-17,Li.Na@corp.example,Customer.example；b@other.example,the quote,2026-03-02,2026/3/4,"
        "boss@corp.example,chief@corp.example,报价*.xlsx;Plan.docx"
    )
    found = read(tmp_path, head, row)
    assert found.approvals == [WHOLE]
    assert not found.problems
    assert not found.warnings


def test_when_it_was_given_may_be_said(tmp_path: Path) -> None:
    row = "A-1,li.na@corp.example,customer.example,,2026-03-02 09:00,2026-03-02 18:00,,,,2026-03-05 10:00"
    (found,) = read(tmp_path, f"{HEAD},审批时间", row).approvals
    assert found.filed == datetime(2026, 3, 5, 2, tzinfo=UTC)
    assert (found.since, found.until) == (datetime(2026, 3, 2, 1, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC))


def test_a_change_ticket_and_a_task_of_handing_over_have_the_same_shape(tmp_path: Path) -> None:
    head = "交接单号,交接人,接收人,原因,生效,失效,交接内容"
    row = "H-1,1001,wang.wei@corp.example,离职交接,2026-03-02,2026-03-20,客户名单.xlsx"
    (found,) = read(tmp_path, head, row, kind=ApprovalKind.HANDOVER).approvals
    assert (found.kind, found.account, found.recipients) == ("handover", "employee:1001", ("wang.wei@corp.example",))


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        (",li.na@corp.example,c.example,,2026-03-02,2026-03-04,,,", "approval_id", "is missing"),
        ("A,,c.example,,2026-03-02,2026-03-04,,,", "email", "is missing"),
        ("A,li.na@corp.example,,,2026-03-02,2026-03-04,,,", "recipient", "neither recipient nor files"),
        ("A,li.na@corp.example,*,,2026-03-02,2026-03-04,,,", "recipient", "stands for everything"),
        ("A,li.na@corp.example,c.example,,2026-03-02,2026-03-04,,,a;*.*", "files", "stands for everything"),
        ("A,li.na@corp.example,c.example,,2026-03-02,,,,", "valid_to", "an approval ends"),
        ("A,li.na@corp.example,c.example,,,2026-03-04,,,", "valid_from", "is missing"),
        ("A,li.na@corp.example,c.example,,2026-03-05,2026-03-04,,,", "valid_to", "ends before it begins"),
        ("A,li.na@corp.example,c.example,,soon,2026-03-04,,,", "valid_from", "soon is not a date"),
        (
            f"A,li.na@corp.example,{';'.join(f'c{n}.example' for n in range(201))},,2026-03-02,2026-03-04,,,",
            "recipient",
            "200",
        ),
    ],
)
def test_a_bad_row_is_named_and_left_out(row: str, column: str, text: str, tmp_path: Path) -> None:
    found = read(tmp_path, HEAD, row, "B,li.na@corp.example,c.example,,2026-03-02,2026-03-04,,,")
    assert [approval.id for approval in found.approvals] == ["B"]
    assert (found.problems[0].line, found.problems[0].column) == (2, column)
    assert text in found.problems[0].text


def test_somebody_unknown_is_warned_of_and_a_file_without_an_end_refused(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD, "A,x@corp.example,c.example,,2026-03-02,2026-03-04,,,")
    assert [warning.text for warning in found.warnings] == ["x@corp.example is nobody known so far"]
    with pytest.raises(Refused, match="when it ends"):
        read(tmp_path, "approval_id,email,recipient,valid_from", "A,x@corp.example,c.example,2026-03-02")
