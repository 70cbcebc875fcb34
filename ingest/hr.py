"""HR's files: employees with their accounts, resignations and withdrawals. Every bad row is named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.calendar import CompanyCalendar
from core.person import Filing, Link, Person, account_key
from ingest.hrfile import Layout, Notes, Problem, Row, Upload, is_mail, moment_of, rows_of

__all__ = [
    "Departures",
    "HrImport",
    "Problem",
    "Staff",
    "Upload",
    "is_mail",
    "moment_of",
    "read_employees",
    "read_resignations",
]

_ID = "the mail address or the employee number"
_EMPLOYEES = {
    "employee_no": ("employee_no", "employeeno", "employee_number", "employee_id", "工号", "员工编号"),
    "name": ("name", "姓名"),
    "email": ("email", "emailaddress", "邮箱", "电子邮箱"),
    "login": ("login", "账号", "帐号", "登录名"),
    "salesforce_user_id": ("salesforce_user_id",),
    "department": ("department", "部门"),
    "title": ("title", "职位", "岗位"),
    "manager_email": ("manager_email", "直属上级", "上级邮箱"),
    "hire_date": ("hire_date", "入职日期"),
    "country": ("country", "国家", "国家/地区"),
    "workstation": ("workstation", "电脑名"),
    "ip": ("ip",),
    "valid_from": ("valid_from", "生效"),
    "valid_to": ("valid_to", "失效"),
}
_RESIGNATIONS = {
    "who": ("工号/邮箱",),
    "email": ("emailaddress", "email", "邮箱"),
    "employee_no": ("employee_no", "employeeno", "employee_number", "工号"),
    "filed": ("resignationdate", "resignation_date", "离职申请日期"),
    "last_day": ("lastworkingdate", "last_working_date", "最后工作日"),
    "status": ("status", "状态", "状态(申请/撤回)"),
    "zone": ("timezone", "time_zone", "zone", "时区"),
    "withdrawn": ("withdrawaldate", "withdrawal_date", "撤回日期"),
}
EMPLOYEES = Layout(_EMPLOYEES, {_ID: ("email", "employee_no")}, systems=True)
RESIGNATIONS = Layout(_RESIGNATIONS, {_ID: ("who", "email", "employee_no"), "the date of resignation": ("filed",)})
FILED, WITHDRAWN = frozenset({"", "申请", "filed", "active", "resigned"}), frozenset({"撤回", "withdrawn", "cancelled"})

Owner = tuple[datetime | None, datetime | None, str, int]


@dataclass(frozen=True, slots=True)
class Staff:
    """Employees and the accounts that are theirs. Rows with a problem are left out, those with a warning are not."""

    persons: Sequence[Person]
    links: Sequence[Link]
    problems: Sequence[Problem]
    rows: int
    warnings: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Departures:
    """What HR filed. Rows with a problem are left out, those with a warning are not."""

    filings: Sequence[Filing]
    problems: Sequence[Problem]
    rows: int
    warnings: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class HrImport:
    """How many rows a file had, how many were good, what was wrong with the others, and what is odd in good ones."""

    rows: int
    taken: int
    problems: Sequence[Problem]
    warnings: Sequence[Problem]


def read_employees(path: Path | Upload, calendar: CompanyCalendar) -> Staff:
    """Employees from CSV; the person's id is the employee number, else the mail address. Raises `Refused`.

    With `valid_from` and `valid_to` a row's accounts are the person's from the one until before the other, and a person
    may have several rows; of the person's own data the last row counts.
    """
    notes = Notes()
    persons: dict[str, Person] = {}
    first_rows: dict[str, int] = {}
    links: list[Link] = []
    owners: dict[str, list[Owner]] = {}
    for row in rows_of(path, EMPLOYEES, calendar, notes):
        person, found = _person(row), _links(row)
        if person.id in persons and not (row.text("valid_from") or row.text("valid_to")):
            row.wrong(_id_column(row), f"{person.id} stands in line {first_rows[person.id]} already")
        for column, link in found:
            if line := _other_owner(link, owners.get(link.account, ())):
                name = link.account.partition(":")[2]
                row.wrong(column, f"{name} is given to another employee in line {line}")
        if row.good:
            persons[person.id] = person
            first_rows.setdefault(person.id, row.line)
            for _, link in found:
                owners.setdefault(link.account, []).append((link.since, link.until, link.person, row.line))
            links += [link for _, link in found]
    return Staff(list(persons.values()), list(dict.fromkeys(links)), notes.problems, notes.rows, notes.warnings)


def _person(row: Row) -> Person:
    email = row.mail("email")
    if not _id(row):
        row.wrong(_id_column(row), "neither employee number nor mail address")
    manager = row.text("manager_email").lower()
    if manager and not is_mail(manager):
        row.warn("manager_email", f"{manager} is not a mail address and is left out")
    return Person(
        id=_id(row),
        name=row.text("name"),
        email=email,
        department=row.text("department"),
        title=row.text("title"),
        manager_email=manager if is_mail(manager) else "",
        hired=row.day("hire_date"),
        country=row.text("country"),
    )


def _id(row: Row) -> str:
    return row.text("employee_no") or row.text("email").lower()


def _id_column(row: Row) -> str:
    return "employee_no" if "employee_no" in row.titles and (row.text("employee_no") or not _id(row)) else "email"


def _links(row: Row) -> list[tuple[str, Link]]:
    """The row's accounts, each with its column. The number is the person, so that link holds always."""
    since, until = row.moment("valid_from"), row.moment("valid_to")
    if since and until and until <= since:
        row.wrong("valid_to", "ends before it begins")
    realms = {"email": "mail", "login": "login", "salesforce_user_id": "salesforce"}
    realms |= {column: column.removeprefix("id:").strip() for column in row.cells if column.startswith("id:")}
    found = [
        (column, Link(account=account_key(realm, row.text(column)), person=_id(row), since=since, until=until))
        for column, realm in realms.items()
        if row.text(column)
    ]
    if number := row.text("employee_no"):
        found.append(("employee_no", Link(account=account_key("employee", number), person=number)))
    return found


def _other_owner(link: Link, owners: Sequence[Owner]) -> int | None:
    """The line that gives the account to somebody else for some of the same time."""
    for since, until, person, line in owners:
        apart = (until and link.since and until <= link.since) or (link.until and since and link.until <= since)
        if person != link.person and not apart:
            return line
    return None


def read_resignations(
    path: Path | Upload,
    calendar: CompanyCalendar,
    known: Collection[str] | None = None,
    until: datetime | None = None,
) -> Departures:
    """Resignations and withdrawals from CSV. A date without time counts from the start of that day, in the row's own
    time zone where it has one, else in company time; a last day lasts until it ends there.

    A row of status withdrawn ends, from its date on, whatever the person filed before. Of equal rows with other last
    days the last one counts. Given the `known` accounts, a row naming nobody among them is warned of; where a moment
    is given `until` which rows may be filed, such a row is as wrong as one filed later. Raises `Refused`.
    """
    notes = Notes()
    filings: dict[tuple[str, datetime, bool], Filing] = {}
    for row in rows_of(path, RESIGNATIONS, calendar, notes):
        column, account = _who(row, known)
        found = _filings(row, account)
        if until and found and max(one.filed for one in found) > until:
            row.wrong("filed", "is in the future")
        strange = known is not None and account not in known
        if until and strange:
            row.wrong(column, f"{account.partition(':')[2]} is nobody known")
        if not row.good:
            continue
        filings |= {(f.account, f.filed, f.withdrawn): f for f in found}
        if strange:
            row.warn(column, f"{account.partition(':')[2]} is nobody known so far")
    return Departures(list(filings.values()), notes.problems, notes.rows, notes.warnings)


def _who(row: Row, known: Collection[str] | None) -> tuple[str, str]:
    """The column and account that name the person: the first that is known, else the mail address, else the number."""
    either = row.text("who")
    keys = [
        ("email", "mail", row.mail("email")),
        ("employee_no", "employee", row.text("employee_no")),
        ("who", "mail" if is_mail(either) else "employee", either),
    ]
    found = [(column, account_key(realm, name)) for column, realm, name in keys if name]
    if not found:
        column = next(name for name in ("email", "employee_no", "who") if name in row.titles)
        row.wrong(column, "neither mail address nor employee number")
        return column, ""
    return next(((column, account) for column, account in found if known and account in known), found[0])


def _filings(row: Row, account: str) -> list[Filing]:
    """What a row files: a notice, a withdrawal, or a notice and its withdrawal."""
    filed, last_day, withdrawn = row.moment("filed"), row.day_until_its_end("last_day"), row.moment("withdrawn")
    status = row.text("status").lower()
    if status not in FILED | WITHDRAWN:
        row.wrong("status", f"{status} is neither filed nor withdrawn")
    if filed is None:
        row.wrong("filed", "the date of resignation is missing")
        return []
    if last_day and last_day < row.calendar.day_of(filed):
        row.wrong("last_day", f"{last_day} is before the resignation")
    if withdrawn and withdrawn < filed:
        row.wrong("withdrawn", "withdrawn before it was filed")
    if withdrawn is None and status in WITHDRAWN:
        return [Filing(account=account, filed=filed, withdrawn=True)]
    notice = Filing(account=account, filed=filed, last_day=last_day)
    return [notice, Filing(account=account, filed=withdrawn, withdrawn=True)] if withdrawn else [notice]
