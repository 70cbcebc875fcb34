"""What a person reads first of what is held about them, in both languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

Lang = Literal["en", "zh"]
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "What is held about {who}",
        "of": "As of {at}. Everything is in the files beside this one; other people in them are pseudonyms (P and 16 "
        "characters). `held.json` has the records, `events.ndjson` what systems logged of your accounts, one event a "
        "line, `snapshots.ndjson` what was frozen as evidence.",
        "kinds": "| what | how many |\n|---|---|",
        "events": "## Events by source\n\n| source | events | first day | last day | days |\n|---|---|---|---|---|",
        "rights": "You may ask for what is wrong to be corrected, object, ask for erasure, and complain to the "
        "authority. What a legal hold keeps is not erased while it is in force.",
    },
    "zh": {
        "title": "关于{who}所保存的信息",
        "of": "截至 {at}。全部内容在同一压缩包的其他文件里，其中的其他人均为假名（P 加 16 个字符）。"
        "`held.json` 是记录，`events.ndjson` 是各系统记录的您账号的事件，每行一个，"
        "`snapshots.ndjson` 是作为证据冻结的内容。",
        "kinds": "| 内容 | 数量 |\n|---|---|",
        "events": "## 按来源的事件\n\n| 来源 | 事件 | 首日 | 末日 | 天数 |\n|---|---|---|---|---|",
        "rights": "您可以要求更正错误、提出异议、要求删除，并向主管机关投诉。"
        "法律保全所保留的内容，在保全有效期间不删除。",
    },
}
KINDS: Mapping[str, tuple[str, str]] = {
    "accounts": ("accounts", "账号"),
    "links": ("accounts linked to you, from when until when", "与您关联的账号及起止时间"),
    "filings": ("what HR filed", "人力资源登记的内容"),
    "alerts": ("alerts and matches that were explained", "告警与已有解释的匹配"),
    "cases": ("cases, with decisions and reasons", "案件及其决定与理由"),
    "approvals": ("approvals", "审批"),
    "exceptions": ("exceptions", "例外"),
    "incidents": ("incidents", "事件记录"),
    "holds": ("legal holds", "法律保全"),
    "findings": ("findings of models", "模型的发现"),
    "notices": ("notices to HR", "发给人力资源的提示"),
    "requests": ("requests for this file, and for erasure", "查阅与删除申请"),
    "unmaskings": ("requests to see who you are, with what became of them", "查看您身份的申请及其结果"),
    "actions": ("response actions asked for: accounts, sessions, devices", "申请的处置：账号、会话、设备"),
    "tasks": ("tasks of cases", "案件任务"),
    "comments": ("comments on cases", "案件评论"),
    "attachments": ("files attached to cases: name, kind and size", "案件附件：名称、类型与大小"),
    "members": ("entries of the HR or identity system", "人力资源或身份系统中的条目"),
    "happenings": ("what happened of late that somebody may be told of", "近期发生、可能通知他人的事项"),
    "looks": ("entries of the audit log: who looked or did what", "审计日志：谁看过、做过什么"),
    "events": ("events", "日志事件"),
    "snapshots": ("frozen alerts", "冻结的告警"),
}


def cover(
    lang: str, person: Mapping[str, Any], told: Mapping[str, int], days: Mapping[tuple[str, date], int], at: datetime
) -> str:
    """The page as Markdown."""
    words = WORDS[lang]
    place = 0 if lang == "en" else 1
    who = _cell(person["name"] or person["email"] or person["id"])
    lines = [f"# {words['title'].format(who=who)}", "", words["of"].format(at=at.isoformat(timespec="seconds")), ""]
    lines += [words["kinds"], *(f"| {KINDS[kind][place]} | {told[kind]} |" for kind in KINDS), "", words["events"]]
    totals: Counter[str] = Counter()
    own: dict[str, list[date]] = {}
    for (source, day), count in days.items():
        totals[source] += count
        own.setdefault(source, []).append(day)
    lines += [
        f"| {_cell(source)} | {totals[source]} | {min(own[source])} | {max(own[source])} | {len(own[source])} |"
        for source in sorted(totals)
    ]
    return "\n".join([*lines, "", words["rights"], ""])


def _cell(text: str) -> str:
    """Text that is no markup."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>()#+-!|" else " " if char in "\r\n" else char for char in text)
