"""HR's files: employees with their accounts, resignations and withdrawals. Every bad row is named."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path

from core.calendar import CompanyCalendar
from core.errors import Refused
from core.person import Filing, Link, Person, account_key

LARGEST = 256 << 20
EMPLOYEE_HEADERS = {
    "employee_no": ("employee_no", "employeeno", "employee_number", "employee_id", "工号", "员工编号"),
    "name": ("name", "姓名"),
    "email": ("email", "emailaddress", "邮箱", "电子邮箱"),
    "login": ("login", "账号", "帐号", "登录名"),
    "salesforce_user_id": ("salesforce_user_id",),
    "department": ("department", "部门"),
    "title": ("title", "职位", "岗位"),
    "manager_email": ("manager_email", "直属上级", "上级邮箱"),
    "hire_date": ("hire_date", "入职日期"),
    "workstation": ("workstation", "电脑名"),
    "ip": ("ip",),
    "valid_from": ("valid_from", "生效"),
    "valid_to": ("valid_to", "失效"),
}
RESIGNATION_HEADERS = {
    "email": ("emailaddress", "email", "邮箱"),
    "employee_no": ("employee_no", "employeeno", "employee_number", "工号"),
    "filed": ("resignationdate", "resignation_date", "离职申请日期"),
    "last_day": ("lastworkingdate", "last_working_date", "最后工作日"),
    "status": ("status", "状态"),
    "withdrawn": ("withdrawaldate", "withdrawal_date", "撤回日期"),
}
FILED, WITHDRAWN = frozenset({"", "申请", "filed", "active", "resigned"}), frozenset({"撤回", "withdrawn", "cancelled"})
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]+(.+))?")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell of one row; the line counts as in an editor, the header being line 1."""

    line: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.column}: {self.text}"


@dataclass(frozen=True, slots=True)
class Staff:
    """Employees and the accounts that are theirs."""

    persons: Sequence[Person]
    links: Sequence[Link]
    problems: Sequence[Problem]
    rows: int


@dataclass(frozen=True, slots=True)
class Departures:
    """What HR filed."""

    filings: Sequence[Filing]
    problems: Sequence[Problem]
    rows: int


@dataclass(slots=True)
class _Row:
    """A row by the names used here; reading a cell notes what is wrong with it."""

    line: int
    cells: Mapping[str, str]
    calendar: CompanyCalendar
    problems: list[Problem]

    def text(self, name: str) -> str:
        return self.cells.get(name, "")

    def wrong(self, column: str, text: str) -> None:
        self.problems.append(Problem(self.line, column, text))

    def mail(self, name: str) -> str:
        value = self.text(name).lower()
        if value and not _MAIL.fullmatch(value):
            self.wrong(name, f"{value} is not a mail address")
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.text(name)
        if not value:
            return None
        found = moment_of(value, self.calendar)
        if found is None:
            self.wrong(name, f"{value} is not a date")
        return found

    def day(self, name: str) -> date | None:
        moment = self.moment(name)
        return moment and self.calendar.day_of(moment)


def moment_of(text: str, calendar: CompanyCalendar) -> datetime | None:
    """A date (`2026-03-02`, `2026/3/2`, `2026年3月2日`) with or without time and zone; None where it is none.

    Without a time it is the start of that company day, without a zone it is company time.
    """
    parts = _DATE.fullmatch(text.strip())
    if not parts:
        return None
    year, month, day, clock = parts.groups()
    try:
        when = time.fromisoformat(clock.strip()) if clock else time()
        moment = datetime.combine(date(int(year), int(month), int(day)), when.replace(tzinfo=None))
    except ValueError:
        return None
    return moment.replace(tzinfo=when.tzinfo) if when.tzinfo else calendar.localize(moment)


def read_employees(path: Path, calendar: CompanyCalendar) -> Staff:
    """Employees from CSV; the person's id is the employee number, else the mail address. Raises `Refused`."""
    problems: list[Problem] = []
    persons: dict[str, Person] = {}
    links: list[Link] = []
    owners: dict[str, tuple[str, int]] = {}
    rows = 0
    for row in _rows(path, EMPLOYEE_HEADERS, calendar, problems):
        rows += 1
        before = len(problems)
        person = _person(row)
        accounts = _accounts(row)
        since, until = row.moment("valid_from"), row.moment("valid_to")
        if since and until and until <= since:
            row.wrong("valid_to", "ends before it begins")
        for column, account in accounts:
            owner, line = owners.get(account, (person.id, row.line))
            if owner != person.id:
                row.wrong(column, f"{account.partition(':')[2]} is given to another employee in line {line}")
        if person.id in persons and not (since or until):
            row.wrong("employee_no", f"{person.id} stands in an earlier line already")
        if len(problems) == before:
            persons[person.id] = person
            owners |= {account: (person.id, row.line) for _, account in accounts if not (since or until)}
            links += [Link(account=account, person=person.id, since=since, until=until) for _, account in accounts]
    return Staff(list(persons.values()), links, problems, rows)


def _person(row: _Row) -> Person:
    email = row.mail("email")
    number = row.text("employee_no")
    if not number and not email:
        row.wrong("employee_no", "neither employee number nor mail address")
    return Person(
        id=number or email,
        name=row.text("name"),
        email=email,
        department=row.text("department"),
        title=row.text("title"),
        manager_email=row.text("manager_email"),
        hired=row.day("hire_date"),
    )


def _accounts(row: _Row) -> list[tuple[str, str]]:
    realms = {"email": "mail", "login": "login", "salesforce_user_id": "salesforce", "employee_no": "employee"}
    realms |= {column: column.removeprefix("id:") for column in row.cells if column.startswith("id:")}
    found = [(column, account_key(realm, row.text(column))) for column, realm in realms.items() if row.text(column)]
    return list({account: (column, account) for column, account in found}.values())


def read_resignations(path: Path, calendar: CompanyCalendar) -> Departures:
    """Resignations and withdrawals from CSV. A date without time counts from the start of that company day.

    A row of status withdrawn ends, from its date on, whatever the person filed before. Raises `Refused`.
    """
    problems: list[Problem] = []
    filings: dict[tuple[str, datetime, bool], Filing] = {}
    rows = 0
    for row in _rows(path, RESIGNATION_HEADERS, calendar, problems):
        rows += 1
        before = len(problems)
        found = _filings(row)
        if len(problems) == before:
            filings |= {(f.account, f.filed, f.withdrawn): f for f in found}
    return Departures(list(filings.values()), problems, rows)


def _filings(row: _Row) -> list[Filing]:
    email, number = row.mail("email"), row.text("employee_no")
    account = account_key("mail", email) if email else account_key("employee", number)
    if not email and not number:
        row.wrong("email", "neither mail address nor employee number")
    filed, last_day, withdrawn = row.moment("filed"), row.day("last_day"), row.moment("withdrawn")
    status = row.text("status").lower()
    if filed is None:
        if not row.text("filed"):
            row.wrong("filed", "the date of resignation is missing")
        return []
    if last_day and last_day < row.calendar.day_of(filed):
        row.wrong("last_day", f"{last_day} is before the resignation")
    if status not in FILED | WITHDRAWN:
        row.wrong("status", f"{status} is neither filed nor withdrawn")
    if withdrawn and withdrawn < filed:
        row.wrong("withdrawn", "withdrawn before it was filed")
    notice = Filing(account=account, filed=filed, last_day=last_day)
    if withdrawn:
        return [notice, Filing(account=account, filed=withdrawn, withdrawn=True)]
    return [replace(notice, last_day=None, withdrawn=True) if status in WITHDRAWN else notice]


def _rows(
    path: Path, headers: Mapping[str, Sequence[str]], calendar: CompanyCalendar, problems: list[Problem]
) -> Iterator[_Row]:
    lines = csv.reader(_text(path).splitlines(keepends=True), strict=True)
    try:
        head = next(lines, None)
        if head is None:
            raise Refused(f"{path} is empty")
        names = _names(head, headers)
        if not {"email", "employee_no"} & set(names):
            raise Refused(f"{path} has no column for the mail address or the employee number")
        line = lines.line_num + 1
        for cells in lines:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(names):
                    problems.append(Problem(line, "", f"has {len(cells)} columns, the header {len(names)}"))
                values = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
                if len(cells) == len(names):
                    yield _Row(line, values, calendar, problems)
            line = lines.line_num + 1
    except csv.Error as error:
        problems.append(Problem(lines.line_num, "", f"cannot be read as CSV: {error}"))


def _names(head: Sequence[str], headers: Mapping[str, Sequence[str]]) -> list[str]:
    known = {synonym: name for name, synonyms in headers.items() for synonym in synonyms}
    names = []
    for cell in head:
        text = cell.strip().lower()
        name = text if text.startswith("id:") and "email" in headers and len(text) > 3 else known.get(text, "")
        if name and name in names:
            raise Refused(f"the column {cell} is there twice")
        names.append(name)
    return names


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise Refused(f"{path} is larger than {LARGEST >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise Refused(f"{path} is neither UTF-8 nor GB18030 text")
