"""Windows Security events of two file servers, a domain controller and the workstations.

Field names are those of the vendor's pages on each event. FS01 is collected with evtx_dump (JSON lines), FS02 and the
workstations with Winlogbeat, DC01 exports XML every other day and is dumped on the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from demo.company import Company
from demo.lines import DayFile, Line, Prepare, Vendor, moment, numbers
from demo.streams import hex_text, mix
from demo.windows_shapes import (
    ACCOUNT_TASK,
    DETAILED_SHARE_TASK,
    FAILURE,
    FILE_TASK,
    LOGON_TASK,
    POLICY_TASK,
    REMOVABLE_TASK,
    SHAPES,
    SHARE_TASK,
    Event,
)

DOMAIN_NAME, DNS = "LANHAI", "lanhai.example"
SUBJECT = {
    "SubjectUserSid": "$sid",
    "SubjectUserName": "$login",
    "SubjectDomainName": DOMAIN_NAME,
    "SubjectLogonId": "$logon_id",
}
ADMIN = SUBJECT | {"SubjectUserName": "$admin_login", "SubjectUserSid": "$sid0"}
TARGET = {"TargetUserName": "$target_login", "TargetDomainName": DOMAIN_NAME, "TargetSid": "$target_sid"}
FILE = {"ObjectServer": "Security", "ObjectType": "File", "ObjectName": "$path", "HandleId": "$handle"}
PROCESS = {"ProcessId": "0x4", "ProcessName": ""}
SHARE = {
    "IpAddress": "$lan_ip",
    "IpPort": "$port",
    "ShareName": r"\\*\$share",
    "ShareLocalPath": r"\??\E:\Shares\$share",
}


def _access(mask: str, listed: str, **fields: str) -> Event:
    return Event(4663, FILE_TASK, SUBJECT | FILE | {"AccessList": listed, "AccessMask": mask} | PROCESS | fields)


def _handle(mask: str, listed: str) -> Event:
    reason = "%%1537: %%1801 D:(A;ID;FA;;;BA)"
    asked = {"AccessList": listed, "AccessReason": reason, "AccessMask": mask, "PrivilegeList": "-"}
    return Event(
        4656, FILE_TASK, SUBJECT | FILE | {"TransactionId": "{00000000-0000-0000-0000-000000000000}"} | asked | PROCESS
    )


def _later(event: Event, after: int) -> Event:
    return Event(event.code, event.task, event.data, after, event.keywords)


def _account(code: int, **fields: str) -> Event:
    return Event(code, ACCOUNT_TASK, TARGET | ADMIN | fields)


LOGON = SUBJECT | {
    "SubjectUserSid": "S-1-0-0",
    "SubjectUserName": "-",
    "SubjectDomainName": "-",
    "SubjectLogonId": "0x0",
    "TargetUserSid": "$sid",
    "TargetUserName": "$login",
    "TargetDomainName": DOMAIN_NAME,
}
LOGON_FROM = {
    "LogonType": "3",
    "LogonProcessName": "NtLmSsp ",
    "AuthenticationPackageName": "NTLM",
    "WorkstationName": "$host",
    "ProcessId": "0x0",
    "ProcessName": "-",
    "IpAddress": "$lan_ip",
    "IpPort": "$port",
}
FAILED = {"Status": "0xc000006d", "SubStatus": "0xc000006a", "FailureReason": "%%2313"}
NEW_FOLDER = {"ObjectName": "$folder_path"}
REMOVABLE = {
    "ObjectName": r"\Device\HarddiskVolume9\$file",
    "ProcessId": "0x1a2c",
    "ProcessName": r"C:\Windows\explorer.exe",
}
BACKUP = {"ProcessId": "0x8f4", "ProcessName": r"C:\Program Files\Backup\agent.exe"}
NEW_RIGHTS = {"OldSd": "D:AI(A;ID;FA;;;BA)", "NewSd": "D:AI(A;;FA;;;WD)(A;ID;FA;;;BA)"}

EVENTS: Mapping[str, tuple[str, Sequence[Event]]] = {
    "logon": ("DC01", [Event(4624, LOGON_TASK, LOGON | {"TargetLogonId": "$logon_id"} | LOGON_FROM)]),
    "logon_failed": ("DC01", [Event(4625, LOGON_TASK, LOGON | FAILED | LOGON_FROM, keywords=FAILURE)]),
    "open_share": (
        "$server",
        [
            Event(
                5140,
                SHARE_TASK,
                SUBJECT | {"ObjectType": "File"} | SHARE | {"AccessMask": "0x1", "AccessList": "%%4416"},
            )
        ],
    ),
    "share_read": (
        "$server",
        [
            Event(
                5145,
                DETAILED_SHARE_TASK,
                SUBJECT
                | {"ObjectType": "File"}
                | SHARE
                | {
                    "RelativeTargetName": "$share_path",
                    "AccessMask": "0x120089",
                    "AccessList": "%%1538 %%1541 %%4416 %%4419 %%4423",
                }
                | {"AccessReason": "-"},
            )
        ],
    ),
    "read": ("$server", [_access("0x1", "%%4416")]),
    "backup_read": ("$server", [_access("0x1", "%%4416", **BACKUP)]),
    "write": ("$server", [_access("0x2", "%%4417")]),
    "delete": (
        "$server",
        [
            _handle("0x10080", "%%1537 %%4423"),
            _later(_access("0x10000", "%%1537"), 400),
            Event(
                4660,
                FILE_TASK,
                SUBJECT
                | {"ObjectServer": "Security", "HandleId": "$handle"}
                | PROCESS
                | {"TransactionId": "{00000000-0000-0000-0000-000000000000}"},
                900,
            ),
        ],
    ),
    "rename": ("$server", [_access("0x10000", "%%1537"), _later(_access("0x2", "%%4417", **NEW_FOLDER), 300)]),
    "permission": ("$server", [Event(4670, POLICY_TASK, ADMIN | FILE | NEW_RIGHTS | PROCESS)]),
    "removable": (
        "WKS",
        [
            Event(
                4663, REMOVABLE_TASK, SUBJECT | FILE | {"AccessList": "%%4417 %%4418", "AccessMask": "0x6"} | REMOVABLE
            )
        ],
    ),
    "account_created": ("DC01", [_account(4720, SamAccountName="$target_login", PrivilegeList="-")]),
    "account_enabled": ("DC01", [_account(4722)]),
    "password_reset": ("DC01", [_account(4724)]),
    "account_disabled": ("DC01", [_account(4725)]),
    "account_deleted": ("DC01", [_account(4726, PrivilegeList="-")]),
}
COMPUTERS = {"DC01": f"DC01.{DNS}", "$server": f"$server.{DNS}", "WKS": f"$host.{DNS}"}


XML_DAYS = 2
LINES = {
    what + suffix: [
        Line(f"{place}-{suffix.strip('_')}", shape(event, COMPUTERS[place]), event.after) for event in events
    ]
    for what, (place, events) in EVENTS.items()
    for suffix, shape in SHAPES.items()
}


def _shape() -> pl.Expr:
    """Suffix of the deed: the shape its machine is collected in that day."""
    on_controller = pl.col("what").is_in([what for what, (place, _) in EVENTS.items() if place == "DC01"])
    return (
        pl.when(on_controller & (pl.col("day") % XML_DAYS == 0))
        .then(pl.lit("_xml"))
        .when((pl.col("what") == "removable") | ~on_controller & (pl.col("server") == "FS02"))
        .then(pl.lit("_beat"))
        .otherwise(pl.lit(""))
    )


def prepare(company: Company) -> Prepare:
    """Columns of the templates; account changes name their target by row number in `n`."""
    people = company.staff.people

    def prepared(deeds: pl.DataFrame) -> pl.DataFrame:
        number, who = numbers(deeds), numbers(deeds, "who")
        target = numbers(deeds, "n") % len(people)
        backslash, escaped = "\\", "\\\\"
        wide = deeds.with_columns(
            pl.when(pl.col("dept").is_in(["sales", "finance", "hr", "office", "bi"]))
            .then(pl.lit("FS01"))
            .otherwise(pl.lit("FS02"))
            .alias("server"),
            pl.col("dept").alias("share"),
            pl.concat_str("dir", pl.lit("\\"), "file").alias("path"),
            pl.col("dir").alias("folder_path"),
            pl.concat_str(pl.col("folder").str.replace("/", "\\", literal=True), pl.lit("\\"), "file").alias(
                "share_path"
            ),
            pl.Series("record", 41_000_000 + number),
            ("0x" + hex_text(mix(who * 100_000 + numbers(deeds, "day"), "logon"), 2)).alias("logon_id"),
            ("0x" + hex_text(mix(number, "handle"), 1)).alias("handle"),
            pl.Series("port", 49_152 + number % 16_000),
            people["login"].gather(target).alias("target_login"),
            people["sid"].gather(target).alias("target_sid"),
            (pl.col("sid") + "0").alias("sid0"),
        )
        shaped = wide.with_columns((pl.col("what") + _shape()).alias("what"))
        is_xml = pl.col("what").str.ends_with("_xml")
        paths = [pl.col(name) for name in ("path", "folder_path", "share_path")]
        return shaped.with_columns(
            pl.when(is_xml).then(path).otherwise(path.str.replace_all(backslash, escaped, literal=True))
            for path in paths
        )

    return prepared


def _name(kind: str, day: date) -> DayFile:
    machine, _, shape = kind.partition("-")
    if shape == "xml":
        return DayFile(
            f"{machine}-{day:%Y%m%d}.xml", '<?xml version="1.0" encoding="utf-8"?>\n<Events>\n', "\n</Events>\n"
        )
    zipped = day.toordinal() % 3 == 1
    return DayFile(f"{machine}-{day:%Y%m%d}.json{'.gz' if zipped else ''}", tail="\n", zipped=zipped)


STAMPS = {"iso_us": moment("%Y-%m-%dT%H:%M:%S%.6fZ"), "iso_ms": moment("%Y-%m-%dT%H:%M:%S%.3fZ")}


def windows(company: Company) -> Vendor:
    """How this company's Windows machines write."""
    return Vendor("windows", prepare(company), LINES, _name, STAMPS, zone=8)
