"""Microsoft 365 unified audit records, as lines, as an array, and in the CSV export."""

from __future__ import annotations

import csv
import io
import json

import pytest
from small_sources import read

from ingest.catalog import sources

M365 = sources()["m365_audit"]
COMMON = {
    "CreationTime": "2026-03-02T10:00:00",
    "UserId": "Li.Na@Example.cn",
    "Workload": "SharePoint",
    "ClientIP": "203.0.113.7:51",
}


def one(write, **keys: object) -> dict:
    [batch] = read(M365, write(json.dumps({**COMMON, **keys}).encode()))
    assert not batch.quarantined
    return batch.events.to_dicts()[0]


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("FileAccessed", "view"),
        ("FileDownloaded", "download"),
        ("FileSyncDownloadedFull", "download"),
        ("FileUploaded", "upload"),
        ("FileRecycled", "delete"),
        ("FileDeleted", "delete"),
        ("FileRestored", "restore"),
        ("FileRenamed", "rename"),
        ("FileMoved", "move"),
        ("FileCopied", "copy"),
        ("AnonymousLinkCreated", "share"),
        ("AddedToGroup", "permission_change"),
        ("Send", "send"),
        ("SearchExportDownloaded", "export"),
        ("UserLoggedIn", "login"),
        ("UserLoginFailed", "login_failed"),
        ("Add member to role.", "permission_change"),
        ("Consent to application.", "permission_change"),
        ("Add member to group.", "permission_change"),
        ("Disable account.", "account_change"),
        ("Delete user.", "account_change"),
        ("Reset user password.", "account_change"),
        ("FileCopiedToRemovableMedia", "copy_to_removable"),
        ("FilePrinted", "print"),
        ("TeamsSessionStarted", "other"),
    ],
)
def test_operations(operation, action, write):
    event = one(write, Operation=operation)
    assert event["event.action"] == action
    assert event["event.code"] == operation
    assert event["user.account"] == "mail:li.na@example.cn"
    assert event["source.ip"] == "203.0.113.7"


@pytest.mark.parametrize(
    ("keys", "scope"),
    [
        ({"Operation": "AnonymousLinkCreated"}, "anonymous"),
        ({"Operation": "CompanyLinkCreated"}, "internal"),
        (
            {"Operation": "SharingSet", "TargetUserOrGroupType": "Guest", "TargetUserOrGroupName": "x@rival.com"},
            "external",
        ),
        ({"Operation": "SharingSet", "TargetUserOrGroupName": "x_rival.com#EXT#@example.onmicrosoft.com"}, "external"),
        (
            {"Operation": "SharingSet", "TargetUserOrGroupType": "Member", "TargetUserOrGroupName": "w@example.cn"},
            "internal",
        ),
        (
            {
                "Operation": "AddedToSecureLink",
                "TargetUserOrGroupType": "Guest",
                "TargetUserOrGroupName": "x@rival.com",
            },
            "external",
        ),
        ({"Operation": "SharingInvitationCreated", "TargetUserOrGroupName": "x@rival.com"}, "external"),
    ],
)
def test_how_far_a_share_goes(keys, scope, write):
    event = one(write, **keys)
    assert (event["event.action"], event["share.scope"]) == ("share", scope)


def test_a_rename_carries_the_new_name(write):
    event = one(
        write,
        Operation="FileRenamed",
        SourceFileName="客户.xlsx",
        SourceFileExtension="XLSX",
        DestinationFileName="假期.jpg",
        DestinationRelativeUrl="a/b",
    )
    assert (event["file.name"], event["file.extension"]) == ("客户.xlsx", "xlsx")
    assert (event["file.target_path"], event["file.target_extension"]) == ("a/b/假期.jpg", "jpg")


@pytest.mark.parametrize(
    ("operation", "name", "value", "address"),
    [
        ("New-InboxRule", "ForwardTo", "Me@QQ.com", "me@qq.com"),
        ("Set-InboxRule", "RedirectTo", "me@qq.com;b@x.y", "me@qq.com"),
        ("New-InboxRule", "ForwardAsAttachmentTo", '"Me" [SMTP:me@qq.com]', "me@qq.com"),
        ("Set-Mailbox", "ForwardingSmtpAddress", "smtp:me@qq.com", "me@qq.com"),
    ],
)
def test_forwarding_rules_say_where_to(operation, name, value, address, write):
    parameters = [{"Name": "Identity", "Value": "x"}, {"Name": name, "Value": value}]
    event = one(write, Operation=operation, Workload="Exchange", Parameters=parameters)
    assert event["event.action"] == "forward_rule"
    assert (event["email.to.address"], event["email.to.domain"]) == (address, "qq.com")


def test_a_rule_made_in_outlook_says_where_to(write):
    actions = json.dumps([{"ActionType": "Forward", "Recipients": ["me@qq.com"]}])
    properties = [{"Name": "RuleOperation", "Value": "AddMailboxRule"}, {"Name": "RuleActions", "Value": actions}]
    event = one(write, Operation="UpdateInboxRules", Workload="Exchange", OperationProperties=properties)
    assert (event["event.action"], event["email.to.address"]) == ("forward_rule", "me@qq.com")


@pytest.mark.parametrize(
    ("operation", "parameters", "action"),
    [
        ("New-InboxRule", [{"Name": "MoveToFolder", "Value": "x"}], "other"),
        ("Set-Mailbox", [{"Name": "ForwardingSmtpAddress", "Value": ""}], "account_change"),
        ("Set-Mailbox", [{"Name": "Languages", "Value": "zh"}], "account_change"),
    ],
)
def test_other_rules_are_no_forwarding(operation, parameters, action, write):
    assert one(write, Operation=operation, Workload="Exchange", Parameters=parameters)["event.action"] == action


def test_deleted_mail_is_counted(write):
    event = one(write, Operation="HardDelete", Workload="Exchange", AffectedItems=[{"Subject": "a"}, {"Subject": "b"}])
    assert (event["event.action"], event["data.records"]) == ("delete", 2)


def test_lines_array_and_export_give_the_same_events(write):
    documents = [
        {**COMMON, "Operation": "FileDownloaded", "ObjectId": f"https://x/客户 {row}.xlsx"} for row in range(5)
    ]
    table = io.StringIO()
    rows = csv.writer(table, quoting=csv.QUOTE_ALL)
    rows.writerow(["RecordType", "CreationDate", "UserIds", "Operations", "AuditData"])
    rows.writerows(["6", "3/2/2026", "x", "y", json.dumps(document, ensure_ascii=False)] for document in documents)
    texts = ["\n".join(map(json.dumps, documents)), json.dumps(documents, indent=1), "\ufeff" + table.getvalue()]
    frames = [read(M365, write(text.encode(), f"{number}.log"))[0].events for number, text in enumerate(texts)]
    fields = ["@timestamp", "event.action", "user.account", "file.path", "file.name", "file.extension", "source.ip"]
    assert frames[0].height == 5
    assert frames[0].select(fields).equals(frames[1].select(fields))
    assert frames[0].select(fields).equals(frames[2].select(fields))
    assert json.loads(frames[2]["vendor"][0])["Operation"] == "FileDownloaded"


def test_an_export_with_a_broken_record_says_so(write):
    text = 'CreationDate,AuditData\n1,"{""Operation"":"\n'
    [batch] = read(M365, write(text.encode()))
    assert [record.reason for record in batch.quarantined] == ["AuditData is not valid JSON"]


def test_time_is_utc(write):
    assert str(one(write, Operation="FileAccessed")["@timestamp"]) == "2026-03-02 10:00:00+00:00"


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("MessageSent", "send"),
        ("MessageDeleted", "delete"),
        ("MessagesListed", "view"),
        ("MessagesExported", "export"),
        ("TeamDeleted", "delete"),
        ("MemberRemoved", "permission_change"),
        ("ConnectorAdded", "permission_change"),
    ],
)
def test_teams_operations(operation, action, write):
    event = one(write, Operation=operation, Workload="MicrosoftTeams")
    assert (event["event.action"], event["event.dataset"]) == (action, "m365.teams")
    assert event["file.path"] is None, "a chat is no file"


GUEST = {"UPN": "X_rival.com#EXT#@example.onmicrosoft.com"}
MATE = {"UPN": "Wang.Wei@example.cn"}


@pytest.mark.parametrize(
    ("keys", "scope", "target"),
    [
        ({"Operation": "MessageSent", "ParticipantInfo": {"HasForeignTenantUsers": True}}, "external", None),
        ({"Operation": "MessageSent", "ParticipantInfo": {"HasGuestUsers": True}}, "external", None),
        ({"Operation": "MessageSent", "ParticipantInfo": {"HasGuestUsers": False}}, None, None),
        (
            {"Operation": "MemberAdded", "Members": [MATE, GUEST]},
            "external",
            "x_rival.com#ext#@example.onmicrosoft.com",
        ),
        ({"Operation": "MemberAdded", "Members": [MATE]}, None, "wang.wei@example.cn"),
    ],
)
def test_who_of_outside_takes_part_in_a_chat(keys, scope, target, write):
    event = one(write, Workload="MicrosoftTeams", **keys)
    assert (event["share.scope"], event["target.user"]) == (scope, target)
