"""Microsoft 365: unified audit records, one JSON object a line, some days as the arrays the activity API hands out.

Fields are those of the Office 365 Management Activity API schema.
"""

from __future__ import annotations

from datetime import date

import orjson
import polars as pl

from demo.lines import DayFile, Line, Vendor, moment, numbers
from demo.streams import guid, hex_text, mix
from demo.words import AGENTS, TENANT

ORGANIZATION = "0b7c41d2-5f0e-4c55-9c3d-2b1f6a7e9001"
SHAREPOINT, FILES, EXCHANGE, ITEMS, ENTRA, LOGIN, SHARING, ACCESSED = 4, 6, 1, 3, 8, 15, 14, 50
_NUMBERS = frozenset({"$bytes", "$n"})


def _record(operation: str, record_type: int, workload: str, **fields: object) -> Line:
    """A record as JSON with `$column` in its values; `ResultStatus` and the like come from the caller."""
    record = {
        "CreationTime": "$iso_s",
        "Id": "$guid",
        "Operation": operation,
        "OrganizationId": ORGANIZATION,
        "RecordType": record_type,
        "UserKey": "i:0h.f|membership|$passport@live.com",
        "UserType": 0,
        "Version": 1,
        "Workload": workload,
        "ClientIP": "$ip",
        "UserId": "$email",
    } | fields
    text = orjson.dumps(record).decode()
    for column in _NUMBERS:
        text = text.replace(f'"{column}"', column)
    return Line("audit", text)


def _file(operation: str, record_type: int = FILES, **fields: object) -> Line:
    about: dict[str, object] = {
        "ObjectId": "$site$relative/$file",
        "CorrelationId": "$other_guid",
        "EventSource": "SharePoint",
        "ItemType": "File",
        "ListItemUniqueId": "$item_guid",
        "UserAgent": "$agent",
        "SourceFileExtension": "$ext",
        "SiteUrl": "$site",
        "SourceFileName": "$file",
        "SourceRelativeUrl": "$relative",
    }
    return _record(operation, record_type, "SharePoint", **(about | fields))


def _shared(operation: str, target: str, **fields: object) -> Line:
    rights = {"EventData": "<Permissions granted>Contribute</Permissions granted>"}
    about = {"TargetUserOrGroupName": "$to", "TargetUserOrGroupType": target} if target else {}
    return _file(operation, SHARING, **(rights | about | fields))


def _mailbox(operation: str, record_type: int, **fields: object) -> Line:
    about: dict[str, object] = {
        "ResultStatus": "Succeeded",
        "UserKey": "$sid",
        "ClientIPAddress": "$ip",
        "ClientInfoString": "Client=OutlookService;Outlook-Win32/16.0",
        "ExternalAccess": False,
        "LogonType": 0,
        "MailboxGuid": "$item_guid",
        "MailboxOwnerUPN": "$email",
        "OrganizationName": f"{TENANT}.onmicrosoft.com",
        "OriginatingServer": "SH0PR01MB1234 (15.20.4200.000)",
    }
    return _record(operation, record_type, "Exchange", **(about | fields))


def _rule(**parameters: str) -> Line:
    listed = [{"Name": "Name", "Value": "$rule"}] + [{"Name": name, "Value": text} for name, text in parameters.items()]
    listed.append({"Name": "StopProcessingRules", "Value": "False"})
    about: dict[str, object] = {
        "ObjectId": "$email\\$rule",
        "ClientIP": "$ip:$port",
        "ResultStatus": "True",
        "UserKey": "$email",
    }
    return _record("New-InboxRule", EXCHANGE, "Exchange", Parameters=listed, **about)


def _directory(operation: str, record_type: int, **fields: object) -> Line:
    about: dict[str, object] = {
        "ResultStatus": "Success",
        "UserKey": "$user_guid",
        "AzureActiveDirectoryEventType": 1,
        "ActorIpAddress": "$ip",
        "InterSystemsId": "$other_guid",
        "ObjectId": "$to",
    }
    return _record(operation, record_type, "AzureActiveDirectory", **(about | fields))


def _login(operation: str, status: str, **fields: object) -> Line:
    details = [
        {"Name": "ResultStatusDetail", "Value": status},
        {"Name": "UserAgent", "Value": "$agent"},
        {"Name": "RequestType", "Value": "OAuth2:Authorize"},
    ]
    where = {"ObjectId": "00000003-0000-0ff1-ce00-000000000000", "ExtendedProperties": details}
    return _directory(operation, LOGIN, **(where | fields))


DOMAIN_GUID = "7c1e42d0-5b3f-4e0a-9d6b-1f2a3c4d5e6f"
"""Of the company's domain, of which its machines are members."""
LINES = {
    "login": [_login("UserLoggedIn", "Redirect", ErrorNumber="0")],
    "login_failed": [
        _login(
            "UserLoginFailed",
            "UserError",
            ErrorNumber="50126",
            LogonError="InvalidUserNameOrPassword",
            ResultStatus="Failed",
        )
    ],
    "view": [_file("FileAccessed")],
    "modify": [_file("FileModified", FileSizeBytes="$bytes")],
    "download": [_file("FileDownloaded", ClientIP="$ip", FileSizeBytes="$bytes")],
    "sync_download": [
        _file(
            "FileSyncDownloadedFull",
            FileSyncBytesCommitted="$bytes",
            FileSizeBytes="$bytes",
            MachineId="$machine",
            MachineDomainInfo=DOMAIN_GUID,
        )
    ],
    "upload": [_file("FileUploaded", FileSizeBytes="$bytes")],
    "rename": [
        _file(
            "FileRenamed",
            DestinationFileExtension="$new_ext",
            DestinationFileName="$note",
            DestinationRelativeUrl="$relative",
        )
    ],
    "move": [
        _file(
            "FileMoved",
            DestinationFileExtension="$ext",
            DestinationFileName="$file",
            DestinationRelativeUrl="$relative/旧",
        )
    ],
    "recycle": [_file("FileRecycled")],
    "share": [_shared("SharingSet", "Member")],
    "company_link": [_shared("CompanyLinkCreated", "")],
    "invite": [_shared("SharingInvitationCreated", "Guest"), _shared("AddedToSecureLink", "Guest", Id="$other_guid")],
    "anonymous_link": [
        _shared("AnonymousLinkCreated", "", UniqueSharingId="$other_guid", EventData="<Type>View</Type>")
    ],
    "anonymous_use": [
        _file(
            "AnonymousLinkUsed",
            SHARING,
            UserId="urn:spo:anon#$anonymous",
            UserKey="urn:spo:anon#$anonymous",
            UserType=5,
        )
    ],
    "mail_read": [
        _mailbox(
            "MailItemsAccessed",
            ACCESSED,
            OperationProperties=[
                {"Name": "MailAccessType", "Value": "Bind"},
                {"Name": "IsThrottled", "Value": "False"},
            ],
            OperationCount="$n",
            Folders=[{"Path": "\\Inbox"}],
        )
    ],
    "mail_delete": [
        _mailbox(
            "SoftDelete",
            ITEMS,
            AffectedItems=[{"Id": "$hex", "Subject": "RE: $stem", "ParentFolder": {"Path": "\\Inbox"}}],
            Folder={"Path": "\\Inbox"},
        )
    ],
    "inbox_rule": [_rule(MoveToFolder="归档", SubjectContainsWords="周报")],
    "forward_rule": [_rule(ForwardTo="$to", AlwaysDeleteOutlookRulesBlob="False")],
    "role_added": [_directory("Add member to role.", ENTRA)],
    "user_updated": [_directory("Update user.", ENTRA)],
    "password_reset": [_directory("Reset user password.", ENTRA)],
    "site_permission": [
        _record(
            "AddedToGroup",
            SHARING,
            "SharePoint",
            ObjectId="$site",
            SiteUrl="$site",
            EventSource="SharePoint",
            ItemType="Web",
            TargetUserOrGroupName="$to",
            TargetUserOrGroupType="Member",
            UserAgent="$agent",
        )
    ],
}


def _prepare(deeds: pl.DataFrame) -> pl.DataFrame:
    number, who, doc = numbers(deeds), numbers(deeds, "who"), numbers(deeds, "doc")
    newer = pl.concat_str(pl.col("stem"), pl.lit("-修订."), pl.col("ext"))
    note = pl.when(pl.col("note") == "").then(newer).otherwise(pl.col("note"))
    renamed = (pl.col("note") != "") & (pl.col("what") != "rename")
    wide = deeds.with_columns(
        pl.when(renamed).then("note").otherwise("file").alias("file"),
        note.alias("note"),
        note.str.extract(r"\.([a-z0-9]+)$").fill_null("").alias("new_ext"),
        renamed.alias("renamed"),
    )
    return wide.with_columns(
        pl.when("renamed").then("new_ext").otherwise("ext").alias("ext"),
        guid(number, "m365").alias("guid"),
        guid(number, "correlation").alias("other_guid"),
        guid(doc, "item").alias("item_guid"),
        guid(who, "user").alias("user_guid"),
        pl.Series("machine", guid(who * 16 + numbers(deeds, "n") % 16, "machine")),
        hex_text(mix(number, "message")).alias("hex"),
        hex_text(mix(number // 8, "anonymous")).alias("anonymous"),
        hex_text(mix(who, "passport")).alias("passport"),
        pl.Series("port", 20_000 + number % 40_000),
        pl.Series(AGENTS).gather(who % len(AGENTS)).alias("agent"),
        pl.Series("rule", ["周报归档", "auto", "客户邮件", "."]).gather(number % 4).alias("rule"),
    )


def _name(_: str, day: date) -> DayFile:
    zipped = day.toordinal() % 3 == 0
    if day.toordinal() % 7 == 1:
        return DayFile(f"audit-{day:%Y%m%d}.json{'.gz' if zipped else ''}", "[\n", "\n]\n", ",\n", zipped)
    return DayFile(f"audit-{day:%Y%m%d}.jsonl{'.gz' if zipped else ''}", tail="\n", zipped=zipped)


M365 = Vendor("m365", _prepare, LINES, _name, {"iso_s": moment("%Y-%m-%dT%H:%M:%S")})
