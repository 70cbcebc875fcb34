"""The files about people: who works here, who resigned and who took it back, what was approved."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from pathlib import Path

import polars as pl

from demo.approved import Papers, approved_at
from demo.company import Company
from demo.plot import Cast, Part, date_of, moment_of
from demo.truth import filed_by_the_end

EMPLOYEES = (
    "employee_no,name,email,login,salesforce_user_id,department,title,manager_email,hire_date,workstation,ip,"
    "id:sid,id:login"
)
RESIGNATIONS = ("邮箱", "离职申请日期", "最后工作日", "状态")
APPROVALS = ("审批单号", "申请人", "接收方", "用途", "生效", "失效", "审批人1", "审批人2", "文件", "审批时间")
CHANGES = ("change_id", "email", "recipient", "reason", "valid_from", "valid_to", "approver1", "what", "approved_at")
FILED, WITHDRAWN = "申请", "撤回"


def write_hr(out: Path, company: Company, cast: Cast, papers: Papers) -> None:
    """Write `hr/employees.csv` and `hr/changes.csv` (English headers), `hr/resignations.csv` and `hr/approvals.csv`
    (Chinese ones)."""
    folder = out / "hr"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "employees.csv").write_text(_employees(company), encoding="utf-8")
    (folder / "resignations.csv").write_text(_resignations(company, cast), encoding="utf-8")
    (folder / "approvals.csv").write_text(_approvals(company, papers), encoding="utf-8")
    (folder / "changes.csv").write_text(_changes(company, papers), encoding="utf-8")


def _employees(company: Company) -> str:
    """Employees only: contractors and service accounts are not in HR's books."""
    staff = company.staff
    people = staff.people.head(staff.employees)
    admins = pl.col("role") == "admin"
    columns = people.select(
        pl.col("no"),
        pl.col("name"),
        pl.col("email"),
        pl.col("login"),
        pl.when("crm").then("sf18").when(admins).then("sf18").otherwise(pl.lit("")),
        pl.col("department"),
        pl.col("title"),
        staff.people["email"].gather(people["manager"]).alias("manager_email"),
        pl.col("hired").cast(pl.String),
        pl.col("host"),
        pl.col("ip"),
        pl.col("sid"),
        pl.when(admins).then("admin_login").otherwise(pl.lit("")).alias("second"),
    )
    return _table(EMPLOYEES.split(","), columns.rows())


def _resignations(company: Company, cast: Cast) -> str:
    """In the order of filing, as a system that is exported whole at the end of the simulation."""
    rows = []
    for part in (*cast.thieves, *cast.leavers):
        filed = filed_by_the_end(company, part)
        if filed is None or part.filed is None:
            continue
        email = company.staff.column("email")[part.who]
        rows.append((filed, (email, filed.isoformat(), _last_day(company, part), FILED)))
        back = None if part.withdrawn is None else moment_of(company, part.withdrawn, part.who)
        if back and back.date() <= company.days[-1]:
            back = max(back, filed + timedelta(hours=1))
            rows.append((back, (email, back.isoformat(), "", WITHDRAWN)))
    return _table(RESIGNATIONS, [row for _, row in sorted(rows)])


def _approvals(company: Company, papers: Papers) -> str:
    rows = []
    for one in papers.approvals:
        when = (date_of(company, one.first).isoformat(), date_of(company, one.last).isoformat())
        given = approved_at(company, one).isoformat()
        rows.append((one.number, one.email, one.recipient, one.purpose, *when, one.approver, "", one.files, given))
    return _table(APPROVALS, rows)


def _changes(company: Company, papers: Papers) -> str:
    rows = []
    for one in papers.changes:
        when = (date_of(company, one.first).isoformat(), date_of(company, one.last).isoformat())
        given = approved_at(company, one).isoformat()
        rows.append((one.number, one.email, one.recipient, one.purpose, *when, one.approver, one.files, given))
    return _table(CHANGES, rows)


def _last_day(company: Company, part: Part) -> str:
    if part.withdrawn is None:
        return date_of(company, part.last).isoformat()
    return date_of(company, (part.filed or 0) + 30).isoformat()


def _table(header: tuple[str, ...] | list[str], rows: Sequence[tuple[str, ...]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
