"""Rows of Salesforce's logs: the columns of each type of event log file, real-time events, the setup audit trail.

Columns are those of "EventLogFile Supported Event Types" of the vendor's object reference.
"""

from __future__ import annotations

from demo.lines import Line

ORGANIZATION = "00D5e000000LhTk"
FIRST = (
    "EVENT_TYPE TIMESTAMP REQUEST_ID ORGANIZATION_ID USER_ID RUN_TIME CPU_TIME URI SESSION_KEY LOGIN_KEY "
    "REQUEST_STATUS DB_TOTAL_TIME"
)
LAST = "TIMESTAMP_DERIVED USER_ID_DERIVED CLIENT_IP URI_ID_DERIVED"
COLUMNS = {
    "Login": "LOGIN_TYPE BROWSER_TYPE API_TYPE API_VERSION USER_NAME TLS_PROTOCOL CIPHER_SUITE LOGIN_STATUS SOURCE_IP",
    "Report": "ENTITY_NAME DISPLAY_TYPE RENDERING_TYPE REPORT_ID ROW_COUNT NUMBER_EXCEPTION_FILTERS NUMBER_COLUMNS "
    "AVERAGE_ROW_SIZE SORT DB_BLOCKS DB_CPU_TIME NUMBER_BUCKETS ORIGIN REPORT_ID_DERIVED",
    "ReportExport": "CLIENT_INFO REPORT_DESCRIPTION",
    "API": "METHOD_NAME ENTITY_NAME ROWS_PROCESSED REQUEST_SIZE RESPONSE_SIZE DB_BLOCKS DB_CPU_TIME API_TYPE "
    "API_VERSION CLIENT_NAME EXCEPTION_MESSAGE",
    "RestApi": "METHOD MEDIA_TYPE STATUS_CODE USER_AGENT ROWS_PROCESSED NUMBER_FIELDS REQUEST_SIZE RESPONSE_SIZE "
    "ENTITY_NAME EXCEPTION_MESSAGE",
    "BulkApi": "JOB_ID BATCH_ID ENTITY_TYPE OPERATION_TYPE ROWS_PROCESSED NUMBER_FAILURES SUCCESS MESSAGE",
    "ContentTransfer": "TRANSACTION_TYPE FILE_TYPE FILE_PREVIEW_TYPE DOCUMENT_ID VERSION_ID SIZE_BYTES "
    "DOCUMENT_ID_DERIVED",
}
_COMMON = {
    "TIMESTAMP": "$compact",
    "REQUEST_ID": "$request",
    "ORGANIZATION_ID": ORGANIZATION,
    "USER_ID": "$sf15",
    "RUN_TIME": "$run",
    "CPU_TIME": "$cpu",
    "SESSION_KEY": "$session",
    "LOGIN_KEY": "$loginkey",
    "REQUEST_STATUS": "S",
    "DB_TOTAL_TIME": "$database",
    "DB_CPU_TIME": "$cpu",
    "DB_BLOCKS": "$database",
    "TIMESTAMP_DERIVED": "$iso_ms",
    "USER_ID_DERIVED": "$sf18",
    "CLIENT_IP": "$ip",
}


def columns(event: str) -> list[str]:
    """The header of the event log file of that type."""
    return f"{FIRST} {COLUMNS[event]} {LAST}".split()


def row(event: str, **values: str) -> Line:
    """A line of the event log file of that type; columns not given are empty."""
    given = {"EVENT_TYPE": event} | _COMMON | values
    return Line(event, ",".join(f'"{given.get(column, "")}"' for column in columns(event)))


def live(event: str, **values: str) -> Line:
    """A real-time event as the objects' REST answers give it."""
    given = {
        "EventDate": "$iso_ms",
        "EventIdentifier": "$guid",
        "UserId": "$sf18",
        "Username": "$email",
        "SourceIp": "$ip",
        "SessionKey": "$session",
        "LoginKey": "$loginkey",
    } | values
    bare = {"RowsProcessed", "NumberOfColumns"}
    body = ",".join(f'"{key}":{value}' if key in bare else f'"{key}":"{value}"' for key, value in given.items())
    where = f"/services/data/v60.0/sobjects/{event}/$guid"
    return Line("realtime", f'{{"attributes":{{"type":"{event}","url":"{where}"}},{body}}}')


SETUP_COLUMNS = (
    "Id",
    "Action",
    "Section",
    "Display",
    "CreatedDate",
    "CreatedById",
    "CreatedBy.Username",
    "DelegateUser",
)


def setup(action: str, section: str, display: str) -> Line:
    """A line of the setup audit trail."""
    text = f'"$setup","{action}","{section}","{display}","$setup_time","$sf18","$email",""'
    return Line("SetupAuditTrail", text)
