"""Salesforce event log files, real-time events and setup audit trail."""

from __future__ import annotations

import json

import polars as pl
import pytest
from small_sources import read

from core.errors import Refused
from ingest.catalog import sources

SALESFORCE = sources()["salesforce_event_log"]
COMMON = {"TIMESTAMP": "20260302100000.123", "USER_ID": "0055e000001AbCd", "USER_ID_DERIVED": "0055e000001AbCdAAK"}


def log_file(write, **columns: str) -> pl.DataFrame:
    row = {"EVENT_TYPE": "", **COMMON, **columns}
    text = ",".join(f'"{name}"' for name in row) + "\n" + ",".join(f'"{value}"' for value in row.values()) + "\n"
    [batch] = read(SALESFORCE, write(text.encode()))
    assert not batch.quarantined
    return batch.events


def real_time(write, **keys: object) -> dict:
    event = {
        "EventDate": "2026-03-02T10:00:00.123Z",
        "UserId": "0055e000001AbCdAAK",
        "Username": "li.na@example.cn",
        **keys,
    }
    [batch] = read(SALESFORCE, write(json.dumps(event).encode()))
    return batch.events.to_dicts()[0]


@pytest.mark.parametrize(
    ("columns", "action", "count"),
    [
        ({"EVENT_TYPE": "Report", "ORIGIN": "ReportExported", "ROW_COUNT": "12000"}, "export", 12000),
        ({"EVENT_TYPE": "Report", "ORIGIN": "ReportExportedUsingExcelConnector", "ROW_COUNT": "9"}, "export", 9),
        ({"EVENT_TYPE": "Report", "ORIGIN": "ReportRunFromLightning", "ROW_COUNT": "40"}, "view", 40),
        ({"EVENT_TYPE": "ReportExport", "CLIENT_INFO": "x"}, "export", None),
        ({"EVENT_TYPE": "API", "METHOD_NAME": "queryMore", "ROWS_PROCESSED": "2000"}, "search", 2000),
        ({"EVENT_TYPE": "API", "METHOD_NAME": "delete", "ROWS_PROCESSED": "200"}, "delete", 200),
        ({"EVENT_TYPE": "API", "METHOD_NAME": "create", "ROWS_PROCESSED": "1"}, "create", 1),
        (
            {"EVENT_TYPE": "RestApi", "METHOD": "GET", "URI": "/services/data/v60.0/query", "ROWS_PROCESSED": "7"},
            "search",
            7,
        ),
        (
            {"EVENT_TYPE": "RestApi", "METHOD": "GET", "URI": "/services/data/v60.0/jobs/query/75/results"},
            "export",
            None,
        ),
        ({"EVENT_TYPE": "RestApi", "METHOD": "PATCH", "URI": "/sobjects/Account/1"}, "modify", None),
        ({"EVENT_TYPE": "BulkApi", "OPERATION_TYPE": "queryAll", "ROWS_PROCESSED": "48000"}, "export", 48000),
        ({"EVENT_TYPE": "BulkApi", "OPERATION_TYPE": "hardDelete", "ROWS_PROCESSED": "1200"}, "delete", 1200),
        ({"EVENT_TYPE": "BulkApi", "OPERATION_TYPE": "insert", "ROWS_PROCESSED": "3"}, "create", 3),
        ({"EVENT_TYPE": "ListView", "LIST_VIEW_ID": "00B", "ROWS_PROCESSED": "50"}, "view", 50),
        ({"EVENT_TYPE": "Login", "LOGIN_STATUS": "LOGIN_NO_ERROR"}, "login", None),
        ({"EVENT_TYPE": "Login", "LOGIN_STATUS": "LOGIN_ERROR_INVALID_PASSWORD"}, "login_failed", None),
        ({"EVENT_TYPE": "Logout"}, "logout", None),
        ({"EVENT_TYPE": "WaveInteraction"}, "other", None),
    ],
)
def test_log_files(columns, action, count, write):
    events = log_file(write, **columns)
    assert events["event.action"].to_list() == [action]
    assert events["data.records"].to_list() == [count]
    assert events["user.account"].to_list() == ["salesforce:0055e000001AbCd"]


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("VersionDownloadAction", "download"),
        ("VersionDownloadApi", "download"),
        ("VersionRenditionDownload", "view"),
        ("saveVersion", "upload"),
        ("Strange", "other"),
    ],
)
def test_file_transfers_carry_their_bytes(kind, action, write):
    events = log_file(write, EVENT_TYPE="ContentTransfer", TRANSACTION_TYPE=kind, SIZE_BYTES="734003", FILE_TYPE="PDF")
    assert events["event.action"].to_list() == [action]
    assert events["data.bytes"].to_list() == [734003]
    assert events["file.extension"].to_list() == ["pdf"]


def test_time_is_read_from_either_column(write):
    compact = log_file(write, EVENT_TYPE="Logout")
    derived = log_file(write, EVENT_TYPE="Logout", TIMESTAMP_DERIVED="2026-03-02T10:00:00.123Z")
    assert compact["@timestamp"].to_list() == derived["@timestamp"].to_list()
    assert compact["@timestamp"][0].microsecond == 123000


def test_the_vendors_columns_stay(write):
    events = log_file(write, EVENT_TYPE="Report", ORIGIN="ReportExported", RENDERING_TYPE="C")
    assert json.loads(events["vendor"][0])["RENDERING_TYPE"] == "C"


def test_an_internal_address_is_no_address(write):
    assert log_file(write, EVENT_TYPE="Logout", CLIENT_IP="Salesforce.com IP")["source.ip"].to_list() == [None]


@pytest.mark.parametrize(
    ("keys", "action", "count"),
    [
        ({"Operation": "ReportExported", "RowsProcessed": 12000.0, "ReportId": "00O"}, "export", 12000),
        ({"Operation": "ReportRunFromLightning", "RowsProcessed": 5, "ReportId": "00O"}, "view", 5),
        ({"attributes": {"type": "ApiEvent"}, "Operation": "QueryMore", "RowsProcessed": 2000}, "search", 2000),
        ({"Operation": "Query", "RowsProcessed": 20}, "search", 20),
        ({"attributes": {"type": "BulkApiResultEventStore"}, "Query": "SELECT Id FROM Lead"}, "export", None),
        ({"Query": "SELECT Id FROM Lead"}, "export", None),
        ({"EventType": "ListViewEvent", "ListViewId": "00B", "RowsProcessed": 9}, "view", 9),
        ({"attributes": {"type": "LoginEvent"}, "Status": "Success", "LoginType": "Application"}, "login", None),
        ({"EventType": "LoginEvent", "Status": "Invalid Password"}, "login_failed", None),
    ],
)
def test_real_time_events(keys, action, count, write):
    event = real_time(write, **keys)
    assert (event["event.action"], event["data.records"]) == (action, count)
    assert event["user.account"] == "salesforce:0055e000001AbCd"
    assert event["user.email"] == "li.na@example.cn"


def test_a_streamed_event_is_read_inside_its_wrapping(write):
    payload = {
        "EventDate": "2026-03-02T10:00:00Z",
        "UserId": "0055e000001AbCdAAK",
        "Operation": "ReportExported",
        "RowsProcessed": 9,
    }
    message = {"channel": "/event/ReportEventStream", "data": {"payload": payload, "event": {"replayId": 1}}}
    [batch] = read(SALESFORCE, write(json.dumps(message).encode()))
    assert batch.events.select("event.action", "data.records").row(0) == ("export", 9)


@pytest.mark.parametrize(
    ("action", "display", "meaning"),
    [
        ("PermSetAssign", "Permission set X: assigned to user wang.wei@example.cn", "permission_change"),
        ("dataExportRequest", "Requested a data export", "export"),
        ("massTransfer", "Mass transfer of 240 accounts to wang.wei@example.cn", "transfer_ownership"),
        ("resetpassword", "For user wang.wei@example.cn, password reset", "account_change"),
        ("deactivateduser", "Deactivated user wang.wei@example.cn", "account_change"),
        ("createdDashboard", "Created a dashboard", "other"),
    ],
)
def test_setup_changes(action, display, meaning, write):
    row = f'{action},S,"{display}",2026-03-02T10:00:00.000+0000,0055e000002Adm\n'
    [batch] = read(SALESFORCE, write(f"Action,Section,Display,CreatedDate,CreatedById\n{row}".encode()))
    event = batch.events.to_dicts()[0]
    assert event["event.action"] == meaning
    assert event["user.account"] == "salesforce:0055e000002Adm"
    assert event["target.user"] == ("wang.wei@example.cn" if "wang" in display else None)


def test_a_table_of_other_columns_is_refused_by_the_name_of_the_missing_one(write):
    path = write(b"EVENT_TYPE,WHEN\nLogin,now\n")
    assert not SALESFORCE.recognises(path)
    with pytest.raises(Refused, match="has no column TIMESTAMP"):
        list(SALESFORCE.batches(path))
