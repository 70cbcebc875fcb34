"""Incidents of the past from CSV: good rows go in, every bad one is named by line and column."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from core.calendar import CompanyCalendar
from core.errors import Refused
from core.label import Incident, IncidentKind
from ingest.incidents import Past, read_incidents

CALENDAR = CompanyCalendar()
TODAY = date(2026, 6, 1)
HEAD = "person,first_day,last_day,kind,why,who\n"
LI = "mail:li.na@example.com"


def read(tmp_path: Path, text: str | bytes, known: frozenset[str] = frozenset({LI, "employee:7"})) -> Past:
    path = tmp_path / "incidents.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_incidents(path, CALENDAR, known, TODAY)


def test_a_row_is_an_incident_of_a_person_by_mail_or_number(tmp_path: Path) -> None:
    past = read(
        tmp_path,
        HEAD + "Li.Na@example.com,2026-03-02,2026-03-06,theft,customer list,Wang Wei\n7,2026/4/1,,benign,audit,Wang\n",
    )
    assert past.incidents == [
        Incident(
            account=LI,
            first=date(2026, 3, 2),
            last=date(2026, 3, 6),
            kind=IncidentKind.THEFT,
            why="customer list",
            who="Wang Wei",
        ),
        Incident(
            account="employee:7",
            first=date(2026, 4, 1),
            last=date(2026, 4, 1),
            kind=IncidentKind.BENIGN,
            why="audit",
            who="Wang",
        ),
    ]
    assert (past.rows, list(past.problems), list(past.warnings)) == (2, [], [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_chinese_headers_and_kinds(tmp_path: Path, encoding: str) -> None:
    text = "人员,开始日期,结束日期,类型,原因,认定人\n7,2026年3月2日,2026年3月6日,泄露,报价单外发,王伟\n"
    (incident,) = read(tmp_path, text.encode(encoding)).incidents
    assert (incident.account, incident.kind, incident.who) == ("employee:7", IncidentKind.LEAK, "王伟")
    assert (incident.first, incident.last) == (date(2026, 3, 2), date(2026, 3, 6))


def test_every_bad_row_is_named_and_the_others_go_in(tmp_path: Path) -> None:
    past = read(
        tmp_path,
        HEAD
        + "7,2026-03-02,2026-03-01,theft,x,w\n"
        + ",2026-03-02,,theft,,\n"
        + "7,soon,,theft,x,w\n"
        + "7,2026-03-02,,thft,x,w\n"
        + "7,2026-05-30,2026-06-02,theft,x,w\n"
        + "7,2025-01-01,2026-03-01,theft,x,w\n"
        + "7,2026-03-02\n"
        + "7,2026-03-02,,other,x,w\n",
    )
    assert [str(problem) for problem in past.problems] == [
        "line 2: last_day: ends before it begins",
        "line 3: person: is missing",
        "line 3: why: is missing",
        "line 3: who: is missing",
        "line 4: first_day: soon is not a date",
        "line 5: kind: thft is none of theft, leak, destruction, other, benign",
        "line 6: last_day: 2026-06-02 is yet to come",
        "line 7: last_day: more than 366 days after it begins",
        "line 8: has 2 columns, the header 6",
    ]
    assert [incident.kind for incident in past.incidents] == [IncidentKind.OTHER]


def test_who_is_nobody_known_is_warned_of_and_kept(tmp_path: Path) -> None:
    past = read(tmp_path, HEAD + "8,2026-03-02,,theft,x,w\n")
    assert [str(warning) for warning in past.warnings] == ["line 2: person: 8 is nobody known so far"]
    assert len(past.incidents) == 1, "the account may be linked later"


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no column for who answers"):
        read(tmp_path, "person,first_day,kind,why\n7,2026-03-02,theft,x\n")
    with pytest.raises(Refused, match="empty"):
        read(tmp_path, "")
