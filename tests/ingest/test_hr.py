"""HR's files: good rows go in, every bad one is named by line and column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import CompanyCalendar
from core.errors import Refused
from core.person import Filing, Link, Person
from ingest.hr import Departures, Staff, moment_of, read_employees, read_resignations

CALENDAR = CompanyCalendar()
Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str | bytes) -> Path:
        path = tmp_path / "hr.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def utc(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def found(result: Staff | Departures) -> list[str]:
    return [str(problem) for problem in result.problems]


WHOLE = (
    "employee_no,name,email,login,salesforce_user_id,department,title,manager_email,hire_date,workstation,ip,id:SID\n"
    "E1,Li Na,Li.Na@Example.com,CORP\\Li.Na,0055e000001AbCdAAK,Sales,Rep,boss@example.com,2020-01-06,PC7,10.0.0.7,"
    "S-1-5-21-9\n"
)


def test_an_employee_has_every_account_of_the_row(write: Write) -> None:
    staff = read_employees(write(WHOLE), CALENDAR)
    assert staff.persons == [
        Person(
            id="E1",
            name="Li Na",
            email="li.na@example.com",
            department="Sales",
            title="Rep",
            manager_email="boss@example.com",
            hired=date(2020, 1, 6),
        )
    ]
    assert {link.account for link in staff.links} == {
        "mail:li.na@example.com",
        "login:corp\\li.na",
        "salesforce:0055e000001AbCd",
        "sid:s-1-5-21-9",
        "employee:e1",
    }
    assert (staff.rows, found(staff), list(staff.warnings)) == (1, [], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_chinese_headers_in_any_encoding_and_line_ending(write: Write, encoding: str, newline: str) -> None:
    lines = [
        "工号,姓名,邮箱,账号,部门,职位,直属上级,入职日期,电脑名,IP",
        "1,李娜,li@example.com,li.na,销售部,销售,,2020年1月6日,,",
        "",
    ]
    (person,) = read_employees(write(newline.join(lines).encode(encoding)), CALENDAR).persons
    assert (person.name, person.department, person.hired) == ("李娜", "销售部", date(2020, 1, 6))


def test_without_a_number_the_mail_address_is_the_person(write: Write) -> None:
    staff = read_employees(write("邮箱\nLi@Example.com\n"), CALENDAR)
    assert [person.id for person in staff.persons] == ["li@example.com"]
    assert staff.links == [Link(account="mail:li@example.com", person="li@example.com")]


def test_bad_rows_are_named_and_the_good_ones_taken(write: Write) -> None:
    text = (
        "\n"
        "employee_no,name,email,login,hire_date\n"
        "1,a,a@example.com,a,2020-01-06\n"
        ",b,,b,\n"
        "3,c,not a mail,c,2020-02-31\n"
        "\n"
        '4,"d\nd",d@example.com,A,\n'
        "5,e,A@example.com,e,\n"
        "1,f,f@example.com,f,\n"
        "7,g,g@example.com\n"
        "8,h,h@example.com,h,,more\n"
        "9,i,i@example.com,i,,,\n"
    )
    staff = read_employees(write(text), CALENDAR)
    assert [person.id for person in staff.persons] == ["1", "9"]
    assert {link.person for link in staff.links} == {"1", "9"}
    assert found(staff) == [
        "line 4: employee_no: neither employee number nor mail address",
        "line 5: email: not a mail is not a mail address",
        "line 5: hire_date: 2020-02-31 is not a date",
        "line 7: login: a is given to another employee in line 3",
        "line 9: email: a@example.com is given to another employee in line 3",
        "line 10: employee_no: 1 stands in line 3 already",
        "line 11: has 3 columns, the header 5",
        "line 12: has 6 columns, the header 5",
    ]
    assert staff.rows == 9


def test_problems_name_columns_as_the_file_does(write: Write) -> None:
    assert found(read_employees(write("工号,邮箱\n1,x\n"), CALENDAR)) == ["line 2: 邮箱: x is not a mail address"]


def test_a_forgotten_quote_costs_one_row(write: Write) -> None:
    staff = read_employees(write('employee_no,name\n1,"a\n2,b\n3,"c"c\n4,d\n'), CALENDAR)
    assert [person.id for person in staff.persons] == ["2", "4"]
    assert [problem.line for problem in staff.problems] == [2, 4]
    assert staff.rows == 4


def test_lines_count_as_in_an_editor_whatever_a_cell_holds(write: Write) -> None:
    staff = read_employees(write("employee_no,name,email\n1,a\u2028b\x0b\x85c,\n2,,bad\n"), CALENDAR)
    assert found(staff) == ["line 3: email: bad is not a mail address"]


def test_unknown_columns_and_a_manager_without_address_are_warned_of(write: Write) -> None:
    staff = read_employees(write("工号,直属上级,爱好\n1,王经理,棋\n"), CALENDAR)
    assert [person.manager_email for person in staff.persons] == [""]
    assert found(staff) == []
    assert [(w.line, w.column) for w in staff.warnings] == [(1, "爱好"), (2, "直属上级")]


def test_an_account_may_pass_from_one_person_to_the_next(write: Write) -> None:
    text = "工号,账号,生效,失效\n1,sales,,2026-03-02\n2,sales,2026-03-02,9999-12-31\n2,own,2026-01-01,\n"
    staff = read_employees(write(text), CALENDAR)
    assert found(staff) == []
    assert [link for link in staff.links if link.account == "login:sales"] == [
        Link(account="login:sales", person="1", until=utc(1, 16)),
        Link(account="login:sales", person="2", since=utc(1, 16)),
    ]
    assert [link for link in staff.links if link.account == "employee:2"] == [Link(account="employee:2", person="2")], (
        "the number is the person, whatever becomes of the accounts"
    )


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        (",", ",", True),
        ("2026-01-01,", ",2026-01-02", True),
        ("2026-01-01,", ",2026-01-01", False),
        ("2026-01-01,2026-02-01", "2026-01-31,2026-03-01", True),
        ("2026-02-01,2026-03-01", "2026-01-01,2026-02-01", False),
        ("2026-02-01,2026-03-01", ",", True),
    ],
)
def test_two_persons_with_one_account_at_a_time_are_named(write: Write, first: str, second: str, clash: bool) -> None:
    staff = read_employees(write(f"工号,账号,生效,失效\n1,x,{first}\n2,x,{second}\n"), CALENDAR)
    assert found(staff) == (["line 3: 账号: x is given to another employee in line 2"] if clash else [])


def test_a_validity_that_ends_before_it_begins_is_named(write: Write) -> None:
    staff = read_employees(write("工号,账号,生效,失效\n1,x,2026-02-01,2026-02-01\n"), CALENDAR)
    assert found(staff) == ["line 2: 失效: ends before it begins"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02", utc(1, 16)),
        ("2026/3/2", utc(1, 16)),
        ("2026.03.02", utc(1, 16)),
        ("2026年3月2日", utc(1, 16)),
        ("2026-03-02T09:30:05", datetime(2026, 3, 2, 1, 30, 5, tzinfo=UTC)),
        ("2026/3/2 9:30", utc(2, 1, 30)),
        ("2026年3月2日9:30", utc(2, 1, 30)),
        ("2026-03-02T09:30:00.000Z", utc(2, 9, 30)),
        ("2026-03-02 09:30 +02:00", utc(2, 7, 30)),
        ("2026-03-02T09:30-0500", utc(2, 14, 30)),
        ("2026-13-02", None),
        ("2026-02-30", None),
        ("2026-03-02 25:00", None),
        ("2026-03-02 10:00 +99:00", None),
        ("0001-01-01", None),
        ("02.03.2026", None),
        ("2026-03-02x", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_dates_are_read_as_people_write_them(text: str, moment: datetime | None) -> None:
    assert moment_of(text, CALENDAR) == moment


def test_a_notice_counts_from_the_start_of_its_company_day(write: Write) -> None:
    path = write("EmailAddress,ResignationDate,LastWorkingDate\nLi@Example.com,2026-03-02,2026-03-20T18:00:00+08:00\n")
    departures = read_resignations(path, CALENDAR)
    assert departures.filings == [
        Filing(account="mail:li@example.com", filed=utc(1, 16), last_day=date(2026, 3, 20)),
    ]
    assert (departures.rows, found(departures)) == (1, [])


@pytest.mark.parametrize(
    ("zone", "filed", "last_day"),
    [
        ("", utc(1, 16), 20),
        ("America/New_York", utc(2, 5), 21),
        ("-05:00", utc(2, 5), 21),
        ("UTC-5", utc(2, 5), 21),
        ("Asia/Tokyo", utc(1, 15), 20),
        ("GMT+0900", utc(1, 15), 20),
        ("Asia/Shanghai", utc(1, 16), 20),
    ],
)
def test_dates_of_somebody_in_another_zone_are_of_that_zone(
    write: Write, zone: str, filed: datetime, last_day: int
) -> None:
    path = write(f"Email,ResignationDate,LastWorkingDate,TimeZone\na@example.com,2026-03-02,2026-03-20,{zone}\n")
    departures = read_resignations(path, CALENDAR)
    assert [(f.filed, f.last_day) for f in departures.filings] == [(filed, date(2026, 3, last_day))]


def test_a_zone_in_the_cell_is_stronger_than_the_rows(write: Write) -> None:
    text = "Email,ResignationDate,时区\na@example.com,2026-03-02T09:00:00+08:00,America/New_York\n"
    assert read_resignations(write(text), CALENDAR).filings[0].filed == utc(2, 1)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "+99:00", "+25", "/etc/localtime", "x" * 300])
def test_what_is_no_zone_is_named(write: Write, zone: str) -> None:
    text = f"Email,ResignationDate,TimeZone\na@example.com,2026-03-02,{zone}\nb@example.com,2026-03-02,\n"
    departures = read_resignations(write(text), CALENDAR)
    assert [filing.account for filing in departures.filings] == ["mail:b@example.com"]
    assert found(departures) == [f"line 2: TimeZone: {zone} is no time zone"]


@pytest.mark.parametrize("head", ["工号", "工号/邮箱"])
def test_chinese_resignations_and_withdrawals(write: Write, head: str) -> None:
    text = f"{head},离职申请日期,最后工作日,状态\n7,2026/3/2,2026/3/20,申请\n7,2026/3/9,2026/3/20,撤回\n"
    assert read_resignations(write(text), CALENDAR).filings == [
        Filing(account="employee:7", filed=utc(1, 16), last_day=date(2026, 3, 20)),
        Filing(account="employee:7", filed=utc(8, 16), withdrawn=True),
    ]


def test_one_column_may_hold_numbers_and_addresses(write: Write) -> None:
    text = "工号/邮箱,离职申请日期,最后工作日,状态(申请/撤回)\n7,2026/3/2,,申请\nA@example.com,2026/3/2,,\n"
    filings = read_resignations(write(text), CALENDAR).filings
    assert [filing.account for filing in filings] == ["employee:7", "mail:a@example.com"]


def test_a_date_of_withdrawal_gives_the_notice_and_its_end(write: Write) -> None:
    text = "邮箱,离职申请日期,最后工作日,状态,撤回日期\na@example.com,2026-03-02,2026-03-20,撤回,2026-03-09\n"
    filings = read_resignations(write(text), CALENDAR).filings
    assert [(filing.filed, filing.withdrawn) for filing in filings] == [(utc(1, 16), False), (utc(8, 16), True)]


def test_bad_resignations_are_named_and_the_good_ones_taken(write: Write) -> None:
    text = (
        "EmailAddress,ResignationDate,LastWorkingDate,Status,WithdrawalDate\n"
        "a@example.com,2026-03-02,2026-03-20,,\n"
        ",2026-03-02,,,\n"
        "b@example.com,,,,\n"
        "c@example.com,soon,later,,\n"
        "d@example.com,2026-03-02,2026-03-01,,\n"
        "e@example.com,2026-03-02,,maybe,\n"
        "f@example.com,2026-03-02,,,2026-03-01\n"
    )
    departures = read_resignations(write(text), CALENDAR)
    assert [filing.account for filing in departures.filings] == ["mail:a@example.com"]
    assert found(departures) == [
        "line 3: EmailAddress: neither mail address nor employee number",
        "line 4: ResignationDate: the date of resignation is missing",
        "line 5: ResignationDate: soon is not a date",
        "line 5: LastWorkingDate: later is not a date",
        "line 6: LastWorkingDate: 2026-03-01 is before the resignation",
        "line 7: Status: maybe is neither filed nor withdrawn",
        "line 8: WithdrawalDate: withdrawn before it was filed",
    ]


def test_somebody_nobody_knows_is_warned_of_and_kept(write: Write) -> None:
    path = write("EmailAddress,ResignationDate\na@example.com,2026-03-02\nb@example.com,2026-03-02\n")
    departures = read_resignations(path, CALENDAR, known={"mail:a@example.com"})
    assert len(departures.filings) == 2
    assert [str(w) for w in departures.warnings] == ["line 3: EmailAddress: b@example.com is nobody known so far"]
    assert not read_resignations(path, CALENDAR).warnings


def test_of_address_and_number_the_known_one_names_the_person(write: Write) -> None:
    path = write("EmailAddress,工号,ResignationDate\nnew@example.com,7,2026-03-02\n")
    assert read_resignations(path, CALENDAR).filings[0].account == "mail:new@example.com"
    departures = read_resignations(path, CALENDAR, known={"employee:7"})
    assert departures.filings[0].account == "employee:7"
    assert not departures.warnings


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xff\xfe1\x00,\x00", "neither UTF-8 nor GB18030"),
        (b"email,\x00\n", "neither UTF-8 nor GB18030"),
        (b"a,b\n1,2\n", "no column for"),
        (b"email,Email\n", "there twice"),
        (b'"email\n', "header cannot be read"),
        (b"\x89PNG\r\n\x1a\n", ""),
    ],
)
def test_what_is_no_such_file_is_refused_in_a_sentence(write: Write, content: bytes, complaint: str) -> None:
    for read in (read_employees, read_resignations):
        with pytest.raises(Refused) as refused:
            read(write(content), CALENDAR)
        assert complaint in str(refused.value)


def test_a_directory_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(Refused):
            read_employees(path, CALENDAR)


def test_resignations_need_their_date(write: Write) -> None:
    with pytest.raises(Refused, match="date of resignation"):
        read_resignations(write("EmailAddress,LastWorkingDate\na@example.com,2026-03-02\n"), CALENDAR)


CELL = st.text(st.sampled_from('a1@.",\n\r;-/年月日 \u2028撤回:+Z'), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELL, min_size=1, max_size=5).map(",".join), max_size=8))
def test_no_text_breaks_the_readers(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("hr") / "hr.csv"
    for head, read in (
        ("employee_no,email,login,valid_from,valid_to", read_employees),
        ("employee_no,email,resignationdate,lastworkingdate,status", read_resignations),
    ):
        path.write_text("\n".join([head, *lines]), encoding="utf-8", newline="")
        result = read(path, CALENDAR)
        bad = {problem.line for problem in result.problems}
        assert len(bad) <= result.rows
        if isinstance(result, Staff):
            assert len(result.persons) <= result.rows - len(bad)
            assert {link.person for link in result.links} <= {person.id for person in result.persons}
