"""Folders of CERT data: which logs lie there, who was employed when, and whom the answers name."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import Refused
from ingest.cert import answers, decoys, employees, releases, traits

HEADER = "employee_name,user_id,email,role,business_unit,functional_unit,department,team,supervisor"
ANN = "Ann Bea Cole,ABC0001,Ann.Bea.Cole@dtaa.com,Salesman,1,5 - SalesAndMarketing,2 - Sales,3 - Team,Gus Hal Ives"
GUS = "Gus Hal Ives,GHI0002,Gus.Hal.Ives@dtaa.com,Director,1,5 - SalesAndMarketing,,,"
INSIDERS = "dataset,scenario,details,user,start,end\n"
EVENTS = """logon,{A},10/23/2010 01:34:19,ABC0001,PC-1,Logon
http,{B},10/23/2010 01:40:00,ABC0001,PC-1,http://example.org/x.htm,words, and more
email,{C},10/25/2010 09:00:00,"GHI0002",PC-1,all@dtaa.com
device
"""


@pytest.fixture
def release(tmp_path):
    folder = tmp_path / "r4.2"
    (folder / "LDAP").mkdir(parents=True)
    (folder / "logon.csv").write_text("id,date,user,pc,activity\n")
    return folder


def test_a_release_may_be_given_itself_or_the_folder_around_it(release):
    (release.parent / "answers").mkdir()
    (release.parent / "answers" / "insiders.csv").write_text(INSIDERS)
    for given in (release, release.parent):
        [found] = releases(given)
        assert (found.name, set(found.logs), found.answers) == ("4.2", {"logon"}, release.parent / "answers")
        assert found.absent == ("device.csv", "file.csv", "email.csv", "http.csv")


def test_a_folder_without_any_of_the_logs_is_refused(tmp_path):
    (tmp_path / "Logon.txt").write_text("x")
    with pytest.raises(Refused, match=r"no CERT data.*logon\.csv"):
        releases(tmp_path)
    with pytest.raises(Refused, match="not a folder"):
        releases(tmp_path / "nothing")


def test_whoever_is_missing_from_a_later_month_has_left_in_it(release):
    for month, people in (("2009-12", [ANN, GUS]), ("2010-01", [ANN, GUS]), ("2010-02", [GUS]), ("2010-03", [GUS])):
        (release / "LDAP" / f"{month}.csv").write_text("\n".join([HEADER, *people]) + "\n")
    (release / "LDAP" / "2010-99.csv").write_text("no month\n")
    ann, gus = employees(release)
    assert (ann.user, ann.email, ann.department, ann.role) == (
        "ABC0001",
        "ann.bea.cole@dtaa.com",
        "2 - Sales",
        "Salesman",
    )
    assert (ann.supervisor, ann.gone) == ("Gus Hal Ives", date(2010, 2, 1))
    assert (gus.gone, gus.department) == (None, "5 - SalesAndMarketing"), "the highest have no department of their own"


def test_lists_of_the_first_release_are_read_too(release):
    (release / "LDAP" / "2009-12.csv").write_text(
        "employee_name,user_id,Domain,Email,Role\nA B,DTAA/ABC1,dtaa.com,A@dtaa.com,IT\n"
    )
    [found] = employees(release)
    assert (found.user, found.email, found.role) == ("ABC1", "a@dtaa.com", "IT")


def test_days_are_those_of_the_events_listed_and_others_accounts_are_told_apart(release):
    folder = release / "answers" / "r4.2-3"
    folder.mkdir(parents=True)
    (folder / "r4.2-3-ABC0001.csv").write_text(EVENTS)
    (release / "answers" / "insiders.csv").write_text(
        INSIDERS + "4.2,3,r4.2-3-ABC0001.csv,ABC0001,10/20/2010 00:00:00,10/30/2010 00:00:00\n"
        "5.2,1,x.csv,XYZ0001,10/20/2010 00:00:00,10/30/2010 00:00:00\n"
    )
    [insider] = answers(release / "answers", "4.2").insiders
    assert insider.days == {date(2010, 10, 23)}
    assert insider.used == {"GHI0002": {date(2010, 10, 25)}}
    assert insider.listed


def test_without_a_list_of_events_the_days_are_those_from_start_to_end(release):
    (release / "answers").mkdir()
    (release / "answers" / "insiders.csv").write_text(INSIDERS + "4.2,1,,abc0001,1/4/2010 8:47:00,1/6/2010 17:00:00\n")
    [insider] = answers(release / "answers", "4.2").insiders
    assert insider.days == {date(2010, 1, 4), date(2010, 1, 5), date(2010, 1, 6)}
    assert (insider.user, insider.listed) == ("ABC0001", False)


@pytest.mark.parametrize(
    "row",
    [
        "6.2,4,,CMP2946,/16/2011 00:00:00,3/15/2011 00:00:00",  # as release 6.2 has it
        "6.2,4,,CMP2946,01/01/0001 00:00:00,12/31/9999 00:00:00",
        "6.2,4,,CMP2946,2/16/2011 00:00:00,1/15/2011 00:00:00",
        "6.2,4",
    ],
)
def test_an_insider_without_a_time_or_an_event_is_named_and_left_out(release, row):
    (release / "answers").mkdir()
    (release / "answers" / "insiders.csv").write_text(f"{INSIDERS}{row}\n")
    found = answers(release / "answers", "6.2")
    assert not found.insiders
    assert "scenario 4 without a time or an event" in found.problems[0]


def test_no_list_leads_out_of_the_folder(release, tmp_path):
    (release / "answers").mkdir()
    (tmp_path / "secret.csv").write_text(EVENTS)
    (release / "answers" / "insiders.csv").write_text(INSIDERS + "4.2,../..,../../secret.csv,ABC0001,,\n")
    assert not answers(release / "answers", "4.2").insiders


def test_the_release_of_the_answers_is_asked_for_where_several_are_named(release):
    (release / "answers").mkdir()
    (release / "answers" / "insiders.csv").write_text(
        INSIDERS + "4.2,1,,A,1/4/2010 8:47:00,1/6/2010 17:00:00\n5.2,1,,B,1/4/2010 8:47:00,1/6/2010 17:00:00\n"
    )
    with pytest.raises(Refused, match=r"4\.2, 5\.2.*such as r4\.2"):
        answers(release / "answers", "")


def test_bytes_of_every_kind_are_read_without_a_crash(release):
    (release / "answers").mkdir()
    garbage = b'\xff\xfe\x00"never closed\n4.2,1,\x00,a,b\r\r\n,,,\n'
    (release / "answers" / "insiders.csv").write_bytes(INSIDERS.encode() + garbage)
    (release / "LDAP" / "2010-01.csv").write_bytes(garbage)
    assert not answers(release / "answers", "4.2").insiders
    assert employees(release) == []


def test_traits_and_planted_files_are_read_where_they_are_and_bad_rows_left_out(release):
    assert (traits(release), decoys(release)) == ({}, frozenset())
    (release / "psychometric.csv").write_text(
        "employee_name,user_id,O,C,E,A,N\nAnn,ABC0001,40,39,36,19,40\nGus,GHI0002,x,1,2,3,4\nIvy,JKL0003,1,2\n"
    )
    assert traits(release) == {"ABC0001": {"O": 40, "C": 39, "E": 36, "A": 19, "N": 40}}
    (release / "decoy_file.csv").write_text("decoy_filename,pc\nC:\\Plans\\A.doc,PC-1\nC:\\no machine.doc\n")
    assert decoys(release) == {("c:\\plans\\a.doc", "pc-1")}
