"""Salesforce: event log files (one CSV a type and day), real-time events as JSON, the setup audit trail."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from demo.lines import DayFile, Line, Vendor, moment, numbers
from demo.salesforce_rows import SETUP_COLUMNS, columns, live, row, setup
from demo.streams import mix, salesforce_id, token, with_checksum
from demo.words import AGENTS, OBJECTS, REPORTS

REPORT_COUNT = 400
_SHORT = {
    prefix: pl.Series([salesforce_id(prefix, 910 + 61 * n) for n in range(REPORT_COUNT)])
    for prefix in ("00O", "069", "750", "00B", "001")
}
_LONG = {prefix: pl.Series([with_checksum(one) for one in ids]) for prefix, ids in _SHORT.items()}


def report_id(number: int) -> str:
    """The id by which the logs name a report."""
    return str(_LONG["00O"][number % REPORT_COUNT])


def _login(status: str) -> Line:
    return row(
        "Login",
        URI="/index.jsp",
        LOGIN_TYPE="A",
        BROWSER_TYPE="$agent",
        API_VERSION="9998.0",
        USER_NAME="$email",
        TLS_PROTOCOL="TLSv1.3",
        CIPHER_SUITE="TLS_AES_256_GCM_SHA384",
        LOGIN_STATUS=status,
        SOURCE_IP="$ip",
        SESSION_KEY="" if status != "LOGIN_NO_ERROR" else "$session",
    )


def _report(origin: str) -> Line:
    return row(
        "Report",
        URI="/$report15",
        ENTITY_NAME="$object",
        DISPLAY_TYPE="D",
        RENDERING_TYPE="W",
        REPORT_ID="$report15",
        ROW_COUNT="$n",
        NUMBER_EXCEPTION_FILTERS="0",
        NUMBER_COLUMNS="$width",
        AVERAGE_ROW_SIZE="700",
        NUMBER_BUCKETS="0",
        ORIGIN=origin,
        REPORT_ID_DERIVED="$report18",
        URI_ID_DERIVED="$report18",
    )


def _api(method: str, rows: str = "$n") -> Line:
    return row(
        "API",
        URI="Api",
        METHOD_NAME=method,
        ENTITY_NAME="$object",
        ROWS_PROCESSED=rows,
        REQUEST_SIZE="$run",
        RESPONSE_SIZE="$bytes",
        API_TYPE="P",
        API_VERSION="60.0",
        CLIENT_NAME="DataLoaderPartnerUI/60.0",
    )


def _rest(uri: str, rows: str) -> Line:
    return row(
        "RestApi",
        URI=uri,
        METHOD="GET",
        MEDIA_TYPE="application/json",
        STATUS_CODE="200",
        USER_AGENT="$agent",
        ROWS_PROCESSED=rows,
        NUMBER_FIELDS="$width",
        RESPONSE_SIZE="$bytes",
        ENTITY_NAME="$object",
    )


def _transfer(kind: str) -> Line:
    return row(
        "ContentTransfer",
        URI="/sfc/servlet.shepherd/version/download/$file15",
        TRANSACTION_TYPE=kind,
        FILE_TYPE="$file_type",
        DOCUMENT_ID="$file15",
        SIZE_BYTES="$bytes",
        DOCUMENT_ID_DERIVED="$file18",
        URI_ID_DERIVED="$file18",
    )


def _live_report(operation: str) -> Line:
    return live(
        "ReportEvent",
        Operation=operation,
        RowsProcessed="$n",
        NumberOfColumns="$width",
        QueriedEntities="$object",
        ReportId="$report18",
        Name="$report_plain",
        Scope="organization",
    )


QUERY = "SELECT Id,Name,Phone,OwnerId FROM $object"
LINES = {
    "login": [_login("LOGIN_NO_ERROR")],
    "login_failed": [_login("LOGIN_ERROR_INVALID_PASSWORD")],
    "report_run": [_report("ReportRunFromLightning")],
    "report_run_live": [_live_report("ReportRunFromLightning")],
    "report_export": [
        _report("ReportExported"),
        row(
            "ReportExport",
            URI="/$report15",
            CLIENT_INFO="$agent",
            REPORT_DESCRIPTION="$report",
            URI_ID_DERIVED="$report18",
        ),
    ],
    "report_export_live": [_live_report("ReportExported")],
    "list_view": [
        live(
            "ListViewEvent",
            ListViewId="$view18",
            Name="AllMine",
            QueriedEntities="$object",
            RowsProcessed="$n",
            NumberOfColumns="$width",
        )
    ],
    "api_query": [_api("query")],
    "api_query_live": [
        live(
            "ApiEvent",
            Operation="Query",
            RowsProcessed="$n",
            QueriedEntities="$object",
            UserAgent="$agent",
            Query=QUERY,
        )
    ],
    "api_query_more": [_api("queryMore")],
    "api_update": [_api("update")],
    "api_delete": [_api("delete")],
    "rest_query": [_rest("/services/data/v60.0/query", "$n")],
    "rest_view": [_rest("/services/data/v60.0/sobjects/$object/$record18", "1")],
    "bulk_query": [
        row(
            "BulkApi",
            URI="/services/data/v60.0/jobs/query/$job15",
            JOB_ID="$job15",
            ENTITY_TYPE="$object",
            OPERATION_TYPE="query",
            ROWS_PROCESSED="$n",
            NUMBER_FAILURES="0",
            SUCCESS="1",
        )
    ],
    "content_download": [_transfer("VersionDownloadAction")],
    "content_upload": [_transfer("saveVersion")],
    "setup_permission": [setup("PermSetAssign", "Manage Users", "Permission set $report_plain: assigned to user $to")],
    "setup_password": [setup("resetpassword", "Manage Users", "For user $to, password reset")],
    "mass_transfer": [
        setup("massTransfer", "Data Management", "Mass transfer of $n accounts from $person to $to"),
        _api("update"),
    ],
    "mass_delete": [setup("massDelete", "Data Management", "Mass delete of $n accounts"), _api("delete")],
}
LIVE_DAY = 10
"""Every tenth day the hourly files of reports and queries failed and the real-time events are what there is."""


def _prepare(deeds: pl.DataFrame) -> pl.DataFrame:
    number, doc, who = numbers(deeds), numbers(deeds, "doc"), numbers(deeds, "who")
    pick = doc % REPORT_COUNT
    session = mix(who * 100_000 + numbers(deeds, "day"), "session")
    chance = mix(number, "salesforce")
    in_real_time = pl.col("what").is_in(["report_run", "report_export", "api_query"]) & (pl.col("day") % LIVE_DAY == 3)
    return deeds.with_columns(
        pl.when(in_real_time).then(pl.col("what") + "_live").otherwise("what").alias("what"),
        token(chance, 4).alias("request"),
        token(chance, 5).alias("guid"),
        token(session, 5).alias("session"),
        token(mix(who, "login"), 5).alias("loginkey"),
        pl.Series("run", 20 + (chance % np.uint64(1900)).astype(np.int64)),
        pl.Series("cpu", 5 + (chance % np.uint64(170)).astype(np.int64)),
        pl.Series("database", 900 + (chance % np.uint64(90_000)).astype(np.int64)),
        pl.Series("width", 4 + pick % 17),
        pl.Series(AGENTS).gather(who % len(AGENTS)).alias("agent"),
        pl.Series(OBJECTS).gather(pick % len(OBJECTS)).alias("object"),
        pl.Series(REPORTS).gather(pick % len(REPORTS)).alias("report"),
        pl.Series(REPORTS).str.replace_all('"', "").gather(pick % len(REPORTS)).alias("report_plain"),
        _SHORT["00O"].gather(pick).alias("report15"),
        _LONG["00O"].gather(pick).alias("report18"),
        _SHORT["069"].gather(pick).alias("file15"),
        _LONG["069"].gather(pick).alias("file18"),
        _SHORT["750"].gather(pick).alias("job15"),
        _LONG["00B"].gather(pick).alias("view18"),
        _LONG["001"].gather(pick).alias("record18"),
        pl.col("ext")
        .str.to_uppercase()
        .replace({"XLSX": "EXCEL_X", "DOCX": "WORD_X", "PPTX": "POWER_POINT_X"})
        .alias("file_type"),
        ("0Ym5e" + token(chance, 3).str.slice(0, 7) + "CAM").alias("setup"),
    )


def _name(kind: str, day: date) -> DayFile:
    if kind == "realtime":
        return DayFile(f"realtime-{day:%Y%m%d}.jsonl", tail="\n")
    listed = SETUP_COLUMNS if kind == "SetupAuditTrail" else columns(kind)
    head = ",".join(f'"{column}"' for column in listed) + "\n"
    zipped = kind != "SetupAuditTrail" and day.toordinal() % 4 == 0
    return DayFile(f"{kind}-{day:%Y%m%d}.csv{'.gz' if zipped else ''}", head, "\n", zipped=zipped)


STAMPS = {
    "compact": moment("%Y%m%d%H%M%S%.3f"),
    "iso_ms": moment("%Y-%m-%dT%H:%M:%S%.3fZ"),
    "setup_time": moment("%Y-%m-%dT%H:%M:%S.000+0000"),
}
SALESFORCE = Vendor("salesforce", _prepare, LINES, _name, STAMPS)
