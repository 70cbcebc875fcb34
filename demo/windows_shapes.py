"""An event of Windows' security log in the shapes collectors give it: evtx_dump JSON, Winlogbeat JSON, XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

PROVIDER = "Microsoft-Windows-Security-Auditing"
PROVIDER_GUID = "54849625-5478-4994-A5BA-3E3B0328C30D"
SUCCESS, FAILURE = "0x8020000000000000", "0x8010000000000000"
SHARE_TASK, FILE_TASK, REMOVABLE_TASK, LOGON_TASK, ACCOUNT_TASK = 12808, 12800, 12812, 12544, 13824
DETAILED_SHARE_TASK, POLICY_TASK = 12811, 13570
_TASKS = {
    SHARE_TASK: "File Share",
    FILE_TASK: "File System",
    REMOVABLE_TASK: "Removable Storage",
    LOGON_TASK: "Logon",
    ACCOUNT_TASK: "User Account Management",
    DETAILED_SHARE_TASK: "Detailed File Share",
    POLICY_TASK: "Authorization Policy Change",
}
Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One event: number, task, and the fields of its data."""

    code: int
    task: int
    data: Fields
    after: int = 0
    keywords: str = SUCCESS

    @property
    def outcome(self) -> str:
        return "failure" if self.keywords == FAILURE else "success"


def _dumped(event: Event, computer: str) -> str:
    system = {
        "Provider": {"#attributes": {"Name": PROVIDER, "Guid": PROVIDER_GUID}},
        "EventID": event.code,
        "Version": 1,
        "Level": 0,
        "Task": event.task,
        "Opcode": 0,
        "Keywords": event.keywords,
        "TimeCreated": {"#attributes": {"SystemTime": "$iso_us"}},
        "EventRecordID": "$record",
        "Correlation": None,
        "Execution": {"#attributes": {"ProcessID": 4, "ThreadID": 5120}},
        "Channel": "Security",
        "Computer": computer,
        "Security": None,
    }
    space = {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}
    whole = {"Event": {"#attributes": space, "System": system, "EventData": event.data}}
    return orjson.dumps(whole).decode().replace('"$record"', "$record")


def _beat(event: Event, computer: str) -> str:
    log = {
        "channel": "Security",
        "provider_name": PROVIDER,
        "provider_guid": f"{{{PROVIDER_GUID}}}",
        "event_id": str(event.code),
        "record_id": "$record",
        "task": _TASKS[event.task],
        "opcode": "Info",
        "computer_name": computer,
        "keywords": [f"Audit {event.outcome.title()}"],
        "event_data": event.data,
        "api": "wineventlog",
    }
    about = {
        "code": str(event.code),
        "kind": "event",
        "provider": PROVIDER,
        "outcome": event.outcome,
        "action": _TASKS[event.task],
    }
    agent = {"type": "winlogbeat", "version": "8.15.0"}
    whole = {"@timestamp": "$iso_ms", "event": about, "host": {"name": computer}, "agent": agent, "winlog": log}
    return orjson.dumps(whole).decode().replace('"$record"', "$record")


def _xml(event: Event, computer: str) -> str:
    data = "".join(f'<Data Name="{name}">{value}</Data>' for name, value in event.data.items())
    return (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
        f'<Provider Name="{PROVIDER}" Guid="{{{PROVIDER_GUID}}}"/><EventID>{event.code}</EventID><Version>1</Version>'
        f"<Level>0</Level><Task>{event.task}</Task><Opcode>0</Opcode><Keywords>{event.keywords}</Keywords>"
        f'<TimeCreated SystemTime="$iso_us"/><EventRecordID>$record</EventRecordID><Correlation/>'
        f'<Execution ProcessID="4" ThreadID="5120"/><Channel>Security</Channel><Computer>{computer}</Computer>'
        f"<Security/></System><EventData>{data}</EventData></Event>"
    )


SHAPES = {"": _dumped, "_beat": _beat, "_xml": _xml}
